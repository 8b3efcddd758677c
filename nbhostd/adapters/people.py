"""The People port on SQLite: accounts, groups, and whose courses are whose."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from nbhostd.adapters.database import Connection, Database, Row
from nbhostd.core.errors import Refused
from nbhostd.core.names import CourseName, StudentName
from nbhostd.core.people import CourseAccess, Group, GroupName, User

GROUPS_OF = "SELECT g.name FROM memberships m JOIN groups g ON g.number = m.group_number WHERE m.user = ?"


class SqlitePeople:
    """People of `core/ports_accounts.py`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # accounts

    async def users(self) -> list[User]:
        """Every account, by name."""
        return await self._users("ORDER BY name")

    async def user(self, name: StudentName) -> User | None:
        """The account of that name, or None."""
        return next(iter(await self._users("WHERE name = ?", name)), None)

    async def user_by_number(self, number: int) -> User | None:
        """The account of that number, or None."""
        return next(iter(await self._users("WHERE number = ?", number)), None)

    async def users_by_email(self, email: str) -> list[User]:
        """The accounts with this address, whatever its case."""
        return await self._users("WHERE email = ? COLLATE NOCASE AND email <> '' ORDER BY name", email)

    async def create_user(self, user: User, now: datetime) -> User:
        """A new account. Raises Refused(409) when the name is taken."""

        def create(db: Connection) -> User:
            row = db.execute(
                "INSERT INTO users (name, email, first_name, last_name, password, admin, staff, active, language,"
                " created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING RETURNING *",
                (
                    user.name, user.email, user.first_name, user.last_name, user.password, user.admin, user.staff,
                    user.active, user.language, now.astimezone(UTC).isoformat(),
                ),
            ).fetchone()  # fmt: skip
            if row is None:
                raise Refused(
                    f"There is already an account “{user.name}”.", status=409, reason="account-exists"
                )
            return user_of(row)

        return await self._database.write(create)

    async def update_user(self, user: User) -> None:
        """Store everything of the account but its number, name and creation."""
        await self._execute(
            "UPDATE users SET email = ?, first_name = ?, last_name = ?, password = ?, admin = ?, staff = ?,"
            " active = ?, language = ? WHERE number = ?",
            user.email, user.first_name, user.last_name, user.password, user.admin, user.staff, user.active,
            user.language, user.number,
        )  # fmt: skip

    async def note_login(self, number: int, now: datetime) -> None:
        """Remember when somebody logged in last."""
        await self._execute(
            "UPDATE users SET last_login = ? WHERE number = ?", now.astimezone(UTC).isoformat(), number
        )

    async def delete_user(self, number: int) -> None:
        """Forget an account with all that hangs on it; not being there is success."""
        await self._execute("DELETE FROM users WHERE number = ?", number)

    # groups

    async def groups(self) -> list[Group]:
        """Every group, by name."""
        return await self._database.read(
            lambda db: [_group(db, row) for row in db.execute("SELECT * FROM groups ORDER BY name")]
        )

    async def group(self, name: GroupName) -> Group | None:
        """The group of that name, or None."""

        def find(db: Connection) -> Group | None:
            row = db.execute("SELECT * FROM groups WHERE name = ?", (name,)).fetchone()
            return _group(db, row) if row else None

        return await self._database.read(find)

    async def create_group(self, name: GroupName) -> Group:
        """The group, new or as it is."""

        def create(db: Connection) -> Group:
            _ensure_group(db, name)
            return _group(db, db.execute("SELECT * FROM groups WHERE name = ?", (name,)).fetchone())

        return await self._database.write(create)

    async def rename_group(self, old: GroupName, new: GroupName) -> None:
        """Give a group another name, in courses' staff too. Raises Refused(409) when it is taken."""

        def rename(db: Connection) -> None:
            if db.execute("SELECT 1 FROM groups WHERE name = ?", (new,)).fetchone():
                raise Refused(f"There is already a group “{new}”.", status=409, reason="group-exists")
            db.execute("UPDATE groups SET name = ? WHERE name = ?", (new, old))
            db.execute("UPDATE course_staff SET entry = ? WHERE entry = ?", (f"@{new}", f"@{old}"))

        await self._database.write(rename)

    async def delete_group(self, name: GroupName) -> None:
        """Forget a group; its members and courses stay. Not being there is success."""

        def delete(db: Connection) -> None:
            db.execute("DELETE FROM groups WHERE name = ?", (name,))
            db.execute("DELETE FROM course_staff WHERE entry = ?", (f"@{name}",))

        await self._database.write(delete)

    async def add_members(self, group: GroupName, users: Iterable[StudentName]) -> int:
        """Make accounts members; how many were not before. Names without an account are left out."""
        names = tuple(users)

        def add(db: Connection) -> int:
            number = _ensure_group(db, group)
            return sum(
                db.execute(
                    "INSERT INTO memberships (group_number, user) SELECT ?, number FROM users WHERE name = ?"
                    " ON CONFLICT DO NOTHING",
                    (number, name),
                ).rowcount
                for name in names
            )

        return await self._database.write(add)

    async def remove_members(self, group: GroupName, users: Iterable[StudentName]) -> int:
        """Take accounts out of a group; how many were in it."""
        names = tuple(users)

        def remove(db: Connection) -> int:
            return sum(
                db.execute(
                    "DELETE FROM memberships WHERE group_number = (SELECT number FROM groups WHERE name = ?)"
                    " AND user = (SELECT number FROM users WHERE name = ?)",
                    (group, name),
                ).rowcount
                for name in names
            )

        return await self._database.write(remove)

    async def groups_of(self, user: int) -> frozenset[str]:
        """The names of an account's groups."""
        return await self._database.read(lambda db: groups_of(db, user))

    # courses

    async def access(self, course: CourseName) -> CourseAccess | None:
        """Whose course it is; None when there is no such course."""

        def find(db: Connection) -> CourseAccess | None:
            row = db.execute("SELECT number, name FROM courses WHERE name = ?", (course,)).fetchone()
            return _access(db, row) if row else None

        return await self._database.read(find)

    async def accesses(self) -> list[CourseAccess]:
        """Of every course, by name."""
        return await self._database.read(
            lambda db: [
                _access(db, row) for row in db.execute("SELECT number, name FROM courses ORDER BY name")
            ]
        )

    async def set_groups(self, course: CourseName, groups: Iterable[GroupName]) -> None:
        """The groups whose course it is from now on; unknown ones are made."""
        names = tuple(groups)

        def put(db: Connection) -> None:
            number = _course_number(db, course)
            db.execute("DELETE FROM course_groups WHERE course = ?", (number,))
            for name in dict.fromkeys(names):
                db.execute(
                    "INSERT INTO course_groups (course, group_number) VALUES (?, ?)",
                    (number, _ensure_group(db, name)),
                )

        await self._database.write(put)

    async def set_staff(self, course: CourseName, staff: Iterable[str]) -> None:
        """The course's staff from now on, in this order."""
        entries = tuple(dict.fromkeys(staff))

        def put(db: Connection) -> None:
            number = _course_number(db, course)
            db.execute("DELETE FROM course_staff WHERE course = ?", (number,))
            db.executemany(
                "INSERT INTO course_staff (course, place, entry) VALUES (?, ?, ?)",
                [(number, place, entry) for place, entry in enumerate(entries)],
            )

        await self._database.write(put)

    # identities

    async def user_of_identity(self, issuer: str, subject: str) -> User | None:
        """The account that this identity of an OpenID provider belongs to, or None."""
        where = "WHERE number = (SELECT user FROM identities WHERE issuer = ? AND subject = ?)"
        return next(iter(await self._users(where, issuer, subject)), None)

    async def identities_of(self, user: int) -> list[tuple[str, str]]:
        """Issuer and subject of each identity that logs in as this account."""
        statement = "SELECT issuer, subject FROM identities WHERE user = ? ORDER BY issuer, subject"
        return await self._database.read(
            lambda db: [(row["issuer"], row["subject"]) for row in db.execute(statement, (user,))]
        )

    async def add_identity(self, user: int, issuer: str, subject: str) -> None:
        """From now on this identity logs in as this account."""
        await self._execute(
            "INSERT OR REPLACE INTO identities (issuer, subject, user) VALUES (?, ?, ?)",
            issuer,
            subject,
            user,
        )

    async def _users(self, where: str, *values: object) -> list[User]:
        return await self._database.read(
            lambda db: [user_of(row) for row in db.execute(f"SELECT * FROM users {where}", values)]
        )

    async def _execute(self, statement: str, *values: object) -> None:
        def run(db: Connection) -> None:
            db.execute(statement, values)

        await self._database.write(run)


