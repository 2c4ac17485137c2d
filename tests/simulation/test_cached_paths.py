"""A compiled path and a fresh walk never disagree, whatever is edited, also while packets are in flight (D2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.control import ControlPlane, Ec2Error
from emulator.flows.walk import origin_of
from emulator.model.settings import Settings
from emulator.network.flow_logs import FlowLogging
from emulator.simulation.agenda import Agenda
from emulator.simulation.fabric import Attachment, Fabric
from emulator.simulation.links import Fault
from emulator.wire.packet import ACK, FIN, RST, SYN, Packet, icmp, tcp, udp
from tests.flows.worlds import API_A, API_B, DB, NEIGHBOUR, PEER, S3, WEB, world

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.flows.tables import Tables

MS = 1_000_000


class Deaf:
    """A host that takes packets and does nothing."""

    def receive(self, attachment: Attachment, packet: Packet, now: int) -> None:
        pass


class Half:
    """One of the two networks: the same, but for the cache."""

    def __init__(self, compiling: bool) -> None:
        self.ec2 = world(Settings(tcp_established_timeout=40 * MS, endpoint_idle_timeout=20 * MS, udp_timeout=15 * MS))
        self.agenda = Agenda()
        self.fabric = Fabric(self.agenda, self.ec2, max_paths=12)
        self.fabric.compiling = compiling
        tables = self.ec2.tables()
        names = [*tables.interfaces, "s3"]
        self.plugs = {name: self.fabric.attach(origin_of(tables, name), Deaf(), 0, "vpc") for name in names}
        self.sent: list[Packet] = []
        self.ec2.create_flow_logs(["vpc", "far"], flow_log_ids=["fl-vpc", "fl-far"], max_aggregation_interval=60)
        self.logging = FlowLogging(self.ec2)
        self.fabric.refreshed = self.watch
        self.fabric.tables()

    def watch(self, tables: Tables) -> None:
        self.fabric.meters = self.logging if self.logging.refresh(self.agenda.now) else None

    def advance(self, until: int) -> None:
        while 0 <= self.agenda.next_at <= until:
            self.agenda.step()
        self.agenda.now = max(until, self.agenda.now)

    def send(self, sender: str, packet: Packet) -> None:
        self.sent.append(packet)
        self.plugs[sender].send(packet)

    def edit(self, verb: Callable[[ControlPlane], Any]) -> str:
        try:
            verb(self.ec2)
        except Ec2Error as error:
            return error.code
        return "done"


A, B = "eni-api-us-east-1a", "eni-api-us-east-1b"
CONVERSATIONS = [  # (client, its address, server, its address, port)
    ("eni-web", WEB, "eni-db", DB, 5432),
    ("eni-web", WEB, A, API_A, 443),
    ("eni-web", WEB, B, API_B, 443),
    ("eni-web", WEB, "s3", S3, 443),
    ("eni-peer", PEER, "eni-web", WEB, 80),
    ("eni-neighbour", NEIGHBOUR, A, API_A, 443),
]


def packet_of(conversation: int, forward: bool, kind: str, size: int) -> tuple[str, Packet]:
    client, src, server, dst, port = CONVERSATIONS[conversation]
    ends = (src, dst, 40000, port) if forward else (dst, src, port, 40000)
    sender = client if forward else server
    flags = {"syn": SYN if forward else SYN | ACK, "ack": ACK, "fin": FIN | ACK, "rst": RST}
    if kind in flags:
        return sender, tcp(*ends, flags[kind], bytes(size))
    if kind == "udp":
        return sender, udp(*ends, bytes(size))
    if kind in ("gre", "ipv6", "fragment"):  # what could be taken for another flow's packet
        packet = Packet(*ends[:2], 6 if kind == "fragment" else 47, 0, 0, bytes(size), 20 + size)
        packet.version = 6 if kind == "ipv6" else 4
        packet.fragment = 0x2001 if kind == "fragment" else packet.fragment
        return sender, packet
    return sender, icmp(*ends[:2], 8 if forward else 0, 0, identifier=7)


everyone = {"ip_protocol": "-1", "cidr_ip": "0.0.0.0/0"}
entry = {"rule_number": 10, "protocol": "6", "rule_action": "deny", "cidr_block": "0.0.0.0/0"}
EDITS: list[Callable[[ControlPlane], Any]] = [
    lambda ec2: ec2.revoke_security_group_egress("web", **everyone),
    lambda ec2: ec2.authorize_security_group_egress("web", **everyone),
    lambda ec2: ec2.authorize_security_group_ingress("db", **everyone),
    lambda ec2: ec2.revoke_security_group_ingress("db", **everyone),
    lambda ec2: ec2.authorize_security_group_ingress("web", **everyone),
    lambda ec2: ec2.revoke_security_group_ingress("api", ip_protocol="-1", cidr_ip="10.0.0.0/8"),
    lambda ec2: ec2.create_network_acl_entry("acl-default-vpc", egress=False, **entry),
    lambda ec2: ec2.create_network_acl_entry("acl-default-vpc", egress=True, **entry),
    lambda ec2: ec2.delete_network_acl_entry("acl-default-vpc", rule_number=10, egress=False),
    lambda ec2: ec2.delete_network_acl_entry("acl-default-vpc", rule_number=10, egress=True),
    lambda ec2: ec2.modify_vpc_endpoint("s3", remove_route_table_ids=["private"]),
    lambda ec2: ec2.modify_vpc_endpoint("s3", add_route_table_ids=["private"]),
    lambda ec2: ec2.delete_vpc_peering_connection("pcx"),
    lambda ec2: ec2.associate_route_table("private", "c"),
    lambda ec2: ec2.disassociate_route_table("c"),
    lambda ec2: ec2.modify_network_interface_attribute("eni-web", groups=["db"]),
    lambda ec2: ec2.delete_vpc_endpoints(["s3"]),
    lambda ec2: ec2.create_flow_logs("eni-web", traffic_type="REJECT"),
    lambda ec2: ec2.delete_flow_logs(["fl-vpc"]),
]

actions = st.one_of(
    st.tuples(
        st.just("send"),
        st.integers(0, len(CONVERSATIONS) - 1),
        st.booleans(),
        st.sampled_from(("syn", "ack", "ack", "ack", "fin", "rst", "udp", "icmp", "gre", "ipv6", "fragment")),
        st.sampled_from((0, 8461, 8950)),
    ),
    st.tuples(st.just("advance"), st.sampled_from((10_000, 60_000, 300_000, 5 * MS, 16 * MS, 45 * MS))),
    st.tuples(st.just("edit"), st.integers(0, len(EDITS) - 1)),
)
# Most flows are open before anything is edited, so that there is something to cache.
OPENING = [
    ("send", conversation, forward, kind, 0)
    for kind, forward in (("syn", True), ("syn", False), ("ack", True), ("ack", False), ("ack", True))
    for conversation in range(len(CONVERSATIONS))
]


@settings(max_examples=400, deadline=None)
@given(st.lists(actions, max_size=60), st.booleans(), st.none() | st.floats(0, 0.5))
def test_cached_and_uncached_agree_on_every_packet(script: list[tuple], opened: bool, loss: float | None) -> None:
    halves = Half(compiling=True), Half(compiling=False)
    for half in halves:
        if loss is not None:
            half.fabric.add_fault(Fault(loss=loss, duplicate=0.2, reorder=0.2))
    opening = [step for action in OPENING for step in (action, ("advance", 400_000))] if opened else []
    for action in [*opening, *script]:
        if action[0] == "edit":
            assert halves[0].edit(EDITS[action[1]]) == halves[1].edit(EDITS[action[1]])
        for half in halves:
            if action[0] == "send":
                half.send(*packet_of(*action[1:]))
            elif action[0] == "advance":
                half.advance(half.agenda.now + action[1])
    for half in halves:
        half.agenda.run()
    cached, walked = halves
    assert [str(packet.ending) for packet in cached.sent] == [str(packet.ending) for packet in walked.sent]
    assert all(packet.ending is not None for packet in cached.sent)
    assert cached.fabric.in_flight == walked.fabric.in_flight == 0
    assert cached.fabric.drops == walked.fabric.drops
    shown = [
        {key: (entry.state, entry.expires_at) for key, entry in half.fabric.state.entries.items()} for half in halves
    ]
    assert shown[0] == shown[1]
    logged = [
        [record for flow_log in half.logging.flow_logs for record in half.logging.records(flow_log, half.agenda.now)]
        for half in halves
    ]
    assert logged[0] == logged[1]
    if opened:
        assert cached.fabric.walked < walked.fabric.walked, "nothing was cached: the comparison would prove nothing"
