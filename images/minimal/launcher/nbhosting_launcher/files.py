"""The bytes of the student's files, and of the course's through the links that lead there."""

import os
from pathlib import Path

from jupyter_server.base.handlers import AuthenticatedFileHandler

COURSE = Path("/srv/course")


class CourseFiles(AuthenticatedFileHandler):
    """Serves what is below the workspace, and follows a link out of it only into the course's published trees.

    A course's pictures and data are links in the workspace (static mappings); tornado follows none that leaves the root.
    """

    def validate_absolute_path(self, root: str, absolute_path: str) -> str:
        """Return the path of the file to send; 403 or 404 for everything that is not to be seen."""
        # As written it must be in the root, whatever it leads to.
        real = Path(os.path.realpath(absolute_path))
        if Path(absolute_path).is_relative_to(os.path.abspath(root)) and real.is_relative_to(COURSE):
            return super().validate_absolute_path(str(COURSE), str(real))
        return super().validate_absolute_path(root, absolute_path)
