"""A roll-out as a job: who is stopped for a new image can be read later."""

from __future__ import annotations

from nbhostd.core.names import CourseName
from nbhostd.services.jobbook import JobBook, Say
from nbhostd.services.rollout import Hurried, Rollout

KIND = "roll-out"


class Hurrying:
    """Hurries a course's present image on."""

    def __init__(self, rollout: Rollout, book: JobBook) -> None:
        self._rollout = rollout
        self._book = book

    async def hurry(self, name: CourseName, say: Say, *, everybody: bool) -> Hurried:
        """As Rollout.hurry does, with a job for its lines and its result. Raises Refused, WorldError."""
        async with self._book.job(KIND, name, say) as job:
            done = await self._rollout.hurry(name, job.say, everybody=everybody)
            job.result = {
                "stopped": [str(id) for id in done.stopped],
                "left": [str(old.id) for old in done.left],
                "failed": [str(id) for id in done.failed],
            }
            job.message = (
                f"{len(done.stopped)} stopped, {len(done.left)} left alone, {len(done.failed)} failed"
            )
            return done
