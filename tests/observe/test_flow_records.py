"""Flow log records: what is counted, by which window, and how AWS writes it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from netaddr import IPAddress

from emulator.model.epoch import EPOCH_NS
from emulator.model.flow_logs import DEFAULT_FORMAT, FIELD_VERSIONS, FlowLog, TrafficType
from emulator.observe.flow_fields import line, values, version_of
from emulator.observe.flow_logs import FlowLogBook, logged_flags
from emulator.observe.flow_records import FlowRecord, InterfaceFacts, NextHop
from emulator.wire.packet import ACK, FIN, PSH, RST, SYN, Packet, icmp, tcp, udp

SECOND = 1_000_000_000
T0 = EPOCH_NS // SECOND
CLIENT, NAT, HOST = (int(IPAddress(text)) for text in ("10.0.1.5", "10.0.0.220", "203.0.113.5"))
LOG = FlowLog("fl-1", "vpc-1", max_aggregation_interval=60)


def interface(name: str = "eni-client", address: int = CLIENT, instance: str | None = "i-1") -> InterfaceFacts:
    kind = None if instance else "nat_gateway"
    return InterfaceFacts(name, "123456789012", address, "vpc-1", "subnet-1", "us-east-1", "use1-az1", instance, kind)


class Log:
    """A flow log of one interface, shown packets by hand."""

    def __init__(self, facts: InterfaceFacts | None = None, flow_log: FlowLog = LOG) -> None:
        self.book = FlowLogBook()
        self.flow_log = flow_log
        self.facts = facts or interface()
        self.book.watch({self.facts.interface_id: (self.facts, (flow_log,))}, 0)
        self.now = 0

    def see(self, packet: Packet, *, outgoing: bool, accepted: bool = True, at: float = 0.0) -> None:
        self.now = max(self.now, int(at * SECOND))
        meter = self.book.watches[self.facts.interface_id].meter(packet, outgoing=outgoing, accepted=accepted)
        meter.see(packet, int(at * SECOND), outgoing)

    def records(self, until: float | None = None) -> list[FlowRecord]:
        now = self.now if until is None else int(until * SECOND)
        return self.book.records(self.flow_log, now)

    def lines(self, fields: str) -> list[str]:
        return [line(record, tuple(fields.split())) for record in self.records()]


@pytest.mark.fact("FLOW-2")
def test_the_default_line() -> None:
    log = Log()
    log.see(tcp(CLIENT, HOST, 20641, 22, ACK, bytes(160)), outgoing=True, at=10)
    log.see(tcp(CLIENT, HOST, 20641, 22, ACK, bytes(60)), outgoing=True, at=40.5)
    (record,) = log.records()
    assert line(record) == (
        f"2 123456789012 eni-client 10.0.1.5 203.0.113.5 20641 22 6 2 300 {T0 + 10} {T0 + 40} ACCEPT OK"
    )


@pytest.mark.fact("FLOW-2")
def test_the_version_is_the_highest_of_the_fields() -> None:
    assert version_of(DEFAULT_FORMAT) == 2
    assert version_of(("srcaddr", "vpc-id")) == 3
    assert version_of(("traffic-path", "vpc-id")) == 5
    log = Log()
    log.see(udp(CLIENT, HOST, 1, 2), outgoing=True)
    assert log.lines("version region") == ["4 us-east-1"]
    assert log.lines("reject-reason version") == ["- 8"]


@pytest.mark.fact("FLOW-3")
def test_there_is_every_field_of_every_version_but_the_sixth() -> None:
    assert sorted(set(FIELD_VERSIONS.values())) == [2, 3, 4, 5, 7, 8, 9, 10, 11]
    counts = {version: list(FIELD_VERSIONS.values()).count(version) for version in FIELD_VERSIONS.values()}
    assert counts == {2: 14, 3: 7, 4: 4, 5: 4, 7: 10, 8: 1, 9: 1, 10: 1, 11: 12}
    log = Log()
    log.see(udp(CLIENT, HOST, 1, 2), outgoing=True)
    (record,) = log.records()
    told = dict(zip(FIELD_VERSIONS, values(record, tuple(FIELD_VERSIONS)), strict=True))
    assert {name for name, value in told.items() if value is None} == {
        name for name, version in FIELD_VERSIONS.items() if version in (7, 8, 9, 10, 11)
    } | {"sublocation-type", "sublocation-id", "pkt-src-aws-service", "pkt-dst-aws-service", "traffic-path"}


@pytest.mark.fact("FLOW-5")
def test_a_packet_through_a_nat_gateway_is_written_as_aws_writes_it() -> None:
    """At the NAT gateway's interface out and back; at the client's the pairs are equal."""
    fields = "srcaddr dstaddr pkt-srcaddr pkt-dstaddr"
    nat = Log(interface("eni-nat", NAT, None))
    nat.see(tcp(CLIENT, HOST, 40000, 443), outgoing=False, at=1)
    nat.see(tcp(NAT, HOST, 1024, 443), outgoing=True, at=2)
    nat.see(tcp(HOST, NAT, 443, 1024), outgoing=False, at=3)
    nat.see(tcp(HOST, CLIENT, 443, 40000), outgoing=True, at=4)
    assert nat.lines(fields) == [
        "10.0.1.5 10.0.0.220 10.0.1.5 203.0.113.5",
        "10.0.0.220 203.0.113.5 10.0.0.220 203.0.113.5",
        "203.0.113.5 10.0.0.220 203.0.113.5 10.0.0.220",
        "10.0.0.220 10.0.1.5 203.0.113.5 10.0.1.5",
    ]
    client = Log()
    client.see(tcp(CLIENT, HOST, 40000, 443), outgoing=True, at=1)
    client.see(tcp(HOST, CLIENT, 443, 40000), outgoing=False, at=2)
    assert client.lines(fields) == [
        "10.0.1.5 203.0.113.5 10.0.1.5 203.0.113.5",
        "203.0.113.5 10.0.1.5 203.0.113.5 10.0.1.5",
    ]


@pytest.mark.fact("FLOW-4")
def test_the_own_side_shows_the_primary_address() -> None:
    """A secondary address is in the packet, and only there."""
    secondary = int(IPAddress("10.0.1.77"))
    log = Log()
    log.see(udp(HOST, secondary, 53, 4000), outgoing=False, at=1)
    log.see(udp(secondary, HOST, 4000, 53), outgoing=True, at=2)
    assert log.lines("srcaddr dstaddr pkt-srcaddr pkt-dstaddr flow-direction") == [
        "203.0.113.5 10.0.1.5 203.0.113.5 10.0.1.77 ingress",
        "10.0.1.5 203.0.113.5 10.0.1.77 203.0.113.5 egress",
    ]


@pytest.mark.fact("FLOW-6")
def test_four_pings_are_336_bytes_without_ports() -> None:
    log = Log()
    for second in range(4):
        log.see(icmp(CLIENT, HOST, 8, 0, 77, second, bytes(56)), outgoing=True, at=second)
    assert log.lines("srcport dstport protocol packets bytes tcp-flags") == ["0 0 1 4 336 0"]


@pytest.mark.fact("FLOW-10")
@pytest.mark.parametrize(
    ("flags", "logged"),
    [
        (SYN, 2),
        (SYN | ACK, 18),
        (ACK, 0),
        (PSH, 0),
        (PSH | ACK, 0),
        (FIN, 1),
        (FIN | ACK, 1),
        (RST, 4),
        (RST | ACK, 4),
        (SYN | FIN, 3),
        (SYN | PSH, 2),
    ],
)
def test_what_a_packet_adds_to_tcp_flags(flags: int, logged: int) -> None:
    assert logged_flags(flags) == logged


@pytest.mark.fact("FLOW-10")
def test_flags_of_a_short_and_of_a_long_connection() -> None:
    """AWS's examples: client 3, server 19 in one window; 2/18, 0, 1 over three."""
    log = Log()
    for flags, outgoing, at in [
        (SYN, True, 1),
        (SYN | ACK, False, 1),
        (ACK, True, 1),
        (PSH | ACK, False, 70),
        (ACK, True, 70),
        (FIN | ACK, True, 130),
        (FIN | ACK, False, 130),
        (ACK, True, 130),
    ]:
        ends = (CLIENT, HOST, 40000, 443) if outgoing else (HOST, CLIENT, 443, 40000)
        log.see(tcp(*ends, flags), outgoing=outgoing, at=at)
    by_direction = {
        direction: [record.tcp_flags for record in log.records() if record.flow.outgoing is direction]
        for direction in (True, False)
    }
    assert by_direction == {True: [2, 0, 1], False: [18, 0, 1]}
    long = FlowLog("fl-1", "vpc-1", max_aggregation_interval=600)
    short = Log(interface("eni-nat", NAT, None), long)
    for flags, outgoing in [(SYN, True), (SYN | ACK, False), (FIN | ACK, True), (FIN | ACK, False)]:
        ends = (CLIENT, HOST, 40000, 443) if outgoing else (HOST, CLIENT, 443, 40000)
        short.see(tcp(*ends, flags), outgoing=outgoing, at=1)
    assert [record.tcp_flags for record in short.records()] == [3, 19]


