"""An OpenID provider, asked: the contract on the fake and on a provider of another make; and what a hostile one gets."""

import asyncio
import base64
import gzip
import json
import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from nbhostd.adapters.host import SystemClock
from nbhostd.adapters.oidc import OidcProvider
from nbhostd.core.config import Config, OpenId
from nbhostd.core.errors import Refused, WorldError
from nbhostd.core.openid import Arrival, Departure, Identity, challenge
from nbhostd.core.ports_people import IdentityProvider
from tests.fakes.host import FakeClock
from tests.fakes.openid import FakeIdentityProvider

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from oidc_provider_mock import User, run_server_in_thread

CALLBACK = "http://localhost:8000/login/openid/callback"
DEPARTURE = Departure("the-state", "the-nonce", "v" * 43)
LogIn = Callable[[IdentityProvider, Departure], Awaitable[Arrival]]
"""What somebody does at the provider: logs in as Zoé, and comes back."""


def provider_at(
    issuer: str, clock: FakeClock | SystemClock, *, client: str = "note books", secret: str = "s3cret:/ü"
) -> OidcProvider:
    config = Config(openid=OpenId(issuer=issuer, client_id=client))
    return OidcProvider(lambda: config, secret, clock, aiohttp.ClientTimeout(total=2))


class IdentityProviderContract:
    """`there` knows Zoé; `log_in` is what she does there; `absent` is a site that has no provider."""

    async def test_somebody_logs_in_there_and_comes_back(
        self, there: IdentityProvider, log_in: LogIn
    ) -> None:
        assert there.is_set_up()
        arrival = await log_in(there, DEPARTURE)
        who = await there.identity(DEPARTURE, arrival, CALLBACK)
        assert (who.subject, who.email, who.email_verified) == ("zoe-4711", "zoe@example.org", True)
        assert (who.username, who.first_name, who.last_name) == ("zoe", "Zoé", "Martin")

    async def test_a_code_is_good_once(self, there: IdentityProvider, log_in: LogIn) -> None:
        arrival = await log_in(there, DEPARTURE)
        await there.identity(DEPARTURE, arrival, CALLBACK)
        with pytest.raises(WorldError):
            await there.identity(DEPARTURE, arrival, CALLBACK)

    async def test_a_code_that_was_made_up_is_none(self, there: IdentityProvider) -> None:
        with pytest.raises(WorldError):
            await there.identity(DEPARTURE, Arrival("made-up"), CALLBACK)

    async def test_a_site_without_a_provider_says_so(self, absent: IdentityProvider) -> None:
        assert not absent.is_set_up()
        with pytest.raises(Refused) as caught:
            await absent.departure_url(DEPARTURE, CALLBACK)
        assert caught.value.reason == "no-openid"


class TestFakeIdentityProvider(IdentityProviderContract):
    @pytest.fixture
    def there(self) -> FakeIdentityProvider:
        return FakeIdentityProvider()

    @pytest.fixture
    def log_in(self, there: FakeIdentityProvider) -> LogIn:
        async def come_back(provider: IdentityProvider, departure: Departure) -> Arrival:
            query = parse_qs(urlsplit(await provider.departure_url(departure, CALLBACK)).query)
            assert query["redirect_uri"] == [CALLBACK]
            there.people["c"] = Identity(
                "https://x", "zoe-4711", "zoe@example.org", True, "zoe", "Zoé", "Martin"
            )
            return Arrival.parse({"code": "c", "state": query["state"][0]}, departure)

        return come_back

    @pytest.fixture
    def absent(self) -> IdentityProvider:
        return FakeIdentityProvider(there=False)


class TestOidcProvider(IdentityProviderContract):
    @pytest.fixture
    def issuer(self) -> Iterator[str]:
        claims = {
            "email": "zoe@example.org", "email_verified": True, "preferred_username": "zoe", "given_name": "Zoé",
            "family_name": "Martin",
        }  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with run_server_in_thread(user_claims=[User(sub="zoe-4711", claims=claims)]) as server:
                yield f"http://localhost:{server.server_port}"

    @pytest.fixture
    def there(self, issuer: str) -> IdentityProvider:
        return provider_at(issuer, SystemClock(), client="notebooks")

    @pytest.fixture
    def log_in(self) -> LogIn:
        async def come_back(provider: IdentityProvider, departure: Departure) -> Arrival:
            url = await provider.departure_url(departure, CALLBACK)
            async with (
                aiohttp.ClientSession() as browser,
                browser.post(url, data={"sub": "zoe-4711"}, allow_redirects=False) as answer,
            ):
                back = urlsplit(answer.headers["Location"])
            assert f"{back.scheme}://{back.netloc}{back.path}" == CALLBACK
            return Arrival.parse({key: value for key, (value,) in parse_qs(back.query).items()}, departure)

        return come_back

    @pytest.fixture
    def absent(self) -> IdentityProvider:
        return provider_at("", SystemClock())


