"""An OpenID provider, asked by HTTPS. It is another site's: its answers are bounded, and believed only when signed."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

import aiohttp
import jwt
from aiohttp import hdrs

from nbhostd.core.config import Config, OpenId
from nbhostd.core.errors import Refused, WorldError
from nbhostd.core.openid import (
    ALGORITHMS,
    Arrival,
    Departure,
    Identity,
    Provider,
    check_claims,
    check_issuer,
    departure_url,
    identity_of,
    read_provider,
)
from nbhostd.core.ports import Clock

_TIMEOUT = aiohttp.ClientTimeout(total=10)
_LONGEST_ANSWER = 256 << 10
_DISCOVERY = "/.well-known/openid-configuration"
_FRESH = 3600.0
"""Seconds that a discovery document and keys are good for."""
_LEAST = 10.0
"""Seconds before keys are fetched again because one was not among them."""


@dataclass(slots=True)
class _Known:
    """What was fetched of one issuer, and when."""

    provider: Provider
    at: float
    keys: tuple[dict[str, Any], ...] = ()
    keys_at: float | None = None


class OidcProvider:
    """Satisfies core.ports_people.IdentityProvider; settings are those of the moment."""

    def __init__(
        self, config: Callable[[], Config], secret: str, clock: Clock, timeout: aiohttp.ClientTimeout = _TIMEOUT
    ) -> None:  # fmt: skip
        self._config = config
        self._secret = secret
        self._clock = clock
        self._timeout = timeout
        self._known: _Known | None = None

    def is_set_up(self) -> bool:
        """Whether the site has a provider at all."""
        return bool(self._config().openid.issuer)

    async def departure_url(self, departure: Departure, redirect_uri: str) -> str:
        """Where the browser is sent to log in."""
        settings = self._settings()
        known = await self._discover(settings.issuer)
        return departure_url(known.provider, settings.client_id, settings.scopes, redirect_uri, departure)

    async def identity(self, departure: Departure, arrival: Arrival, redirect_uri: str) -> Identity:
        """Who came back from that departure."""
        settings = self._settings()
        known = await self._discover(settings.issuer)
        check_issuer(arrival, known.provider)
        tokens = await self._redeem(settings, known.provider, departure, arrival, redirect_uri)
        claims = await self._claims(known, tokens.get("id_token"))
        check_claims(claims, settings.issuer, settings.client_id, departure.nonce, self._clock.now())
        more = await self._userinfo(settings, known.provider, claims, tokens.get("access_token"))
        return identity_of(claims, more, settings.issuer, settings.username_claim)

    def _settings(self) -> OpenId:
        settings = self._config().openid
        if not settings.issuer:
            raise Refused("This site has no other login.", status=404, reason="no-openid")
        return settings

    async def _discover(self, issuer: str) -> _Known:
        now, known = self._clock.monotonic(), self._known
        if known is None or known.provider.issuer != issuer or now - known.at > _FRESH:
            document = await self._ask(hdrs.METH_GET, issuer.rstrip("/") + _DISCOVERY)
            self._known = known = _Known(read_provider(document, issuer), now)
        return known

    async def _redeem(
        self, settings: OpenId, provider: Provider, departure: Departure, arrival: Arrival, redirect_uri: str
    ) -> Mapping[str, Any]:
        """The tokens for a code (Core §3.1.3, RFC 6749 §2.3.1)."""
        form = {
            "grant_type": "authorization_code", "code": arrival.code, "redirect_uri": redirect_uri,
            "code_verifier": departure.verifier,
        }  # fmt: skip
        headers = {}
        if self._secret and provider.takes_basic:
            pair = f"{quote_plus(settings.client_id)}:{quote_plus(self._secret)}"
            headers[hdrs.AUTHORIZATION] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form["client_id"] = settings.client_id
            if self._secret:
                form["client_secret"] = self._secret
        return await self._ask(hdrs.METH_POST, provider.token_endpoint, data=form, headers=headers)

    async def _claims(self, known: _Known, token: object) -> Mapping[str, Any]:
        """What a signed ID token says. Raises WorldError when none of the provider's keys signed it."""
        if not isinstance(token, str):
            raise _not_valid("no ID token")
        if known.keys_at is None or self._clock.monotonic() - known.keys_at > _FRESH:
            await self._fetch_keys(known)
        try:
            header = jwt.get_unverified_header(token)
            if not _candidates(known.keys, header) and self._may_fetch_again(known):
                await self._fetch_keys(known)  # the provider has changed its keys
            return _verified(token, header, _candidates(known.keys, header))
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise _not_valid(repr(error)) from error

    def _may_fetch_again(self, known: _Known) -> bool:
        return known.keys_at is None or self._clock.monotonic() - known.keys_at >= _LEAST

    async def _fetch_keys(self, known: _Known) -> None:
        keys = (await self._ask(hdrs.METH_GET, known.provider.jwks_uri)).get("keys")
        if not isinstance(keys, list):
            raise _not_valid("no keys")
        known.keys = tuple(key for key in keys if isinstance(key, dict))
        known.keys_at = self._clock.monotonic()

    async def _userinfo(
        self, settings: OpenId, provider: Provider, claims: Mapping[str, Any], token: object
    ) -> Mapping[str, Any]:
        """What the ID token left out, when it left something out."""
        complete = all(claims.get(name) for name in ("email", settings.username_claim, "family_name"))
        if (
            complete
            or not provider.userinfo_endpoint
            or not isinstance(token, str)
            or not token.isprintable()
        ):
            return {}
        headers = {hdrs.AUTHORIZATION: f"Bearer {token}"}
        return await self._ask(hdrs.METH_GET, provider.userinfo_endpoint, headers=headers)

    async def _ask(self, method: str, url: str, **options: Any) -> Mapping[str, Any]:
        """The JSON object that is answered. Raises WorldError."""
        try:
            answer = json.loads(await self._fetch(method, url, **options))
            if not isinstance(answer, dict):
                raise ValueError("no JSON object")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, RecursionError) as error:
            detail = f"OpenID: {method} {url}: {error!r}"[:500]
            raise WorldError("The other site does not answer as it should.", detail=detail) from error
        return answer

    async def _fetch(self, method: str, url: str, **options: Any) -> bytes:
        options["headers"] = {
            **options.get("headers", {}),
            hdrs.ACCEPT: "application/json",
            hdrs.ACCEPT_ENCODING: "identity",
        }
        async with (
            aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(), timeout=self._timeout, auto_decompress=False
            ) as session,
            # No redirect is followed: a code or a secret goes where it was meant to go, or nowhere.
            session.request(method, url, allow_redirects=False, **options) as answer,
        ):
            data = b""
            async for chunk in answer.content.iter_any():
                data += chunk
                if len(data) > _LONGEST_ANSWER:
                    raise ValueError("the answer has no end")
            if answer.status != 200:
                raise ValueError(f"HTTP {answer.status} {data[:200]!r}")
            return data