@pytest.mark.fact("FLOW-1", "FLOW-7")
def test_one_record_for_each_tuple_direction_action_and_window() -> None:
    log = Log()
    packet = udp(CLIENT, HOST, 1, 2)
    for at in (0, 59.999999999, 60, 119):
        log.see(packet, outgoing=True, at=at)
    log.see(packet, outgoing=True, accepted=False, at=60)
    log.see(udp(CLIENT, HOST, 1, 3), outgoing=True, at=61)
    log.see(packet, outgoing=False, at=62)
    assert log.lines("dstport flow-direction packets action start") == [
        f"2 egress 2 ACCEPT {T0}",
        f"2 egress 2 ACCEPT {T0 + 60}",
        f"2 egress 1 REJECT {T0 + 60}",
        f"3 egress 1 ACCEPT {T0 + 61}",
        f"2 ingress 1 ACCEPT {T0 + 62}",
    ]


@pytest.mark.fact("FLOW-1")
def test_an_instance_has_windows_of_a_minute_and_a_managed_interface_the_flow_logs() -> None:
    slow = FlowLog("fl-1", "vpc-1")
    for facts, windows in ((interface(), [0, 60, 600]), (interface("eni-nat", NAT, None), [0, 600])):
        log = Log(facts, slow)
        for at in (0, 60, 600):
            log.see(udp(CLIENT, HOST, 1, 2), outgoing=True, at=at)
        assert [record.window - T0 for record in log.records(600) if record.flow is not None] == windows


