"""The story of a start: take what systemd gave, trim, arrange the home, serve."""

import gc
import os
import sys
from pathlib import Path

from nbhosting_launcher import home, inherited, trim
from nbhosting_launcher.inherited import NotInherited


def main() -> None:
    """Serve the workspace until SIGTERM; exit 2 with one plain line when the environment is unusable."""
    # A start allocates some 300 000 objects that all stay: collecting among them only costs time.
    gc.disable()
    try:
        given = inherited.take(os.environ, os.getpid())
    except NotInherited as fault:
        sys.exit(f"<3>nbhosting-launcher: {fault}")
    home.arrange(Path(os.environ["HOME"]), Path("/srv/course/current"))
    os.environ.update(home.environment(Path(os.environ["HOME"]), Path("/srv/course/current")))
    trim.block_imports()
    trim.postpone_imports()

    # Only now: these imports are what trim is about, and they read the environment set above.
    from nbhosting_launcher import server

    server.serve(given)


if __name__ == "__main__":
    main()
