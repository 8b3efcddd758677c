"""The import of a predecessor's site: looked through, told, then sent piece by piece. What is done is not done again."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlencode

from nbhostd.core.errors import NbhostdError, Refused, WorldError
from nbhostd.core.names import AreaName, CourseName, StudentName
from nbhostd.core.parcel import FILE, THE_END, Entry
from nbhostd.core.predecessor import OldCourse, OldSite, RawFile, event, image
from nbhostd.core.rawfiles import COUNTS, EVENTS, count
from nbhostd.ctl.client import Failed, Shape, path
from nbhostd.ctl.command import Call
from nbhostd.ctl.rawreading import Parse, Reading

_NOT_NOW = 503
_WEIGHT = 1 << 16
"""What a piece counts for in the bar even when it is empty, in bytes."""
_SHOWN_EVERY = 1 << 20

STOCKS = {"local": "local", "droparea": "droparea", "counts": "import"}
"""Which trees of a course go where, by kind."""
RAW: dict[str, tuple[str, Parse, str]] = {
    "events": (EVENTS, event, "event"),
    "counted": (COUNTS, count, "count"),
}
"""Which lines are added to what is recorded here, by kind: their file, how they are read, and what each is."""


@dataclass(slots=True)
class Item:
    """One piece of the plan, and what became of it."""

    name: str
    kind: str
    state: str
    """'new', 'changed' or 'done' in the plan; then 'imported', 'incomplete' or 'failed'."""
    course: str = ""
    student: str = ""
    parts: tuple[str, ...] = ()
    """Where it is in the source."""
    files: int = 0
    size: int = 0
    fingerprint: str = ""
    result: Shape = field(default_factory=dict)

    @property
    def is_to_do(self) -> bool:
        """Whether there is anything to send."""
        return self.state in ("new", "changed")


@dataclass(slots=True)
class Plan:
    """Everything there is, in the order in which it is done."""

    source: str
    items: list[Item] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    wishes: dict[str, Shape] = field(default_factory=dict)
    """What each new course is made of."""

    def shape(self) -> Shape:
        """All of it, for programs."""
        return {
            "source": self.source,
            "items": [asdict(item) for item in self.items],
            "problems": [_plain(problem) for problem in self.problems],
            "notes": [_plain(note) for note in self.notes],
        }


def _plain(text: str) -> str:
    """The text as it can be written: a file's name need not be UTF-8."""
    return text.encode(errors="surrogateescape").decode(errors="replace")


def _raw_file(site: OldSite, kind: str, course: str) -> RawFile | None:
    return site.events(course) if kind == "events" else site.counts(course)


