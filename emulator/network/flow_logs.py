"""The flow logs of a network: between the fabric, the control plane, and the book of records.

The fabric asks here, leg by leg, what counts a packet's flow; the answer depends on
which interfaces the control plane's flow logs watch now.  What a record says of
an interface, and where a packet went on, is looked up here too, since the room
that keeps the records knows packets and no network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.gates.networks import network
from emulator.model.resources import InterfaceType
from emulator.observe.flow_logs import FlowLogBook
from emulator.observe.flow_records import NOWHERE, InterfaceFacts, NextHop
from emulator.wire.packet import IPPROTO_UDP

if TYPE_CHECKING:
    from emulator.control import ControlPlane
    from emulator.flows.walk import Crossing
    from emulator.gates.networks import Network
    from emulator.model.flow_logs import FlowLog
    from emulator.observe.flow_logs import FlowMeter
    from emulator.observe.flow_records import FlowRecord
    from emulator.wire.packet import Packet

# FLOW-11. EMU: every instance is a Nitro one, so that 2, gateways of either kind on others, is never said.
SAME_VPC: Final = 1
VIRTUAL_PRIVATE_GATEWAY: Final = 3
PEERING: Final = 4
INTER_REGION_PEERING: Final = 5
GATEWAY_ENDPOINT: Final = 7
INTERNET_GATEWAY: Final = 8

TOLD_TYPES: Final = (
    InterfaceType.VPC_ENDPOINT,
    InterfaceType.NAT_GATEWAY,
    InterfaceType.NETWORK_LOAD_BALANCER,
    InterfaceType.TRANSIT_GATEWAY,
)
"""What the field ``interface-type`` names (FLOW-13); others are ``-``."""

DHCP: Final = {(67, 68), (68, 67)}
LINK_LOCAL: Final = (0xA9FE0000, 0xFFFF0000)
"""169.254.0.0/16: the resolver, instance metadata, time, Windows activation."""

SERVICE_NAMES: Final = {"s3": "S3", "dynamodb": "DYNAMODB"}
OTHER_SERVICE: Final = "AMAZON"  # FLOW-14


class FlowLogging:
    """What the fabric asks for meters, and readers for records.

    Attributes:
        book: The rows.
    """

    def __init__(self, plane: ControlPlane) -> None:
        self.book: Final = FlowLogBook()
        self._plane: Final = plane
        self._hops: dict[tuple[str, str], NextHop] = {}
        self._known: dict[FlowLog, None] = {}
        self._silent: dict[str, tuple[int, ...]] = {}
        self._nodes: dict[str, tuple[int, ...]] = {}

    @property
    def flow_logs(self) -> tuple[FlowLog, ...]:
        """Every flow log there has been, in the order in which they were created."""
        return tuple(self._known)

    def refresh(self, now: int) -> bool:
        """Take note of a new generation; say whether anything is watched."""
        self._hops.clear()
        plane = self._plane
        watching: dict[str, list[FlowLog]] = {}
        for flow_log in plane.flow_logs.values():
            self._known[flow_log] = None
            for interface_id in plane.interfaces_of(flow_log):
                watching.setdefault(interface_id, []).append(flow_log)
        self._nodes = {
            name: tuple(int(address) for address in eni.private_ip_addresses)
            for name, eni in plane.network_interfaces.items()
            if eni.interface_type is InterfaceType.NETWORK_LOAD_BALANCER
        }
        self._silent = {name: unlogged_peers(plane, name) for name in watching}
        wanted = {name: (self.facts(name), tuple(flow_logs)) for name, flow_logs in watching.items()}
        self.book.watch(wanted, now)
        return bool(wanted)

    def meter(
        self, interface_id: str, packet: Packet, crossing: Crossing | None, *, outgoing: bool, accepted: bool
    ) -> FlowMeter | None:
        """Return what counts the packet's flow, if the interface is watched (see the fabric's ``FlowMeters``)."""
        watch = self.book.watches.get(interface_id)
        if watch is None or self._exempt(interface_id, packet, outgoing=outgoing):
            return None
        meter = watch.meter(packet, outgoing=outgoing, accepted=accepted)
        if outgoing:
            if accepted and crossing is not None:
                meter.lead(self._next_hop(watch.interface.vpc_id, crossing.to.component))
            else:
                meter.lead(NOWHERE)
        return meter

    def _exempt(self, interface_id: str, packet: Packet, *, outgoing: bool) -> bool:
        """Return whether a packet is of what no flow log has (FLOW-15); most of it meets no gate that logs either."""
        if packet.proto == IPPROTO_UDP and (packet.sport, packet.dport) in DHCP:
            return True
        if not outgoing and packet.dst not in self._nodes.get(interface_id, (packet.dst,)):
            return True  # it came to a load balancer by an endpoint, whose address it still bears
        peer = packet.dst if outgoing else packet.src
        first, mask = LINK_LOCAL
        return peer in self._silent[interface_id] or peer & mask == first

    def records(self, flow_log: FlowLog, now: int) -> list[FlowRecord]:
        """Return the records of a flow log so far."""
        return self.book.records(flow_log, now, _Services(self._plane).name_of)

    def facts(self, interface_id: str) -> InterfaceFacts:
        """Return what records say of an interface."""
        plane = self._plane
        eni = plane.network_interfaces[interface_id]
        subnet, vpc = plane.subnets[eni.subnet_id], plane.vpcs[eni.vpc_id]
        own = eni.interface_type is InterfaceType.INTERFACE
        return InterfaceFacts(
            interface_id,
            vpc.owner_id,
            int(eni.private_ip_address),
            eni.vpc_id,
            eni.subnet_id,
            vpc.region,
            subnet.availability_zone_id,
            eni.attachment if own and eni.attachment in plane.instances else None,
            str(eni.interface_type) if eni.interface_type in TOLD_TYPES else None,
        )

    def _next_hop(self, vpc_id: str, component: str) -> NextHop:
        hop = self._hops.get((vpc_id, component))
        if hop is None:
            hop = self._hops[vpc_id, component] = self._hop(vpc_id, component)
        return hop

    def _hop(self, vpc_id: str, component: str) -> NextHop:
        """Return what FLOW-11 and the next-hop fields say of going from a VPC to a component."""
        plane = self._plane
        eni = plane.network_interfaces.get(component)
        if eni is not None:
            path: int | None = SAME_VPC
            if eni.interface_type is InterfaceType.TRANSIT_GATEWAY:
                path = None  # EMU: AWS lists none
            elif eni.vpc_id != vpc_id:
                abroad = plane.vpcs[eni.vpc_id].region != plane.vpcs[vpc_id].region
                path = INTER_REGION_PEERING if abroad else PEERING
            return NextHop(path, self.facts(component))
        if component in plane.vpc_endpoints:
            return NextHop(GATEWAY_ENDPOINT)
        if component in plane.internet_gateways:
            return NextHop(INTERNET_GATEWAY)
        if component in plane.vpn_gateways:
            return NextHop(VIRTUAL_PRIVATE_GATEWAY)
        return NOWHERE


def unlogged_peers(plane: ControlPlane, interface_id: str) -> tuple[int, ...]:
    """Return the addresses that an interface's flow log leaves out: its router's, the Amazon resolver's (FLOW-15)."""
    eni = plane.network_interfaces[interface_id]
    subnet, vpc = plane.subnets[eni.subnet_id], plane.vpcs[eni.vpc_id]
    return int(subnet.cidr_block.first) + 1, int(vpc.cidr_blocks[0].first) + 2


class _Services:
    """Which addresses are AWS's services' (FLOW-14): prefix lists, and the public addresses of declared services."""

    def __init__(self, plane: ControlPlane) -> None:
        self._blocks: list[tuple[Network, str]] = []
        self._known: dict[int, str | None] = {}
        for service in plane.services.values():
            if service.service_id is not None:
                continue  # a customer's
            word = SERVICE_NAMES.get(service.service_name.rpartition(".")[2], OTHER_SERVICE)
            listed = plane.prefix_lists.get(service.prefix_list_id or "")
            self._blocks += [(network(cidr), word) for cidr in (listed.cidrs if listed is not None else ())]
            self._blocks += [((int(address), 0xFFFFFFFF), word) for address in service.public_addresses]

    def name_of(self, address: int) -> str | None:
        """Return AWS's name of the service that owns an address."""
        if address not in self._known:
            hits = (word for (first, mask), word in self._blocks if address & mask == first)
            self._known[address] = next(hits, None)
        return self._known[address]
