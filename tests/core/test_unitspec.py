from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from nbhostd.core.argv import ContainerSpec, run_workspace
from nbhostd.core.config import Limits
from nbhostd.core.unitspec import UnitPlan, describe_workspace, service_name, socket_name, workspace_number

CONTAINER = ContainerSpec(
    number=7, uid=100003, image="sha256:" + "0" * 64, workspace_dir="/var/lib/nbhostd/workspaces/7",
    course_dir="/var/lib/nbhostd/courses/c/public", env_file="/run/user/970/nbhostd/env/7",
    seccomp="/usr/share/nbhostd/seccomp.json", limits=Limits(),
)  # fmt: skip
PLAN = UnitPlan(
    number=7, course_number=2, title="python-mooc/alice", argv=run_workspace(CONTAINER),
    socket_path="/run/user/970/nbhostd/ws/7.sock", limits=Limits(), start_timeout=60, stop_timeout=20,
)  # fmt: skip


def test_the_walls_around_a_container() -> None:
    argv = run_workspace(CONTAINER)
    assert argv[0].startswith("/")
    for wall in (
        "--network=none", "--cap-drop=all", "--read-only", "--userns=nomap", "--user=100003:100", "--pull=never",
        "--security-opt=no-new-privileges", "--security-opt=seccomp=/usr/share/nbhostd/seccomp.json", "--http-proxy=false",
    ):  # fmt: skip
        assert wall in argv
    assert (
        "--mount=type=bind,source=/var/lib/nbhostd/courses/c/public,destination=/srv/course,readonly" in argv
    )
    assert argv[-1] == CONTAINER.image


def test_what_all_students_share_nobody_takes_alone() -> None:
    argv = run_workspace(CONTAINER)
    assert "--ulimit=sigpending=2048:2048" in argv
    (terminals,) = (word for word in argv if "destination=/dev/pts" in word)
    assert terminals.endswith(",max=64") and "ptmxmode=0666" in terminals
    assert any(word.startswith("--mount=type=tmpfs,destination=/dev/shm,tmpfs-size=") for word in argv)


def test_no_word_of_the_command_line_is_a_secret_or_a_name() -> None:
    assert not any("alice" in word or "python-mooc" in word for word in run_workspace(CONTAINER))


def test_the_limits_are_the_kernels() -> None:
    service = dict(describe_workspace(PLAN).service.properties)
    assert service["MemoryMax"] == 2 << 30
    assert "MemoryHigh" not in service, (
        "a hog would freeze its server for minutes instead of losing its kernel"
    )
    assert service["MemorySwapMax"] == 0
    assert service["TasksMax"] == 256
    assert service["CPUQuotaPerSecUSec"] == 2_000_000
    assert service["Slice"] == "nbh-c2.slice"
    assert service["After"] == ("nbhostd-podman.service",)
    assert service["SyslogIdentifier"] == "nbh/python-mooc/alice"
    assert service["SyslogLevelPrefix"] is False


def test_the_digest_changes_with_any_property() -> None:
    digest = describe_workspace(PLAN).digest
    assert describe_workspace(PLAN).digest == digest
    assert describe_workspace(replace(PLAN, stop_timeout=21)).digest != digest
    assert describe_workspace(replace(PLAN, limits=replace(Limits(), memory=1 << 30))).digest != digest


@given(st.integers(1, 10**12))
def test_unit_names_parse_back(number: int) -> None:
    assert workspace_number(service_name(number)) == workspace_number(socket_name(number)) == number


def test_other_units_belong_to_no_workspace() -> None:
    for name in (
        "nbh-c7.slice",
        "nbhjob-7.service",
        "nbh-.service",
        "nbh-7",
        "nbh-x.service",
        "xnbh-7.service",
    ):
        assert workspace_number(name) is None


def test_a_limit_for_all_that_was_lifted_does_not_stay() -> None:
    whole = describe_workspace(PLAN).slices[0]
    assert dict(whole.properties)["MemoryMax"] == 2**64 - 1
    limited = replace(PLAN, limits=replace(Limits(), total_memory=8 << 30))
    assert dict(describe_workspace(limited).slices[0].properties)["MemoryMax"] == 8 << 30
