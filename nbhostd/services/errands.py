"""Errands: what somebody asked for in a browser or over the HTTP API, and that takes longer than an answer may."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from nbhostd.core.errors import NbhostdError
from nbhostd.services.jobbook import Errand, Say, on_errand
from nbhostd.services.tasks import Tasks

Work = Callable[[Say], Awaitable[object]]


class Errands:
    """Begins the work, and answers as soon as it is known whether it could begin."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks

    async def begin(self, who: str, name: str, work: Work) -> int | None:
        """The number of the first job that `work` opens; it goes on to its end, whoever goes away.

        None when the work was done without any job. What refuses it before it begins is raised here.
        """
        begun: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

        # Whoever asked may have gone: then nobody else reads why it did not begin.
        begun.add_done_callback(lambda done: done.cancelled() or done.exception())

        def tell(number: int) -> None:
            if not begun.done():
                begun.set_result(number)

        async def run() -> None:
            with on_errand(Errand(who, tell)):
                try:
                    await work(_nobody_listens)
                except NbhostdError as error:
                    if begun.done():
                        raise  # its job has told already how it ended; the journal hears it too
                    begun.set_exception(error)
                except BaseException:
                    begun.cancel()
                    raise
                else:
                    if not begun.done():
                        begun.set_result(None)

        self._tasks.spawn(name, run())
        return await asyncio.shield(begun)


def _nobody_listens(_line: str) -> None:
    """Whoever wants the lines reads the job's log."""
