"""The same at every edge: translated, redirected and reset packets fare alike with and without the cache (D2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.control import ControlPlane, Ec2Error
from emulator.flows.tables import Kind
from emulator.flows.walk import origin_of
from emulator.model.settings import Settings
from emulator.network.flow_logs import FlowLogging
from emulator.simulation.agenda import Agenda
from emulator.simulation.fabric import Attachment, Fabric
from emulator.simulation.links import Fault
from emulator.wire.packet import ACK, FIN, IPPROTO_ICMP, IPPROTO_TCP, RST, SYN, Packet, icmp, tcp, udp
from tests.flows.edge_worlds import (
    EVERYWHERE,
    middlebox_world,
    premises_world,
    privatelink_world,
    public_world,
    transit_world,
)
from tests.flows.lab import ip, root

if TYPE_CHECKING:
    from collections.abc import Callable

MS = 1_000_000
QUICK = Settings(
    tcp_established_timeout=400 * MS,
    udp_timeout=150 * MS,
    udp_stream_timeout=200 * MS,
    endpoint_idle_timeout=200 * MS,
    nat_idle_timeout=200 * MS,
    load_balancer_tcp_idle_timeout=150 * MS,
    nat_connections_per_destination=3,
    load_balancer_connections_per_target=3,
    max_tracked_connections=6,
)


@dataclass(frozen=True)
class World:
    """A network, who talks to whom in it (component, address, address and port), and what may be edited."""

    build: Callable[[Settings], ControlPlane]
    talks: tuple[tuple[str, str, str, int], ...]
    edits: tuple[Callable[[ControlPlane], Any], ...]


def proxied(knobs: Settings) -> ControlPlane:
    ec2 = privatelink_world(knobs, groups=True)
    ec2.authorize_security_group_ingress("sg-nlb", ip_protocol="-1", cidr_ip=EVERYWHERE)
    ec2.modify_target_group_attributes("targets", proxy_protocol_v2_enabled=True)
    ec2.create_target_group("plain", vpc_id="provider", protocol="TCP", port=8080, target_type="ip")
    ec2.register_targets("plain", [{"target_id": "10.0.1.10"}, {"target_id": "10.0.2.20"}])
    ec2.create_listener("nlb", port=80, protocol="TCP", target_group_name="plain")
    return ec2


def deny(acl: str, *, egress: bool, number: int = 10) -> Callable[[ControlPlane], Any]:
    line = {"rule_number": number, "protocol": "6", "rule_action": "deny", "cidr_block": EVERYWHERE}
    return lambda ec2: ec2.create_network_acl_entry(acl, egress=egress, **line)


def allow(acl: str, *, egress: bool) -> Callable[[ControlPlane], Any]:
    return lambda ec2: ec2.delete_network_acl_entry(acl, rule_number=10, egress=egress)


everyone = {"ip_protocol": "-1", "cidr_ip": EVERYWHERE}
WORLDS = {
    "internet": World(
        public_world,
        (
            ("eni-app", "10.0.1.5", "203.0.113.5", 443),
            ("eni-app", "10.0.1.5", "203.0.113.6", 443),
            ("eni-web", "10.0.0.10", "203.0.113.5", 443),
            ("host", "203.0.113.5", "198.51.100.10", 80),
            ("host", "203.0.113.5", "198.51.100.220", 40000),
        ),
        (
            lambda ec2: ec2.fail_nat_gateway("nat"),
            lambda ec2: ec2.restore_nat_gateway("nat"),
            lambda ec2: ec2.delete_nat_gateway("nat"),
            lambda ec2: ec2.modify_network_interface_attribute("eni-web", associate_public_ip_address=False),
            lambda ec2: ec2.modify_network_interface_attribute("eni-web", groups=["sg-app"]),
            lambda ec2: ec2.authorize_security_group_ingress("sg-app", **everyone),
            lambda ec2: ec2.revoke_security_group_egress("sg-web", **everyone),
            lambda ec2: ec2.authorize_security_group_egress("sg-web", **everyone),
            deny("acl-default-vpc", egress=True),
            deny("acl-default-vpc", egress=False),
            allow("acl-default-vpc", egress=True),
            allow("acl-default-vpc", egress=False),
            lambda ec2: ec2.delete_route("to-igw", destination_cidr_block=EVERYWHERE),
            lambda ec2: ec2.create_route("to-igw", destination_cidr_block=EVERYWHERE, gateway_id="igw"),
        ),
    ),
    "middlebox": World(
        middlebox_world,
        (
            ("eni-web", "10.0.1.10", "203.0.113.5", 443),
            ("eni-web", "10.0.1.10", "10.0.2.20", 5432),
            ("host", "203.0.113.5", "198.51.100.10", 80),
        ),
        (
            lambda ec2: ec2.create_route(
                "to-box", destination_cidr_block="10.0.2.0/24", network_interface_id="eni-box"
            ),
            lambda ec2: ec2.delete_route("to-box", destination_cidr_block="10.0.2.0/24"),
            lambda ec2: ec2.modify_network_interface_attribute("eni-box", source_dest_check=True),
            lambda ec2: ec2.modify_network_interface_attribute("eni-box", source_dest_check=False),
            lambda ec2: ec2.revoke_security_group_ingress("open", **everyone),
            lambda ec2: ec2.authorize_security_group_ingress("open", **everyone),
            lambda ec2: ec2.disassociate_route_table(gateway_id="igw"),
            lambda ec2: ec2.stop_instances("box"),
            lambda ec2: ec2.start_instances("box"),
        ),
    ),
    "transit gateway": World(
        transit_world,
        (
            ("eni-red-1", "10.1.1.10", "10.2.1.10", 443),
            ("eni-blue-1", "10.2.1.10", "203.0.113.5", 443),
            ("eni-red-1", "10.1.1.10", "203.0.113.5", 443),
            ("eni-blue-1", "10.2.1.10", "10.1.2.10", 80),
        ),
        (
            lambda ec2: ec2.modify_transit_gateway_vpc_attachment("att-hub", appliance_mode_support=True),
            lambda ec2: ec2.create_transit_gateway_route("tgw-rtb-default-tgw", "10.2.0.0/16", blackhole=True),
            lambda ec2: ec2.delete_transit_gateway_route("tgw-rtb-default-tgw", "10.2.0.0/16"),
            lambda ec2: ec2.set_transit_gateway_attachment_state("att-blue", "pending"),
            lambda ec2: ec2.set_transit_gateway_attachment_state("att-blue", "available"),
            lambda ec2: ec2.delete_route("hub-table", destination_cidr_block="10.0.0.0/8"),
            deny("acl-default-hub", egress=False),
            allow("acl-default-hub", egress=False),
            lambda ec2: ec2.fail_availability_zone("us-east-1a"),
            lambda ec2: ec2.restore_availability_zone("us-east-1a"),
        ),
    ),
    "premises": World(
        premises_world,
        (("eni-app", "10.0.1.5", "192.168.1.10", 443), ("desk", "192.168.1.10", "10.0.1.5", 80)),
        (
            lambda ec2: ec2.set_vpn_tunnels("vpn", up=False),
            lambda ec2: ec2.set_vpn_tunnels("vpn", up=True),
            lambda ec2: ec2.disable_vgw_route_propagation("vgw", "table"),
            lambda ec2: ec2.enable_vgw_route_propagation("vgw", "table"),
            lambda ec2: ec2.revoke_security_group_ingress("open", **everyone),
        ),
    ),
    "endpoint service": World(
        proxied,
        (
            ("eni-client", "10.0.1.10", "10.0.1.200", 443),
            ("eni-client", "10.0.1.10", "10.0.1.200", 80),
            ("eni-client-b", "10.0.2.10", "10.0.2.200", 80),
            ("eni-two", "10.0.2.20", "10.0.1.50", 80),
        ),
        (
            lambda ec2: ec2.modify_load_balancer_attributes("nlb", cross_zone=True),
            lambda ec2: ec2.modify_load_balancer_attributes("nlb", cross_zone=False),
            lambda ec2: ec2.set_target_health("targets", "one", "unhealthy"),
            lambda ec2: ec2.deregister_targets("plain", [{"target_id": "10.0.1.10"}]),
            lambda ec2: ec2.reject_vpc_endpoint_connections("vpce-svc-1", "ep"),
            lambda ec2: ec2.revoke_security_group_ingress("sg-nlb", **everyone),
            lambda ec2: ec2.fail_network_interface("eni-nlb-us-east-1a"),
            lambda ec2: ec2.restore_network_interface("eni-nlb-us-east-1a"),
            lambda ec2: ec2.delete_listener("nlb", port=80),
            lambda ec2: ec2.modify_target_group_attributes("targets", proxy_protocol_v2_enabled=False),
        ),
    ),
}


class Half:
    """One of the two networks: the same, but for the cache.  Hosts answer what they got last, when they are told to."""

    def __init__(self, world: World, *, compiling: bool) -> None:
        self.world = world
        self.ec2 = world.build(QUICK)
        self.ec2.create_flow_logs([*self.ec2.vpcs], max_aggregation_interval=60)
        self.agenda = Agenda()
        self.fabric = Fabric(self.agenda, self.ec2, max_paths=24)
        self.fabric.compiling = compiling
        self.logging = FlowLogging(self.ec2)
        self.fabric.refreshed = self.watch
        self.sent: list[Packet] = []
        self.numbers: dict[int, int] = {}
        self.arrived: dict[int, tuple[str, Packet]] = {}
        self.got: list[tuple[str, str, bytes]] = []
        tables = self.fabric.tables()
        self.watch(tables)
        names = [eni.interface_id for eni in tables.interfaces.values() if eni.kind in (Kind.HOST, Kind.ENDPOINT)]
        self.plugs = {
            name: self.fabric.attach(origin_of(tables, name), self, 0, "") for name in (*names, *tables.external)
        }

    def watch(self, tables: object) -> None:
        self.fabric.meters = self.logging if self.logging.refresh(self.agenda.now) else None

    def receive(self, attachment: Attachment, packet: Packet, now: int) -> None:
        self.got.append((attachment.attachment_id, str(now), packet.to_bytes()))
        number = self.numbers.get(id(root(packet)))
        if number is not None:
            self.arrived[number] = attachment.attachment_id, packet

    def send(self, talk: int, forward: bool, kind: str, size: int) -> None:
        client, src, dst, port = self.world.talks[talk]
        ends: tuple[int, int, int, int] = (ip(src), ip(dst), 40000, port)
        sender = client
        if not forward:  # whoever got the talk's last packet answers it
            if talk not in self.arrived:
                return
            sender, last = self.arrived[talk]
            ends = (last.dst, last.src, last.dport, last.sport)
            if last.proto == IPPROTO_ICMP:
                if kind == "icmp":
                    self._post(talk, sender, icmp(ends[0], ends[1], 0, 0, identifier=last.sport), forward=False)
                return
            if (last.proto == IPPROTO_TCP) != (kind != "udp"):
                return
        flags = {"syn": SYN if forward else SYN | ACK, "ack": ACK, "fin": FIN | ACK, "rst": RST}
        if kind in flags:
            packet = tcp(*ends, flags[kind], bytes(size), seq=1000 if kind == "syn" else 1001, ack=2000 + size)
        elif kind == "udp":
            packet = udp(*ends, bytes(size))
        elif kind == "icmp":
            packet = icmp(*ends[:2], 8, 0, identifier=7)
        else:
            packet = icmp(*ends[:2], 3, 4, data=tcp(ends[1], ends[0], ends[3], ends[2], ACK).to_bytes())
        self._post(talk, sender, packet, forward=forward)

    def _post(self, talk: int, sender: str, packet: Packet, *, forward: bool) -> None:
        self.sent.append(packet)
        if forward:
            self.numbers[id(packet)] = talk
        self.plugs[sender].send(packet)

    def advance(self, span: int) -> None:
        until = self.agenda.now + span
        while 0 <= self.agenda.next_at <= until:
            self.agenda.step()
        self.agenda.now = max(until, self.agenda.now)

    def edit(self, number: int) -> str:
        try:
            self.world.edits[number % len(self.world.edits)](self.ec2)
        except Ec2Error as error:
            return error.code
        return "done"

    def told(self) -> dict[str, object]:
        """Everything that must be the same."""
        records = [
            [
                record
                for flow_log in self.logging.flow_logs
                for record in self.logging.records(flow_log, self.agenda.now)
            ]
        ]
        return {
            "endings": [str(packet.ending) for packet in self.sent],
            "deliveries": self.got,
            "drops": self.fabric.drops,
            "refused": self.fabric.state.refused,
            "entries": {
                key: (entry.state, entry.expires_at, entry.binding) for key, entry in self.fabric.state.entries.items()
            },
            "records": records,
        }


actions = st.one_of(
    st.tuples(
        st.just("send"),
        st.integers(0, 9),
        st.booleans(),
        st.sampled_from(("syn", "ack", "ack", "ack", "ack", "fin", "rst", "udp", "icmp", "error")),
        st.sampled_from((0, 10, 1440, 1461, 8461)),
    ),
    st.tuples(st.just("advance"), st.sampled_from((60_000, 5 * MS, 30 * MS, 160 * MS, 210 * MS, 450 * MS))),
    st.tuples(st.just("edit"), st.integers(0, 99)),
)


def opening(world: World) -> list[tuple[Any, ...]]:
    """Open most flows before anything is edited, so that there is something to cache."""
    steps: list[tuple[Any, ...]] = []
    for kind, forward in (("syn", True), ("syn", False), ("ack", True), ("ack", False), ("ack", True), ("ack", False)):
        for talk in range(len(world.talks)):
            steps += [("send", talk, forward, kind, 0), ("advance", 30 * MS)]
    return steps


@pytest.mark.parametrize("name", [*WORLDS])
@settings(max_examples=40, deadline=None)
@given(script=st.lists(actions, max_size=50), opened=st.booleans(), loss=st.none() | st.floats(0, 0.3))
def test_cached_and_uncached_agree_at_every_edge(
    name: str, script: list[tuple[Any, ...]], opened: bool, loss: float | None
) -> None:
    world = WORLDS[name]
    halves = Half(world, compiling=True), Half(world, compiling=False)
    for half in halves:
        if loss is not None:
            half.fabric.add_fault(Fault(loss=loss, duplicate=0.2, reorder=0.2))
    for action in [*(opening(world) if opened else []), *script]:
        said = set()
        for half in halves:
            if action[0] == "send":
                half.send(action[1] % len(world.talks), *action[2:])
            elif action[0] == "advance":
                half.advance(action[1])
            else:
                said.add(half.edit(action[1]))
        assert len(said) <= 1
    for half in halves:
        half.agenda.run()
        assert half.fabric.in_flight == 0
        assert all(packet.ending is not None for packet in half.sent)
    cached, walked = halves
    told, expected = cached.told(), walked.told()
    for subject, said_of_it in expected.items():
        assert told[subject] == said_of_it, subject
    if opened and loss is None:
        assert cached.fabric.walked < walked.fabric.walked, "nothing was cached: the comparison would prove nothing"
