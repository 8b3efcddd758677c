"""The contract of core.ports.Images on real Podman, through the user's socket-activated API."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbhostd.adapters.podman import PodmanImages
from tests.adapters.contract_images import CONTAINER, NAME, Gallery, ImagesContract
from tests.machine.trial import Trial, as_root, trial_user

pytestmark = pytest.mark.machine

INIT = Path("/usr/libexec/podman/catatonit")


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    """The trial user with one image, of one static program, and one container that runs it."""
    trial = trial_user()
    if not INIT.exists():
        pytest.skip("no catatonit here: package catatonit")
    archive = trial.home / "trial.tar"
    with tarfile.open(archive, "w") as tar:
        info = tarfile.TarInfo("init")
        info.size, info.mode = INIT.stat().st_size, 0o755
        tar.addfile(info, io.BytesIO(INIT.read_bytes()))
    as_root("chown", f"{trial.uid}:{trial.gid}", str(archive))
    # Without it the API does not see containers of a transient store, which workspaces are.
    configuration = trial.home / ".config/containers/storage.conf"
    configuration.parent.mkdir(parents=True, exist_ok=True)
    configuration.write_text('[storage]\ndriver = "overlay"\ntransient_store = true\n')
    as_root("chown", "-R", f"{trial.uid}:{trial.gid}", str(trial.home / ".config"))
    trial.run("podman", "import", "--quiet", str(archive), f"{NAME}:latest")
    trial.run("systemctl", "--user", "start", "podman.socket")
    unit = ("--user", "--quiet", "--collect", "--unit=nbhtrial-container", "--service-type=notify")
    trial.run(
        *("systemd-run", *unit, "--property=Delegate=yes", "--property=NotifyAccess=all", "--"),
        *(
            "podman",
            "--transient-store",
            "run",
            "-d",
            "--rm",
            "--replace",
            f"--name={CONTAINER}",
            "--network=none",
        ),
        *("--sdnotify=conmon", "--pids-limit=0", "--cgroups=split", f"{NAME}:latest", "/init", "-P"),
    )
    yield trial
    trial.run("systemctl", "--user", "stop", "nbhtrial-container.service")
    configuration.unlink()


@pytest.fixture
def gallery(trial: Trial) -> Gallery:
    return Gallery(PodmanImages(trial.runtime / "podman/podman.sock"))


class TestRealImages(ImagesContract):
    """Every promise of the contract."""
