"""A topology document as calls of the control plane.

The document is checked as far as it makes sense at once: shapes by the schema,
names by the references, everything else by the verbs themselves.  What depends
on something that has already been complained about is left out in silence, so
that one mistake is one message.

Verbs are called in an order that works whatever the order in the file, within a
section by id, and given addresses before automatic ones: shuffling a document
changes nothing.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import ValidationError

from emulator.control import ControlPlane, Ec2Error
from emulator.control.addresses import address
from emulator.control.policies import PolicyError
from emulator.control.protocols import protocol_number
from emulator.control.public_addresses import automatic_addresses
from emulator.control.quotas import check_quotas
from emulator.control.regions import GATEWAY_SERVICES, built_in_prefix_list, built_in_services
from emulator.model.reasons import Reason
from emulator.model.settings import PROFILES, Settings
from emulator.topology.fields import Region  # noqa: TC001 - pydantic reads it
from emulator.topology.generated import add_generated_names
from emulator.topology.problems import INVALID, MISSING, Problem, closest
from emulator.topology.references import Names, Reference, references
from emulator.topology.schema import NOT_MODELLED, SECTIONS, SettingsEntry, TopologyDocument, VpcEntry
from emulator.topology.validation import Strict, explained

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from emulator.topology.documents import Document, KeyPath

EntryT = TypeVar("EntryT", bound=Strict)

Key = tuple[str, str]
"""A section and an id in it."""

BORN_WITH_A_VPC: Final = {"route_tables": "rtb-main-", "security_groups": "sg-default-", "network_acls": "acl-default-"}

NAMED_BY_A_VPC: Final = {
    "security_groups": "default_security_group_id",
    "network_acls": "default_network_acl_id",
}
"""Keys of a VPC that give what is born with it another name."""

OPTIONAL: Final = (
    "private_ip_address",
    "public_ip",
    "connection_tracking_specification",
    "policy_document",
    "private_dns_enabled",
    "private_dns_only_for_inbound_resolver_endpoint",
    "private_dns_name",
)
"""Parameters that a resource can do without, for finding out what else is wrong with it."""

GIVEN_PUBLIC: Final = (
    ("addresses", "public_ip"),
    ("instances", "public_ip"),
    ("network_interfaces", "public_ip"),
    ("external_hosts", "ip_address"),
    ("customer_gateways", "ip_address"),
    ("services", "public_addresses"),
)
"""Where public addresses stand."""

MOST_REFUSALS: Final = 25
"""Per entry: nobody reads more, and each costs another call."""

HEAD: Final = f"{Reason.UNSUPPORTED_COMPONENT}: "


class Draft:
    """A document on its way to becoming a control plane: what is known of it, and what is wrong with it.

    Attributes:
        problems: Everything found so far.
        plane: The control plane as far as it has been built.
        names: The ids of the document.
        broken: Entries that were complained about as a whole; what depends on them is left out.
        refused_policies: Endpoints whose policy was complained about.
        vpc_regions: The Region of each VPC.
        public_addresses: Automatic ones, none of which the document gives to anybody.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = list(document.problems)
        self.broken: set[Key] = set()
        self.data = _with_empty_entries(document.data)
        self._entries: dict[Key, Strict] = {}
        self._sorted: dict[str, list[str]] = {}
        self._validate()
        self.region = self._valid_region()
        self.vpc_regions = self._vpc_regions()
        self.names = Names(self.region or "us-east-1", self._ids(), self._opaque(), self.vpc_regions)
        self._references: dict[Key, list[Reference]] = {
            (section, name): references(document, section, name, self.names, self.problems)
            for section in SECTIONS
            for name in self.ids_in(section)
        }
        self.plane = ControlPlane(self.names.region, self._settings())
        self.refused_policies: set[str] = set()
        self.public_addresses = automatic_addresses(self._given_public_addresses())
        self._vpc_was_missed = False

    # -- reading ----------------------------------------------------------------

    def _validate(self) -> None:
        """Check shapes; entries with a mistake are broken, the others kept."""
        whole: TopologyDocument | None = None
        try:
            whole = TopologyDocument.model_validate(self.data)
        except ValidationError as error:
            self.problems += explained(self.document, (), TopologyDocument, error, NOT_MODELLED)
            for detail in error.errors(include_url=False):
                if len(detail["loc"]) > 1:
                    self.broken.add((str(detail["loc"][0]), str(detail["loc"][1])))
        for section, model in SECTIONS.items():
            if whole is not None:
                self._entries |= {(section, name): entry for name, entry in getattr(whole, section).items()}
                continue
            for name in self.ids_in(section):
                if (section, name) not in self.broken:
                    self._entries[section, name] = model.model_validate(self.data[section][name])

    def ids_in(self, section: str) -> list[str]:
        """Return the ids a section declares, sound or broken."""
        if section not in self._sorted:
            entries = self.data.get(section) if isinstance(self.data, dict) else None
            self._sorted[section] = sorted(entries, key=natural) if isinstance(entries, dict) else []
        return self._sorted[section]

    def _valid_region(self) -> str | None:
        region = self.data.get("region") if isinstance(self.data, dict) else None
        try:
            return RegionOnly.model_validate({"region": region}).region
        except ValidationError:
            return None

    def _opaque(self) -> set[str]:
        """Return the sections of which not all names are known: no mappings, misspelt, or born with such a one."""
        if not isinstance(self.data, dict):
            return set(SECTIONS)
        unreadable = {name for name in SECTIONS if name in self.data and not isinstance(self.data[name], dict)}
        strangers = [name for name in self.data if name not in TopologyDocument.model_fields]
        unreadable |= {match for name in strangers if (match := closest(name, TopologyDocument.model_fields))}
        return unreadable | set(BORN_WITH_A_VPC) if "vpcs" in unreadable else unreadable

    def _ids(self) -> dict[str, set[str]]:
        """Return all names that may be referred to: declared, generated, and built in."""
        names = {section: set(self.ids_in(section)) for section in SECTIONS}
        for section, head in BORN_WITH_A_VPC.items():
            names[section] |= {self._called(section, vpc) or head + vpc for vpc in names["vpcs"]}
        region = self.region or "us-east-1"
        heads = Names(region, {})
        names["services"] = {heads.service_name(name) for name in names["services"]}
        for place in dict.fromkeys((region, *self.vpc_regions.values())):
            names["services"] |= {service.service_name for service in built_in_services(place)}
            for short in GATEWAY_SERVICES:
                names["prefix_lists"].add(built_in_prefix_list(place, short).prefix_list_id)
        for section in ("instances", "nat_gateways"):
            for name in self.ids_in(section):
                given = self._given(section, name, "network_interface_id")
                names["network_interfaces"].add(given if isinstance(given, str) else f"eni-{name}")
        for name in self.ids_in("resolver_endpoints"):
            places = self._given("resolver_endpoints", name, "ip_addresses")
            count = len(places) if isinstance(places, list) else 0
            names["network_interfaces"] |= {f"eni-{name}-{number}" for number in range(1, count + 1)}
        if isinstance(self.data, dict):
            add_generated_names(names, self.data, Names(region, {}, vpc_regions=self.vpc_regions).region_of)
        return names

    def _given(self, section: str, name: str, key: str) -> object:
        """Return a value of an entry as written, sound or not."""
        entry = self.data[section][name]
        return entry.get(key) if isinstance(entry, dict) else None

    def _vpc_regions(self) -> dict[str, str]:
        """Return the Region of each VPC, the document's own where it has none or no sound one."""
        regions = {}
        for name in self.ids_in("vpcs"):
            entry = self._entries.get(("vpcs", name))
            regions[name] = (isinstance(entry, VpcEntry) and entry.region) or self.region or "us-east-1"
        return regions

    def _given_public_addresses(self) -> set[int]:
        """Return every public address that the document gives to somebody, so that no automatic one is in its way."""
        found: set[int] = set()
        for section, key in GIVEN_PUBLIC:
            for name in self.ids_in(section):
                given = self._given(section, name, key)
                for text in given if isinstance(given, list) else [given]:
                    with suppress(Ec2Error):
                        found.add(int(address(text, key)))
        return found

    def _called(self, section: str, vpc_id: str) -> str | None:
        """Return what a VPC calls its default group or ACL, None for the usual name."""
        entry = self._entries.get(("vpcs", vpc_id))
        return getattr(entry, NAMED_BY_A_VPC[section]) if entry is not None and section in NAMED_BY_A_VPC else None

    def _settings(self) -> Settings:
        """Return the settings of the document, the defaults where they are broken or absent."""
        try:
            entry = SettingsEntry.model_validate(self.data.get("settings", {}) if isinstance(self.data, dict) else {})
        except ValidationError:
            return Settings()
        given: dict[str, Any] = {name: value for name, value in entry if value is not None}
        base = PROFILES[given.pop("profile", "seed")]
        for name, value in given.items():
            if value == "none":
                given[name] = None
            elif name == "ip_versions":
                given[name] = tuple(value)
            elif name == "interface_endpoint_protocols":
                given[name] = self._protocols(value)
        assert set(given) <= {known.name for known in fields(Settings)}
        settings = replace(base, **given)
        try:
            check_quotas(settings)
        except Ec2Error as error:
            blamed = next(name for name in (error.parameter or "", "groups_per_interface", *given) if name in given)
            self.problems.append(Problem.at(self.document.mark(("settings", blamed)), error.code, error.message))
            return base
        return settings

    def _protocols(self, words: list[str | int]) -> tuple[int, ...]:
        numbers = []
        for index, word in enumerate(words):
            try:
                numbers.append(protocol_number(word, "interface_endpoint_protocols"))
            except Ec2Error as error:
                self._complain(("settings", "interface_endpoint_protocols"), (index,), error, {})
        return tuple(numbers)

    # -- building ---------------------------------------------------------------

    def each(
        self, section: str, model: type[EntryT], *, apart_from: tuple[str, ...] = ()
    ) -> Iterator[tuple[str, EntryT]]:
        """Yield the sound entries of a section whose references work, ``apart_from`` those under some keys."""
        for name in self.ids_in(section):
            entry = self._entries.get((section, name))
            if entry is None or (section, name) in self.broken:
                continue
            assert isinstance(entry, model)
            if all(
                self._works(reference)
                for reference in self._references[section, name]
                if reference.path[2] not in apart_from
            ):
                yield name, entry
            else:
                self.broken.add((section, name))

    def part_works(self, key: Key, *path: str | int) -> bool:
        """Return whether the references in a part of an entry work."""
        full = (*key, *path)
        return all(self._works(one) for one in self._references[key] if one.path[: len(full)] == full)

    def _works(self, reference: Reference) -> bool:
        """Return whether a reference leads to something that has been built."""
        if reference.target is None or reference.target in self.broken:
            return False
        section, name = reference.target
        return name in getattr(self.plane, section)

    def target(self, key: Key, *path: str | int) -> tuple[str, str] | None:
        """Return what the value at a path of an entry names, None if it names no resource."""
        full = (*key, *path)
        return next((one.target for one in self._references[key] if one.path == full), None)

    def vpc_of(self, key: Key, given: str | None) -> str | None:
        """Return the VPC of an entry: the one given, or the document's only one; None if there is no sound one."""
        head = BORN_WITH_A_VPC.get(key[0])
        vpcs = self.ids_in("vpcs")
        vpc_id = given
        if vpc_id is None and head is not None and key[1].startswith(head) and key[1].removeprefix(head) in vpcs:
            vpc_id = key[1].removeprefix(head)
        if vpc_id is None and len(vpcs) == 1:
            vpc_id = vpcs[0]
        if vpc_id is None and "vpcs" not in self.names.opaque and (vpcs or not self._vpc_was_missed):
            self._vpc_was_missed = True
            why = f"the document has several VPCs ({', '.join(vpcs)})" if vpcs else "the document has no VPC"
            self.problems.append(Problem.at(self.document.mark(key), MISSING, f'the key "vpc_id" is missing: {why}'))
        return vpc_id if vpc_id in self.plane.vpcs and ("vpcs", vpc_id) not in self.broken else None

    def attempt(
        self,
        key: Key,
        call: Callable[[], object],
        parameters: Mapping[str, KeyPath] | None = None,
        part: KeyPath = (),
        *,
        vital: bool = False,
    ) -> bool:
        """Call a verb; if it refuses, add a problem at the value to blame.

        Args:
            key: The entry that the call is about.
            call: The call.
            parameters: Where in the entry (in its ``part``) the verb's parameters stand, if not under their own names.
            part: The part of the entry that the call is about.
            vital: Without this call the entry does not exist.
        """
        try:
            call()
        except Ec2Error as error:
            self._complain(key, part, error, parameters or {})
            if vital:
                self.broken.add(key)
            return False
        return True

    def create(
        self,
        key: Key,
        verb: Callable[..., object],
        given: Mapping[str, Any],
        id_parameter: str,
        where: Mapping[str, KeyPath] | None = None,
    ) -> bool:
        """Call the verb that makes an entry; say whether it took everything.

        A value that was complained about is left out, be it a name that leads nowhere or one that the verb itself
        refused, and the verb is called again: so are all of an entry's independent problems found at once.

        Args:
            key: The entry, whose keys are called as the verb's parameters are.
            verb: What to call.
            given: The verb's parameters.
            id_parameter: The one that takes the entry's id.
            where: Where in the entry parameters stand that are not called as its keys are.
        """
        places = {id_parameter: (), **(where or {})}
        given = dict(given)
        kept = {
            name: [index for index in range(len(value)) if self.part_works(key, name, index)]
            for name, value in given.items()
            if isinstance(value, list)
        }
        sound = all(len(positions) == len(given[name]) for name, positions in kept.items())
        for _ in range(MOST_REFUSALS):
            lists = {name: [given[name][index] for index in positions] for name, positions in kept.items()}
            try:
                verb(**{**given, **lists})
            except Ec2Error as error:
                sound = False
                if not self._left_out(key, error, given, kept, places):
                    break
            else:
                break
        if not sound:
            self.broken.add(key)
        return sound

    def _left_out(
        self,
        key: Key,
        error: Ec2Error,
        given: dict[str, Any],
        kept: dict[str, list[int]],
        places: Mapping[str, KeyPath],
    ) -> bool:
        """Complain about a refused value and take it out; say whether the verb can do without it."""
        name = error.parameter
        positions = kept.get(name or "", [])
        position = error.path[0] if error.path else None
        if isinstance(position, int) and position < len(positions):
            error.path = (positions.pop(position), *error.path[1:])
            left_out = True
            if name == "subnet_ids":  # a configuration of the same subnet would be refused for the same reason
                refused = given[name][error.path[0]]
                configurations = kept.get("subnet_configurations", [])
                for index in tuple(configurations):
                    if given["subnet_configurations"][index]["subnet_id"] == refused:
                        configurations.remove(index)
        else:
            left_out = name in OPTIONAL and given.pop(name, None) is not None
        self._complain(key, (), error, places)
        return left_out

    def complain(self, key: Key, path: KeyPath, message: str, code: str = INVALID) -> None:
        """Add a problem about a value that no verb has seen."""
        self.problems.append(Problem.at(self.document.mark((*key, *path)), code, message))

    def _complain(self, key: Key, part: KeyPath, error: Ec2Error, parameters: Mapping[str, KeyPath]) -> None:
        path: KeyPath = part
        if error.parameter is not None:
            path = (*part, *parameters.get(error.parameter, (error.parameter,)), *error.path)
        code, message = error.code, error.message
        node = self.document.find((*key, *path))
        if isinstance(error, PolicyError) and error.path and node is not None:
            message = error.sentence  # the place in the document says it better than the place in the JSON
        if message.startswith(HEAD):
            code, message = str(Reason.UNSUPPORTED_COMPONENT), message.removeprefix(HEAD)
        self.problems.append(Problem.at(self.document.mark((*key, *path)), code, message))


