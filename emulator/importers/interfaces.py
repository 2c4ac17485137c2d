"""Network interfaces, instances and Elastic IP addresses.

An instance of the document has its primary interface in itself; further ones,
and those that belong to nobody, are entries of their own.  Interfaces of NAT
gateways, endpoints, Network Load Balancers and transit gateway attachments come
with their owners.

AWS: EC2 API Reference, "DescribeInstances", "DescribeNetworkInterfaces", "DescribeAddresses".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from emulator.importers.notes import Code
from emulator.importers.rules import groups_of
from emulator.importers.snapshot import Record
from emulator.importers.values import address, flag, inner, name_of, number, rows, text, words

if TYPE_CHECKING:
    from emulator.importers.plan import Entry, Plan
    from emulator.importers.values import Item

OWNED: Final = {  # interface types that come with something else: what that is
    "nat_gateway": "NAT gateway",
    "natGateway": "NAT gateway",
    "vpc_endpoint": "VPC endpoint",
    "gateway_load_balancer_endpoint": "Gateway Load Balancer endpoint",
    "network_load_balancer": "Network Load Balancer",
    "transit_gateway": "transit gateway attachment",
}
PLAIN: Final = ("", "interface", "efa", "efa-only", "lambda")
GONE: Final = ("terminated", "shutting-down")


def interfaces_by_id(plan: Plan) -> dict[str, Record]:
    """Return the interfaces of describe-network-interfaces, and those that only their instances tell of."""
    found = dict(plan.snapshot.unique("NetworkInterfaces"))
    for instance_id, record in plan.snapshot.unique("Instances"):
        if text(record.item, "State", "Name") in GONE:
            continue
        for item in rows(record.item, "NetworkInterfaces"):
            name = name_of(text(item, "NetworkInterfaceId"))
            if name and name not in found:
                attachment = {**inner(item, "Attachment"), "InstanceId": instance_id}
                whole = {**item, "Attachment": attachment}
                found[name] = Record(whole, record.file, record.line, record.region, record.account)
    return found


def hosts(plan: Plan) -> None:
    """Instances with their interfaces, and interfaces that belong to no instance."""
    interfaces = interfaces_by_id(plan)
    elastic = _elastic(plan)
    primary: dict[str, str] = {}
    further: dict[str, str] = {}
    for name, record in interfaces.items():
        instance_id = name_of(text(record.item, "Attachment", "InstanceId"))
        first = (number(record.item, "Attachment", "DeviceIndex") or 0) == 0
        if instance_id and first and instance_id not in primary:
            primary[instance_id] = name
        elif instance_id:
            further[name] = instance_id
    for name, record in plan.snapshot.unique("Instances"):
        _instance(plan, name, record, primary, interfaces, elastic)
    known = {name for name, _ in plan.snapshot.unique("Instances")}
    for name, eni in primary.items():
        if name not in known:
            record = interfaces[eni]
            plan.note(record, name, Code.EMU_INFERRED, f"only its interface {eni} is in the files: taken as running")
            _put_instance(plan, name, {"State": {"Name": "running"}}, record, eni, record, elastic)
    used = {eni for name, eni in primary.items() if plan.has("instances", name)} | _named_by_owners(plan, made=False)
    for name, record in interfaces.items():
        if name not in used:
            _interface(plan, name, record, further.get(name, ""), elastic)


def _instance(
    plan: Plan,
    name: str,
    record: Record,
    primary: dict[str, str],
    interfaces: dict[str, Record],
    elastic: frozenset[str],
) -> None:
    state = text(record.item, "State", "Name")
    if state in GONE:
        plan.note(record, name, Code.EMU_LEFT_OUT, f"the instance is {state}")
        return
    eni = primary.get(name, "")
    if eni:
        _put_instance(plan, name, record.item, record, eni, interfaces[eni], elastic)
        return
    if not text(record.item, "SubnetId"):
        plan.note(record, name, Code.EMU_LEFT_OUT, "the instance has no subnet and no interface")
        return
    plan.note(record, name, Code.EMU_INFERRED, "its interface is in no file: taken from the instance's own fields")
    item = {**record.item, "Groups": record.item.get("SecurityGroups")}
    if text(record.item, "PublicIpAddress"):
        item["Association"] = {"PublicIp": text(record.item, "PublicIpAddress"), "IpOwnerId": "amazon"}
    inferred = Record(item, record.file, record.line, record.region, record.account)
    _put_instance(plan, name, record.item, record, "", inferred, elastic)


def _put_instance(
    plan: Plan, name: str, item: Item, record: Record, eni: str, interface: Record, elastic: frozenset[str]
) -> None:
    shared = _addresses_and_groups(plan, eni or name, interface, elastic)
    if shared is None:
        plan.note(record, name, Code.EMU_LEFT_OUT, f"its primary interface {eni} cannot be used")
        return
    shared["security_group_ids"] = shared.pop("groups")
    state = text(item, "State", "Name")
    stopped = state in ("stopped", "stopping")
    entry = {**shared, "network_interface_id": eni, "state": "stopped" if stopped else None}
    plan.put("instances", name, entry, record)


def _interface(plan: Plan, name: str, record: Record, instance_id: str, elastic: frozenset[str]) -> None:
    kind = text(record.item, "InterfaceType")
    if kind in OWNED:
        return  # comes with its owner, see ``orphans``
    if instance_id and not plan.has("instances", instance_id):
        plan.note(record, name, Code.EMU_LEFT_OUT, f"it is attached to {instance_id}, which is not imported")
        return
    shared = _addresses_and_groups(plan, name, record, elastic)
    if shared is None:
        plan.note(record, name, Code.EMU_LEFT_OUT, "has no subnet or address that is imported")
        return
    if kind not in PLAIN:
        sentence = f"an interface of type {kind[:60]}: kept as an interface that belongs to nobody"
        plan.note(record, name, Code.UNSUPPORTED_COMPONENT, sentence)
    elif flag(record.item, "RequesterManaged") and kind != "lambda":
        who = text(record.item, "Description")[:80] or text(record.item, "RequesterId")[:80] or "a service"
        sentence = f"managed for {who}: kept as an interface that belongs to nobody"
        plan.note(record, name, Code.UNSUPPORTED_COMPONENT, sentence)
    entry = {**shared, "instance_id": instance_id, "interface_type": "lambda" if kind == "lambda" else None}
    plan.put("network_interfaces", name, entry, record)


def _addresses_and_groups(plan: Plan, name: str, record: Record, elastic: frozenset[str]) -> Entry | None:
    """Return what instances and interfaces have in common, None if there is no usable address."""
    item = record.item
    subnet_id, first = text(item, "SubnetId"), address(text(item, "PrivateIpAddress"))
    if not plan.has("subnets", subnet_id):
        return None
    addresses = [host for one in rows(item, "PrivateIpAddresses") if (host := address(text(one, "PrivateIpAddress")))]
    if not first:
        primary = (one for one in rows(item, "PrivateIpAddresses") if flag(one, "Primary"))
        first = next((host for one in primary if (host := address(text(one, "PrivateIpAddress")))), "")
        first = first or next(iter(addresses), "")
    if not first:
        return None
    if rows(item, "Ipv6Addresses"):
        plan.note(record, name, Code.EMU_IPV4_ONLY, "its IPv6 addresses are left out")
    if rows(item, "Ipv4Prefixes"):
        plan.note(record, name, Code.UNSUPPORTED_COMPONENT, "its IPv4 prefixes (prefix delegation) are left out")
    vpc_id = plan.sections["subnets"][subnet_id]["vpc_id"]
    return {
        "subnet_id": subnet_id,
        "groups": groups_of(plan, record, name, item, "Groups", vpc_id),
        "private_ip_address": first,
        "secondary_private_ip_addresses": [host for host in dict.fromkeys(addresses) if host != first],
        "public_ip": _automatic_public_ip(item, first, elastic),
        "source_dest_check": False if flag(item, "SourceDestCheck") is False else None,
        "connection_tracking": _tracking(item),
    }


def _automatic_public_ip(item: Item, private: str, elastic: frozenset[str]) -> str:
    """Return the public address that is no Elastic IP; it may stand at the primary private address only."""
    for association in (
        *(inner(one, "Association") for one in rows(item, "PrivateIpAddresses") if _is_for(one, private)),
        inner(item, "Association"),
    ):
        public = address(text(association, "PublicIp"))
        if public:
            return "" if text(association, "AllocationId") or public in elastic else public
    return ""


def _is_for(one: Item, private: str) -> bool:
    return address(text(one, "PrivateIpAddress")) == private


def _elastic(plan: Plan) -> frozenset[str]:
    """Return the public addresses of describe-addresses."""
    return frozenset(address(text(record.item, "PublicIp")) for record in plan.snapshot.of("Addresses"))


def _tracking(item: Item) -> Entry | None:
    """Return idle timeouts set for the interface (SG-14)."""
    names = {
        "tcp_established_timeout": "TcpEstablishedTimeout",
        "udp_timeout": "UdpTimeout",
        "udp_stream_timeout": "UdpStreamTimeout",
    }
    for key in ("ConnectionTrackingConfiguration", "ConnectionTrackingSpecification"):
        found = {
            ours: f"{seconds}s" for ours, theirs in names.items() if (seconds := number(item, key, theirs)) is not None
        }
        if found:
            return found
    return None


# -- Elastic IPs ---------------------------------------------------------------------


def addresses(plan: Plan) -> None:
    """Elastic IPs, also those that only an interface's association tells of."""
    holders = _holders(plan)
    for name, record in plan.snapshot.unique("Addresses"):
        public = address(text(record.item, "PublicIp"))
        if not name.startswith("eipalloc-") or not public:
            plan.note(record, name, Code.EMU_LEFT_OUT, "an address without AllocationId or PublicIp")
            continue
        entry: Entry = {"public_ip": public, "owner_id": record.account}
        eni, instance_id = text(record.item, "NetworkInterfaceId"), text(record.item, "InstanceId")
        if not eni and plan.has("instances", instance_id):
            eni = plan.sections["instances"][instance_id].get("network_interface_id", f"eni-{instance_id}")
        if eni in holders:
            entry["network_interface_id"] = eni
            private = address(text(record.item, "PrivateIpAddress"))
            entry["private_ip_address"] = private if private in holders[eni] else None
        elif eni or instance_id:
            kind = _type_of(plan, eni)
            if kind not in ("nat_gateway", "natGateway"):
                what = OWNED.get(kind, "an interface that is not imported")
                sentence = f"it is associated with {eni or instance_id} ({what}): kept without association"
                plan.note(record, name, Code.EMU_LEFT_OUT, sentence)
        plan.put("addresses", name, entry, record)
    _addresses_of_interfaces(plan, holders)