def _not_valid(detail: str) -> WorldError:
    return WorldError("The other site’s answer to the login is not valid.", detail=f"OpenID: {detail}"[:500])


def _candidates(keys: tuple[dict[str, Any], ...], header: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The keys that may have signed a token with that header: of the named id, if it names one, and of the right kind."""
    kind, id = ALGORITHMS.get(str(header.get("alg"))), header.get("kid")
    return [
        key
        for key in keys
        if kind is not None
        and key.get("kty") == kind
        and key.get("use", "sig") == "sig"
        and key.get("alg", header["alg"]) == header["alg"]
        and (id is None or key.get("kid") == id)
    ]


def _verified(token: str, header: Mapping[str, Any], keys: list[dict[str, Any]]) -> Mapping[str, Any]:
    algorithm = str(header.get("alg"))
    if algorithm not in ALGORITHMS:
        raise ValueError(f"signed with {algorithm[:20]}")
    signatures = jwt.PyJWS(options={"enforce_minimum_key_length": True})
    for key in keys:
        try:
            payload = signatures.decode(token, jwt.PyJWK(key, algorithm), algorithms=[algorithm])
        except jwt.InvalidSignatureError:
            continue
        claims = json.loads(payload)
        if not isinstance(claims, dict):
            raise ValueError("claims are no object")
        return claims
    raise ValueError("signed with none of the provider’s keys")
