"""The story of a start: take what systemd gave, arrange the home, trim, serve."""

import gc
import os
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

from nbhosting_launcher import bytecode, home, inherited, outlet, regexes, trim

COURSE = Path("/srv/course/current")
LOCAL = Path("/srv/local/jupyter")


def main() -> None:
    """Serve the workspace until SIGTERM; exit 1 with one plain line when the environment is unusable."""
    # A start makes some hundred thousand objects that all stay: collecting among them only costs time.
    gc.disable()
    try:
        given = inherited.take(os.environ, os.getpid())
    except inherited.NotInherited as fault:
        sys.exit(f"nbhosting-launcher: {fault}")
    outlet.divide()
    directory = Path(os.environ["HOME"])
    home.arrange(directory, COURSE)
    os.environ.update(home.environment(directory, COURSE, LOCAL))
    trim.apply()
    with bytecode.reuse(), regexes.reuse():
        server = load(given)
    server.start()


def load(given: inherited.Given) -> Any:
    """Return the server with all its extensions."""
    # Imported here and not above: this is what trim is about, and it reads the environment.
    from nbhosting_launcher import server  # noqa: PLC0415

    return server.prepare(given)


def rehearse() -> None:
    """Load the server without starting it and keep what a real start can use again; for the image's build."""
    with tempfile.TemporaryDirectory() as directory:
        os.environ["HOME"] = directory
        Path(directory, "work").mkdir()
        trim.apply()
        given = inherited.Given(
            socket.socket(), base_url="/", token="rehearsal", origin="", notify_address=""
        )
        print(regexes.write(lambda: load(given)), "regular expressions translated")
        print(bytecode.write(), "modules bundled")
        from nbhosting_launcher import exporters  # noqa: PLC0415 (as in load)

        print(exporters.write(), "export formats found")


if __name__ == "__main__":
    rehearse() if sys.argv[1:] == ["--rehearse"] else main()