def _holders(plan: Plan) -> dict[str, list[str]]:
    """Return the interfaces of instances and of nobody, and their private addresses."""
    found: dict[str, list[str]] = {}
    for section in ("instances", "network_interfaces"):
        for name, entry in plan.each(section):
            eni = entry.get("network_interface_id", f"eni-{name}") if section == "instances" else name
            found[eni] = [entry["private_ip_address"], *entry.get("secondary_private_ip_addresses", [])]
    return found


def _type_of(plan: Plan, eni: str) -> str:
    for record in plan.snapshot.of("NetworkInterfaces"):
        if text(record.item, "NetworkInterfaceId") == eni:
            return text(record.item, "InterfaceType")
    return ""


def _addresses_of_interfaces(plan: Plan, holders: dict[str, list[str]]) -> None:
    """Elastic IPs that describe-addresses does not have, because its file is missing or they are another account's."""
    public = {entry["public_ip"] for _, entry in plan.each("addresses")}
    for eni, record in interfaces_by_id(plan).items():
        if eni not in holders:
            continue
        for one in rows(record.item, "PrivateIpAddresses"):
            association, private = inner(one, "Association"), address(text(one, "PrivateIpAddress"))
            shown = address(text(association, "PublicIp"))
            if not shown or shown in public or private not in holders[eni]:
                continue
            name = name_of(text(association, "AllocationId"))
            if not name and private == holders[eni][0]:
                continue  # the automatic public address, which stands at the entry
            if not name:
                name = f"eipalloc-{eni}-{private}"
                sentence = f"the public address of {private} has no AllocationId in the files: called {name}"
                plan.note(record, eni, Code.EMU_RENAMED, sentence)
            public.add(shown)
            entry = {"public_ip": shown, "network_interface_id": eni, "private_ip_address": private}
            plan.put("addresses", name, entry, record)