@pytest.mark.fact("FLOW-12")
def test_a_window_without_traffic_says_so() -> None:
    log = Log()
    log.see(udp(CLIENT, HOST, 1, 2), outgoing=True, at=61)
    first, second, third = log.records(until=121)
    assert (second.start, second.end) == (T0 + 61, T0 + 61)
    assert line(first) == f"2 123456789012 eni-client - - - - - - - {T0} {T0 + 60} - NODATA"
    assert line(third) == f"2 123456789012 eni-client - - - - - - - {T0 + 120} {T0 + 180} - NODATA"
    assert log.records(until=120)[-1] == second, "a window begins with its first moment, not before"
    everything = line(first, tuple(FIELD_VERSIONS)).split()
    assert [word for word in everything if word != "-"] == [
        "11",
        "123456789012",
        "eni-client",
        str(T0),
        str(T0 + 60),
        "NODATA",
    ]


@pytest.mark.fact("FLOW-12")
def test_what_a_filter_leaves_out_is_traffic_all_the_same() -> None:
    log = Log(flow_log=FlowLog("fl-1", "vpc-1", TrafficType.REJECT, (), 60))
    log.see(udp(CLIENT, HOST, 1, 2), outgoing=True, at=1)
    assert log.records() == []


@pytest.mark.fact("FLOW-7")
@pytest.mark.parametrize(
    ("traffic", "actions"), [("ALL", ["ACCEPT", "REJECT"]), ("ACCEPT", ["ACCEPT"]), ("REJECT", ["REJECT"])]
)
def test_traffic_types(traffic: str, actions: list[str]) -> None:
    log = Log(flow_log=FlowLog("fl-1", "vpc-1", TrafficType(traffic), (), 60))
    log.see(udp(CLIENT, HOST, 1, 2), outgoing=True)
    log.see(udp(CLIENT, HOST, 1, 2), outgoing=True, accepted=False)
    assert log.lines("action") == actions


