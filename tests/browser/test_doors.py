"""The ways in, in Chromium on the real site: an invitation, a letter, another site's login, and a whole class at once.

The mail server and the OpenID provider are programs of others, on this computer; their secrets reach the daemon as
systemd's credentials.
"""

from __future__ import annotations

import json
import re
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any
from urllib.request import Request, urlopen

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.people import person
from tests.browser.site import ctl, ctl_json, eventually, home, inside, port, setting
from tests.browser.test_pages import inspect

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from oidc_provider_mock import User, run_server_in_thread

pytestmark = [
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # the provider's own, in its thread
]
PASSWORD, ANOTHER = "quatre mots sans rapport", "encore une autre phrase"
SECRET = "s3cret of the mail server"
Visitor = Callable[..., BrowserContext]
Shot = Callable[[Page, str], None]


@dataclass
class Postbox:
    """A mail server that wants a login, and keeps what it is given."""

    letters: list[EmailMessage] = field(default_factory=list)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's name
        assert isinstance(envelope.content, bytes)
        letter = message_from_bytes(envelope.content, policy=default)
        assert isinstance(letter, EmailMessage)
        self.letters.append(letter)
        return "250 OK"

    def authenticate(
        self, server: Any, session: Any, envelope: Any, mechanism: str, login: Any
    ) -> AuthResult:
        assert isinstance(login, LoginPassword)
        self.logins.append((login.login, login.password))
        return AuthResult(success=login.password == SECRET.encode(), handled=False)

    def link_to(self, address: str) -> str:
        """The link in the latest letter to that address."""

        def letters() -> list[EmailMessage]:
            return [letter for letter in self.letters if letter["To"] == address]

        eventually(letters, f"a letter to {address}")
        found = re.search(r"^\s+(http\S+/link/\S+)\s*$", letters()[-1].get_content(), re.M)
        assert found
        self.letters = [letter for letter in self.letters if letter["To"] != address]
        return found[1]


@contextmanager
def credential(file: str, secret: str) -> Iterator[None]:
    """A secret of the administrator's, which counts from a start of the daemon."""
    restart = "systemctl restart nbhostd.service; nbhostctl status >/dev/null"
    inside("bash", "-euc", f"umask 077; cat >/etc/nbhostd/{file}; {restart}", input=f"{secret}\n")
    try:
        yield
    finally:
        inside("bash", "-euc", f"rm -f /etc/nbhostd/{file}; {restart}")


@pytest.fixture(scope="module")
def postbox() -> Iterator[Postbox]:
    box = Postbox()
    controller = Controller(
        box, hostname="127.0.0.1", port=port() + 7, authenticator=box.authenticate, auth_required=True,
        auth_require_tls=False,
    )  # fmt: skip
    controller.start()
    lines = f'host = "localhost"\nsecurity = "none"\nport = {port() + 7}\nusername = "notebooks"'
    try:
        with setting("mail", lines), credential("mail.password", SECRET):
            yield box
    finally:
        controller.stop()


@pytest.fixture
def name() -> Iterator[str]:
    """Of an account that is made in the test."""
    name = f"zoe-{uuid.uuid4().hex[:6]}"
    yield name
    inside("nbhostctl", "user", "delete", name, "--yes", check=False)


def choose(page: Page, password: str) -> None:
    page.locator("#new").fill(password)
    page.locator("#again").fill(password)
    page.locator("main form button").first.click()


def is_logged_in(page: Page, name: str) -> None:
    page.goto(f"{home()}account")
    expect(page.get_by_role("main")).to_contain_text(name)


def log_out(page: Page) -> None:
    page.context.clear_cookies()


def test_by_an_invitation_and_back_by_a_letter(name: str, postbox: Postbox, page: Page, shot: Shot) -> None:
    address = f"{name}@example.org"
    ctl("user", "create", name, "--email", address, "--first-name", "Zoé", "--language", "fr", "--mail")
    assert (b"notebooks", SECRET.encode()) in postbox.logins  # the credential arrived
    page.goto(postbox.link_to(address))
    expect(page.get_by_role("heading", level=1)).to_have_text("Bienvenue")
    inspect(page)
    shot(page, "invitation")
    choose(page, "short")
    expect(page.get_by_role("alert")).to_contain_text("au moins 10")
    inspect(page)
    shot(page, "refused")
    choose(page, PASSWORD)
    page.wait_for_url("**/courses")
    is_logged_in(page, name)

    log_out(page)
    page.goto(f"{home()}login?next=/account/password")
    page.get_by_role("link", name="J’ai oublié mon mot de passe").click()
    inspect(page)
    shot(page, "forgotten")
    page.locator("#name").fill(address.upper())
    page.locator("main form button").first.click()
    expect(page.get_by_role("status")).to_contain_text("en route")
    shot(page, "sent")
    page.goto(postbox.link_to(address))
    choose(page, ANOTHER)
    page.wait_for_url("**/courses")

    log_out(page)
    for password, lets_in in ((PASSWORD, False), (ANOTHER, True)):
        page.goto(f"{home()}login?next=/account/password")
        page.locator("#name").fill(name)
        page.locator("#password").fill(password)
        page.locator("main form button").first.click()
        expect(page.locator("#old" if lets_in else "[role=alert]")).to_be_visible()


