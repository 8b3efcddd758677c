"""The Store port on SQLite: what was intended, who is who, and which secret opens what."""

from __future__ import annotations

from dataclasses import astuple
from datetime import UTC, datetime
from pathlib import Path

from nbhostd.adapters.database import Connection, Database, Row
from nbhostd.adapters.migrations import STORE
from nbhostd.core.errors import Refused
from nbhostd.core.model import Course, Intent, Job, JobState, Mode, Run, Student, Workspace
from nbhostd.core.names import CourseName, StudentName, WorkspaceId

WORKSPACES = """
    SELECT w.*, c.name AS course_name, s.name AS student_name
    FROM workspaces w JOIN courses c ON c.number = w.course JOIN students s ON s.uid = w.uid
"""


class SqliteStore:
    """The Store of `core/ports.py`; times are kept as UTC ISO 8601 text, which sorts as time does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    async def open(cls, path: Path) -> SqliteStore:
        """The store in the file `path`, checked and brought up to date."""
        return cls(await Database.open(path, STORE))

    @property
    def database(self) -> Database:
        """The file, for the other rooms that keep their tables in it."""
        return self._database

    async def close(self) -> None:
        """Finish what was being written."""
        await self._database.close()

    # courses

    async def courses(self) -> list[Course]:
        """Every course, by name."""
        return await self._database.read(
            lambda db: [_course(row) for row in db.execute("SELECT * FROM courses ORDER BY name")]
        )

    async def course(self, name: CourseName) -> Course | None:
        """The course of that name, or None."""

        def find(db: Connection) -> Course | None:
            row = db.execute("SELECT * FROM courses WHERE name = ?", (name,)).fetchone()
            return _course(row) if row else None

        return await self._database.read(find)

    async def create_course(
        self, name: CourseName, git_url: str, branch: str | None, image: str, now: datetime
    ) -> Course:
        """A new course with a number of its own. Raises Refused(409) when the name is taken."""

        def create(db: Connection) -> Course:
            row = db.execute(
                "INSERT INTO courses (name, git_url, branch, image) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (name) DO NOTHING RETURNING *",
                (name, git_url, branch, image),
            ).fetchone()
            if row is None:
                raise Refused(f"There is already a course “{name}”.", status=409, reason="course-exists")
            return _course(row)

        return await self._database.write(create)

    async def update_course(self, course: Course) -> None:
        """Store everything of the course but its number and name."""

        def update(db: Connection) -> None:
            db.execute(
                "UPDATE courses SET git_url = ?, branch = ?, image = ?, autopull = ?, archived = ?,"
                " commit_id = ?, pulled_at = ?, autobuild = ?, public_builds = ? WHERE number = ?",
                (
                    course.git_url, course.branch, course.image, course.autopull, course.archived,
                    course.commit, _text(course.pulled_at) if course.pulled_at else None,
                    course.autobuild, course.public_builds, course.number,
                ),
            )  # fmt: skip

        await self._database.write(update)

    async def rename_course(self, old: CourseName, new: CourseName) -> None:
        """Give a course another name. Raises Refused(409) when it is taken."""

        def rename(db: Connection) -> None:
            if db.execute("SELECT 1 FROM courses WHERE name = ?", (new,)).fetchone():
                raise Refused(f"There is already a course “{new}”.", status=409, reason="course-exists")
            db.execute("UPDATE courses SET name = ? WHERE name = ?", (new, old))

        await self._database.write(rename)

    async def delete_course(self, name: CourseName) -> None:
        """Forget a course; not being there is success. Raises Refused(409) while it has workspaces."""

        def delete(db: Connection) -> None:
            used = db.execute(
                "SELECT 1 FROM workspaces w JOIN courses c ON c.number = w.course WHERE c.name = ? LIMIT 1",
                (name,),
            ).fetchone()
            if used:
                raise Refused(
                    f"The course “{name}” still has workspaces.", status=409, reason="course-in-use"
                )
            db.execute("DELETE FROM courses WHERE name = ?", (name,))

        await self._database.write(delete)

    # students and workspaces

    async def student(self, name: StudentName) -> Student | None:
        """The student of that name, or None for somebody never seen."""

        def find(db: Connection) -> Student | None:
            row = db.execute("SELECT uid, name FROM students WHERE name = ?", (name,)).fetchone()
            return Student(row["uid"], StudentName(row["name"])) if row else None

        return await self._database.read(find)

    async def ensure_workspace(self, id: WorkspaceId, mode: Mode, label: str, now: datetime) -> Workspace:
        """The workspace, made with its student (and a fresh uid) when new; a known one stays as it is.

        Raises Refused(404) when there is no such course.
        """
        known = await self.workspace(id)
        if known is not None:
            return known  # the usual case costs no write

        def ensure(db: Connection) -> Workspace:
            course = db.execute("SELECT number FROM courses WHERE name = ?", (id.course,)).fetchone()
            if course is None:
                raise Refused(f"There is no course “{id.course}”.", status=404, reason="no-such-course")
            uid = _ensure_student(db, id.student)
            db.execute(
                "INSERT INTO workspaces (course, uid, label, mode, intent, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (course, uid) DO NOTHING",
                (course["number"], uid, label, mode.value, Intent.COLD.value, _text(now)),
            )
            return _workspace(
                db.execute(
                    WORKSPACES + "WHERE w.course = ? AND w.uid = ?", (course["number"], uid)
                ).fetchone()
            )

        return await self._database.write(ensure)

    async def workspace(self, id: WorkspaceId) -> Workspace | None:
        """The workspace of that pair, or None."""
        return await self._one_workspace("WHERE c.name = ? AND s.name = ?", id.course, id.student)

    async def workspace_by_number(self, number: int) -> Workspace | None:
        """The workspace of that number, or None."""
        return await self._one_workspace("WHERE w.number = ?", number)

    async def workspaces(
        self, course: CourseName | None = None, *, intent: Intent | None = None
    ) -> list[Workspace]:
        """Every workspace (of a course, of an intent), by number."""
        wanted = {"c.name = ?": course, "w.intent = ?": intent.value if intent else None}
        given = {condition: value for condition, value in wanted.items() if value is not None}
        where = f"WHERE {' AND '.join(given)}" if given else ""
        return await self._database.read(
            lambda db: [
                _workspace(row)
                for row in db.execute(f"{WORKSPACES} {where} ORDER BY w.number", tuple(given.values()))
            ]
        )

    async def set_mode(self, number: int, mode: Mode) -> None:
        """Write down how a workspace gets its content."""
        await self._execute("UPDATE workspaces SET mode = ? WHERE number = ?", mode.value, number)

    async def set_intent(self, number: int, intent: Intent, armed_spec: str) -> None:
        """Remember what is wanted of a workspace, and what its armed socket was made from."""
        await self._execute(
            "UPDATE workspaces SET intent = ?, armed_spec = ? WHERE number = ?",
            intent.value,
            armed_spec,
            number,
        )

    async def delete_workspace(self, number: int) -> None:
        """Forget a workspace and its run; the student keeps their uid. Not being there is success."""
        await self._execute("DELETE FROM workspaces WHERE number = ?", number)

    # runs

    async def put_run(self, run: Run) -> None:
        """Replace the workspace's current run."""
        workspace, secret, token, image, started_at, cookie_seen, cookie_refused = astuple(run)
        await self._execute(
            "INSERT OR REPLACE INTO runs"
            " (workspace, secret, token, image, started_at, cookie_seen, cookie_refused)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            workspace, secret, token, image, _text(started_at), cookie_seen, cookie_refused,
        )  # fmt: skip

    async def run_by_secret(self, secret: str) -> tuple[Workspace, Run] | None:
        """Whom a capability belongs to, or None."""

        def find(db: Connection) -> tuple[Workspace, Run] | None:
            row = db.execute("SELECT * FROM runs WHERE secret = ?", (secret,)).fetchone()
            if row is None:
                return None
            found = db.execute(WORKSPACES + "WHERE w.number = ?", (row["workspace"],)).fetchone()
            return _workspace(found), _run(row)

        return await self._database.read(find)

    async def run_of(self, workspace: int) -> Run | None:
        """The workspace's current run, or None before its first start."""

        def find(db: Connection) -> Run | None:
            row = db.execute("SELECT * FROM runs WHERE workspace = ?", (workspace,)).fetchone()
            return _run(row) if row else None

        return await self._database.read(find)

    async def runs(self) -> list[Run]:
        """Every workspace's current run."""
        return await self._database.read(
            lambda db: [_run(row) for row in db.execute("SELECT * FROM runs ORDER BY workspace")]
        )

    # launches

    async def use_nonce(self, nonce: str, expires: datetime, now: datetime) -> bool:
        """True the first time, False ever after; nonces that have expired are forgotten."""

        def use(db: Connection) -> bool:
            db.execute("DELETE FROM nonces WHERE expires < ?", (_text(now),))
            inserted = db.execute(
                "INSERT INTO nonces (nonce, expires) VALUES (?, ?) ON CONFLICT (nonce) DO NOTHING",
                (nonce, _text(expires)),
            )
            return inserted.rowcount == 1

        return await self._database.write(use)

    # jobs

    async def create_job(self, kind: str, subject: str, now: datetime, begun_by: str = "") -> Job:
        """A job that has begun, with a number of its own."""

        def create(db: Connection) -> Job:
            row = db.execute(
                "INSERT INTO jobs (kind, subject, state, started_at, begun_by) VALUES (?, ?, ?, ?, ?) RETURNING *",
                (kind, subject, JobState.RUNNING.value, _text(now), begun_by),
            ).fetchone()
            return _job(row)

        return await self._database.write(create)

    async def end_job(self, number: int, state: JobState, message: str, now: datetime) -> None:
        """Record how a job ended."""
        await self._execute(
            "UPDATE jobs SET state = ?, message = ?, ended_at = ? WHERE number = ?",
            state.value, message, _text(now), number,
        )  # fmt: skip

    async def jobs(self, *, limit: int = 50, course: str | None = None) -> list[Job]:
        """The latest jobs (about a course: its name, or that and more behind a slash), newest first."""
        # "0" is what comes after "/": a range that an index can find.
        where = "" if course is None else "WHERE subject = ? OR (subject > ? AND subject < ?)"
        about = () if course is None else (course, f"{course}/", f"{course}0")
        return await self._database.read(
            lambda db: [
                _job(row)
                for row in db.execute(
                    f"SELECT * FROM jobs {where} ORDER BY number DESC LIMIT ?", (*about, limit)
                )
            ]
        )

    async def job(self, number: int) -> Job | None:
        """The job of that number, or None."""

        def find(db: Connection) -> Job | None:
            row = db.execute("SELECT * FROM jobs WHERE number = ?", (number,)).fetchone()
            return _job(row) if row else None

        return await self._database.read(find)

    async def _execute(self, statement: str, *values: object) -> None:
        def run(db: Connection) -> None:
            db.execute(statement, values)

        await self._database.write(run)

    async def _one_workspace(self, where: str, *values: object) -> Workspace | None:
        def find(db: Connection) -> Workspace | None:
            row = db.execute(WORKSPACES + where, values).fetchone()
            return _workspace(row) if row else None

        return await self._database.read(find)


