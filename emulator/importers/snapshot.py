"""What was read: the objects of all files by what they are, each knowing where it stands.

A snapshot does not care whether files or a live account were read.  Top-level
keys of ``aws ... describe-*`` output say what is in them.  A few answers do not
say what they are about (``search-transit-gateway-routes`` names no table): of
these the file's name does.

AWS: EC2 API Reference, the ``Describe...`` actions; the layout with
``accounts/`` and Regions is the one that Batfish documents for its snapshots.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from emulator.importers.notes import Code, Note
from emulator.importers.values import Item, inner, name_of, rows, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

IDS: Final[dict[str, tuple[str, ...]]] = {  # what is read, and the field that names each object
    "Vpcs": ("VpcId",),
    "Subnets": ("SubnetId",),
    "RouteTables": ("RouteTableId",),
    "NetworkAcls": ("NetworkAclId",),
    "SecurityGroups": ("GroupId",),
    "NetworkInterfaces": ("NetworkInterfaceId",),
    "Instances": ("InstanceId",),
    "InternetGateways": ("InternetGatewayId",),
    "NatGateways": ("NatGatewayId",),
    "VpcEndpoints": ("VpcEndpointId",),
    "PrefixLists": ("PrefixListId",),
    "ManagedPrefixLists": ("PrefixListId",),
    "VpcPeeringConnections": ("VpcPeeringConnectionId",),
    "VpnGateways": ("VpnGatewayId",),
    "VpnConnections": ("VpnConnectionId",),
    "CustomerGateways": ("CustomerGatewayId",),
    "Addresses": ("AllocationId", "PublicIp"),
    "TransitGateways": ("TransitGatewayId",),
    "TransitGatewayAttachments": ("TransitGatewayAttachmentId",),
    "TransitGatewayVpcAttachments": ("TransitGatewayAttachmentId",),
    "TransitGatewayPeeringAttachments": ("TransitGatewayAttachmentId",),
    "TransitGatewayRouteTables": ("TransitGatewayRouteTableId",),
    "LoadBalancers": ("LoadBalancerArn", "LoadBalancerName"),
    "TargetGroups": ("TargetGroupArn", "TargetGroupName"),
    "VirtualInterfaces": ("VirtualInterfaceId",),
    "ServiceConfigurations": ("ServiceId",),
    "ServiceDetails": ("ServiceName",),
    "EgressOnlyInternetGateways": ("EgressOnlyInternetGatewayId",),
    "LocalGateways": ("LocalGatewayId",),
    "CarrierGateways": ("CarrierGatewayId",),
    "CoreNetworks": ("CoreNetworkId",),
    "Firewalls": ("FirewallName",),
    "Functions": ("FunctionName",),
    "DirectConnectGateways": ("DirectConnectGatewayId",),
    "ClientVpnEndpoints": ("ClientVpnEndpointId",),
    "TransitGatewayConnects": ("TransitGatewayAttachmentId",),
}

PARTS: Final = {  # answers about one thing each: the field that names it, and what its id looks like in a file's name
    "TransitGatewayRouteTablePropagations": ("TransitGatewayRouteTableId", r"tgw-rtb-[0-9a-z]+"),
    "TransitGatewayRoutes": ("TransitGatewayRouteTableId", r"tgw-rtb-[0-9a-z]+"),
    "TransitGatewayRouteTableAssociations": ("TransitGatewayRouteTableId", r"tgw-rtb-[0-9a-z]+"),
    "PrefixListEntries": ("PrefixListId", r"pl-[0-9a-z]+"),
    "TargetHealthDescriptions": ("TargetGroupArn", ""),
    "LoadBalancerAttributes": ("LoadBalancerArn", ""),
    "TargetGroupAttributes": ("TargetGroupArn", ""),
    "Listeners": ("LoadBalancerArn", ""),
    "VpcAttributes": ("VpcId", ""),
    "AllowedPrincipals": ("ServiceId", r"vpce-svc-[0-9a-z]+"),
}

SILENT: Final = frozenset({"ResponseMetadata", "RequestId", "requestId", "AdditionalRoutesAvailable", "VpcId"})
"""Keys beside the lists that say nothing about the network by themselves."""

MORE: Final = ("NextToken", "nextToken", "NextMarker")


@dataclass(frozen=True, slots=True)
class Record:
    """One object of a file.

    Attributes:
        item: The object as AWS writes it.
        file: Where it stands, relative to the folder, and in which line (1 if that is not known).
        region, account: What the layout of folders says, or empty.
    """

    item: Item
    file: str
    line: int = 1
    region: str = ""
    account: str = ""


@dataclass(slots=True)
class Source:
    """One file, or the answer to one call: what its objects have in common."""

    file: str
    region: str = ""
    account: str = ""
    line_of: Callable[[str], int] = field(default=lambda _: 1)


class Snapshot:
    """Everything that was read, and the notes that reading left.

    Attributes:
        records: By kind (see ``IDS`` and ``PARTS``), in the order in which they were read.
        notes: In the order in which they arose.
        seen: The kinds of which there was a list, be it an empty one: what is absent is unknown, not none.
    """

    def __init__(self) -> None:
        self.records: dict[str, list[Record]] = {}
        self.notes: list[Note] = []
        self.seen: set[str] = set()

    def note(self, file: str, about: str, code: Code, sentence: str) -> None:
        """Keep a note."""
        self.notes.append(Note(file, about, str(code), sentence))

    def of(self, kind: str) -> list[Record]:
        """Return all objects of a kind."""
        return self.records.get(kind, [])

    def add_answer(self, answer: object, source: Source) -> None:
        """Take up one file's JSON, or one call's answer."""
        if not isinstance(answer, dict):
            text_ = "is no JSON object with a key like Vpcs; run the describe command without --query"
            self.note(source.file, "", Code.EMU_UNKNOWN_KEY, text_)
            return
        known = False
        for key, value in answer.items():
            found = READERS.get(key)
            if found is None and key[:1].islower():  # the directconnect API writes lower case
                found = READERS.get(key[:1].upper() + key[1:])
            if key in MORE and value:
                sentence = f"{key}: the list goes on where this file ends; fetch all of it"
                self.note(source.file, "", Code.EMU_INCOMPLETE, sentence)
            elif found is not None and isinstance(value, list | dict):
                known = True
                found(self, key, answer, source)
            elif key not in SILENT and key not in MORE:
                self.note(source.file, "", Code.EMU_UNKNOWN_KEY, f'the key "{key[:80]}" is not read')
        if answer.get("AdditionalRoutesAvailable") is True:
            self.note(
                source.file, "", Code.EMU_INCOMPLETE, "AdditionalRoutesAvailable: there are more routes than these"
            )
        if not known and not answer:
            self.note(source.file, "", Code.EMU_UNKNOWN_KEY, "is an empty object")

    def add(self, kind: str, item: Item, source: Source, about: str = "") -> None:
        """Take up one object."""
        line = source.line_of(about) if about else 1
        record = Record(item, source.file, line, source.region, source.account)
        self.records.setdefault(kind, []).append(record)

    def unique(self, kind: str) -> Iterator[tuple[str, Record]]:
        """Yield (id, object) of a kind, each id once; notes what has no usable id or contradicts an earlier one."""
        first: dict[str, Record] = {}
        for record in self.of(kind):
            found = next((text(record.item, key) for key in IDS[kind] if text(record.item, key)), "")
            if not (name_of(found) or (found.startswith("arn:") and len(found) < 300)):
                what = f"has no {IDS[kind][0]}" if not found else f"{IDS[kind][0]} {found[:80]!r} is no id"
                self.note(record.file, "", Code.EMU_LEFT_OUT, f"one of the {kind} {what}")
            elif found not in first:
                first[found] = record
            elif record.item != first[found].item and kind != "VpcPeeringConnections":
                where = first[found].file
                sentence = f"is in {where} too, and differs there; that one is taken"
                self.note(record.file, found, Code.EMU_DUPLICATE_ID, sentence)
        yield from first.items()


def _plain(kind: str) -> Reader:
    """Return the reader of a list of objects that name themselves."""

    def read(snapshot: Snapshot, key: str, answer: Item, source: Source) -> None:
        snapshot.seen.add(kind)
        for item in _objects(snapshot, key, answer[key], source):
            cased = item if key[:1].isupper() else _upper(item)
            about = next((text(cased, name) for name in IDS[kind] if text(cased, name)), "")
            snapshot.add(kind, cased, source, about)

    return read


def _prefix_lists(snapshot: Snapshot, key: str, answer: Item, source: Source) -> None:
    """Two describe calls answer under one key; only one of them has the blocks."""
    for item in _objects(snapshot, key, answer[key], source):
        managed = any(name in item for name in ("MaxEntries", "AddressFamily", "OwnerId"))
        kind = "ManagedPrefixLists" if managed else "PrefixLists"
        snapshot.seen.add(kind)
        snapshot.add(kind, item, source, text(item, "PrefixListId"))


def _reservations(snapshot: Snapshot, key: str, answer: Item, source: Source) -> None:
    """describe-instances wraps its instances in reservations, which know the account."""
    snapshot.seen.add("Instances")
    for reservation in _objects(snapshot, key, answer[key], source):
        for instance in rows(reservation, "Instances"):
            item = {"OwnerId": text(reservation, "OwnerId"), **instance}
            snapshot.add("Instances", item, source, text(item, "InstanceId"))


def _part(kind: str, inside: str) -> Reader:
    """Return the reader of answers about one thing, whose id may have to come from the file's name.

    Three shapes are met: the plain answer (``inside`` is a list at the top), a list of such answers each with its
    id, and a list of objects that have the id themselves.
    """
    name, pattern = PARTS[kind]

    def read(snapshot: Snapshot, key: str, answer: Item, source: Source) -> None:
        snapshot.seen.add(kind)
        groups: list[Item] = []
        for item in _objects(snapshot, key, answer[key], source):
            if isinstance(item.get(inside), list):
                groups.append(item)
            else:
                about = text(item, name)
                if not groups or text(groups[-1], name) != about or about == "" != text(answer, name):
                    groups.append({name: about or text(answer, name), inside: []})
                groups[-1][inside].append(item)
        if not groups and pattern:
            groups.append({name: text(answer, name), inside: []})
        match = re.search(pattern, source.file) if pattern else None
        for group in groups:
            about = text(group, name) or (match.group() if match else "")
            snapshot.add(kind, {**group, name: about}, source)

    return read


def _entries(snapshot: Snapshot, key: str, answer: Item, source: Source) -> None:
    """get-managed-prefix-list-entries."""
    _part("PrefixListEntries", "Entries")(snapshot, key, answer, source)


def _attributes(snapshot: Snapshot, key: str, answer: Item, source: Source) -> None:
    """``Attributes`` are those of a load balancer or of a target group; their keys tell which."""
    names = {text(item, "Key") for item in rows(answer, key)}
    target_group = any(
        name.startswith(("deregistration_", "preserve_", "proxy_protocol", "stickiness.")) for name in names
    )
    kind = "TargetGroupAttributes" if target_group else "LoadBalancerAttributes"
    _part(kind, "Attributes")(snapshot, key, answer, source)


def _vpc_attribute(snapshot: Snapshot, key: str, answer: Item, source: Source) -> None:
    """describe-vpc-attribute answers about one VPC and one attribute at a time."""
    snapshot.seen.add("VpcAttributes")
    value = inner(answer, key).get("Value")
    snapshot.add("VpcAttributes", {"VpcId": text(answer, "VpcId"), key: value}, source)


def _objects(snapshot: Snapshot, key: str, value: Any, source: Source) -> Iterable[Item]:
    if not isinstance(value, list):
        snapshot.note(source.file, "", Code.EMU_FILE, f'"{key}" is no list')
        return []
    if any(not isinstance(item, dict) for item in value):
        snapshot.note(source.file, "", Code.EMU_FILE, f'"{key}" holds values that are no objects')
    return [item for item in value if isinstance(item, dict)]


def _upper(value: Any) -> Any:
    """Return data of the directconnect API with keys as EC2 writes them."""
    if isinstance(value, dict):
        return {key[:1].upper() + key[1:]: _upper(one) for key, one in value.items()}
    return [_upper(one) for one in value] if isinstance(value, list) else value


if TYPE_CHECKING:
    Reader = Callable[[Snapshot, str, Item, Source], None]

READERS: Final[dict[str, Reader]] = {
    **{kind: _plain(kind) for kind in IDS},
    "PrefixLists": _prefix_lists,
    "Reservations": _reservations,
    "Listeners": _part("Listeners", "Listeners"),
    "LoadBalancerListeners": _part("Listeners", "Listeners"),
    "TargetHealthDescriptions": _part("TargetHealthDescriptions", "TargetHealthDescriptions"),
    "LoadBalancerTargetHealth": _part("TargetHealthDescriptions", "TargetHealthDescriptions"),
    "TransitGatewayRouteTablePropagations": _part(
        "TransitGatewayRouteTablePropagations", "TransitGatewayRouteTablePropagations"
    ),
    "TransitGatewayPropagations": _part("TransitGatewayRouteTablePropagations", "TransitGatewayRouteTablePropagations"),
    "Routes": _part("TransitGatewayRoutes", "Routes"),
    "TransitGatewayStaticRoutes": _part("TransitGatewayRoutes", "Routes"),
    "Associations": _part("TransitGatewayRouteTableAssociations", "Associations"),
    "Entries": _entries,
    "Attributes": _attributes,
    "LoadBalancerAttributes": _part("LoadBalancerAttributes", "Attributes"),
    "TargetGroupAttributes": _part("TargetGroupAttributes", "Attributes"),
    "AllowedPrincipals": _part("AllowedPrincipals", "AllowedPrincipals"),
    "EnableDnsSupport": _vpc_attribute,
    "EnableDnsHostnames": _vpc_attribute,
}
"""Top-level keys, and what reads what stands under them."""
