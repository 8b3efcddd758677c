"""Adapters and fakes satisfy the ports: mypy reads this file, and a port that changes shows here first."""

from pathlib import Path

from nbhostd.adapters.desk import SocketDesk
from nbhostd.adapters.host import LinuxHost, SystemClock
from nbhostd.adapters.jobs import UnitJobRunner
from nbhostd.adapters.jupyter import SocketJupyter
from nbhostd.adapters.podman import PodmanImages
from nbhostd.adapters.systemd import Systemd
from nbhostd.adapters.toolbox import PodmanToolbox
from nbhostd.adapters.unit_ends import ServiceRunner
from nbhostd.core import backup, handouts, ports, ports_students, progress, takeover, vitals
from nbhostd.core.config import Config
from tests.fakes.desk import FakeDesk, FakeHandingDesk
from tests.fakes.host import FakeClock, FakeHost
from tests.fakes.images import FakeImages
from tests.fakes.jobs import FakeJobs
from tests.fakes.jupyter import FakeJupyter
from tests.fakes.systemd import FakeSystemd
from tests.fakes.toolbox import FakeToolbox


async def test_every_port_has_two_implementations(tmp_path: Path) -> None:
    real, fake = Systemd("unix:path=/nonexistent"), FakeSystemd()
    managers: tuple[ports.Systemd, ports.Systemd] = (real, fake)
    runners: tuple[ServiceRunner, ServiceRunner] = (real, fake)
    jobs: tuple[ports.Jobs, ports.Jobs] = (UnitJobRunner(real, tmp_path), FakeJobs())
    toolboxes: tuple[ports.Toolbox, ports.Toolbox] = (PodmanToolbox(real, Config, tmp_path), FakeToolbox())
    readers: tuple[ports.LogReader, ports.LogReader] = (UnitJobRunner(real, tmp_path), FakeJobs())
    desks: tuple[ports.Desk, ports.Desk] = (SocketDesk(tmp_path), FakeDesk(tmp_path))
    handing: tuple[handouts.HandingDesk, handouts.HandingDesk] = (
        SocketDesk(tmp_path),
        FakeHandingDesk(tmp_path),
    )
    unpacking: tuple[takeover.UnpackingDesk, takeover.UnpackingDesk] = (
        SocketDesk(tmp_path),
        FakeHandingDesk(tmp_path),
    )
    packing: tuple[backup.PackingDesk, backup.PackingDesk] = (SocketDesk(tmp_path), FakeHandingDesk(tmp_path))
    staging: tuple[backup.StagingDesk, backup.StagingDesk] = (SocketDesk(tmp_path), FakeHandingDesk(tmp_path))
    prints: tuple[progress.Fingerprints, progress.Fingerprints] = (SocketDesk(tmp_path), FakeDesk(tmp_path))
    listing: tuple[ports_students.ListingDesk, ports_students.ListingDesk] = (
        SocketDesk(tmp_path),
        FakeDesk(tmp_path),
    )
    images: tuple[ports.Images, ports.Images] = (PodmanImages(tmp_path), FakeImages())
    servers: tuple[ports.Jupyter, ports.Jupyter] = (SocketJupyter(str), FakeJupyter())
    hosts: tuple[ports.Host, ports.Host] = (LinuxHost(tmp_path), FakeHost())
    vital: tuple[vitals.HostVitals, vitals.HostVitals] = (LinuxHost(tmp_path), FakeHost())
    clocks: tuple[ports.Clock, ports.Clock] = (SystemClock(), FakeClock())
    for pair in (
        managers,
        runners,
        jobs,
        toolboxes,
        readers,
        desks,
        handing,
        listing,
        unpacking,
        packing,
        staging,
        prints,
        images,
        servers,
        hosts,
        vital,
        clocks,
    ):
        assert len({type(one) for one in pair}) == 2
