"""A provider that lets in whom a test wants: the second implementation of core.ports_people.IdentityProvider."""

from dataclasses import dataclass, field
from urllib.parse import urlencode

from nbhostd.core.errors import NbhostdError, Refused, WorldError
from nbhostd.core.openid import Arrival, Departure, Identity


@dataclass
class FakeIdentityProvider:
    there: bool = True
    people: dict[str, Identity] = field(default_factory=dict)
    """By the code that they come back with."""
    trouble: NbhostdError | None = None

    def is_set_up(self) -> bool:
        return self.there

    async def departure_url(self, departure: Departure, redirect_uri: str) -> str:
        self._look()
        return "https://login.example.org/authorize?" + urlencode(
            {"state": departure.state, "redirect_uri": redirect_uri}
        )

    async def identity(self, departure: Departure, arrival: Arrival, redirect_uri: str) -> Identity:
        self._look()
        if arrival.code not in self.people:
            raise WorldError("The other site does not answer as it should.")
        return self.people.pop(arrival.code)

    def _look(self) -> None:
        if not self.there:
            raise Refused("This site has no other login.", status=404, reason="no-openid")
        if self.trouble is not None:
            raise self.trouble
