"""The container of a static site: its walls, word for word."""

from __future__ import annotations

import json

from nbhostd.core.model import Build
from nbhostd.core.siteargv import LARGEST, UID, SiteSpec, build_site

SPEC = SiteSpec(
    subject="python/book",
    image="sha256:1",
    build=Build("Book", "book", script="echo $HOME; touch 'a b'", directory="notebooks"),
    tree="/var/lib/nbhostd/courses/python/public/abc",
    output="/var/lib/nbhostd/sites/.archives/7.tar",
    tools="/usr/share/nbhostd/images/sites",
    seccomp="/usr/share/nbhostd/images/seccomp.json",
    authorities="/etc/ssl/certs/ca-certificates.crt",
)


def test_the_walls() -> None:
    job = build_site(SPEC)
    assert (job.kind, job.subject, job.output) == ("site", "python/book", SPEC.output)
    options = set(job.argv)
    for wall in (
        "--transient-store", "--rm", "--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--pull=never",
        "--security-opt=no-new-privileges", f"--security-opt=seccomp={SPEC.seccomp}", "--userns=nomap",
        f"--user={UID}:100", "--cgroups=split", f"--ulimit=fsize={LARGEST}:{LARGEST}",
        "--network=pasta:--no-map-gw,--map-guest-addr,none", "--http-proxy=false",
    ):  # fmt: skip
        assert wall in options, wall


def test_nothing_of_the_host_can_be_written() -> None:
    binds = [word for word in build_site(SPEC).argv if "type=bind" in word]
    assert [word.endswith(",readonly") for word in binds] == [True] * 3
    assert f"source={SPEC.tree},destination=/srv/course," in binds[0]
    assert not any("git" in word for word in binds)


def test_the_uid_is_no_students() -> None:
    assert 0 < UID < 100_000


def test_the_script_is_one_argument_and_no_shells_of_ours() -> None:
    argv = build_site(SPEC).argv
    image = argv.index("sha256:1")
    assert argv[image - 1] == "--entrypoint=/opt/nbhosting/bin/python"
    assert argv[image + 1 : -1] == ("-I", "/opt/nbhosting-sites/make.py")
    assert json.loads(argv[-1]) == {
        "directory": "notebooks",
        "script": "echo $HOME; touch 'a b'",
        "result": "_build/html",
        "entry": "index.html",
    }
