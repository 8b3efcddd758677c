import contextlib
import hashlib
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbhostd.core.errors import NbhostdError, Refused, WorldError
from nbhostd.core.openid import (
    Arrival,
    Departure,
    Identity,
    challenge,
    check_claims,
    check_issuer,
    departure_url,
    identity_of,
    read_provider,
)

ISSUER = "https://login.example.org/realms/x"
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
DEPARTURE = Departure("the-state", "the-nonce", "v" * 43, "/courses/python")
DOCUMENT: dict[str, Any] = {
    "issuer": ISSUER,
    "authorization_endpoint": "https://login.example.org/authorize",
    "token_endpoint": "https://login.example.org/token",
    "jwks_uri": "https://keys.example.net/jwks",
}
CLAIMS: dict[str, Any] = {
    "iss": ISSUER, "aud": "notebooks", "nonce": "the-nonce", "sub": "4711",
    "iat": NOW.timestamp() - 5, "exp": NOW.timestamp() + 300,
}  # fmt: skip


def test_the_browser_is_sent_with_everything_that_binds_the_answer() -> None:
    provider = read_provider(DOCUMENT, ISSUER)
    url = urlsplit(
        departure_url(provider, "notebooks", ("openid", "email"), "https://nb.example.org/cb", DEPARTURE)
    )
    assert f"{url.scheme}://{url.netloc}{url.path}" == DOCUMENT["authorization_endpoint"]
    digest = urlsafe_b64encode(hashlib.sha256(b"v" * 43).digest()).rstrip(b"=").decode()
    assert {key: value for key, (value,) in parse_qs(url.query).items()} == {
        "response_type": "code", "client_id": "notebooks", "scope": "openid email", "state": "the-state",
        "nonce": "the-nonce", "redirect_uri": "https://nb.example.org/cb",
        "code_challenge": digest, "code_challenge_method": "S256",
    }  # fmt: skip
    assert "v" * 43 not in url.query


def test_the_challenge_is_that_of_the_standard() -> None:
    # RFC 7636, appendix B.
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_an_endpoint_with_a_query_keeps_it() -> None:
    provider = read_provider(
        DOCUMENT | {"authorization_endpoint": "https://l.example.org/a?policy=p"}, ISSUER
    )
    assert "?policy=p&response_type=code" in departure_url(
        provider, "n", ("openid",), "https://x/cb", DEPARTURE
    )


@pytest.mark.parametrize(
    ("methods", "basic"),
    [
        (None, True),
        (["client_secret_post"], False),
        (["client_secret_post", "client_secret_basic"], True),
        ("x", True),
    ],
)
def test_how_the_secret_is_told(methods: object, basic: bool) -> None:
    more = {} if methods is None else {"token_endpoint_auth_methods_supported": methods}
    assert read_provider(DOCUMENT | more, ISSUER).takes_basic is basic


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        DOCUMENT | {"issuer": ISSUER + "/"},
        DOCUMENT | {"issuer": "https://evil.example.org"},
        DOCUMENT | {"token_endpoint": "http://login.example.org/token"},
        DOCUMENT | {"token_endpoint": "http://localhost/token"},
        DOCUMENT | {"jwks_uri": "file:///etc/passwd"},
        DOCUMENT | {"jwks_uri": "https://u:p@login.example.org/"},
        DOCUMENT | {"jwks_uri": "https://[/"},
        DOCUMENT | {"authorization_endpoint": 5},
        DOCUMENT | {"authorization_endpoint": "javascript:alert(1)"},
        DOCUMENT | {"userinfo_endpoint": "http://login.example.org/me"},
    ],
)
def test_what_is_no_discovery_document_of_this_issuer(document: object) -> None:
    with pytest.raises(WorldError):
        read_provider(document, ISSUER)


def test_http_is_for_this_computer_only() -> None:
    local = {
        key: value.replace("https://login.example.org", "http://localhost:9000").replace("https://keys.example.net", "http://127.0.0.1")
        for key, value in DOCUMENT.items()
    }  # fmt: skip
    assert read_provider(local, "http://localhost:9000/realms/x").jwks_uri == "http://127.0.0.1/jwks"


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({"code": "c"}, "openid-state"),
        ({"code": "c", "state": "another"}, "openid-state"),
        ({"code": "c", "state": "the-stat\udce9"}, "openid-state"),
        ({"state": "the-state"}, "openid-state"),
        ({"state": "the-state", "code": "c" * 5000}, "openid-state"),
        ({"state": "the-state", "error": "access_denied", "code": "c"}, "openid-denied"),
        ({"state": "another", "error": "access_denied"}, "openid-state"),
    ],
)
def test_an_answer_to_another_departure_is_none(query: dict[str, str], reason: str) -> None:
    with pytest.raises(Refused) as caught:
        Arrival.parse(query, DEPARTURE)
    assert caught.value.reason == reason
    assert "access_denied" not in caught.value.message


