"""The formats that a notebook can be exported to, found out when the image is built.

Every page asks for them when it opens. To answer, Jupyter imports nbconvert with all its exporters: more CPU time than
the server's whole start, and a third more memory, for a menu. A real export imports what it needs, when it is asked for.
"""

import json
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.services.nbconvert import handlers
from tornado import web

TABLE = Path(__file__).with_name("exporters.json")


class ExportFormats(handlers.NbconvertRootHandler):
    """Answers from the table, and as Jupyter does when a course has added an exporter."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Send the formats by name."""
        formats = known()
        if formats is None:
            await super().get()
        else:
            self.finish(json.dumps(formats))


def installed() -> list[str]:
    """Return the names of all exporters that packages bring."""
    return sorted(entry.name for entry in entry_points(group="nbconvert.exporters"))


def known() -> dict[str, Any] | None:
    """Return the table, None when there is none or when other exporters were installed when it was made."""
    try:
        table = json.loads(TABLE.read_bytes())
    except FileNotFoundError:
        return None
    formats: dict[str, Any] = table["formats"]
    return formats if table["installed"] == installed() else None


def answer_from_table() -> None:
    """Put our handler in the place of Jupyter's."""
    handlers.default_handlers[:] = [(r"/api/nbconvert", ExportFormats)]


def write() -> int:
    """Write the table; return how many formats there are."""
    # Imported here and not above: not importing it is the point.
    from nbconvert.exporters import base  # noqa: PLC0415

    formats = {
        name: {"output_mimetype": base.get_exporter(name).output_mimetype} for name in base.get_export_names()
    }
    TABLE.write_text(json.dumps({"installed": installed(), "formats": formats}))
    return len(formats)
