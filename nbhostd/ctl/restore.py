"""nbhostctl restore"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from urllib.parse import quote, urlencode

from nbhostd.core import imagenames
from nbhostd.core.archive import ArchiveReader, Archives, ConfigurationFiles, Manifest, Sum
from nbhostd.core.backup import CONFIGURATION
from nbhostd.core.errors import NbhostdError
from nbhostd.core.names import CourseName
from nbhostd.core.parcel import FILE, Entry
from nbhostd.ctl.client import Failed, Shape, Unreachable, path
from nbhostd.ctl.command import Call, SubParsers, WrongUsage, add_command
from nbhostd.ctl.console import FAILED, OK, USAGE, local_time, size

_MORE = """\
examples:
  nbhostctl restore site.tar.gz --dry-run      is it whole, what is in it, and may it come here?
  nbhostctl restore site.tar.gz                onto a fresh installation
  nbhostctl restore site.tar.gz --replace      in the place of the site that is here
  nbhostctl restore --abandon                  forget a restore that was not ended

All of it is verified, then brought beside the site that is here, which goes on unchanged; only when it is whole,
nbhostd starts anew and puts it in its place in one go. Interrupted before that, the same command goes on with it.
What was here before is kept in /var/lib/nbhostd/before-restore-DATE, until you remove it, and files of
/etc/nbhostd that differ as NAME.before-DATE. Images are not restored: it says which ones to build."""

_SHOWN_EVERY = 4 << 20
_CONFLICT = 409
_MOST_TOLD = 20
_PATIENCE = 240
_PAUSE = 0.5

Files = dict[str, tuple[int, bytes]]


def add(parsers: SubParsers, archives: Archives, configuration: ConfigurationFiles) -> None:
    """The parser."""
    command = add_command(
        parsers, "restore", partial(_restore, archives, configuration), "bring a site back from a backup",
        more=_MORE,
    )  # fmt: skip
    command.add_argument("file", metavar="FILE", nargs="?", help="what nbhostctl backup made")
    command.add_argument("--dry-run", action="store_true", help="only verify it, and say what would be done")
    command.add_argument(
        "--replace", action="store_true", help="put the courses and students that are here aside"
    )
    command.add_argument("--yes", action="store_true", help="do not ask")
    command.add_argument("--without-students", action="store_true", help="leave students' files out")
    command.add_argument(
        "--keep-configuration", action="store_true", help="leave /etc/nbhostd of this computer as it is"
    )
    command.add_argument("--abandon", action="store_true", help="forget a restore that was not ended")


def _restore(archives: Archives, configuration: ConfigurationFiles, call: Call) -> int:
    if call.args.abandon:
        call.client.ask("DELETE", path("restore"))
        call.console.progress("The restore is abandoned; the site is as it was.")
        return OK
    if not call.args.file:
        raise WrongUsage("Which FILE?")
    try:
        return _of(call, archives.open(call.args.file), configuration)
    except NbhostdError as error:
        raise Failed(error.message, error.status, error.detail) from error
    finally:
        call.console.end_bar()


def _of(call: Call, archive: ArchiveReader, configuration: ConfigurationFiles) -> int:
    manifest = archive.manifest
    sums = archive.verify(
        lambda done, total, what: call.console.bar(done >> 10, max(total >> 10, 1), f"kB  {what}")
    )
    call.console.end_bar()
    files = {} if call.args.keep_configuration else _configuration(archive)
    state = call.client.ask("GET", path("restore"))
    refusals = [*_refusals(call, manifest, state), *configuration.faults(files)]
    if call.args.dry_run:
        return _dry_run(call, manifest, sums, state, refusals)
    if refusals:
        raise Failed("\n".join(refusals), _CONFLICT)
    if call.args.replace and not call.args.yes:
        agreed = call.confirm("Put the site that is here aside, and the backup in its place?")
        if agreed is None:
            call.console.error("Nobody is here to ask: add --yes to restore without asking.")
            return USAGE
        if not agreed:
            call.console.error("Nothing was changed.")
            return FAILED
    bringing = _Bringing(call, archive, manifest, sums)
    bringing.bring()
    stamp = f"{call.now:%Y%m%d-%H%M%S}"
    written = configuration.put(files, stamp)
    bringing.finish()
    return _tell(call, manifest, bringing, written, stamp)


def _configuration(archive: ArchiveReader) -> Files:
    """The files of /etc/nbhostd in a backup, by path."""
    for name, parcel in archive.parts():
        if name == CONFIGURATION:
            return _files(parcel)
    return {}


def _files(parcel: Iterator[bytes]) -> Files:
    files: Files = {}
    for line in parcel:
        entry = Entry.parse(line)
        if entry.kind == FILE:
            content = b""
            while len(content) < entry.size:
                content += next(parcel)
            files[entry.path] = (entry.mode, content)
    return files


def _refusals(call: Call, manifest: Manifest, state: Shape) -> list[str]:
    refusals = []
    if any(step > state["schema"].get(name, 0) for name, step in manifest.schema.items()):
        refusals.append(
            f"The backup is of nbhostd {manifest.version}, which is newer: upgrade this one first."
        )
    if (state["courses"] or state["workspaces"]) and not call.args.replace:
        refusals.append(
            f"This site has {state['courses']} courses and {state['workspaces']} workspaces: --replace puts"
            " them aside."
        )
    if state["awake"]:
        refusals.append(f"{state['awake']} workspaces run here: stop them first (nbhostctl stop).")
    return refusals


def _dry_run(call: Call, manifest: Manifest, sums: dict[str, Sum], state: Shape, refusals: list[str]) -> int:
    spaces = sum(name.startswith("workspaces/") for name in sums)
    files, total = sum(one.files for one in sums.values()), sum(one.size for one in sums.values())
    if call.console.as_json:
        shape = {"manifest": manifest.shape(), "files": files, "size": total, "refusals": refusals}
        call.console.json({**shape, "images_missing": _missing(manifest, state["images"])})
        return FAILED if refusals else OK
    call.console.line(
        f"It is whole: {manifest.host}, {local_time(manifest.made_at)}, nbhostd {manifest.version}, {files} files,"
        f" {size(total)}."
    )
    for course in manifest.courses:
        call.console.line(f"course {course['name']} at {(course['commit'] or '-')[:10]}")
    call.console.line(
        f"students' files: {spaces} workspaces" if manifest.students else "students' files: not in it"
    )
    _tell_images(call, manifest, state["images"])
    for refusal in refusals:
        call.console.error(refusal)
    call.console.line("Nothing was changed: this was a dry run.")
    return FAILED if refusals else OK


class _Bringing:
    """Brings a backup's parts to the daemon."""

    def __init__(self, call: Call, archive: ArchiveReader, manifest: Manifest, sums: dict[str, Sum]) -> None:
        self._call = call
        self._archive = archive
        self._manifest = manifest
        self._sums = sums
        self._total = sum(one.size for one in sums.values())
        self._before = 0
        self.troubles: list[str] = []
        self.state: Shape = {}

    def bring(self) -> None:
        """Every part that is not there yet. What is interrupted leaves the site as it was."""
        try:
            self._bring()
        except (KeyboardInterrupt, Failed, Unreachable, NbhostdError):
            self._call.console.end_bar()
            self._call.console.warn(
                "the restore was interrupted; the site here is as it was. The same command goes on with it,"
                " nbhostctl restore --abandon forgets it."
            )
            raise

    def _bring(self) -> None:
        begun = self._call.client.ask(
            "POST", path("restore"),
            {"id": self._manifest.id, "told": self._manifest.told(), "size": self._total,
             "replace": self._call.args.replace},
        )  # fmt: skip
        here = {CONFIGURATION, *begun["parts"]}
        for name, parcel in self._archive.parts():
            if name not in here and not (self._call.args.without_students and name.startswith("workspaces/")):
                self._part(name, parcel)
            self._before += self._sums[name].size

    def _part(self, name: str, parcel: Iterator[bytes]) -> None:
        url = f"{path('restore', 'parts')}/{quote(name)}?{urlencode({'id': self._manifest.id})}"
        done = self._call.client.upload(url, _counted(parcel, self._progress(name)))
        self.troubles += [f"{name}: {trouble}" for trouble in done["troubles"]]
        self.troubles += [f"{name}: {kept}: something else is there" for kept in done["kept"]]

    def _progress(self, name: str) -> Callable[[int], None]:
        def show(sent: int) -> None:
            done = self._before + sent
            self._call.console.bar(done >> 10, max(self._total, done, 1024) >> 10, f"kB  {name}")

        return show

    def finish(self) -> None:
        """Have the daemon start anew with it, and wait until it has."""
        self._call.console.end_bar()
        self._call.follow_quietly("POST", path("restore", "finish"), {"id": self._manifest.id})
        wait = threading.Event()
        for _ in range(_PATIENCE):
            try:
                self.state = self._call.client.ask("GET", path("restore"))
            except Unreachable:
                self.state = {}
            restored = self.state.get("restored") or {}
            if restored.get("id") == self._manifest.id and self.state["staging"] is None:
                return
            wait.wait(_PAUSE)
        raise Failed(
            "All of it is here, and takes its place when nbhostd has started: systemctl status nbhostd", 500
        )