class Planner:
    """Looks through the source, and asks what is here already. Changes nothing anywhere."""

    def __init__(self, call: Call, site: OldSite, only: Sequence[str]) -> None:
        self._call = call
        self._site = site
        self._only = {unicodedata.normalize("NFC", name) for name in only}
        self._plan = Plan(site.identity, problems=list(site.problems))
        query = urlencode({"source": site.identity})
        self._done: dict[str, str] = call.client.ask("GET", f"{path('import')}?{query}")["items"]
        here = call.client.ask("GET", path("courses"))["courses"]
        self._here = {course["name"] for course in here}
        self._names = self._parsed("course", (course.name for course in site.courses), CourseName.parse)

    def plan(self) -> Plan:
        """The plan. Raises Failed(404) when a course of `--only` is none, WorldError when the source cannot be read."""
        strangers = self._only - {*self._names.values(), *self._here}
        if strangers:
            raise Failed(f"The source has no course “{min(strangers)}”.", 404)
        seen: set[str] = set()
        for course in self._site.courses:
            if self._is_meant(course.name) and self._names[course.name] not in seen:
                seen.add(self._names[course.name])
                self._course(course)
        if not self._only:
            people = self._site.people
            fingerprint = hashlib.sha256(people).hexdigest()[:32]
            self._add(Item("people", "people", "", size=len(people), files=1), fingerprint)
        self._students()
        self._call.console.end_bar()
        return self._plan

    def _is_meant(self, course: str) -> bool:
        name = self._names.get(course)
        return name is not None and (not self._only or name in self._only)

    def _course(self, old: OldCourse) -> None:
        name = self._names[old.name]
        state = "done" if name in self._here else "new"
        self._plan.items.append(Item(f"course/{name}", "course", state, name, parts=(old.name,)))
        chosen, note = image(
            old.image, CourseName(name), {old: CourseName(new) for old, new in self._names.items()}
        )
        if note and state == "new":
            self._plan.notes.append(f"course {name}: {note}")
        flags = {key: getattr(old, key) for key in ("autopull", "autobuild", "archived")}
        wish = {"git_url": old.git_url, "image": chosen, **flags}
        self._plan.wishes[name] = {key: value for key, value in wish.items() if value is not None}
        for kind in STOCKS:
            self._tree(f"{kind}/{name}", kind, name, (old.name,))
        self._areas(old.name)
        for kind in RAW:
            found = _raw_file(self._site, kind, old.name)
            if found is not None:
                parts = (old.name,)
                self._plan.items.append(Item(f"{kind}/{name}", kind, "new", name, "", parts, 1, found.size))

    def _areas(self, course: str) -> None:
        for area in self._site.folders("droparea", course):
            try:
                if AreaName.parse(area) != area:
                    self._plan.problems.append(f"droparea/{course}/{area}: give it a name in Unicode NFC")
            except Refused as refused:
                self._plan.problems.append(f"droparea/{course}/{area}: {refused.message}")

    def _students(self) -> None:
        folders = self._site.folders("students")
        names = self._parsed("student", folders, StudentName.parse)
        unknown: dict[str, int] = {}
        for number, folder in enumerate(folders):
            self._call.console.bar(number, len(folders), f"looking at {folder}")
            for course in self._site.folders("students", folder) if folder in names else ():
                name = self._names.get(course) or (course if course in self._here else None)
                if name is None:
                    unknown[course] = unknown.get(course, 0) + 1
                elif not self._only or name in self._only:
                    item = f"student/{name}/{names[folder]}"
                    self._tree(item, "student", name, (folder, course), names[folder])
        for course, trees in sorted(unknown.items()):
            self._plan.problems.append(
                f"students/*/{course}: {trees} trees of a course that is not known: left out"
            )

    def _tree(self, name: str, kind: str, course: str, parts: tuple[str, ...], student: str = "") -> None:
        try:
            survey = self._site.survey(kind, *parts)
        except WorldError as error:
            self._plan.problems.append(error.message)
            return
        if survey is None or (survey.files == 0 and kind != "student"):
            return
        shown = "/".join((kind if kind != "student" else "students", *parts))
        self._plan.problems += [f"{shown}/{problem}" for problem in survey.problems]
        self._plan.notes += [f"{shown}: {note}" for note in survey.notes]
        item = Item(name, kind, "", course, student, parts, survey.files, survey.size)
        self._add(item, survey.fingerprint)

    def _add(self, item: Item, fingerprint: str) -> None:
        item.fingerprint = fingerprint
        known = self._done.get(item.name)
        item.state = "new" if known is None else "done" if known == fingerprint else "changed"
        self._plan.items.append(item)

    def _parsed(
        self, kind: str, names: Iterator[str] | Sequence[str], parse: Callable[[str], str]
    ) -> dict[str, str]:
        """Our name for each of theirs; two that would be one are told, and the first counts."""
        parsed: dict[str, str] = {}
        taken: dict[str, str] = {}
        for name in names:
            try:
                ours = str(parse(name))
            except Refused as refused:
                self._plan.problems.append(f"{kind} {name!r}: {refused.message} Left out.")
                continue
            if taken.setdefault(ours, name) == name:
                parsed[name] = ours
            else:
                self._plan.problems.append(
                    f"{kind} {name!r}: is “{ours}” as well, like {taken[ours]!r}: left out."
                )
        return parsed


