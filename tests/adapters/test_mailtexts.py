from pathlib import Path

import pytest

from nbhostd.adapters.mailtexts import MailTextFiles, mail_text_faults
from nbhostd.core.errors import WorldError
from nbhostd.core.mailtext import VARIABLES, LetterKind

SHIPPED = Path(__file__).parents[2] / "templates/mail"


@pytest.mark.parametrize("kind", LetterKind)
@pytest.mark.parametrize("language", ["en", "fr"])
async def test_every_letter_that_comes_along_is_whole(
    kind: LetterKind, language: str, tmp_path: Path
) -> None:
    text = await MailTextFiles(SHIPPED, tmp_path).read(kind, language)
    letter = text.letter("a@b.org", {name: f"<{name}>" for name in VARIABLES}, language)
    for needed in ("<username>", "<link>", "<expires>", "<web_address>"):
        assert needed in letter.body
    assert "<link>" in [line.strip() for line in letter.body.splitlines()]  # whole, on a line of its own
    assert max(map(len, letter.body.splitlines())) <= 76
    assert ("Bonjour" in letter.body) is (language == "fr")


async def test_the_administrators_text_comes_before_ours_and_counts_at_once(tmp_path: Path) -> None:
    texts = MailTextFiles(SHIPPED, tmp_path)
    (tmp_path / "reset.fr.txt").write_text("Subject: À nous\n\n{link}\n", encoding="utf-8")
    assert (await texts.read(LetterKind.RESET, "fr")).subject == "À nous"
    assert "password" in (await texts.read(LetterKind.RESET, "en")).subject
    (tmp_path / "reset.fr.txt").unlink()
    assert "mot de passe" in (await texts.read(LetterKind.RESET, "fr")).subject


async def test_a_language_that_we_do_not_speak_is_english(tmp_path: Path) -> None:
    texts = MailTextFiles(SHIPPED, tmp_path)
    assert await texts.read(LetterKind.RESET, "../x") == await texts.read(LetterKind.RESET, "en")


async def test_a_faulty_text_is_not_sent_and_the_fault_is_for_the_journal(tmp_path: Path) -> None:
    (tmp_path / "reset.en.txt").write_text("Subject: x\n\n{pasword}\n")
    with pytest.raises(WorldError) as caught:
        await MailTextFiles(SHIPPED, tmp_path).read(LetterKind.RESET, "en")
    assert "line 3" in caught.value.detail
    assert "pasword" not in caught.value.message


def test_every_fault_of_the_administrators_texts_is_found(tmp_path: Path) -> None:
    assert mail_text_faults(tmp_path / "nothing") == ()
    (tmp_path / "reset.en.txt").write_text("Subject: x\n\n{pasword}\n")
    (tmp_path / "invitation.fr.txt").write_bytes(b"Subject: \xff\n\nx\n")
    (tmp_path / "invitation.en.txt").write_text("Subject: x\n\nfine\n")
    (tmp_path / "invitation.txt").write_text("Subject: x\n\nx\n")
    (tmp_path / "reset.fr.txt").write_text("Subject: x\n\n" + "x" * (1 << 17))
    faults = mail_text_faults(tmp_path)
    assert [Path(fault.partition(":")[0].partition(",")[0]).name for fault in faults] == [
        "invitation.fr.txt", "invitation.txt", "reset.en.txt", "reset.fr.txt",
    ]  # fmt: skip
