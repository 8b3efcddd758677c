"""A toolbox without containers: each tool is a function that a test gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from nbhostd.core.errors import WorldError
from nbhostd.core.model import ToolOutcome, ToolTask


@dataclass
class FakeToolbox:
    """`tools["clone"] = lambda task: ToolOutcome(0, b"{}")`; what was asked is in `ran`."""

    tools: dict[str, Callable[[ToolTask], ToolOutcome]] = field(default_factory=dict)
    ran: list[ToolTask] = field(default_factory=list)

    async def run(self, task: ToolTask) -> ToolOutcome:
        self.ran.append(task)
        tool = self.tools.get(task.tool)
        if tool is None:
            raise WorldError("This could not be done.", detail=f"no tool {task.tool}")
        return tool(task)
