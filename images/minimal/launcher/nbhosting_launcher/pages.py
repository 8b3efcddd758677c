"""What JupyterLab's and Notebook's pages load, beyond what page_config.json can say."""

from typing import Any

# nbdime's buttons need its server extension, which a workspace does without.
NOWHERE = {"nbdime-jupyterlab"}
# In Notebook the git extension finds no side bar to live in; its program would be loaded and fail.
NOT_IN_NOTEBOOK = NOWHERE | {"@jupyterlab/git"}


def adjust(handler: Any, page_config: dict[str, Any]) -> dict[str, Any]:
    """Return the page's configuration without what cannot work in it (the hook `page_config_hook`)."""
    unwanted = NOT_IN_NOTEBOOK if handler.name == "notebook" else NOWHERE
    loaded = [one for one in page_config.get("federated_extensions", []) if one["name"] not in unwanted]
    # The image is read-only: there is nothing to build, and looking whether there is needs a nodejs.
    return {**page_config, "federated_extensions": loaded, "buildAvailable": False, "buildCheck": False}