@pytest.mark.parametrize(
    ("says", "given", "good"),
    [
        (False, None, True),
        (True, None, False),
        (False, ISSUER, True),
        (False, "https://evil", False),
        (True, ISSUER, True),
    ],
)
def test_an_answer_names_its_issuer_or_need_not(says: bool, given: str | None, good: bool) -> None:
    provider = read_provider(DOCUMENT | {"authorization_response_iss_parameter_supported": says}, ISSUER)
    if good:
        check_issuer(Arrival("c", given), provider)
    else:
        with pytest.raises(WorldError):
            check_issuer(Arrival("c", given), provider)


def check(claims: dict[str, Any], now: datetime = NOW) -> None:
    check_claims(claims, ISSUER, "notebooks", "the-nonce", now)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"aud": ["notebooks"]},
        {"aud": ["account", "notebooks"], "azp": "notebooks"},
        {"nbf": NOW.timestamp()},
        {"iat": NOW.timestamp() + 50},  # their clock is ahead of ours
        {"exp": NOW.timestamp() - 50},
    ],
)
def test_a_token_for_us_is_good(more: dict[str, Any]) -> None:
    check(CLAIMS | more)


@pytest.mark.parametrize(
    "more",
    [
        {"iss": ISSUER + "/"},
        {"iss": [ISSUER]},
        {"aud": "others"},
        {"aud": ["others"]},
        {"aud": None},
        {"aud": "xnotebooksx"},
        {"aud": ["account", "notebooks"]},
        {"azp": "others"},
        {"azp": None},
        {"nonce": "another"},
        {"nonce": None},
        {"nonce": ["the-nonce"]},
        {"nonce": ""},
        {"exp": NOW.timestamp() - 60},
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": True},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"iat": NOW.timestamp() + 61},
        {"iat": NOW.timestamp() - 3600},
        {"iat": None},
        {"nbf": NOW.timestamp() + 61},
        {"nbf": "soon"},
    ],
)
def test_a_token_for_others_or_another_time_is_not(more: dict[str, Any]) -> None:
    with pytest.raises(WorldError):
        check(CLAIMS | more)


def test_a_token_is_good_for_its_time_only() -> None:
    check(CLAIMS, NOW + timedelta(minutes=5))
    with pytest.raises(WorldError):
        check(CLAIMS, NOW + timedelta(minutes=10))


def test_who_it_is_comes_from_both_documents() -> None:
    more = {
        "sub": "4711", "email": "zoe@example.org", "email_verified": True, "preferred_username": "zoe",
        "given_name": "Zoé", "family_name": "Martin",
    }  # fmt: skip
    assert identity_of(CLAIMS, more, ISSUER, "preferred_username") == Identity(
        ISSUER, "4711", "zoe@example.org", True, "zoe", "Zoé", "Martin"
    )


def test_an_address_is_verified_only_by_the_document_that_it_is_in() -> None:
    claims = CLAIMS | {"email": "victim@example.org"}
    assert not identity_of(
        claims, {"sub": "4711", "email": "me@example.org", "email_verified": True}, ISSUER, "x"
    ).email_verified
    for untrue in ("true", 1, None, False):
        assert not identity_of(claims | {"email_verified": untrue}, {}, ISSUER, "x").email_verified


@pytest.mark.parametrize("subject", [None, "", 4711, "a" * 256, "a\nb"])
def test_a_token_about_nobody(subject: object) -> None:
    with pytest.raises(WorldError):
        identity_of(CLAIMS | {"sub": subject}, {}, ISSUER, "x")


def test_userinfo_about_somebody_else() -> None:
    with pytest.raises(WorldError):
        identity_of(CLAIMS, {"sub": "4712", "email": "x@example.org"}, ISSUER, "x")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_HOSTILE = st.dictionaries(
    st.sampled_from([*CLAIMS, "azp", "nbf", "email", "given_name", "email_verified"]), _JSON
)


@given(_HOSTILE, _HOSTILE)
def test_whatever_a_provider_says_is_taken_or_refused(claims: dict[str, Any], more: dict[str, Any]) -> None:
    with contextlib.suppress(NbhostdError):
        check(CLAIMS | claims)
    with contextlib.suppress(NbhostdError):
        identity_of(CLAIMS | claims, more, ISSUER, "preferred_username")


@given(_JSON)
def test_whatever_is_discovered_is_taken_or_refused(document: Any) -> None:
    for whole in (document, DOCUMENT | document if isinstance(document, dict) else document):
        with contextlib.suppress(NbhostdError):
            read_provider(whole, ISSUER)
