"""Remedies for what security groups and network ACLs refuse: a line as narrow as the packet (SG-3, NACL-4, NACL-5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from emulator.gates.networks import dotted
from emulator.model.reasons import Reason
from emulator.network.cases import interface_of, prefix_list_of
from emulator.wire.packet import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.control import ControlPlane
    from emulator.model.resources import NetworkInterface
    from emulator.network.cases import Case, Option
    from emulator.wire.packet import Packet

LAST_RULE: Final = 32766  # NACL-2
EPHEMERAL: Final = (1024, 65535)  # NACL-4
IDENTITY_LOST: Final = (
    Reason.SG_REFERENCES_NOT_PRESERVED,
    Reason.SG_REFERENCING_SUPPORT,
    Reason.UNKNOWN_PEERED_SGS,
)
"""Refusals of packets that a reference to their group would not help, for it is not known any more (SG-4, SG-5)."""


def security_group(case: Case) -> Iterator[Option]:
    """One port, one peer: the service's prefix list, the peer's group where nothing else is in it, or its address."""
    groups = [name for name in case.ending.component.split(",") if name in case.plane.security_groups]
    if not groups:
        return
    verb = f"authorize_security_group_{'egress' if case.outgoing else 'ingress'}"
    rule: dict[str, Any] = {"group_id": groups[0], "ip_protocol": case.protocol, **_ports(case.packet)}
    for peer in _peers(case, case.plane.security_groups[groups[0]].vpc_id):
        yield [(verb, {**rule, **peer})]


def _ports(packet: Packet) -> dict[str, int]:
    if packet.proto in (IPPROTO_TCP, IPPROTO_UDP):
        return {"from_port": packet.dport, "to_port": packet.dport}
    if packet.proto == IPPROTO_ICMP:
        return {"from_port": packet.dport >> 8, "to_port": packet.dport & 255}
    return {}


def _peers(case: Case, vpc_id: str) -> Iterator[dict[str, str]]:
    listed = prefix_list_of(case.plane, case.peer)
    if listed is not None and case.outgoing:
        yield {"prefix_list_id": listed.prefix_list_id}
    other = interface_of(case.plane, vpc_id, case.peer)
    if other is not None and case.ending.reason not in IDENTITY_LOST:
        for group in other.groups:
            if _stands_for(case.plane, group, other):
                yield {"referenced_group_id": group}
    yield {"cidr_ip": f"{dotted(case.peer)}/32"}


def _stands_for(plane: ControlPlane, group: str, eni: NetworkInterface) -> bool:
    """Whether a group is nobody's but the owner's of an interface: else a reference to it would open more."""
    members = [one for one in plane.network_interfaces.values() if group in one.groups]
    return all(_owner(plane, one) == _owner(plane, eni) for one in members)


def _owner(plane: ControlPlane, eni: NetworkInterface) -> str:
    for endpoint in plane.vpc_endpoints.values():
        if eni.network_interface_id in endpoint.network_interface_ids:
            return endpoint.vpc_endpoint_id
    return eni.attachment or eni.network_interface_id


def network_acl(case: Case) -> Iterator[Option]:
    """Entries in front of the line that denied: exactly the port out, the ephemeral ones back (NACL-4).

    An ACL has no prefix lists (NACL-5): a service's blocks are written one by one, or where there is no room for them
    the one that holds the address.
    """
    acl = case.plane.network_acls.get(case.ending.component)
    if acl is None:
        return
    taken = {entry.rule_number for entry in acl.entries if entry.egress == case.outgoing}
    denied = (case.ending.rule or "*").split()[0]
    before = int(denied) if denied.isdigit() else None
    for blocks in _blocks(case.plane, case.peer):
        numbers = _free_numbers(taken, before, len(blocks))
        if numbers is not None:
            yield [
                ("create_network_acl_entry", _entry(case, acl.network_acl_id, number, block))
                for number, block in zip(numbers, blocks, strict=True)
            ]


def _entry(case: Case, network_acl_id: str, number: int, block: str) -> dict[str, Any]:
    packet = case.packet
    ports: dict[str, int] = {}
    if packet.proto in (IPPROTO_TCP, IPPROTO_UDP):
        first, last = EPHEMERAL if case.back else (packet.dport, packet.dport)
        ports = {"from_port": first, "to_port": last}
    elif packet.proto == IPPROTO_ICMP:
        ports = {"from_port": packet.dport >> 8, "to_port": packet.dport & 255}
    return {
        "network_acl_id": network_acl_id,
        "rule_number": number,
        "protocol": case.protocol,
        "rule_action": "allow",
        "egress": case.outgoing,
        "cidr_block": block,
        **ports,
    }


def _blocks(plane: ControlPlane, peer: int) -> Iterator[list[str]]:
    listed = prefix_list_of(plane, peer)
    if listed is None:
        yield [f"{dotted(peer)}/32"]
        return
    yield [str(cidr) for cidr in listed.cidrs]
    yield [str(cidr) for cidr in listed.cidrs if cidr.first <= peer <= cidr.last][:1]


def _free_numbers(taken: set[int], before: int | None, count: int) -> list[int] | None:
    """Return as many free rule numbers, all in front of ``before``; by custom in tens where there is room."""
    if before is None:
        start = max(taken, default=90) // 10 * 10 + 10
        numbers = [number for number in range(start, LAST_RULE + 1, 10) if number not in taken][:count]
        if len(numbers) < count:
            numbers = [number for number in range(1, LAST_RULE + 1) if number not in taken][-count:]
    else:
        tens = [number for number in range((before - 1) // 10 * 10, 0, -10) if number not in taken]
        numbers = tens if len(tens) >= count else [number for number in range(before - 1, 0, -1) if number not in taken]
        numbers = numbers[:count][::-1]
    return numbers if len(numbers) == count else None
