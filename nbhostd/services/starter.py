"""Starting one workspace: from an admitted visit to a Jupyter that answers on the workspace's socket."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace

from nbhostd.core.argv import ContainerSpec, run_workspace
from nbhostd.core.config import Config
from nbhostd.core.errors import WorldError
from nbhostd.core.model import Course, Intent, Mode, Run, Workspace
from nbhostd.core.ports import Clock, EnvFiles, Images, LocalFiles, Store, Systemd
from nbhostd.core.unitspec import SocketServiceSpec, UnitPlan, describe_workspace, service_name, socket_name
from nbhostd.core.urls import workspace_origin

RandomBytes = Callable[[int], bytes]

_AT_ONCE = 5.0
"""Seconds."""


class ImageMissing(WorldError):
    """The course's image is not on this host."""


def new_secret(random_bytes: RandomBytes) -> str:
    """128 random bits as 22 characters of URL-safe base64."""
    return base64.urlsafe_b64encode(random_bytes(16)).decode().rstrip("=")


def new_label(random_bytes: RandomBytes) -> str:
    """128 random bits as a DNS label: 26 characters of a-z2-7."""
    return base64.b32encode(random_bytes(16)).decode().rstrip("=").lower()


@dataclass(frozen=True, slots=True)
class Starter:
    """Makes units and runs; remembers each intent in the store before systemd is asked."""

    config: Config
    runtime: str
    """The service user's directory for sockets, absolute."""
    store: Store
    systemd: Systemd
    images: Images
    env_files: EnvFiles
    clock: Clock
    random_bytes: RandomBytes
    local: LocalFiles | None = None

    def socket_path(self, number: int) -> str:
        """Where a workspace's server listens; AF_UNIX paths end at 107 bytes, so numbers only."""
        return f"{self.runtime}/ws/{number}.sock"

    def describe(self, workspace: Workspace, course: Course, digest: str) -> SocketServiceSpec:
        """The units of a workspace, were it started now."""
        courses = f"{self.config.paths.state}/courses/{course.name}"
        overlay = self.local.path(course.name, "jupyter") if self.local is not None else None
        container = ContainerSpec(
            number=workspace.number,
            uid=workspace.uid,
            image=digest,
            workspace_dir=f"{self.config.paths.state}/workspaces/{workspace.number}",
            course_dir=f"{courses}/public",
            mirror_dir=f"{courses}/git" if workspace.mode is Mode.CLASSROOM else "",
            jupyter_dir=overlay or "",
            env_file=self.env_files.path(workspace.number),
            seccomp=f"{self.config.paths.share}/images/seccomp.json",
            limits=self.config.limits,
        )
        return describe_workspace(
            UnitPlan(
                number=workspace.number,
                course_number=course.number,
                title=str(workspace.id),
                argv=run_workspace(container),
                socket_path=self.socket_path(workspace.number),
                limits=self.config.limits,
                start_timeout=self.config.admission.start_timeout,
                stop_timeout=self.config.idle.stop_timeout,
            )
        )

    async def image_digest(self, course: Course) -> str:
        """The digest of the course's image as it is now. Raises ImageMissing."""
        digest = await self.images.digest(course.image)
        if digest is None:
            raise ImageMissing(
                "The image of this course is not on this server yet; the course's teacher or the administrator can build it.",
                detail=f"course {course.name}: image {course.image!r} not found; nbhostctl image build",
            )
        return digest

    async def arm(self, workspace: Workspace, course: Course, digest: str) -> Workspace:
        """The workspace with its socket armed as it should be now; armed anew when the description changed."""
        spec = self.describe(workspace, course, digest)
        if workspace.intent is Intent.ARMED and workspace.armed_spec != spec.digest:
            await self.systemd.stop(socket_name(workspace.number), timeout=10)
        armed = replace(workspace, intent=Intent.ARMED, armed_spec=spec.digest)
        if armed != workspace:
            await self.store.set_intent(workspace.number, Intent.ARMED, spec.digest)
        await self.systemd.arm(spec)
        return armed

    async def new_run(self, workspace: Workspace, digest: str) -> Run:
        """A fresh capability, remembered and handed to the container's next life."""
        run = Run(
            workspace=workspace.number,
            secret=new_secret(self.random_bytes),
            token=new_secret(self.random_bytes),
            image=digest,
            started_at=self.clock.now(),
        )
        server = self.config.server
        await self.env_files.write(
            workspace.number,
            (
                ("NBH_BASE_URL", run.base_url),
                ("NBH_TOKEN", run.token),
                ("NBH_ORIGIN", workspace_origin(server.public_url, server.workspace_domain, workspace.label)),
            ),
        )
        await self.store.put_run(run)
        return run

    async def wake(self, number: int, wanted: Callable[[], bool]) -> None:
        """Start the service of an armed socket, or join a start that is under way; returns when Jupyter serves.

        A start that fails at once is tried a second time, if it is still `wanted`: a container whose keeper was killed
        leaves a record that podman removes only at the second attempt. A start that was stopped must not be: its
        second try would cancel systemd's stop.
        """
        name, timeout = service_name(number), self.config.admission.start_timeout + 10
        began = self.clock.monotonic()
        try:
            await self.systemd.start(name, timeout=timeout)
        except WorldError:
            if self.clock.monotonic() - began > _AT_ONCE or not wanted():
                raise
            await self.systemd.reset_failed(name)
            if not wanted():
                raise
            await self.systemd.start(name, timeout=timeout)