class Sender:
    """Does what is planned. One piece that fails holds up no other; a full disk ends it."""

    def __init__(self, call: Call, site: OldSite, plan: Plan, *, offline: bool) -> None:
        self._call = call
        self._site = site
        self._plan = plan
        self._offline = offline
        self._total = self._before = 0

    def send(self) -> None:
        """Send every piece that is to do. Raises Failed(503) when the disk is full, Unreachable when nbhostd goes."""
        todo = [item for item in self._plan.items if item.is_to_do]
        self._total = sum(item.size + _WEIGHT for item in todo)
        broken: set[str] = set()
        following = 0
        for item in todo:
            self._before, following = following, following + item.size + _WEIGHT
            self._progress(item, 0)
            if item.course in broken:
                self._fail(item, f"the course “{item.course}” is not here")
                continue
            try:
                item.result = self._one(item)
                item.state = "imported"
                self._tell(item)
            except Failed as error:
                if error.status == _NOT_NOW:
                    raise
                self._fail(item, error.message)
                broken |= {item.course} if item.kind == "course" else set()
            except NbhostdError as error:
                self._fail(item, error.message)
        self._call.console.end_bar()

    def _fail(self, item: Item, why: str) -> None:
        item.state, item.result = "failed", {"error": why}
        self._call.console.error(f"{item.name}: {why}")

    def _one(self, item: Item) -> Shape:
        match item.kind:
            case "course":
                return self._course(item)
            case "events" | "counted":
                return self._lines(item)
            case "people":
                data = self._site.people
                entry = Entry(FILE, "people.json", 0o600, 0, len(data))
                return self._put(path("import", "people"), item, iter((bytes(entry) + data, THE_END)))
            case "student":
                url = path("import", "workspaces", item.course, item.student, "files")
            case kind:
                url = path("import", "stock", STOCKS[kind], item.course)
        return self._put(url, item, self._site.parcel(item.kind, *item.parts, expect=item.fingerprint))

    def _put(self, url: str, item: Item, content: Iterator[bytes]) -> Shape:
        piece = {"source": self._plan.source, "item": item.name, "fingerprint": item.fingerprint}
        return self._call.client.upload(f"{url}?{urlencode(piece)}", self._counted(item, content))

    def _counted(self, item: Item, content: Iterator[bytes]) -> Iterator[bytes]:
        sent = shown = 0
        for piece in content:
            yield piece
            sent += len(piece)
            if sent - shown > _SHOWN_EVERY:
                shown = sent
                self._progress(item, sent)

    def _progress(self, item: Item, sent: int) -> None:
        done = self._before + min(sent, item.size)
        self._call.console.bar(done >> 10, max(self._total >> 10, 1), f"kB  {item.name}")

    def _course(self, item: Item) -> Shape:
        """From its address; where that cannot be reached, from the repository in the source."""
        wish, url = self._plan.wishes[item.course], path("import", "courses", item.course)
        if "git_url" in wish and not self._offline:
            try:
                return self._call.follow_quietly("POST", url, wish)
            except Failed as error:
                if self._site.survey("git", *item.parts) is None:
                    raise
                self._call.console.warn(
                    f"{item.course}: {error.message} The repository in the source is taken."
                )
        if self._site.survey("git", *item.parts) is None:
            raise Failed("It has no address, and the source has no repository of it.", 400)
        copy = Item(f"git/{item.course}", "git", "new", fingerprint="-")
        self._put(path("import", "stock", "import", item.course), copy, self._site.parcel("git", *item.parts))
        return self._call.follow_quietly("POST", url, {**wish, "from_copy": True})

    def _lines(self, item: Item) -> Shape:
        name, parse, noun = RAW[item.kind]
        query = urlencode({"source": self._plan.source, "item": item.name})
        url = f"{path('import', item.kind, item.course)}?{query}"
        progress = self._call.client.ask("GET", url)["progress"]
        file = _raw_file(self._site, item.kind, item.parts[0])
        if file is None:
            raise Failed("The file went away.", 404)
        reading = Reading(parse, noun)
        lines = reading.sent(file.lines(progress))
        added = self._call.client.upload(url, self._counted(item, lines))["added"]
        self._plan.problems += [f"raw/{item.parts[0]}/{name}: {fault}" for fault in reading.faults()]
        return {"added": added, "bad_lines": reading.bad}

    def _tell(self, item: Item) -> None:
        result: dict[str, Any] = item.result
        if result.get("troubles"):
            item.state = "incomplete"
        for trouble in result.get("troubles", ()):
            self._plan.problems.append(f"{item.name}: {trouble}")
        kept = result.get("kept_count", 0)
        if kept:
            first = ", ".join(result["kept"][:3])
            self._plan.notes.append(
                f"{item.name}: {kept} files are others here, and stay ({first}{' …' * (kept > 3)})"
            )
