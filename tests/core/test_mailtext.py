import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbhostd.core.errors import ConfigError
from nbhostd.core.mailtext import VARIABLES, MailText

TEXT = "Subject: For {first_name}\n\nHello {first_name},\n{{not a variable}} {link}\n"


def faults_of(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        MailText.parse(text, "invitation.en.txt")
    return caught.value.faults


def test_a_letter_is_the_text_with_its_values() -> None:
    values = {"first_name": "Zoé", "link": "https://nb.example.org/link/x"}
    letter = MailText.parse(TEXT, "x").letter("zoe@example.org", values, "fr")
    assert letter.subject == "For Zoé"
    assert letter.body == "Hello Zoé,\n{not a variable} https://nb.example.org/link/x\n"
    assert (letter.to, letter.language) == ("zoe@example.org", "fr")


def test_a_text_of_another_system_reads_the_same() -> None:
    assert MailText.parse("\ufeff" + TEXT.replace("\n", "\r\n"), "x") == MailText.parse(TEXT, "x")


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("Hello\n\nbody\n", 1, "Subject"),
        ("Subject:  \n\nbody\n", 1, "Subject"),
        ("Subject: x\n\n", 2, "empty"),
        ("Subject: x\n\nfine\nyour {pasword}\n", 4, "pasword"),
        ("Subject: x {0}\n\nfine\n", 1, "{0}"),
        ("Subject: x\n\n{username.__class__}\n", 3, "__class__"),
        ("Subject: x\n\n{\n", 3, "alone"),
        ("Subject: x\n\na } b\n", 3, "alone"),
    ],
)
def test_a_fault_is_named_with_its_line(text: str, line: int, word: str) -> None:
    (fault,) = faults_of(text)
    assert fault.startswith(f"invitation.en.txt, line {line}: ")
    assert word in fault


def test_every_fault_is_named_at_once() -> None:
    assert len(faults_of("Sub: x\n\n{a}\n{b} {c}\n")) == 4


@given(st.text(max_size=60))
def test_no_value_begins_a_line_or_names_a_variable(value: str) -> None:
    values = {name: value for name in VARIABLES if name != "link"} | {"link": "LINK"}
    letter = MailText.parse("Subject: {username}\n\n{username}\n", "x").letter("a@b.org", values, "en")
    assert len(letter.subject.splitlines()) <= 1
    assert len(letter.body.splitlines()) <= 1
    assert "LINK" not in letter.body or "LINK" in value
