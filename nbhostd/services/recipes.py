"""Where a course's image recipe is: the administrator's first, then the course's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nbhostd.core import recipe
from nbhostd.core.config import Config
from nbhostd.core.errors import Refused
from nbhostd.core.imagenames import RECIPE_FILES
from nbhostd.core.model import Course
from nbhostd.core.ports import Git, LocalFiles


@dataclass(frozen=True, slots=True)
class Recipe:
    """A recipe that was found. `directory` is the build's context, absolute."""

    directory: str
    text: str
    shown: str
    """What people read of where it is."""
    by_administrator: bool

    @property
    def bases(self) -> tuple[str, ...]:
        """Which of our images it starts from, in the order to build them."""
        return recipe.bases(self.text)

    def check(self) -> None:
        """Raises Refused(400) when it is the course's and names an image that only this computer has."""
        named = None if self.by_administrator else recipe.foreign(self.text)
        if named is not None:
            raise Refused(
                f"The recipe {self.shown} names the image “{named[:100]}”. A course starts from"
                " nbhosting/minimal-notebook, nbhosting/scipy-notebook or an image written out with its registry; an"
                " earlier stage has a name (AS). Anything else takes a recipe of the administrator's.",
                reason="foreign-image",
            )


class Recipes:
    """Reads the recipes of courses."""

    def __init__(self, git: Git, local: LocalFiles, config: Callable[[], Config]) -> None:
        self._git = git
        self._local = local
        self._config = config

    async def of(self, course: Course) -> Recipe | None:
        """The recipe that counts for a course, or None."""
        for name in recipe.FILES:
            content = await self._local.read(course.name, name, limit=recipe.LARGEST)
            if content is not None:
                directory = f"{self._config().paths.state}/local/{course.name}"
                return Recipe(directory, content.decode(errors="replace"), f"{directory}/{name}", True)
        for path in RECIPE_FILES if course.commit else ():
            content = await self._git.read(course.name, path, limit=recipe.LARGEST + 1)
            if content is not None:
                if len(content) > recipe.LARGEST:
                    raise Refused(f"The recipe {path} is too large.", reason="recipe-too-large")
                folder = path.rpartition("/")[0]
                public = f"{self._config().paths.state}/courses/{course.name}/public"
                text = content.decode(errors="replace")
                return Recipe(f"{public}/{course.commit}/{folder}", text, path, False)
        return None
