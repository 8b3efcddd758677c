"""Jupyter servers in memory: the second implementation of core.ports.Jupyter."""

from dataclasses import dataclass, field

from nbhostd.core.errors import WorldError
from nbhostd.core.model import JupyterStatus, Run


@dataclass
class FakeJupyter:
    servers: dict[int, JupyterStatus] = field(default_factory=dict)
    """Workspace number -> what its server says; one that is missing does not answer."""
    tokens: dict[int, str] = field(default_factory=dict)
    """Workspace number -> the token that its server wants, where that matters."""
    asked: list[int] = field(default_factory=list)

    async def status(self, workspace: int, run: Run) -> JupyterStatus:
        self.asked.append(workspace)
        if workspace not in self.servers or self.tokens.get(workspace, run.token) != run.token:
            raise WorldError("The notebook server does not answer.", detail=f"workspace {workspace}")
        return self.servers[workspace]
