"""The package's life on a pristine Debian, as one story: each chapter begins where the one before ended."""

from __future__ import annotations

import contextlib
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.package.conftest import DEB, ROOT, Machine

NEWER = "/var/tmp/nbhostd-newer.deb"
STATE = "/var/lib/nbhostd"
LEAST_SUBORDINATE_IDS = 1_000_000
MOST_EXPOSURE = 1.3


def front(machine: Machine) -> int:
    """The status with which the front door answers; any answer will do."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{machine.port}/", timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@contextmanager
def visitors(machine: Machine) -> Iterator[list[str]]:
    """Somebody knocks all the time; the list of what went wrong."""
    faults: list[str] = []
    enough = threading.Event()

    def knock() -> None:
        while not enough.wait(0.05):
            try:
                front(machine)
            except OSError as error:
                faults.append(str(error))

    visitor = threading.Thread(target=knock)
    visitor.start()
    try:
        yield faults
    finally:
        enough.set()
        visitor.join()


class TestInstall:
    def test_apt_install_is_the_whole_installation(self, machine: Machine) -> None:
        assert "nbhostd" not in machine.run("getent", "passwd")
        said = machine.apt("install", DEB)
        assert not re.search(r"warning|error|fail", said, re.IGNORECASE), said
        assert machine.run("dpkg-query", "-W", "-f", "${Status}", "nbhostd") == "install ok installed"

    def test_the_front_door_listens_and_the_first_request_starts_the_daemon(self, machine: Machine) -> None:
        for socket in ("nbhostd.socket", "nbhostd-control.socket"):
            assert machine.run("systemctl", "is-enabled", socket).strip() == "enabled"
            assert machine.show(socket, "ActiveState", "SubState")["ActiveState"] == "active"
        assert machine.run("systemctl", "is-enabled", "nbhostd.service").strip() == "enabled"
        assert machine.show("nbhostd.service", "ActiveState") == {"ActiveState": "inactive"}
        assert front(machine) < 500
        assert (
            machine.show("nbhostd.service", "ActiveState", "Type", "User", "StatusText")["ActiveState"]
            == "active"
        )

    def test_the_daemon_is_hardened(self, machine: Machine) -> None:
        said = machine.run("systemd-analyze", "security", "--no-pager", "nbhostd.service")
        exposure = re.search(r"Overall exposure level for nbhostd.service: ([0-9.]+)", said)
        assert exposure and float(exposure[1]) <= MOST_EXPOSURE, said

    def test_the_account_has_room_for_a_million_students(self, machine: Machine) -> None:
        name, _, uid, _, _, home, shell = machine.run("getent", "passwd", "nbhostd").strip().split(":")
        assert (name, home, shell) == ("nbhostd", STATE, "/usr/sbin/nologin")
        for file in ("/etc/subuid", "/etc/subgid"):
            (line,) = [x for x in machine.run("cat", file).splitlines() if x.startswith("nbhostd:")]
            start, count = map(int, line.split(":")[1:])
            assert count >= LEAST_SUBORDINATE_IDS
            assert start > int(uid)

    def test_the_user_manager_lingers_and_neither_dies_nor_runs_out(self, machine: Machine) -> None:
        assert "nbhostd" in machine.run("ls", "/var/lib/systemd/linger").split()
        uid = machine.uid()
        names = (
            "ActiveState",
            "Restart",
            "DelegateControllers",
            "OOMScoreAdjust",
            "LimitNOFILE",
            "LimitNPROC",
        )
        shown = machine.show(f"user@{uid}.service", *names)
        assert (shown["ActiveState"], shown["Restart"], shown["OOMScoreAdjust"]) == (
            "active",
            "always",
            "-400",
        )
        assert {"cpu", "cpuset", "io", "memory", "pids"} <= set(shown["DelegateControllers"].split())
        assert (shown["LimitNOFILE"], shown["LimitNPROC"]) == ("1048576", "infinity")
        assert machine.show(f"user-{uid}.slice", "TasksMax") == {"TasksMax": "infinity"}

    def test_the_state_and_the_key_are_closed_to_others(self, machine: Machine) -> None:
        places = (
            STATE,
            f"{STATE}/workspaces",
            f"{STATE}/courses",
            "/etc/nbhostd/launch.key",
            "/run/nbhostd/control.sock",
        )
        said = machine.run("stat", "-c", "%a %U %n", *places)
        assert said.splitlines() == [
            *(f"700 nbhostd {place}" for place in places[:3]),
            *(f"600 root {place}" for place in places[3:]),
        ]
        assert len(machine.run("cat", "/etc/nbhostd/launch.key").strip()) >= 40

    def test_the_kernel_has_a_key_for_every_container(self, machine: Machine) -> None:
        assert int(machine.run("cat", "/proc/sys/kernel/keys/maxkeys")) >= 20000

    def test_podman_works_for_the_account_and_takes_its_settings(self, machine: Machine) -> None:
        said = machine.user("podman", "info", "--format", "{{.Host.EventLogger}} {{.Store.GraphDriverName}}")
        assert said.split() == ["none", "overlay"]

    def test_the_desk_sits_in_podmans_user_namespace(self, machine: Machine) -> None:
        start = machine.run("awk", "-F:", '$1 == "nbhostd" { print $2 }', "/etc/subuid").strip()
        manager = ("systemctl", "--user", "--machine=nbhostd@")
        machine.run(*manager, "start", "nbhostd-desk.service")
        pid = machine.run(*manager, "show", "--value", "--property=MainPID", "nbhostd-desk.service").strip()
        rows = [row.split() for row in machine.run("cat", f"/proc/{pid}/uid_map").splitlines()]
        assert [row[:2] for row in rows] == [["0", str(machine.uid())], ["1", start]]
        assert "nbhostd.adapters.desk_server" in machine.run("cat", f"/proc/{pid}/cmdline")

    def test_nbhostctl_has_a_manual_and_completion(self, machine: Machine) -> None:
        assert machine.run("nbhostctl", "status").strip()
        files = machine.run("dpkg-query", "-L", "nbhostd").splitlines()
        for page in ("man8/nbhostd.8.gz", "man8/nbhostctl.8.gz", "man5/nbhostd.toml.5.gz"):
            assert f"/usr/share/man/{page}" in files
        words = machine.sh(
            "source /usr/share/bash-completion/completions/nbhostctl; COMP_WORDS=(nbhostctl co); COMP_CWORD=1;"
            " _nbhostctl nbhostctl co nbhostctl; echo ${COMPREPLY[*]}"
        )
        assert words.split() == ["course"]

    def test_the_package_holds_the_locked_versions_and_no_path_of_its_build(self, machine: Machine) -> None:
        locked = re.findall(
            r"^([a-z0-9-]+)==([^ ;]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE
        )
        site = "/usr/lib/nbhostd/venv/lib/python3.13/site-packages"
        there = set(machine.run("ls", site).split())
        for name, version in locked:
            # A server needs no installer; typing-extensions is for older Pythons.
            if name not in ("pip", "typing-extensions"):
                assert f"{name.replace('-', '_')}-{version}.dist-info" in there, name
        assert (
            machine.sh("grep -rlE '/var/tmp/nbhostd-build|/debian/(build|nbhostd)/' /usr/lib/nbhostd || true")
            == ""
        )

    def test_a_secret_that_an_administrator_adds_reaches_the_daemon(self, machine: Machine) -> None:
        """And the one that is missing is empty, and keeps nothing from starting."""
        machine.sh(
            "umask 077; echo of-the-mail-server >/etc/nbhostd/mail.password; systemctl restart nbhostd.service"
        )
        machine.run("nbhostctl", "status")
        credentials = "/run/credentials/nbhostd.service"
        assert machine.run("cat", f"{credentials}/mail-password") == "of-the-mail-server\n"
        assert machine.run("cat", f"{credentials}/openid-secret") == "\n"

    def test_installing_again_changes_no_secret_and_no_number(self, machine: Machine) -> None:
        before = machine.run("md5sum", "/etc/nbhostd/launch.key", "/etc/subuid", "/etc/subgid")
        machine.apt("install", "--reinstall", DEB)
        assert machine.run("md5sum", "/etc/nbhostd/launch.key", "/etc/subuid", "/etc/subgid") == before


class TestUpgrade:
    def test_a_workspace_runs_on_and_nobody_is_turned_away(self, machine: Machine) -> None:
        machine.sh(
            f"cd /var/tmp; rm -rf newer; dpkg-deb -R {DEB} newer; sed -i 's/^Version: .*/&+newer/' newer/DEBIAN/control;"
            f" dpkg-deb -b -Zgzip -z1 newer {NEWER} >/dev/null; rm -rf newer"
        )
        machine.sh("sed -i 's/^#memory = .*/memory = \"1G\"/' /etc/nbhostd/nbhostd.toml")
        # A transient unit of the same manager as the workspaces; the daemon would stop one of theirs that it does not know.
        machine.user("systemd-run", "--user", "--unit=trial", "--collect", "sleep", "infinity")
        uid = machine.uid()

        def running() -> tuple[str, dict[str, str], dict[str, str]]:
            workspace = machine.user("systemctl", "--user", "show", "--property=MainPID,ActiveState", "trial")
            manager = machine.show(f"user@{uid}.service", "MainPID")
            door = machine.show("nbhostd.socket", "ActiveEnterTimestampMonotonic")
            return workspace, manager, door

        front(machine)
        before, daemon = running(), machine.show("nbhostd.service", "MainPID")
        assert "ActiveState=active" in before[0]
        with visitors(machine) as faults:
            machine.apt("install", "-o", "Dpkg::Options::=--force-confold", NEWER)
        assert faults == []
        assert running() == before
        assert machine.show("nbhostd.service", "MainPID") != daemon
        assert machine.show("nbhostd.service", "ActiveState") == {"ActiveState": "active"}
        assert 'memory = "1G"' in machine.run("cat", "/etc/nbhostd/nbhostd.toml")


class TestRemove:
    def test_everything_stops_and_the_data_stay(self, machine: Machine) -> None:
        start = int(machine.run("awk", "-F:", '$1 == "nbhostd" { print $2 }', "/etc/subuid"))
        machine.sh(
            f"install -d -m 0700 -o {start + 100001} -g {start + 100} {STATE}/workspaces/1;"
            f" echo work >{STATE}/workspaces/1/work.txt; chown {start + 100001} {STATE}/workspaces/1/work.txt"
        )
        front(machine)
        machine.apt("remove", "nbhostd")
        assert machine.run("ps", "-u", "nbhostd", "-o", "args=", check=False) == ""
        states = "--state=active,activating,deactivating,failed"
        assert machine.run("systemctl", "list-units", states, "--plain", "--no-legend", "nbhostd*") == ""
        with pytest.raises(OSError):
            front(machine)
        assert machine.run("cat", f"{STATE}/workspaces/1/work.txt") == "work\n"
        assert machine.run("ls", f"{STATE}/nbhostd.db")

    def test_coming_back_finds_them_again(self, machine: Machine) -> None:
        machine.apt("install", DEB)
        assert front(machine) < 500
        assert machine.run("cat", f"{STATE}/workspaces/1/work.txt") == "work\n"


class TestPurge:
    def test_silence_keeps_the_students_files_and_who_owns_them(self, machine: Machine) -> None:
        uid = machine.uid()
        machine.apt("purge", "nbhostd")
        assert machine.run("ls", "-A", STATE).split() == ["workspaces"]
        assert set(machine.run("ls", "-A", f"{STATE}/workspaces").split()) >= {"1", "owners.db"}
        assert machine.run("cat", f"{STATE}/workspaces/1/work.txt") == "work\n"
        gone = (
            "/etc/nbhostd", "/usr/lib/nbhostd", "/usr/share/nbhostd", "/var/lib/systemd/linger/nbhostd",
            f"/etc/systemd/system/user@{uid}.service.d", f"/etc/systemd/system/user-{uid}.slice.d",
            "/etc/systemd/system/nbhostd.service.d",
        )  # fmt: skip
        for path in gone:
            assert machine.run("find", path, check=False) == "", path

    def test_a_yes_deletes_them_and_never_frees_their_numbers(self, machine: Machine) -> None:
        numbers = machine.run("cat", "/etc/subuid")
        machine.apt("install", DEB)
        machine.sh("echo 'nbhostd nbhostd/remove-workspaces boolean true' | debconf-set-selections")
        machine.apt("purge", "nbhostd")
        assert machine.run("find", STATE, check=False) == ""
        assert machine.run("cat", "/etc/subuid") == numbers
        assert "nbhostd" in machine.run("getent", "passwd")

    def test_the_question_is_asked_in_french_too(self, machine: Machine) -> None:
        assert re.search(
            r"^Description-fr[.:]", machine.run("dpkg-deb", "-I", DEB, "templates"), re.MULTILINE
        )


class TestMove:
    """From one computer to another: this one, with everything of it purged and other subordinate ids."""

    BACKUP = "/root/site.tar.gz"
    WORK = "workspaces/1/w1/intro.md"

    def test_a_site_is_made_and_kept(self, machine: Machine) -> None:
        machine.apt("install", DEB)
        machine.sh(
            "mkdir -p /srv/course/w1; cd /srv/course; echo '# of the course' >w1/intro.md; git init -q -b main; git add -A;"
            " git -c user.name=T -c user.email=t@localhost commit -q -m first; chmod -R a+rX /srv/course"
        )
        machine.run("nbhostctl", "course", "create", "python", "/srv/course", "--image", "minimal")
        url = machine.run("nbhostctl", "launch-url", "python", "w1/intro", "alice").strip()
        # Nobody built an image here: the notebook is prepared, and the server does not start.
        # And its public_url is another one than where it listens here.
        with contextlib.suppress(urllib.error.URLError):
            urllib.request.urlopen(
                url.replace("localhost:8000", f"127.0.0.1:{machine.port}"), timeout=60
            ).close()
        machine.sh(
            f"echo 'her work' >>{STATE}/{self.WORK}; touch -d '2020-02-02 02:02:02.123456789' {STATE}/{self.WORK}"
        )
        machine.run("nbhostctl", "backup", self.BACKUP, "--students")
        machine.sh("cp -a /etc/nbhostd/launch.key /root/; date >/root/moved")

    def test_it_comes_to_a_fresh_installation_with_other_numbers(self, machine: Machine) -> None:
        before = machine.run("stat", "-c", "%Y %y %a %s", f"{STATE}/{self.WORK}")
        machine.sh("echo 'nbhostd nbhostd/remove-workspaces boolean true' | debconf-set-selections")
        machine.apt("purge", "nbhostd")
        assert machine.run("find", STATE, check=False) == ""
        machine.sh("sed -i 's/^nbhostd:.*/nbhostd:7000000:1048576/' /etc/subuid /etc/subgid")
        machine.apt("install", DEB)
        said = machine.run("nbhostctl", "restore", self.BACKUP, "--dry-run")
        assert "It is whole" in said
        said = machine.run("nbhostctl", "restore", self.BACKUP)
        assert "1 courses, 1 workspaces" in said
        assert "missing image minimal: nbhostctl image build minimal" in said
        assert machine.run("stat", "-c", "%Y %y %a %s", f"{STATE}/{self.WORK}") == before
        assert machine.run("stat", "-c", "%u", f"{STATE}/{self.WORK}").strip() == str(7_000_000 + 100_000)
        assert "her work" in machine.run("cat", f"{STATE}/{self.WORK}")
        assert machine.run("cat", f"{STATE}/courses/python/public/current/w1/intro.md") == "# of the course\n"
        machine.run("cmp", "/root/launch.key", "/etc/nbhostd/launch.key")
        assert machine.run("systemctl", "is-active", "nbhostd.service").strip() == "active"
        assert "alice" in machine.run("nbhostctl", "workspace", "list")


def test_lintian_finds_nothing_but_the_explained(package: Path, machine: Machine) -> None:
    changes = next((ROOT / "build/package").glob("*.changes"))
    machine.run("mkdir", "-p", "/var/tmp/lintian")
    buildinfo = next((ROOT / "build/package").glob("*.buildinfo"))
    for file in (package, changes, buildinfo):
        machine.run("bash", "-c", f"cat >/var/tmp/lintian/{file.name}", input=file.read_bytes())
    said = machine.sh(f"lintian --allow-root --fail-on error,warning /var/tmp/lintian/{changes.name} 2>&1")
    assert said.strip() == ""