class RegionOnly(Strict):
    """The one value without which no verb can be called."""

    region: Region


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key that sorts ids as people count: ``web-2`` before ``web-10``."""
    words = re.split(r"([0-9]+)", name)
    return tuple((0, int(word), word) if word.isdigit() else (1, 0, word) for word in words if word)


def _with_empty_entries(data: Any) -> Any:
    """Return the data with ``web:`` read as ``web: {}``, for resources that need no more than a name."""
    if data is None:
        return {}
    if not isinstance(data, dict):
        return data
    filled = dict(data)
    for section in (*SECTIONS, "settings"):
        if section in filled:
            entries = filled[section] or {} if filled[section] is None else filled[section]
            if isinstance(entries, dict) and section != "settings":
                entries = {name: {} if entry is None else entry for name, entry in entries.items()}
            filled[section] = entries
    return filled


def create_in_vpc(
    draft: Draft, key: Key, given: str | None, create: Callable[..., object], id_parameter: str, **extra: str
) -> bool:
    """Create a resource of a VPC, unless it was born with it; say whether it is there."""
    section, name = key
    vpc_id = draft.vpc_of(key, given)
    if vpc_id is None:
        draft.broken.add(key)
        return False
    born = getattr(draft.plane, section).get(name)
    if born is None:
        call = later(create, vpc_id, **{id_parameter: name}, **extra)
        return draft.attempt(key, call, {id_parameter: ()}, vital=True)
    if born.vpc_id != vpc_id:
        draft.complain(key, ("vpc_id",), f'"{name}" comes with the VPC {born.vpc_id}')
    return True


def later(function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Callable[[], Any]:
    """Return the call to be made later (a lambda would see the loop's last values)."""
    return lambda: function(*arguments, **named)