def _counted(parcel: Iterator[bytes], tell: Callable[[int], None]) -> Iterator[bytes]:
    sent = told = 0
    tell(0)
    for piece in parcel:
        yield piece
        sent += len(piece)
        if sent - told > _SHOWN_EVERY:
            told = sent
            tell(sent)


def _tell(call: Call, manifest: Manifest, bringing: _Bringing, written: list[str], stamp: str) -> int:
    state, troubles = bringing.state, bringing.troubles
    if call.console.as_json:
        shape = {"restored": state["restored"], "configuration": written, "troubles": troubles}
        call.console.json({**shape, "images_missing": _missing(manifest, state["images"])})
        return FAILED if troubles else OK
    for trouble in troubles[:_MOST_TOLD]:
        call.console.warn(trouble)
    if len(troubles) > _MOST_TOLD:
        call.console.warn(f"and {len(troubles) - _MOST_TOLD} more files could not be written")
    call.console.line(
        f"The site of {manifest.host}, {local_time(manifest.made_at)}, is in its place: {state['courses']} courses,"
        f" {state['workspaces']} workspaces."
    )
    if not manifest.students or call.args.without_students:
        call.console.line("Students' files are not restored: they begin anew.")
    for file in written:
        call.console.line(f"{file}: restored (what differed is {file}.before-{stamp})")
    call.console.line(
        f"What was here before is in {state['restored']['aside']}: remove it when you are sure."
    )
    _tell_images(call, manifest, state["images"])
    return FAILED if troubles else OK


def _missing(manifest: Manifest, here: list[str] | None) -> dict[str, str]:
    """What courses want and is not here: by image, what nbhostctl image build is to be given ('' when it cannot)."""
    names = {name.removesuffix(":latest") for name in here or ()}
    missing: dict[str, str] = {}
    for course in manifest.courses:
        image, name = str(course["image"]), str(course["name"])
        if image.removesuffix(":latest") not in names:
            own = image == imagenames.course_image(CourseName(name))
            kinds = [kind for kind in imagenames.KINDS if image == imagenames.kind_image(kind)]
            missing[image] = name if own else "".join(kinds)
    return missing


def _tell_images(call: Call, manifest: Manifest, here: list[str] | None) -> None:
    if here is None:
        call.console.warn("Podman could not be asked for the images; nbhostctl image list")
        return
    for image, build in _missing(manifest, here).items():
        how = f"nbhostctl image build {build}" if build else "podman pull, as the user nbhostd"
        call.console.line(f"missing image {imagenames.shown(image)}: {how}")