@dataclass(frozen=True)
class Provider:
    """A provider that knows Zoé, and this site with its secret."""

    issuer: str
    zoe: str


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    zoe, number = f"zoe-{uuid.uuid4().hex[:6]}", port() + 8
    claims = {
        "email": f"{zoe}@example.org", "email_verified": True, "preferred_username": zoe, "given_name": "Zoé",
        "family_name": "Martin",
    }  # fmt: skip
    issuer = f"http://localhost:{number}"
    user = User(sub=f"sub-{zoe}", claims=claims)
    with run_server_in_thread(port=number, user_claims=[user], require_client_registration=True):
        wish = json.dumps({"redirect_uris": [f"{home()}login/openid/callback"]}).encode()
        request = Request(f"{issuer}/oauth2/clients", wish, {"Content-Type": "application/json"})
        with urlopen(request) as answer:
            client = json.load(answer)
        lines = (
            f'issuer = "{issuer}"\nclient_id = "{client["client_id"]}"\nlabel = "Université"\n'
            "create_accounts = true"
        )
        with setting("openid", lines), credential("openid.secret", client["client_secret"]):
            yield Provider(issuer, zoe)
    inside("nbhostctl", "user", "delete", zoe, "--yes", check=False)


@pytest.mark.parametrize("how", ["mouse, somebody new", "keyboard, the same"])
def test_by_another_sites_login(provider: Provider, page: Page, shot: Shot, how: str) -> None:
    page.goto(f"{home()}account/password")  # a deep link
    button = page.get_by_role("link", name="Se connecter avec Université")
    inspect(page)
    shot(page, "login")
    if how.startswith("keyboard"):
        button.focus()
        page.keyboard.press("Enter")
    else:
        button.click()
    page.wait_for_url(f"{provider.issuer}/**")
    page.get_by_role("button", name=f"sub-{provider.zoe}").click()
    page.wait_for_url("**/account/password")
    expect(page.locator("#new")).to_be_visible()
    expect(page.locator("#old")).to_have_count(0)  # there is no password yet
    is_logged_in(page, provider.zoe)
    (user,) = [user for user in ctl_json("user", "list") if user["email"] == f"{provider.zoe}@example.org"]
    assert (user["name"], user["first_name"], user["has_password"]) == (provider.zoe, "Zoé", False)


def test_who_says_no_there_is_back_at_the_login(provider: Provider, page: Page, shot: Shot) -> None:
    page.goto(f"{home()}login/openid?next=/account")
    page.get_by_role("button", name="Deny").click()
    # This provider forgets the state in its answer (RFC 6749 §4.1.2.1), so it is nobody's answer.
    expect(page.get_by_role("alert")).to_contain_text("Revenez à la page de connexion")
    inspect(page)
    shot(page, "denied")


def test_an_account_and_a_login_are_joined(
    provider: Provider, page: Page, visitor: Visitor, shot: Shot
) -> None:
    inside("nbhostctl", "user", "delete", provider.zoe, "--yes", check=False)
    with person("student") as student:
        student.log_in(page)
        inspect(page)
        page.get_by_role("button", name="Les relier").click()
        inspect(page)
        shot(page, "joining")
        page.get_by_role("link", name="Y aller").click()
        page.get_by_role("button", name=f"sub-{provider.zoe}").click()
        expect(page.get_by_role("status")).to_contain_text("Désormais")
        other = visitor().new_page()
        other.goto(f"{home()}login/openid")
        other.get_by_role("button", name=f"sub-{provider.zoe}").click()
        is_logged_in(other, student.name)


def test_a_whole_class_at_once(visitor: Visitor, shot: Shot, name: str) -> None:
    group = f"class-{name}"
    table = f"email;first_name;last_name\n{name}@example.org;Zoé;Martin\nno address;;\n"
    with person("admin", "--admin") as admin:
        page = visitor(viewport={"width": 390, "height": 844}).new_page()
        admin.log_in(page, "/admin/register")
        inspect(page)

        def upload(text: str) -> None:
            file = {"name": "classe.csv", "mimeType": "text/csv", "buffer": text.encode()}
            page.locator("#table").set_input_files(file)  # type: ignore[arg-type]
            page.locator("#group").fill(group)
            page.get_by_role("button", name="L’examiner").click()

        upload(table)
        expect(page.get_by_role("alert")).to_contain_text("ligne 3")
        inspect(page)
        shot(page, "faults")
        upload(table.replace("no address;;\n", ""))
        expect(page.get_by_role("main")).to_contain_text("1 compte serait créé")
        inspect(page)
        shot(page, "preview")
        page.get_by_role("button", name="Le faire").click()
        expect(page.get_by_role("status")).to_contain_text("1 compte a été créé")
        inspect(page)
        shot(page, "links")
        link = page.locator("code.secret").inner_text()
        student = visitor(locale="en-GB").new_page()
        student.goto(link)
        choose(student, PASSWORD)
        student.wait_for_url("**/courses")
        is_logged_in(student, name)
    groups = [one for one in ctl_json("group", "list") if one["name"] == group]
    ctl("group", "delete", group, "--yes")
    assert [one["members"] for one in groups] == [[name]]
