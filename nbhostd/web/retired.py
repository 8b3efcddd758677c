"""The predecessor's addresses that did something for whoever opened them: they say what has taken their place.

An address that changes something when it is opened is opened by anybody's page, by a preview and by a reload.
"""

from __future__ import annotations

from typing import NoReturn

from aiohttp import web

from nbhostd.core.errors import Refused

_RETIRED = {
    "containerKill": ("no-stop-here", "An address stops no workspace any more."),
    "ipythonShare": ("no-share-here", "An address shares no notebook any more."),
}


class Retired:
    """`/containerKill/COURSE/STUDENT` and `/ipythonShare/COURSE/NOTEBOOK/STUDENT`: gone, with a sentence."""

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Their routes; slashes may be doubled, as in launches."""
        router.add_get(f"/{{gone:/*(?:{'|'.join(_RETIRED)})(?:/(?s:.*))?}}", self._say, allow_head=False)

    async def _say(self, request: web.Request) -> NoReturn:
        name = request.match_info["gone"].strip("/").partition("/")[0]
        reason, sentence = _RETIRED[name]
        raise Refused(sentence, status=410, reason=reason)
