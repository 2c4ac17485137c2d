"""Whether those who watched a run agree: flow logs, captures, drops and paths.

All of them are fed by the same walk (D1), by different ways: a flow log counts
on compiled legs, a capture writes bytes, the fabric counts endings.  A packet that
one of them has and another lacks is a bug, in the emulator or in the reading of
AWS's pages; so tests ask here after every scenario.

What is compared is only what is comparable: of each interface that a flow log
of all traffic has watched from the beginning.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from emulator.capture.link_layer import HEADER_SIZE, mac
from emulator.capture.reading import frames
from emulator.model.flow_logs import TrafficType
from emulator.model.reasons import Reason
from emulator.model.resources import InterfaceType
from emulator.network.flow_logs import DHCP, LINK_LOCAL, unlogged_peers
from emulator.wire.packet import IPPROTO_UDP

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from emulator.model.flow_logs import FlowLog
    from emulator.model.resources import NetworkInterface
    from emulator.network.network import Network
    from emulator.observe.ledger import Drop

REJECTIONS: Final = (
    Reason.ENI_SG_RULES_MISMATCH,
    Reason.SG_HAS_NO_RULES,
    Reason.SG_REFERENCES_NOT_PRESERVED,
    Reason.SG_REFERENCING_SUPPORT,
    Reason.UNKNOWN_PEERED_SGS,
    Reason.SUBNET_ACL_RESTRICTION,
    Reason.EMU_CONNTRACK_FULL,
)
"""The drops that flow logs call REJECT (FLOW-7, FLOW-9); EMU: also what a group has no room to track (SG-16)."""

NOT_DELIVERED: Final = (Reason.ENI_SOURCE_DEST_CHECK_RESTRICTION, Reason.ENI_ADDRESS_RESTRICTION)
"""How packets end that an interface accepts and its host never gets."""

_IPV4_HEADER: Final = 20
_INTERFACE_MTU: Final = 9001  # NET-6: what is longer never leaves the interface


class Count(NamedTuple):
    """Packets and IP bytes."""

    packets: int = 0
    octets: int = 0

    def plus(self, packets: int, octets: int) -> Count:
        """Return the sum."""
        return Count(self.packets + packets, self.octets + octets)

    def __str__(self) -> str:
        return f"{self.packets} packets, {self.octets} bytes"


Totals = dict[tuple[bool, bool], Count]
"""By ``(outgoing, accepted)``."""


def disagreements(network: Network) -> list[str]:
    """Return what does not agree, a sentence each; captures must have been closed or be at rest.

    - A capture at an interface has what the flow log has: all egress, accepted or rejected, and accepted ingress;
      but for what is never logged (FLOW-15) or never came so far as a security group.
    - What was delivered to an instance by the fabric's paths is its accepted ingress.
    - Where every interface is watched, rejected packets are as many as the drops for a rejection's reasons.
    """
    found: list[str] = []
    everywhere: dict[str, Totals] = {}
    for flow_log in network.flow_logs:
        if flow_log.traffic_type is not TrafficType.ALL:
            continue
        for interface_id, totals in _totals(network, flow_log).items():
            everywhere[interface_id] = totals
            found += _captured(network, flow_log.flow_log_id, interface_id, totals)
            found += _delivered(network, flow_log.flow_log_id, interface_id, totals)
    if everywhere and set(everywhere) == set(network.ec2.network_interfaces) == _present_or_logged(network):
        found += _rejected(network, everywhere)
    return found


def _totals(network: Network, flow_log: FlowLog) -> dict[str, Totals]:
    """Return what a flow log has of each interface that it has watched all the time."""
    totals: dict[str, Totals] = {name: {} for name in network.watched_throughout(flow_log)}
    for record in network.flow_log_records(flow_log.flow_log_id):
        if record.flow is not None and record.interface.interface_id in totals:
            of_interface = totals[record.interface.interface_id]
            key = record.flow.outgoing, record.flow.accepted
            of_interface[key] = of_interface.get(key, Count()).plus(record.packets, record.octets)
    return totals


def _present_or_logged(network: Network) -> set[str]:
    """Return the interfaces there are and those gone that flow logs have records of: what these dropped counts too."""
    logged = {record.interface.interface_id for record in network.flow_log_records()}
    return logged.union(network.ec2.network_interfaces)


class _Exempt:
    """What is never logged at an interface (FLOW-15), or ends before anything is logged there."""

    def __init__(self, network: Network, eni: NetworkInterface) -> None:
        self._peers = unlogged_peers(network.ec2, eni.network_interface_id)
        self._own = {int(address) for address in eni.private_ip_addresses}
        self._checked = eni.source_dest_check or eni.interface_type is InterfaceType.VPC_ENDPOINT

    def peer(self, address: int) -> bool:
        """Return whether nothing to or from an address is logged."""
        first, mask = LINK_LOCAL
        return address in self._peers or address & mask == first

    def sent(self, src: int, dst: int, length: int) -> bool:
        """Return whether a packet that leaves the host is not logged."""
        return self.peer(dst) or length > _INTERFACE_MTU or (self._checked and src not in self._own)


def _captured(network: Network, name: str, interface_id: str, totals: Totals) -> Iterator[str]:
    eni = network.ec2.network_interfaces[interface_id]
    if any((reason, interface_id) in network.fabric.drops for reason in (Reason.EMU_FAULT, Reason.BAD_STATE)):
        return  # it was out of order for a time: its host sent, and nothing came of it
    exempt = _Exempt(network, eni)
    for capture in network.captures:
        if capture.name != interface_id or capture.tap.started_at or capture.error is not None:
            continue
        seen = _frames_seen(capture.path, mac(int(eni.private_ip_address)), exempt)
        accepted, rejected = totals.get((True, True), Count()), totals.get((True, False), Count())
        logged = {True: accepted.plus(*rejected), False: totals.get((False, True), Count())}
        for outgoing, count in logged.items():
            if seen[outgoing] != count:
                direction = "egress" if outgoing else "ingress"
                yield f"{interface_id} {direction}: the capture has {seen[outgoing]}; the flow log {name} {count}"


def _frames_seen(path: Path, owner: bytes, exempt: _Exempt) -> dict[bool, Count]:
    """Count the frames of a capture by direction, without those that flow logs leave out."""
    seen = {True: Count(), False: Count()}
    for frame in frames(path):
        header = frame[HEADER_SIZE : HEADER_SIZE + _IPV4_HEADER]
        if len(header) < _IPV4_HEADER or header[0] >> 4 != 4:
            continue
        outgoing = frame[6:12] == owner
        length = int.from_bytes(header[2:4], "big")
        src, dst = int.from_bytes(header[12:16], "big"), int.from_bytes(header[16:20], "big")
        ports = frame[HEADER_SIZE + (header[0] & 15) * 4 :][:4]
        if header[9] == IPPROTO_UDP and (int.from_bytes(ports[:2], "big"), int.from_bytes(ports[2:], "big")) in DHCP:
            continue
        if not (exempt.sent(src, dst, length) if outgoing else exempt.peer(src)):
            seen[outgoing] = seen[outgoing].plus(1, length)
    return seen


def _delivered(network: Network, name: str, interface_id: str, totals: Totals) -> Iterator[str]:
    eni = network.ec2.network_interfaces[interface_id]
    fabric = network.fabric
    instance = network.ec2.instances.get(eni.attachment)
    if eni.interface_type is not InterfaceType.INTERFACE or instance is None or instance.forwards:
        return  # behind others stand gates that may still refuse, and a middlebox sends it on
    if fabric.retired or any((reason, interface_id) in fabric.drops for reason in NOT_DELIVERED):
        return  # paths that were forgotten, or never remembered, or packets that ended in the interface itself
    exempt = _Exempt(network, eni)
    count = Count()
    for path in fabric.paths():
        if path.delivered_to == interface_id and not exempt.peer(path.key[0]):
            count = count.plus(path.packets, path.octets)
    logged = totals.get((False, True), Count())
    if count != logged:
        yield f"{interface_id} ingress: paths have delivered {count}; the flow log {name} has {logged}"


def _rejected(network: Network, everywhere: dict[str, Totals]) -> Iterator[str]:
    enis = network.ec2.network_interfaces.values()
    owners = Counter(int(eni.private_ip_address) for eni in enis)
    ends = {int(eni.private_ip_address) for eni in enis if eni.interface_type is InterfaceType.VPC_ENDPOINT}
    if any(_unlogged(network, drop) and drop.dst in ends and owners[drop.dst] > 1 for drop in network.ledger.since(0)):
        return  # VPCs overlap: the drop does not tell whether an endpoint or another one has the address
    dropped = sum(count for (reason, _), count in network.fabric.drops.items() if reason in REJECTIONS)
    dropped -= sum(1 for drop in network.ledger.since(0) if _unlogged(network, drop))
    logged = sum(count.packets for totals in everywhere.values() for key, count in totals.items() if not key[1])
    if dropped != logged:
        yield f"security groups and network ACLs have dropped {dropped} packets; flow logs have {logged} as REJECT"


def _unlogged(network: Network, drop: Drop) -> bool:
    """Return whether a rejection is of what no flow log has: to a load balancer by an endpoint (FLOW-15)."""
    if drop.ending.reason not in REJECTIONS:
        return False
    enis = network.ec2.network_interfaces.values()
    nodes = [",".join(eni.groups) for eni in enis if eni.interface_type is InterfaceType.NETWORK_LOAD_BALANCER]
    ends = (int(eni.private_ip_address) for eni in enis if eni.interface_type is InterfaceType.VPC_ENDPOINT)
    return drop.ending.component in nodes and drop.dst in ends