def b64(number: int) -> str:
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


RSA = rsa.generate_private_key(65537, 2048)
WEAK = rsa.generate_private_key(65537, 1024)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()


def rsa_jwk(key: rsa.RSAPrivateKey, kid: str, **more: str) -> dict[str, Any]:
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "kid": kid, "n": b64(numbers.n), "e": b64(numbers.e), **more}


def ec_jwk() -> dict[str, Any]:
    numbers = EC.public_key().public_numbers()
    return {"kty": "EC", "crv": "P-256", "kid": "ec", "x": b64(numbers.x), "y": b64(numbers.y)}


def ed_jwk() -> dict[str, Any]:
    raw = ED.public_key().public_bytes_raw()
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "kid": "ed",
        "x": base64.urlsafe_b64encode(raw).rstrip(b"=").decode(),
    }


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Hostile:
    """A provider whose every answer a test may replace; as it comes, it is a good one."""

    keys: list[Any] = field(
        default_factory=lambda: [rsa_jwk(RSA, "rsa", use="sig", alg="RS256"), ec_jwk(), ed_jwk()]
    )
    claims: dict[str, Any] = field(default_factory=dict)
    sign: Callable[[dict[str, Any]], str] = lambda claims: jwt.encode(claims, RSA, "RS256", {"kid": "rsa"})
    answers: dict[str, Handler] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    issuer: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        what = request.path.rpartition("/")[2]
        self.asked.append((what, dict(request.headers), dict(await request.post())))
        if what in self.answers:
            return await self.answers[what](request)
        shape: dict[str, Any] = {
            "openid-configuration": {
                "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/keys",
                "userinfo_endpoint": f"{self.issuer}/me", **self.document,
            },
            "keys": {"keys": self.keys},
            "token": {"access_token": "a" * 20, "id_token": self.sign(self.all_claims()), "token_type": "Bearer"},
            "me": {"sub": "zoe-4711", "given_name": "Zoé"},
        }[what]  # fmt: skip
        return web.json_response(shape)

    def all_claims(self) -> dict[str, Any]:
        now = FakeClock().now().timestamp()
        claims = {
            "iss": self.issuer, "aud": "note books", "sub": "zoe-4711", "nonce": "the-nonce", "iat": now, "exp": now + 60,
            "email": "zoe@example.org", "preferred_username": "zoe", "family_name": "Martin", **self.claims,
        }  # fmt: skip
        return {name: value for name, value in claims.items() if value is not None}

    def count(self, what: str) -> int:
        return sum(asked == what for asked, _, _ in self.asked)


@asynccontextmanager
async def serving(hostile: Hostile) -> AsyncIterator[Hostile]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", hostile.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    hostile.issuer = f"http://127.0.0.1:{runner.addresses[0][1]}/realms/x"
    try:
        yield hostile
    finally:
        await runner.cleanup()


async def who(hostile: Hostile, secret: str = "s3cret:/ü") -> Identity:
    provider = provider_at(hostile.issuer, FakeClock(), secret=secret)
    return await provider.identity(DEPARTURE, Arrival("the-code"), CALLBACK)


async def test_a_good_answer_is_good_and_the_secret_goes_as_the_standard_says() -> None:
    async with serving(Hostile()) as hostile:
        assert (await who(hostile)).subject == "zoe-4711"
    (token,) = [one for one in hostile.asked if one[0] == "token"]
    pair = base64.b64decode(token[1]["Authorization"].removeprefix("Basic ")).decode()
    assert pair == "note+books:s3cret%3A%2F%C3%BC"  # RFC 6749 §2.3.1
    assert token[2] == {
        "grant_type": "authorization_code", "code": "the-code", "redirect_uri": CALLBACK, "code_verifier": "v" * 43,
    }  # fmt: skip
    assert hostile.count("me") == 0  # nothing was missing


async def test_a_provider_that_wants_the_secret_in_the_form() -> None:
    async with serving(
        Hostile(document={"token_endpoint_auth_methods_supported": ["client_secret_post"]})
    ) as hostile:
        await who(hostile)
    (token,) = [one for one in hostile.asked if one[0] == "token"]
    assert "Authorization" not in token[1]
    assert (token[2]["client_id"], token[2]["client_secret"]) == ("note books", "s3cret:/ü")


