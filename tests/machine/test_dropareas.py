"""Drop areas on the installed site: a teacher's files reach students who work, as files of theirs."""

from __future__ import annotations

from pathlib import Path

from tests.machine.site import STATE, Browser, ctl, ctl_json, launch_url, run, workspace_dir


async def test_a_file_is_handed_to_students_who_work(
    course: str, browser: Browser, student: str, repositories: Path
) -> None:
    opened = await browser.open(launch_url(course, "w1/intro", student))
    asleep = f"{student}-2"
    await browser.open(launch_url(course, "w1/intro", asleep))
    ctl("stop", f"{course}/{asleep}")
    subject, large = repositories / "sujet d'été n°1.txt", repositories / "large.bin"
    subject.write_text("écrivez")
    large.write_bytes(bytes(100 << 20))
    ctl("droparea", "put", course, "exam", str(subject), str(large), "--below", "week 1")

    dry = ctl_json("droparea", "deploy", course, "exam", "--all", "--student", f"{student}*", "--dry-run")
    assert [(file["total"], file["available"], file["new"]) for file in dry["files"]] == [(2, 0, 2)] * 2
    done = ctl_json("droparea", "deploy", course, "exam", "--all", "--student", f"{student}*")
    assert (done["copied"], done["failed"], done["in_the_way"]) == (4, [], [])

    seen = await opened.api(f"api/contents/DROPPED/exam/week 1/{subject.name}")
    assert seen["content"] == "écrivez"
    printed = await opened.run_code(
        "import os, glob\nname, = glob.glob('DROPPED/exam/*/sujet*')\n"
        "open(name, 'a').write(' ici')\nprint(os.stat(name).st_uid == os.getuid(), os.access(name, os.W_OK))"
    )
    assert printed.split() == ["True", "True"]
    for who in (student, asleep):
        copy = workspace_dir(course, who) / "DROPPED/exam/week 1/large.bin"
        assert (copy.stat().st_uid, copy.stat().st_size) == (
            workspace_dir(course, who).stat().st_uid,
            100 << 20,
        )

    again = ctl_json("droparea", "deploy", course, "exam", "--all", "--student", f"{student}*")
    assert again["copied"] == 0
    kept = workspace_dir(course, student) / "DROPPED/exam/week 1" / subject.name
    assert kept.read_text() == "écrivez ici"
    ctl("droparea", "remove", course, "exam", "--all")
    jobs = [job for job in ctl_json("job", "list") if job["subject"] == f"{course}/exam"]
    assert [(job["kind"], job["state"]) for job in jobs] == [("drop", "succeeded")] * 2


def test_an_area_is_the_services_and_goes_with_its_course(repositories: Path) -> None:
    name = f"{repositories.name}-drop"
    run("git", "init", "-q", "-b", "main", str(repositories / name))
    (repositories / name / "a.md").write_text("# a\n")
    run("git", "-C", str(repositories / name), "add", "-A")
    run(
        "git", "-C", str(repositories / name), "-c", "user.name=T", "-c", "user.email=t@localhost",
        "commit", "-q", "-m", "first",
    )  # fmt: skip
    run("chmod", "-R", "a+rX", str(repositories / name))
    ctl("course", "create", name, str(repositories / name), "--image", "minimal")
    ctl("droparea", "put", name, "exam", str(repositories / name / "a.md"))
    file = STATE / "droparea" / name / "exam/a.md"
    assert (file.stat().st_uid, file.read_text()) == (STATE.stat().st_uid, "# a\n")
    assert "hold 1 files" in ctl("course", "delete", name, "--yes", check=False).stderr
    ctl("course", "rename", name, f"{name}-2")
    assert ctl_json("droparea", "list", f"{name}-2") == [{"area": "exam", "files": 1, "size": 4}]
    ctl("course", "delete", f"{name}-2", "--with-files", "--yes")
    assert not list((STATE / "droparea").glob(f"{name}*"))