def user_of(row: Row) -> User:
    """An account, from its row."""
    return User(
        number=row["number"],
        name=StudentName(row["name"]),
        email=row["email"],
        first_name=row["first_name"],
        last_name=row["last_name"],
        password=row["password"],
        admin=bool(row["admin"]),
        staff=bool(row["staff"]),
        active=bool(row["active"]),
        language=row["language"],
        created_at=datetime.fromisoformat(row["created_at"]),
        last_login=datetime.fromisoformat(row["last_login"]) if row["last_login"] else None,
    )


def groups_of(db: Connection, user: int) -> frozenset[str]:
    """The names of an account's groups."""
    return frozenset(row[0] for row in db.execute(GROUPS_OF, (user,)))


def _ensure_group(db: Connection, name: GroupName) -> int:
    row = db.execute("SELECT number FROM groups WHERE name = ?", (name,)).fetchone()
    if row is None:
        row = db.execute("INSERT INTO groups (name) VALUES (?) RETURNING number", (name,)).fetchone()
    return int(row["number"])


def _course_number(db: Connection, course: CourseName) -> int:
    row = db.execute("SELECT number FROM courses WHERE name = ?", (course,)).fetchone()
    if row is None:
        raise Refused(f"There is no course “{course}”.", status=404, reason="no-such-course")
    return int(row["number"])


def _group(db: Connection, row: Row) -> Group:
    members = db.execute(
        "SELECT u.name FROM memberships m JOIN users u ON u.number = m.user WHERE m.group_number = ? ORDER BY u.name",
        (row["number"],),
    )
    courses = db.execute(
        "SELECT c.name FROM course_groups g JOIN courses c ON c.number = g.course"
        " WHERE g.group_number = ? ORDER BY c.name",
        (row["number"],),
    )
    return Group(
        row["number"],
        GroupName(row["name"]),
        tuple(StudentName(member[0]) for member in members),
        tuple(CourseName(course[0]) for course in courses),
    )


def _access(db: Connection, row: Row) -> CourseAccess:
    groups = db.execute(
        "SELECT g.name FROM course_groups c JOIN groups g ON g.number = c.group_number WHERE c.course = ?",
        (row["number"],),
    )
    staff = db.execute("SELECT entry FROM course_staff WHERE course = ? ORDER BY place", (row["number"],))
    return CourseAccess(
        CourseName(row["name"]), frozenset(one[0] for one in groups), tuple(one[0] for one in staff)
    )