async def test_a_client_without_a_secret_names_itself() -> None:
    async with serving(Hostile()) as hostile:
        await who(hostile, secret="")
    (token,) = [one for one in hostile.asked if one[0] == "token"]
    assert token[2]["client_id"] == "note books"
    assert "client_secret" not in token[2]


async def test_what_the_token_leaves_out_is_asked_for() -> None:
    async with serving(Hostile(claims={"family_name": None})) as hostile:
        assert (await who(hostile)).first_name == "Zoé"


@pytest.mark.parametrize(
    ("sign", "good"),
    [
        (lambda c: jwt.encode(c, RSA, "RS256", {"kid": "rsa"}), True),
        (lambda c: jwt.encode(c, RSA, "RS256"), True),
        (lambda c: jwt.encode(c, EC, "ES256", {"kid": "ec"}), True),
        (lambda c: jwt.encode(c, ED, "EdDSA", {"kid": "ed"}), True),
        (lambda c: jwt.encode(c, RSA, "PS256", {"kid": "rsa"}), False),  # the key says RS256
        (lambda c: jwt.encode(c, RSA, "RS512", {"kid": "rsa"}), False),
        (lambda c: jwt.encode(c, RSA, "RS256", {"kid": "ec"}), False),
        (lambda c: jwt.encode(c, WEAK, "RS256", {"kid": "rsa"}), False),  # somebody else's signature
        (lambda c: jwt.encode(c, RSA, "RS256", {"kid": "another"}), False),
        (lambda c: jwt.encode(c, "", "none"), False),
        (lambda c: jwt.encode(c, "", "none", {"kid": "rsa"}), False),
        (lambda c: jwt.encode(c, b"x" * 32, "HS256", {"kid": "rsa"}), False),
        (lambda c: jwt.encode(c, RSA, "RS256", {"kid": "rsa"})[:-10], False),
        (lambda c: jwt.encode(c, RSA, "RS256", {"kid": "rsa"}).replace(".", "..", 1), False),
        (lambda c: "x", False),
        (lambda c: 5, False),
        (lambda c: "é.é.é", False),
    ],
)
async def test_who_may_sign_and_how(sign: Callable[[dict[str, Any]], str], good: bool) -> None:
    async with serving(Hostile(sign=sign)) as hostile:
        if good:
            assert (await who(hostile)).subject == "zoe-4711"
        else:
            with pytest.raises(WorldError):
                await who(hostile)


async def test_the_public_key_is_no_shared_secret() -> None:
    public = RSA.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )

    def sign(claims: dict[str, Any]) -> str:
        # By hand: PyJWT itself refuses to make such a thing.
        head, body = (
            base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
            for part in ({"alg": "HS256", "kid": "rsa"}, claims)
        )
        mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
        signature = mac.sign(head + b"." + body, public)
        return (head + b"." + body + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()

    async with serving(Hostile(sign=sign)) as hostile:
        with pytest.raises(WorldError):
            await who(hostile)


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [5, None, "x"],
        [{"kty": "oct", "kid": "rsa", "k": "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4"}],
        [{"kty": "RSA", "kid": "rsa"}],
        [{"kty": "RSA", "kid": "rsa", "n": 5, "e": "AQAB"}],
        [{"kty": "RSA", "kid": "rsa", "n": "", "e": ""}],
        [{"kty": "RSA", "kid": "rsa", "n": "AQAB", "e": "AQAB"}],
        [{"kty": ["RSA"], "kid": "rsa"}],
        [rsa_jwk(RSA, "rsa", use="enc")],
        [rsa_jwk(RSA, "rsa", alg="RS512")],
    ],
)
async def test_keys_that_are_none(keys: list[Any]) -> None:
    async with serving(Hostile(keys=keys)) as hostile:
        with pytest.raises(WorldError):
            await who(hostile)


async def test_a_weak_key_is_none() -> None:
    def sign(claims: dict[str, Any]) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return jwt.encode(claims, WEAK, "RS256", {"kid": "weak"})

    async with serving(Hostile(keys=[rsa_jwk(WEAK, "weak")], sign=sign)) as hostile:
        with pytest.raises(WorldError):
            await who(hostile)


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"iss": "https://evil.example.org"},
        {"aud": "others"},
        {"aud": ["note books", "others"]},
        {"azp": "others"},
        {"exp": FakeClock().now().timestamp() - 61},
        {"iat": FakeClock().now().timestamp() + 3600},
        {"sub": None},
        {"sub": ""},
    ],
)
async def test_a_signed_token_for_somebody_else_or_another_time(claims: dict[str, Any]) -> None:
    async with serving(Hostile(claims=claims)) as hostile:
        with pytest.raises(WorldError) as caught:
            await who(hostile)
    assert "OpenID" in caught.value.detail
    assert "example.org" not in caught.value.message