def _ensure_student(db: Connection, name: StudentName) -> int:
    """The student's uid, fresh when new. Looked up first: a refused INSERT would burn a number."""
    row = db.execute("SELECT uid FROM students WHERE name = ?", (name,)).fetchone()
    if row is None:
        row = db.execute("INSERT INTO students (name) VALUES (?) RETURNING uid", (name,)).fetchone()
    return int(row["uid"])


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _course(row: Row) -> Course:
    return Course(
        number=row["number"],
        name=CourseName(row["name"]),
        git_url=row["git_url"],
        branch=row["branch"],
        image=row["image"],
        autopull=bool(row["autopull"]),
        archived=bool(row["archived"]),
        commit=row["commit_id"],
        pulled_at=_moment(row["pulled_at"]),
        autobuild=bool(row["autobuild"]),
        public_builds=bool(row["public_builds"]),
    )


def _workspace(row: Row) -> Workspace:
    return Workspace(
        number=row["number"],
        id=WorkspaceId(CourseName(row["course_name"]), StudentName(row["student_name"])),
        uid=row["uid"],
        label=row["label"],
        mode=Mode(row["mode"]),
        intent=Intent(row["intent"]),
        armed_spec=row["armed_spec"],
        created_at=_moment(row["created_at"]),
    )


def _run(row: Row) -> Run:
    return Run(
        workspace=row["workspace"],
        secret=row["secret"],
        token=row["token"],
        image=row["image"],
        started_at=datetime.fromisoformat(row["started_at"]),
        cookie_seen=bool(row["cookie_seen"]),
        cookie_refused=bool(row["cookie_refused"]),
    )


def _job(row: Row) -> Job:
    return Job(
        number=row["number"],
        kind=row["kind"],
        subject=row["subject"],
        state=JobState(row["state"]),
        started_at=datetime.fromisoformat(row["started_at"]),
        ended_at=_moment(row["ended_at"]),
        message=row["message"],
        begun_by=row["begun_by"],
    )
