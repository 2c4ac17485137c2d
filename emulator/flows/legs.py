"""What a leg is made of: places, crossings, and the record of what one leg said.

A *leg* is the gates that have no delay or queue between them.  The functions
that evaluate legs stand in the modules ``leg_*``; :mod:`emulator.flows.walk`
puts them together.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from emulator.gates import network_acls
from emulator.gates.networks import contains, dotted
from emulator.model.reasons import Reason
from emulator.model.traces import Dropped, Ending, Step
from emulator.wire.options import clamp_mss
from emulator.wire.packet import DF, IPPROTO_TCP, SYN, Packet, icmp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emulator.flows.conntrack import Effect, Group
    from emulator.flows.tables import InterfaceTable, ShaperSpec, Tables

PROTOCOL_NAMES: Final[Mapping[int, str]] = MappingProxyType({1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6"})
UNLIMITED: Final = 1 << 30
INTERFACE_MTU: Final = 9001
"""Bytes that an interface can send at once (NET-6)."""
QUOTED: Final = 548
"""Bytes of an offending packet that an ICMP error quotes: what fits in 576 (RFC 1812 section 4.3.2.3)."""

PRIVATE: Final = ((0x0A000000, 0xFF000000), (0xAC100000, 0xFFF00000), (0xC0A80000, 0xFFFF0000))
"""RFC 1918."""
SHARED: Final = ((0x64400000, 0xFFC00000),)
"""RFC 6598."""


class PlaceKind(StrEnum):
    """Where a leg can begin."""

    INTERFACE_OUT = "interface-out"  # a host, or the service behind an endpoint interface, has sent
    INTERFACE_IN = "interface-in"  # arriving at an interface's subnet
    GATEWAY_IN = "gateway-in"  # arriving at a gateway endpoint
    SERVICE_OUT = "service-out"  # a service has sent into an interface endpoint
    GATEWAY_OUT = "gateway-out"  # a service has sent into a gateway endpoint
    RESOLVER_OUT = "resolver-out"  # the Amazon resolver has sent
    HOST = "host"  # past every gate
    INTERNET_GATEWAY_OUT = "internet-gateway-out"  # leaving a VPC
    INTERNET_GATEWAY_IN = "internet-gateway-in"  # entering one
    INTERNET = "internet"  # among public addresses
    EXTERNAL_OUT = "external-out"  # a host beyond the edges, or a service's public side, has sent
    NAT_IN = "nat-in"  # arriving at a NAT gateway's interface
    NAT_OUT = "nat-out"  # a NAT gateway has sent, back inside
    VPN_GATEWAY_OUT = "vpn-gateway-out"  # leaving a VPC by its virtual private gateway
    CONNECTION_IN = "connection-in"  # entering by a VPN connection or a virtual interface
    CONNECTION_OUT = "connection-out"  # beyond one
    TRANSIT_IN = "transit-in"  # arriving at an attachment's interface
    TRANSIT_ROUTE = "transit-route"  # inside a transit gateway, from an attachment
    TRANSIT_OUT = "transit-out"  # leaving by an attachment's interface, into its VPC
    BALANCER_LINK = "balancer-link"  # from an interface endpoint to a load balancer's node
    BALANCER_IN = "balancer-in"  # arriving at a node's interface
    PEER_IN = "peer-in"  # entering a VPC by a peering connection
    BALANCER_OUT = "balancer-out"  # a load balancer has sent by itself


class Place:
    """The beginning of a leg: a kind, the resource it stands at, and what has become of the packet on its way there.

    Attributes:
        kind: What stands there.
        component: The resource.
        lost: Why nobody knows any more which security groups the sender is in (SG-4, SG-5); None if they do.
        neighbour: Whether it comes from inside the subnet, at layer 2, where no network ACL is met (NACL-1).
    """

    __slots__ = ("component", "kind", "lost", "neighbour")

    def __init__(self, kind: PlaceKind, component: str, lost: Reason | None = None, *, neighbour: bool = False) -> None:
        self.kind: PlaceKind = kind
        self.component: str = component
        self.lost: Reason | None = lost
        self.neighbour: bool = neighbour

    def same(self, other: Place) -> bool:
        """Return whether a leg that begins here is the one that begins there."""
        return (self.kind, self.component, self.lost, self.neighbour) == (
            other.kind,
            other.component,
            other.lost,
            other.neighbour,
        )


class Crossing:
    """From one leg to the next: a delay in nanoseconds, behind a shaper if there is one."""

    __slots__ = ("delay", "shaper", "source", "to")

    def __init__(self, source: str, to: Place, delay: int, shaper: ShaperSpec | None = None) -> None:
        self.source: str = source
        self.to: Place = to
        self.delay: int = delay
        self.shaper: ShaperSpec | None = shaper


class Rewrite:
    """Other addresses and ports for every packet of a flow, however it looks otherwise."""

    __slots__ = ("dport", "dst", "sport", "src")

    def __init__(self, src: int, sport: int, dst: int, dport: int) -> None:
        self.src: int = src
        self.sport: int = sport
        self.dst: int = dst
        self.dport: int = dport

    def apply(self, packet: Packet) -> Packet:
        """Return the packet as it goes on (TCP and UDP; ICMP has its identifier inside)."""
        twin = packet.rewritten()
        twin.src = self.src
        twin.sport = self.sport
        twin.dst = self.dst
        twin.dport = self.dport
        return twin


class LegResult:
    """What one leg said.

    Attributes:
        packet: The packet as it leaves the leg; another record than the one that came if it was rewritten.
        once: Whether what it says holds for this packet only, and not for others of its flow.
        rewrite: What was rewritten, if every later packet of the flow is rewritten in the same way.
        steps: The gates, in order; only the last one can have refused.
        effects: What is to be remembered.
        seen: The taps it passed while alive: ``(component, outgoing, packet)``, the packet as it was there.
        logged: What flow logs of interfaces say of it (FLOW-9): ``(interface, outgoing, accepted, packet)``, the
            packet as it was there.
        max_length: The longest packet that the leg's MTU gates let through, in bytes.
        answers: Packets that the leg sends back by itself (ICMP errors, resets), and where each begins.
        exceeded: The limit of flows that turned this one away, by what counts against it; else None.
        lost, neighbour: As of the place where it begins; ``lost`` goes on to the next one.
        crossing: Where it goes on, or None.
        ending: How it ended, or None if it goes on.
    """

    __slots__ = (
        "answers",
        "crossing",
        "effects",
        "ending",
        "exceeded",
        "logged",
        "lost",
        "max_length",
        "neighbour",
        "once",
        "packet",
        "rewrite",
        "seen",
        "steps",
    )

    def __init__(self, packet: Packet, place: Place) -> None:
        self.packet: Packet = packet
        self.lost: Reason | None = place.lost
        self.neighbour: bool = place.neighbour
        self.exceeded: Group | None = None
        self.once: bool = False
        self.rewrite: Rewrite | None = None
        self.steps: list[Step] = []
        self.effects: list[Effect] = []
        self.seen: list[tuple[str, bool, Packet]] = []
        self.logged: list[tuple[str, bool, bool, Packet]] = []
        self.max_length: int = UNLIMITED
        self.answers: list[tuple[Packet, Place]] = []
        self.crossing: Crossing | None = None
        self.ending: Ending | None = None

    def passes(self, component: str, gate: str, rule: str | None = None, detail: str = "") -> None:
        """Note a gate that let the packet through."""
        self.steps.append(Step(component, gate, rule, None, detail))

    def refuse(self, component: str, gate: str, reason: Reason, rule: str | None = None, detail: str = "") -> bool:
        """Note the gate that stopped the packet; False, so that gates can return it."""
        self.steps.append(Step(component, gate, rule, reason, detail))
        self.ending = Dropped(reason, component, rule)
        return False

    def goes_on(
        self,
        source: str,
        kind: PlaceKind,
        component: str,
        delay: int,
        shaper: ShaperSpec | None = None,
        *,
        neighbour: bool = False,
    ) -> None:
        """Note where the next leg begins; ``neighbour``: in the same subnet."""
        self.crossing = Crossing(source, Place(kind, component, self.lost, neighbour=neighbour), delay, shaper)

    def shape(self, shaper: ShaperSpec) -> None:
        """Let the crossing, if there is one, go through a shaper, unless it goes through one already."""
        if self.crossing is not None and self.crossing.shaper is None:
            self.crossing.shaper = shaper

    def see(self, component: str, *, outgoing: bool) -> None:
        """Note that the packet, as it is now, passes a place where a capture may be taken."""
        self.seen.append((component, outgoing, self.packet))

    def log(self, interface_id: str, *, outgoing: bool, accepted: bool) -> None:
        """Note what the interface's flow log says of the packet as it is now."""
        self.logged.append((interface_id, outgoing, accepted, self.packet))


