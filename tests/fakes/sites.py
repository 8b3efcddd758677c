"""The table of static sites in memory: the second implementation of core.ports.Sites."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from nbhostd.core.model import Site


@dataclass
class FakeSites:
    sites: dict[tuple[int, str, str], Site] = field(default_factory=dict)

    async def put(self, site: Site) -> None:
        self.sites[site.course, site.build, site.commit] = site

    async def of_course(self, course: int) -> list[Site]:
        mine = [site for site in self.sites.values() if site.course == course]
        return sorted(mine, key=lambda site: -site.job)

    async def by_job(self, job: int) -> Site | None:
        return next((site for site in self.sites.values() if site.job == job), None)

    async def forget(self, course: int, build: str, commits: Iterable[str]) -> None:
        for commit in commits:
            self.sites.pop((course, build, commit), None)
