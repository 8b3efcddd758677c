import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbhostd.core.names import StudentName
from nbhostd.core.people import User
from nbhostd.core.registration import MOST_ROWS, REASONS, Entry, plan, read_table


def people_of(text: str | bytes) -> tuple[Entry, ...]:
    table = read_table(text if isinstance(text, bytes) else text.encode())
    assert table.faults == ()
    return table.entries


def faults_of(text: str | bytes) -> tuple[str, ...]:
    return read_table(text if isinstance(text, bytes) else text.encode()).faults


def account(name: str, email: str, number: int = 1) -> User:
    return User(number, StudentName(name), email)


def test_only_the_address_must_be_there() -> None:
    (zoe,) = people_of("email\nzoé.martin@example.org\n")
    assert zoe == Entry(2, "zoé.martin@example.org", StudentName("zoe.martin"), "Zoé", "Martin")


@pytest.mark.parametrize(
    ("address", "name", "first", "last"),
    [
        ("jane.doe@x.org", "jane.doe", "Jane", "Doe"),
        ("jane_doe@x.org", "jane_doe", "Jane", "Doe"),
        ("jane-doe@x.org", "jane-doe", "Jane", "Doe"),
        ("Jane.DOE@x.org", "Jane.DOE", "Jane", "Doe"),
        ("jane@x.org", "jane", "", ""),
        ("jane.b.doe@x.org", "jane.b.doe", "", ""),
        ("jane.doe2@x.org", "jane.doe2", "", ""),
        ("jane+math@x.org", "jane-math", "", ""),
        (".jane.@x.org", "jane", "", ""),
    ],
)
def test_what_is_left_out_is_made_from_the_address(address: str, name: str, first: str, last: str) -> None:
    (entry,) = people_of(f"email\n{address}\n")
    assert (entry.name, entry.first_name, entry.last_name, entry.named) == (name, first, last, False)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_what_spreadsheets_write(separator: str, end: str, mark: bytes) -> None:
    head = separator.join(("Username", "E-Mail", "FIRST NAME", "last-name", "Groups"))
    row = separator.join(("zoe", '"zoe@example.org"', "Zoé", '"Martin\u00a0dit ""M"""', "class 1|class 2"))
    (zoe,) = people_of(mark + f"{head}{end}{row}{end}{end}".encode())
    assert (zoe.name, zoe.first_name, zoe.last_name) == ("zoe", "Zoé", 'Martin dit "M"')
    assert (zoe.groups, zoe.named) == (("class 1", "class 2"), True)


def test_other_encodings_are_read_and_said() -> None:
    text = "email;first_name\nzoe@example.org;Zoé\n"
    assert people_of(text.encode("utf-16"))[0].first_name == "Zoé"
    table = read_table(text.encode("cp1252"))
    assert table.entries[0].first_name == "Zoé"
    assert "Windows-1252" in table.warnings[0]


def test_a_column_that_nobody_knows_is_left_out_and_said() -> None:
    table = read_table(b"email,birthday\nzoe@example.org,1.1.\n")
    assert table.entries[0].name == "zoe"
    assert table.warnings == ("the column “birthday” is not known, and left out",)


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("", 0, "empty"),
        ("\n\n", 0, "empty"),
        ("email\n", 0, "nobody"),
        ("name\nzoe\n", 1, "no column “email”"),
        ("email,e-mail\na@b.org,c@d.org\n", 1, "two columns"),
        ("email\nzoe\n", 2, "not an e-mail address"),
        ("email,username\n,zoe\n", 2, "no e-mail address"),
        ("email,username\na@b.org,a/b\n", 2, "not a user name"),
        ("email\n\n\n文字@b.org\n", 4, "column “username”"),
        ("email\na@b.org,c\n", 2, "2 columns"),
        ("email,group\na@b.org,a/b\n", 2, "not a group name"),
        ("email,password\na@b.org,short\n", 2, "at least 10"),
        ("email,password\nlongname@b.org,longname2026\n", 2, "name or e-mail"),
        (f"email,first_name\na@b.org,{'x' * 101}\n", 2, "too long"),
        ("email\na@b.org\nA@B.org\n", 3, "in line 2"),
        ("email,username\na@b.org,x\nc@d.org,X\n", 3, "line 2"),
        ("email\na@b.org\na@c.org\n", 3, "“a” is in line 2"),
        ("email,username\na@b.org,x\na@b.org,y\n", 3, "line 2"),
        ('email\n"a@b.org\n', 2, "unexpected end"),
        ("email\n" + "".join(f"p{n}@b.org\n" for n in range(MOST_ROWS + 1)), 0, "more than"),
        ("email\n" + "x" * (1 << 20), 0, "larger"),
    ],
)  # fmt: skip
def test_every_fault_is_named_with_its_line(text: str, line: int, word: str) -> None:
    (fault,) = faults_of(text)
    assert word in fault
    assert fault.startswith(f"line {line}: ") is bool(line)


