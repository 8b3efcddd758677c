"""What JupyterLab's and Notebook's pages load, beyond what page_config.json can say."""

from typing import Any

from jsonschema import Draft7Validator
from jsonschema.validators import extend
from jupyterlab_server import settings_utils

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


def trust_schemas() -> None:
    """Let JupyterLab read its extensions' settings schemas without checking them against the schema of schemas.

    Every page asks for all of them, and checking is most of the work of that answer. They are the image's own files.
    Settings are still validated against them.
    """
    unchecking = extend(Draft7Validator)
    unchecking.check_schema = lambda schema, *_, **__: None
    settings_utils.Validator = unchecking