def orphans(plan: Plan) -> None:
    """Say which owned interfaces lost their owner; they are left out, since what is behind them is unknown."""
    sections = ("nat_gateways", "vpc_endpoints", "transit_gateway_attachments", "load_balancers")
    owners = {name for section in sections for name in plan.sections[section]}
    named = _named_by_owners(plan, made=True)
    for name, record in plan.snapshot.unique("NetworkInterfaces"):
        kind = text(record.item, "InterfaceType")
        if kind not in OWNED:
            continue
        described = re.split(r"[ /]", text(record.item, "Description"))
        if owners.isdisjoint(described) and name not in named:
            plan.note(record, name, Code.UNKNOWN_RESOURCE, f"the {OWNED[kind]} it belongs to is not imported: left out")


def _named_by_owners(plan: Plan, *, made: bool) -> set[str]:
    """Return the interfaces that endpoints and NAT gateways name as theirs; with ``made``, those of the document."""
    found: set[str] = set()
    for kind, section in (("VpcEndpoints", "vpc_endpoints"), ("NatGateways", "nat_gateways")):
        for name, record in plan.snapshot.unique(kind):
            if plan.has(section, name) or not made:
                found |= set(words(record.item, "NetworkInterfaceIds"))
                found |= {text(one, "NetworkInterfaceId") for one in rows(record.item, "NatGatewayAddresses")}
    return found