# --- gates that several legs share -----------------------------------------------------------------------------------


def network_acl(result: LegResult, eni: InterfaceTable, *, outgoing: bool) -> bool:
    """Ask the network ACL of the interface's subnet; a refusal is logged on that interface (FLOW-9)."""
    packet = result.packet
    gate = "network_acl_egress" if outgoing else "network_acl_ingress"
    entries = eni.acl.egress if outgoing else eni.acl.ingress
    allowed, line = network_acls.decide(entries, packet, packet.dst if outgoing else packet.src)
    if not allowed:
        result.log(eni.interface_id, outgoing=outgoing, accepted=False)
        detail = f"port {packet.dport}" if packet.proto in (6, 17) else ""
        return result.refuse(eni.acl.network_acl_id, gate, Reason.SUBNET_ACL_RESTRICTION, line, detail)
    result.passes(eni.acl.network_acl_id, gate, line)
    return True


def working(result: LegResult, eni: InterfaceTable) -> bool:
    """Refuse at an interface that an injected fault has taken out, or whose instance is stopped."""
    if eni.failed:
        return result.refuse(eni.interface_id, "interface", Reason.EMU_FAULT, eni.failed)
    if not eni.running:
        return result.refuse(eni.interface_id, "interface", Reason.BAD_STATE, "stopped", "its instance is stopped")
    return True


