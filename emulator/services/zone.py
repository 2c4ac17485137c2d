"""DNS as somebody sees it: one question about one name, answered from tables.

A :class:`Zone` is everything one resolver knows.  It first looks into private
hosted zones, those of users and those that private DNS of endpoints hides; the
longest that the name is in answers, also that there is no such name (DNS-7).
Outside of them it looks into tables of public names, an earlier one first.
CNAME and ALIAS records are followed.  What stands in the tables is
:mod:`emulator.services.views`'; messages, queries and the turn of addresses are
the resolver's.

AWS: Route 53 Developer Guide, "Considerations when working with a private hosted
zone"; RFC 1034 sections 3.6.2 and 4.3.2 for CNAME; RFC 4592 for wildcards in
private zones.  In the public tables the longest wildcard that covers a name
answers, even if a name between the two exists.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from netaddr import IPAddress

_T = TypeVar("_T")

LONGEST_CHAIN: Final = 16
"""EMU: CNAME and ALIAS records followed for one name; resolvers have such a limit, AWS does not publish its own."""


class Source(StrEnum):
    """Which kind of name answered."""

    PRIVATE_DNS = "private DNS"
    HOSTED_ZONE = "private hosted zone"
    ENDPOINT = "endpoint name"
    INTERFACE = "interface name"
    PUBLIC = "public DNS"
    HOSTNAMES_OFF = "enableDnsHostnames is off"
    CHAIN = "too long a chain of names"
    NONE = "no such name"


@dataclass(frozen=True, slots=True)
class Link:
    """One step of the way to an answer: ``name`` has a record of ``type`` CNAME or ALIAS that says ``target``."""

    name: str
    type: str
    target: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a name resolves to.

    ``addresses`` is None if the name does not exist, or could not be resolved at all (:attr:`failed`); it is empty if
    the name exists without an address.  ``record`` is the name or wildcard that answered, or the zone that said no,
    and ``owner`` the endpoint, hosted zone, interface or service it belongs to.  ``chain`` is how it was got to.
    """

    addresses: tuple[IPAddress, ...] | None
    source: Source = Source.NONE
    record: str = ""
    owner: str = ""
    chain: tuple[Link, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether there is no answer but an error, SERVFAIL."""
        return self.source is Source.CHAIN


NO_SUCH_NAME: Final = Answer(None)


@dataclass(frozen=True, slots=True)
class Pointer:
    """A record of ``type`` CNAME or ALIAS: the addresses are ``target``'s."""

    type: str
    target: str
    record: str
    owner: str


Record: TypeAlias = Answer | Pointer


class PrivateZone:
    """A private hosted zone: its name, and its records by name, wildcards as ``*.example.com``.

    Attributes:
        apex: The zone's name, without a final dot.
        records: Names, each inside the zone, and what they say.
        owner: The hosted zone, or the endpoint whose private DNS it is.
        source: Which kind of the two.
    """

    __slots__ = ("_existing", "apex", "owner", "records", "source")

    def __init__(self, apex: str, records: Mapping[str, Record], owner: str, source: Source) -> None:
        self.apex: Final = apex
        self.records: Final = records
        self.owner: Final = owner
        self.source: Final = source
        # RFC 4592 section 2.2.2: a name exists if there is anything at or below it; the apex always does.
        self._existing: Final = {apex, *(name for record in records for name in parents(record, apex))}

    def holds(self, name: str) -> bool:
        """Return whether a name is the zone's or inside it."""
        return name == self.apex or name.endswith(f".{self.apex}")

    def find(self, name: str) -> Record:
        """Return the record of a name inside the zone: its own, the closest encloser's wildcard, or none."""
        found = self.records.get(name)
        if found is not None:
            return found
        if name in self._existing:
            return Answer((), self.source, self.apex, self.owner)
        closest = next(parent for parent in parents(name, self.apex) if parent in self._existing)
        found = self.records.get(f"*.{closest}")
        return found or Answer(None, self.source, self.apex, self.owner)


def parents(name: str, apex: str) -> Iterable[str]:
    """Yield a name and those above it, down to ``apex``."""
    while name != apex and name:
        yield name
        _, _, name = name.partition(".")
    yield apex


@dataclass(frozen=True, slots=True)
class Zone:
    """Everything one resolver knows.

    Attributes:
        tables: Names, and wildcards as ``*.example.com``, to answers; an earlier table beats a later one.
        answers: Whether the resolver answers at all (DNS-2).
        private: Private zones; they beat the tables (DNS-7).
        remarks: Why a name, or all below a wildcard, is not answered from a private zone as one may expect.
    """

    tables: tuple[Mapping[str, Answer], ...]
    answers: bool = True
    private: tuple[PrivateZone, ...] = ()
    remarks: Mapping[str, str] = field(default_factory=dict)

    def lookup(self, name: str) -> Answer:
        """Return what ``name`` resolves to; case and a final dot make no difference."""
        name = normal(name)
        chain: list[Link] = []
        while len(chain) <= LONGEST_CHAIN:
            found = self._find(name)
            if isinstance(found, Answer):
                if not chain:
                    return found
                addresses = found.addresses
                if addresses is None and any(link.type == "ALIAS" for link in chain):
                    addresses = ()  # a name with an ALIAS to nothing exists all the same
                return replace(found, addresses=addresses, chain=tuple(chain))
            chain.append(Link(name, found.type, found.target))
            name = found.target
        return Answer(None, Source.CHAIN, chain[0].name, "", tuple(chain))

    def _find(self, name: str) -> Record:
        zone = self.zone_of(name)
        if zone is not None:
            return zone.find(name)
        for table in self.tables:
            answer = covering(table, name)
            if answer is not None:
                return answer
        return NO_SUCH_NAME

    def zone_of(self, name: str) -> PrivateZone | None:
        """Return the private zone that answers for a name: the longest that it is in."""
        inside = [zone for zone in self.private if zone.holds(name)]
        return max(inside, key=lambda zone: len(zone.apex), default=None)


def covering(table: Mapping[str, _T], name: str) -> _T | None:
    """Return what a table says of a name: at the name itself, else at the longest wildcard that covers it."""
    found = table.get(name)
    _, _, parent = name.partition(".")
    while found is None and parent:
        found = table.get(f"*.{parent}")
        _, _, parent = parent.partition(".")
    return found


def normal(name: str) -> str:
    """Return a name as tables have it: in lower case and without a final dot."""
    return name.lower().rstrip(".")