def test_all_faults_are_named_at_once() -> None:
    faults = faults_of("email,username\nx,a\na@b.org,a/b\n,c\n")
    assert [fault.partition(":")[0] for fault in faults] == ["line 2", "line 3", "line 4"]


def test_the_same_line_again_is_passed_over() -> None:
    table = read_table(b"email\na@b.org\na@b.org\n")
    assert (len(table.entries), table.faults) == (1, ())
    assert table.warnings == ("line 3: the same as line 2",)


def test_a_password_is_not_shown() -> None:
    (entry,) = people_of("email,password\na@b.org,quatre mots sans rapport\n")
    assert entry.password == "quatre mots sans rapport"
    assert "quatre" not in repr(entry)


# the plan


@pytest.mark.parametrize(
    ("row", "accounts", "expected"),
    [
        ("zoe@x.org,", [], "new"),
        ("zoe@x.org,zoe", [], "new"),
        ("zoe@x.org,", [account("zoe", "ZOE@x.org")], "known zoe"),
        ("zoe@x.org,", [account("zmartin", "zoe@x.org")], "known zmartin"),
        ("zoe@x.org,zoe", [account("zoe", "zoe@x.org")], "known zoe"),
        ("zoe@x.org,zoe", [account("zoe", "zoe@x.org"), account("z2", "zoe@x.org", 2)], "known zoe"),
        ("zoe@x.org,zoe", [account("zoe", "other@x.org")], "name-taken zoe"),
        ("zoe@x.org,zoe", [account("zoe", "")], "name-taken zoe"),
        ("zoe@x.org,", [account("zoe", "other@x.org")], "name-taken zoe"),
        ("zoe@x.org,", [account("Zoe", "other@x.org")], "name-alike Zoe"),
        ("zoe@x.org,zoe", [account("zmartin", "zoe@x.org")], "address-named-otherwise zmartin"),
        ("zoe@x.org,zoe", [account("Zoe", "zoe@x.org")], "address-named-otherwise Zoe"),
        ("zoe@x.org,", [account("a", "zoe@x.org"), account("b", "zoe@x.org", 2)], "address-of-several "),
    ],
)
def test_who_is_new_who_is_known_and_who_is_in_the_way(row: str, accounts: list[User], expected: str) -> None:
    what = plan(people_of(f"email,username\n{row}\n"), accounts)
    got = ["new" for _ in what.new]
    got += [f"known {user.name}" for _, user in what.known]
    got += [f"{conflict.reason} {conflict.account}" for conflict in what.conflicts]
    assert got == [expected]
    assert all(REASONS[conflict.reason] for conflict in what.conflicts)


_CELL = st.sampled_from(
    ["zoe", "Zoe", "bob", "zoe@x.org", "ZOE@x.org", "bob@x.org", "", "a/b", 'q"uote', "x\ny", "é"]
)


@given(st.lists(st.tuples(_CELL, _CELL, _CELL), max_size=5), st.sampled_from(",;\t"))
def test_a_plan_that_was_carried_out_leaves_nothing_to_do(
    rows: list[tuple[str, ...]], separator: str
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator)
    writer.writerow(["email", "username", "first_name"])
    writer.writerows(rows)
    table = read_table(out.getvalue().encode())
    if table.faults:
        return
    first = plan(table.entries, [])
    assert not first.known
    assert not first.conflicts
    made = [account(entry.name, entry.email, number) for number, entry in enumerate(first.new)]
    again = plan(table.entries, made)
    assert not again.new
    assert not again.conflicts
    assert [user.name for _, user in again.known] == [entry.name for entry in first.new]


@given(st.binary(max_size=400))
def test_whatever_is_sent_is_read_or_refused(data: bytes) -> None:
    read_table(data)
    read_table(b"email\n" + data)
