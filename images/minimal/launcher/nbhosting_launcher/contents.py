"""The student's files as Jupyter serves them: text notebooks are notebooks, and every notebook knows its kernel."""

from typing import Any

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from jupytext.async_contentsmanager import build_async_jupytext_contents_manager_class

Base: Any = build_async_jupytext_contents_manager_class(AsyncLargeFileManager)

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


class WorkspaceContents(Base):  # type: ignore[misc]
    """Jupytext's contents manager; a notebook that names no kernel is given Python's, or the page would ask."""

    async def get(self, path: str, content: bool = True, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the model of a file, as every contents manager does."""
        model: dict[str, Any] = await super().get(path, content, *args, **kwargs)
        if model["type"] == "notebook" and model["content"] is not None:
            metadata = model["content"]["metadata"]
            if metadata.get("jupytext", {}).get("main_language", "python") == "python":
                metadata.setdefault("kernelspec", dict(KERNELSPEC))
        return model