@pytest.mark.fact("FLOW-3", "FLOW-11")
def test_the_next_hop_is_that_of_the_latest_packet() -> None:
    log = Log()
    watch = log.book.watches["eni-client"]
    packet = udp(CLIENT, HOST, 1, 2)
    meter = watch.meter(packet, outgoing=True, accepted=True)
    meter.lead(NextHop(8))
    log.see(packet, outgoing=True, at=1)
    meter.lead(NextHop(1, interface("eni-nat", NAT, None)))
    log.see(packet, outgoing=True, at=2)
    fields = "traffic-path next-hop-interface-id next-hop-subnet-id next-hop-az-id next-hop-vpc-id"
    assert log.lines(f"{fields} next-hop-interface-type interface-type") == [
        "1 eni-nat subnet-1 use1-az1 vpc-1 nat_gateway -"
    ]


def test_a_flow_log_that_begins_or_ends_in_the_middle_of_a_window_has_its_part() -> None:
    book, facts = FlowLogBook(), interface()
    early, late = LOG, FlowLog("fl-2", "vpc-1", max_aggregation_interval=60)
    packet = udp(CLIENT, HOST, 1, 2)
    for at, watchers in ((0, (early,)), (10, (early, late)), (20, (late,)), (30, ())):
        book.watch({"eni-client": (facts, watchers)} if watchers else {}, at * SECOND)
        watch = book.watches.get("eni-client")
        if watch is not None:
            watch.meter(packet, outgoing=True, accepted=True).see(packet, (at + 1) * SECOND, True)
    for flow_log, start, end in ((early, 1, 11), (late, 11, 21)):
        (record,) = book.records(flow_log, 40 * SECOND)
        assert (record.packets, record.start - T0, record.end - T0) == (2, start, end)
    assert book.throughout(early) == book.throughout(late) == []


events = st.lists(
    st.tuples(
        st.integers(0, 2_999),  # seconds
        st.sampled_from([(1, 2), (1, 3), (4, 2)]),
        st.booleans(),
        st.booleans(),
        st.integers(0, 1400),
        st.sampled_from([SYN, SYN | ACK, ACK, FIN | ACK]),
    ),
    max_size=60,
)


def total(records: list[FlowRecord]) -> dict[object, tuple[int, int, int]]:
    sums: dict[object, tuple[int, int, int]] = {}
    for record in records:
        if record.flow is not None:
            packets, octets, flags = sums.get(record.flow, (0, 0, 0))
            sums[record.flow] = packets + record.packets, octets + record.octets, flags | record.tcp_flags
    return sums


@given(events, st.lists(st.integers(0, 2_999), max_size=4))
def test_splitting_a_run_into_windows_never_changes_totals(script: list[tuple], edits: list[int]) -> None:
    """Whatever the interval, and however often what is written of the interface changes."""
    logs = tuple(FlowLog(f"fl-{interval}", "vpc-1", max_aggregation_interval=interval) for interval in (60, 600))
    book = FlowLogBook()
    facts = interface("eni-nat", NAT, None)
    book.watch({"eni-nat": (facts, logs)}, 0)
    wanted: dict[object, tuple[int, int, int]] = {}
    steps = [*((at, None) for at in edits), *((step[0], step) for step in script)]
    for at, step in sorted(steps, key=lambda pair: pair[0]):
        if step is None:
            book.watch({"eni-nat": (replace(facts, az_id=f"use1-az{at}"), logs)}, at * SECOND)
            continue
        _, (sport, dport), outgoing, accepted, size, flags = step
        packet = tcp(CLIENT, HOST, sport, dport, flags, bytes(size))
        meter = book.watches["eni-nat"].meter(packet, outgoing=outgoing, accepted=accepted)
        meter.see(packet, at * SECOND, outgoing)
        packets, octets, seen = wanted.get(meter._flow, (0, 0, 0))
        wanted[meter._flow] = packets + 1, octets + packet.length, seen | logged_flags(flags)
    fine, coarse = (book.records(log, 3_000 * SECOND) for log in logs)
    assert total(fine) == total(coarse) == wanted
    for records, interval in ((fine, 60), (coarse, 600)):
        assert all(record.window % interval == 0 for record in records)
        assert all(record.window <= record.start <= record.end <= record.window + interval for record in records)
        windows = {record.window for record in records}
        assert windows == set(range(T0, T0 + 3_000, interval))
        keys = [(record.window, record.flow) for record in records]
        assert len(keys) == len(set(keys)), "one record per flow and window"
