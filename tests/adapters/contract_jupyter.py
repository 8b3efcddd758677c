"""What every implementation of core.ports.Jupyter keeps: on the fake, on a staged server, in the machine on Jupyter."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from nbhostd.adapters.jupyter import SocketJupyter
from nbhostd.core.errors import WorldError
from nbhostd.core.model import Run
from tests.fakes.jupyter import FakeJupyter


def a_run(workspace: int, token: str = "t0ken") -> Run:
    return Run(workspace, "s" * 22, token, "image", datetime(2026, 11, 23, tzinfo=UTC))


@dataclass
class Classroom:
    """The port under test, where `run`'s server has no kernel, and no other workspace has a server."""

    jupyter: SocketJupyter | FakeJupyter
    run: Run


class JupyterContract:
    """Needs a fixture `classroom`."""

    async def test_a_server_without_kernels_cannot_say_when_it_was_last_used(
        self, classroom: Classroom
    ) -> None:
        status = await classroom.jupyter.status(classroom.run.workspace, classroom.run)
        assert (status.kernels, status.busy_kernels, status.connections, status.last_activity) == (
            0,
            0,
            0,
            None,
        )

    async def test_a_server_that_is_not_there_is_a_world_error(self, classroom: Classroom) -> None:
        with pytest.raises(WorldError, match="does not answer"):
            await classroom.jupyter.status(classroom.run.workspace + 1, classroom.run)

    async def test_with_another_runs_token_nothing_is_told(self, classroom: Classroom) -> None:
        with pytest.raises(WorldError, match="does not answer"):
            await classroom.jupyter.status(classroom.run.workspace, replace(classroom.run, token="0ther"))
