import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbhostd.core.errors import Refused
from nbhostd.core.passwords import LONGEST, MESSAGES, SHORTEST, judge_password

ALICE = ("alice.martin", "alice.martin@example.org", "Alice", "Martin")


@pytest.mark.parametrize(
    "text",
    [
        "correct horse battery",
        "x9!Qw-7zK_p",
        "éléphant bleu",
        "文字化けは嫌です困るね",
        "le chat de Martin dort",
    ],
)
def test_a_long_word_of_ones_own_is_allowed(text: str) -> None:
    assert judge_password(text, ALICE).allowed


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("short", "password-too-short"),
        ("éééééçççà", "password-too-short"),
        ("x" * 1025, "password-too-long"),
        ("é" * 600 + "abcde", "password-too-long"),
        ("alice.martin", "password-personal"),
        ("Alice.Martin2026!", "password-personal"),
        ("alice.martin@example.org", "password-personal"),
        ("nitram.ecila", "password-personal"),
        ("martinmartin", "password-personal"),
        ("1234567890", "password-common"),
        ("aaaaaaaaaaaa", "password-common"),
        ("password123", "password-common"),
        ("P@$$w0rd2026", "password-common"),
        ("MotDePasse!", "password-common"),
        ("azertyuiop1", "password-common"),
        ("qwertyuiop", "password-common"),
        ("zyxwvutsrq", "password-common"),
        ("étudiant2026", "password-common"),
        ("abc1abc1abc1", "password-common"),
    ],
)  # fmt: skip
def test_what_is_refused_and_why(text: str, reason: str) -> None:
    choice = judge_password(text, ALICE)
    assert reason in choice.reasons
    with pytest.raises(Refused) as caught:
        choice.demand()
    assert caught.value.reason in choice.reasons


def test_short_pieces_of_a_name_forbid_nothing() -> None:
    assert judge_password("li", ("li",)).reasons == ("password-too-short", "password-common")
    assert judge_password("a lion in the fog", ("li", "x@y.org")).allowed


@given(st.text(max_size=40), st.lists(st.text(max_size=30), max_size=4))
def test_every_reason_has_its_sentence(text: str, personal: list[str]) -> None:
    choice = judge_password(text, personal)
    assert set(choice.reasons) <= set(MESSAGES)
    if choice.allowed:
        assert len(text) >= SHORTEST
        assert len(text.encode(errors="surrogatepass")) <= LONGEST


@given(st.text(min_size=4, max_size=30))
def test_nobody_is_let_choose_the_own_name(name: str) -> None:
    assert not judge_password(name, (name,)).allowed