def sender_of(tables: Tables, vpc_id: str, packet: Packet) -> Place | None:
    """Return where what is sent back to the packet's sender arrives, if that is in the VPC."""
    sender = tables.addresses.get((vpc_id, packet.src))
    return Place(arrival(sender), sender.interface_id) if sender is not None else None


def mtu(
    result: LegResult,
    component: str,
    limit: int | None,
    fact: str,
    tell: Place | None = None,
) -> bool:
    """Drop what is too long; its sender is told so by ICMP that begins at ``tell`` (NET-7), or not at all."""
    if limit is None:
        return True
    packet = result.packet
    if packet.length > limit:
        detail = f"{packet.length} bytes"
        if tell is not None and packet.fragment & DF:
            # EMU: it bears the address of where the packet was going, so that no rule takes it for a neighbour's.
            error = icmp(packet.dst, packet.src, 3, 4, sequence=limit, data=packet.to_bytes()[:QUOTED])
            result.answers.append((error, tell))
            detail += "; fragmentation needed is sent (NET-7)"
        elif tell is not None:
            detail += "; fragmentation is not modelled"
        return result.refuse(component, "mtu", Reason.EMU_OVER_MTU, f"MTU {limit} ({fact})", detail)
    result.passes(component, "mtu")
    result.max_length = min(result.max_length, limit)
    return True


def clamp(result: LegResult, limit: int | None) -> None:
    """Lower the MSS of SYN and SYN-ACK to what fits (VPCE-IF-14, NAT-4, NET-7)."""
    packet = result.packet
    if limit is None or packet.proto != IPPROTO_TCP or not packet.flags & SYN:
        return
    options = clamp_mss(packet.options, limit - 40)
    if options is not packet.options and options != packet.options:
        result.packet = packet.rewritten()
        result.packet.options = options


def arrival(eni: InterfaceTable) -> PlaceKind:
    """Return the kind of place at which packets for an interface arrive."""
    return _ARRIVALS.get(eni.kind, PlaceKind.INTERFACE_IN)


_ARRIVALS: Final[Mapping[str, PlaceKind]] = MappingProxyType(
    {
        "nat gateway": PlaceKind.NAT_IN,
        "load balancer": PlaceKind.BALANCER_IN,
        "transit gateway": PlaceKind.TRANSIT_IN,
    }
)


def delay_between(tables: Tables, one: InterfaceTable | None, other: InterfaceTable) -> int:
    """Return nanoseconds one way between two interfaces; None is at the edge of the VPC."""
    settings = tables.settings
    if one is None or one.availability_zone == other.availability_zone:
        return settings.intra_az_delay
    return settings.inter_az_delay


def to_address(
    tables: Tables,
    result: LegResult,
    component: str,
    source: str,
    sender: InterfaceTable | None,
    vpc_id: str,
    extra: int = 0,
    *,
    neighbour: bool = False,
) -> None:
    """Cross to the interface that owns the destination address in ``vpc_id``.

    Args:
        tables: The network.
        result: The leg's.
        component: What refuses if there is none.
        source: Where the crossing begins, for the link's name.
        sender: The interface there, for the delay.
        vpc_id: The VPC.
        extra: Nanoseconds on top.
        neighbour: Whether that is in the sender's own subnet.
    """
    target = tables.addresses.get((vpc_id, result.packet.dst))
    if target is None:
        detail = f"no interface of {vpc_id} has {dotted(result.packet.dst)}"
        result.refuse(component, "delivery", Reason.NO_POSSIBLE_DESTINATION, None, detail)
        return
    delay = delay_between(tables, sender, target) + extra
    result.goes_on(source, arrival(target), target.interface_id, delay, neighbour=neighbour)


def to_neighbour(tables: Tables, result: LegResult, eni: InterfaceTable) -> None:
    """Deliver inside the interface's own subnet: at layer 2, by no network ACL and no route (NACL-1, ROUTE-20)."""
    to_address(tables, result, eni.interface_id, eni.interface_id, eni, eni.vpc_id, neighbour=True)


def not_public(address: int) -> Reason | None:
    """Return whether an address is RFC 1918's or RFC 6598's, as the reason an internet gateway gives going out."""
    if contains(PRIVATE, address):
        return Reason.IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS
    if contains(SHARED, address):
        return Reason.IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS
    return None
