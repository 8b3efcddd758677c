"""Pages: templates in the visitor's language, dressed in the headers that keep them safe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import hdrs, web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from nbhostd.core.errors import NbhostdError
from nbhostd.core.names import WorkspaceId
from nbhostd.core.said import Said
from nbhostd.web import amounts
from nbhostd.web.assets import Assets
from nbhostd.web.faults import Fault, fault_of, title, words
from nbhostd.web.languages import choose, read_catalogues, said

_BADGE_LENGTH = 60
_PROGRAMS = "/api/"
"""Whatever is below this is for programs, whatever they accept."""

_Answer = TypeVar("_Answer", bound=web.StreamResponse)


@dataclass(frozen=True, slots=True)
class Badges:
    """Course, student and notebook, as pages show them."""

    course: str
    student: str
    notebook: str = ""

    @classmethod
    def of(cls, workspace: WorkspaceId, notebook: str = "") -> Badges:
        """The badges of a workspace, and of a notebook in it."""
        return cls(workspace.course, workspace.student, notebook)


BADGES = web.RequestKey("badges", Badges)
"""Whom a request is about, once that is known."""
LANGUAGE = web.RequestKey("language", str)
"""The language that somebody has chosen, which counts more than what the browser asks for."""


class Pages:
    """All pages, in all languages; `frame_ancestors()` are the origins that may embed them now."""

    def __init__(self, templates: Path, frame_ancestors: Callable[[], Sequence[str]]) -> None:
        self.assets = Assets(templates / "assets")
        self.catalogues = read_catalogues(templates / "locale")
        self._languages = list(self.catalogues)
        self._frame_ancestors = frame_ancestors
        self._environments = {
            language: self._environment(templates, language) for language in self._languages
        }

    def _environment(self, templates: Path, language: str) -> Environment:
        environment = Environment(
            loader=FileSystemLoader(templates / "pages"),
            autoescape=True,
            undefined=StrictUndefined,
            extensions=["jinja2.ext.i18n"],
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        environment.policies["ext.i18n.trimmed"] = True
        environment.install_gettext_translations(self.catalogues[language], newstyle=True)  # type: ignore[attr-defined]
        environment.globals |= {"asset": self.assets.url, "language": language}
        say = self.catalogues[language].ugettext
        environment.filters |= {"shorten": shorten, "said": lambda text: said(text, say)} | amounts.filters(
            language
        )
        environment.tests["said"] = lambda text: isinstance(text, Said)
        return environment

    def language(self, request: web.BaseRequest) -> str:
        """The language that this visitor reads."""
        chosen: str = request.get(LANGUAGE, "")
        if chosen in self._languages:
            return chosen
        return choose(request.headers.get(hdrs.ACCEPT_LANGUAGE, ""), self._languages)

    def say(self, request: web.BaseRequest, message: str) -> str:
        """A message in the visitor's language, as it is when no catalogue has it."""
        return str(self.catalogues[self.language(request)].ugettext(message))

    def say_count(self, request: web.BaseRequest, one: str, many: str, count: int) -> str:
        """A message that counts, in the visitor's language."""
        return str(self.catalogues[self.language(request)].ungettext(one, many, count)).format(count=count)

    def render(
        self, request: web.BaseRequest, template: str, *, status: int = 200, **values: object
    ) -> web.Response:
        """A page from `templates/pages`."""
        page = self._environments[self.language(request)].get_template(template)
        values.setdefault("badges", request.get(BADGES))
        response = web.Response(text=page.render(values), status=status, content_type="text/html")
        return self.dress(response)

    def error(self, request: web.BaseRequest, fault: Fault) -> web.Response:
        """A fault, as a page for a person or as JSON for a program."""
        if is_program(request):
            happened = self.say(request, words(fault).happened)
            document = {"status": fault.status, "reason": fault.reason, "message": happened}
            if fault.incident:
                document["incident"] = fault.incident
            response = self.dress(web.json_response(document, status=fault.status))
        else:
            response = self.render(
                request, "error.html", status=fault.status, **self.explained(request, fault)
            )
        return told(response, fault)

    def explained(self, request: web.BaseRequest, fault: Fault) -> dict[str, Any]:
        """What a page needs to show a fault with `fault.html`, in the visitor's language."""
        said = words(fault)
        happened = self.say(request, said.happened)
        return {
            "fault": fault,
            "fault_title": self.say(request, title(fault)),
            "happened": happened,
            # A message without a translation is English, and says so to a screen reader.
            "untranslated": self.language(request) != "en" and happened == said.happened,
            "advice": self.say(request, said.advice),
        }

    def refusal(self, request: web.BaseRequest, error: NbhostdError) -> str:
        """What an error says, in the visitor's language."""
        said = words(fault_of(error))
        return f"{self.say(request, said.happened)} {self.say(request, said.advice)}".strip()

    def redirect(self, location: str) -> web.Response:
        """303 to a URL of ours; the browser keeps no copy and tells no other site where it came from."""
        return self.dress(web.Response(status=303, headers={hdrs.LOCATION: location}))

    def allow_forms(self, response: _Answer, *origins: str) -> _Answer:
        """The same page, whose forms may be sent to us, and their answers lead on to these origins."""
        policy = response.headers["Content-Security-Policy"]
        allowed = " ".join(("form-action 'self'", *origins))
        response.headers["Content-Security-Policy"] = policy.replace("form-action 'none'", allowed)
        return response

    def dress(self, response: _Answer) -> _Answer:
        """The same response with the headers of every answer that is ours."""
        ancestors = " ".join(("'self'", *self._frame_ancestors()))
        response.headers.update(
            {
                "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
                f"img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}",
                "Cache-Control": "no-store",
                "Referrer-Policy": "no-referrer",
                "X-Content-Type-Options": "nosniff",
                "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
                "Vary": "Accept, Accept-Language",
                "Server": "nbhostd",
            }
        )
        return response


def told(response: web.Response, fault: Fault) -> web.Response:
    """The same response, with what a fault says to programs."""
    if fault.retry_after is not None:
        response.headers[hdrs.RETRY_AFTER] = str(fault.retry_after)
    if fault.allow:
        response.headers[hdrs.ALLOW] = fault.allow
    return response


def is_program(request: web.BaseRequest) -> bool:
    """Whether the answer to a fault is JSON."""
    dest = request.headers.get("Sec-Fetch-Dest", "")
    return request.path.startswith(_PROGRAMS) or wants_json(request.headers.get(hdrs.ACCEPT, ""), dest)


def shorten(text: str, length: int = _BADGE_LENGTH) -> str:
    """The text, its middle left out when it is longer than a badge."""
    if len(text) <= length:
        return text
    half = (length - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def wants_json(accept: str, fetch_dest: str) -> bool:
    """Whether a program asks: it says so in Accept, or a script of a page fetches without wanting HTML."""
    html = _position(accept, "text/html")
    json = _position(accept, "application/json")
    if html is None:
        return json is not None or fetch_dest == "empty"
    return json is not None and json < html


def _position(accept: str, kind: str) -> int | None:
    offers = [item.partition(";")[0].strip().lower() for item in accept.split(",")]
    return offers.index(kind) if kind in offers else None