async def test_a_change_of_keys_is_noticed_and_no_more_than_that_asked() -> None:
    clock = FakeClock()
    hostile = Hostile(keys=[ec_jwk()], sign=lambda c: jwt.encode(c, EC, "ES256", {"kid": "ec"}))
    async with serving(hostile):
        provider = provider_at(hostile.issuer, clock)
        for _ in range(3):
            await provider.identity(DEPARTURE, Arrival("the-code"), CALLBACK)
        assert (hostile.count("openid-configuration"), hostile.count("keys")) == (1, 1)
        hostile.sign = lambda c: jwt.encode(c, ED, "EdDSA", {"kid": "ed"})
        with pytest.raises(WorldError):
            await provider.identity(DEPARTURE, Arrival("the-code"), CALLBACK)
        assert hostile.count("keys") == 1  # it was asked just now
        clock.ticks += 10
        hostile.keys = [ed_jwk()]
        await provider.identity(DEPARTURE, Arrival("the-code"), CALLBACK)
        assert hostile.count("keys") == 2


async def test_a_key_that_was_taken_away_is_good_for_an_hour_at_most() -> None:
    clock = FakeClock()
    async with serving(Hostile()) as hostile:
        provider = provider_at(hostile.issuer, clock)
        await provider.identity(DEPARTURE, Arrival("the-code"), CALLBACK)
        hostile.keys = [ec_jwk()]
        clock.ticks += 3601
        with pytest.raises(WorldError):
            await provider.identity(DEPARTURE, Arrival("the-code"), CALLBACK)


async def test_another_issuer_in_the_answer_is_no_answer() -> None:
    async with serving(Hostile()) as hostile:
        provider = provider_at(hostile.issuer, FakeClock())
        with pytest.raises(WorldError):
            await provider.identity(DEPARTURE, Arrival("the-code", "https://evil.example.org"), CALLBACK)
    assert hostile.count("token") == 0  # the code went nowhere


def raw(body: bytes, status: int = 200, encoding: str = "identity") -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, status=status, headers={"Content-Encoding": encoding})

    return handler


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" " * 65536)


async def silent(request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


async def elsewhere(request: web.Request) -> web.StreamResponse:
    raise web.HTTPTemporaryRedirect("/realms/x/elsewhere")


@pytest.mark.parametrize("what", ["openid-configuration", "token", "keys", "me"])
@pytest.mark.parametrize(
    "handler",
    [
        endless,
        elsewhere,
        raw(b""),
        raw(b"<html>"),
        raw(b"[]"),
        raw(b"\xff"),
        raw(b"[" * 100_000),
        raw(b'{"a":' * 30_000),
        raw(b"{}", 500),
        raw(b'{"error":"invalid_grant"}', 400),
        raw(gzip.compress(b" " * (64 << 20)), encoding="gzip"),
    ],
)
async def test_an_answer_that_is_none(what: str, handler: Handler) -> None:
    hostile = Hostile(answers={what: handler}, claims={"family_name": None})
    async with serving(hostile):
        with pytest.raises(WorldError) as caught:
            await who(hostile)
    assert hostile.count("elsewhere") == 0
    assert hostile.issuer not in caught.value.message


async def test_a_provider_that_says_nothing_is_left_alone() -> None:
    async with serving(Hostile(answers={"token": silent})) as hostile:
        with pytest.raises(WorldError):
            await who(hostile)


async def test_a_provider_that_is_not_there() -> None:
    async with serving(Hostile()) as hostile:
        pass
    with pytest.raises(WorldError):
        await provider_at(hostile.issuer, FakeClock()).departure_url(DEPARTURE, CALLBACK)


async def test_the_browser_is_sent_to_the_provider() -> None:
    async with serving(Hostile()) as hostile:
        url = await provider_at(hostile.issuer, FakeClock()).departure_url(DEPARTURE, CALLBACK)
    assert url.startswith(f"{hostile.issuer}/authorize?")
    assert parse_qs(urlsplit(url).query)["code_challenge"] == [challenge("v" * 43)]


def test_the_clocks_of_these_tests_are_apart() -> None:
    """PyJWT has a clock of its own: that it is not asked shows only where the two differ."""
    assert abs(time.time() - FakeClock().now().timestamp()) > 3600
