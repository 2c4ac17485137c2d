"""Security-group rules and network ACL entries, one packet at a time: SG-1, SG-3, NACL-2, NACL-5."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from netaddr import IPAddress, IPNetwork

from emulator.gates.network_acls import AclEntry, AclTable, decide
from emulator.gates.networks import network, networks
from emulator.gates.security_groups import GroupRule, admitting
from emulator.wire.packet import Packet, icmp, tcp, udp

WEB, DB = int(IPAddress("10.0.1.10")), int(IPAddress("10.0.2.20"))


def rule(protocol: int, first: int, last: int, *peers: str, members: frozenset[int] | None = None) -> GroupRule:
    return GroupRule("the rule", protocol, first, last, networks(IPNetwork(peer) for peer in peers), members)


@pytest.mark.fact("SG-1", "SG-3")
@pytest.mark.parametrize(
    ("rules", "packet", "peer", "admitted"),
    [
        ([], tcp(WEB, DB, 40000, 443), WEB, False),
        ([rule(6, 443, 443, "10.0.1.0/24")], tcp(WEB, DB, 40000, 443), WEB, True),
        ([rule(6, 443, 443, "10.0.1.0/24")], tcp(WEB, DB, 40000, 444), WEB, False),
        ([rule(6, 443, 443, "10.0.1.0/24")], udp(WEB, DB, 40000, 443), WEB, False),
        ([rule(6, 443, 443, "10.0.3.0/24")], tcp(WEB, DB, 40000, 443), WEB, False),
        ([rule(6, 1024, 65535, "0.0.0.0/0")], tcp(WEB, DB, 40000, 65535), WEB, True),
        ([rule(17, -1, -1, "0.0.0.0/0")], udp(WEB, DB, 40000, 1), WEB, True),
        ([rule(-1, -1, -1, "0.0.0.0/0")], icmp(WEB, DB, 8, 0), WEB, True),
        ([rule(1, 8, -1, "0.0.0.0/0")], icmp(WEB, DB, 8, 0), WEB, True),
        ([rule(1, 8, -1, "0.0.0.0/0")], icmp(WEB, DB, 3, 4), WEB, False),
        ([rule(1, 3, 4, "0.0.0.0/0")], icmp(WEB, DB, 3, 4), WEB, True),
        ([rule(1, 3, 4, "0.0.0.0/0")], icmp(WEB, DB, 3, 1), WEB, False),
        ([rule(6, 443, 443, members=frozenset({WEB}))], tcp(WEB, DB, 40000, 443), WEB, True),
        ([rule(6, 443, 443, members=frozenset())], tcp(WEB, DB, 40000, 443), WEB, False),
        ([rule(6, 22, 22, "0.0.0.0/0"), rule(6, 443, 443, "0.0.0.0/0")], tcp(WEB, DB, 40000, 443), WEB, True),
    ],
)
def test_a_group_admits_what_one_of_its_rules_covers(
    rules: list[GroupRule], packet: Packet, peer: int, admitted: bool
) -> None:
    assert (admitting(tuple(rules), packet, peer) is not None) == admitted


def line(
    number: int, allow: bool, protocol: int = -1, first: int = -1, last: int = -1, cidr: str = "0.0.0.0/0"
) -> AclEntry:
    return AclEntry(number, protocol, first, last, network(IPNetwork(cidr)), str(number), allow=allow)


@pytest.mark.fact("NACL-2")
@pytest.mark.parametrize(
    ("entries", "decision"),
    [
        ([], (False, "*")),
        ([line(100, True)], (True, "100")),
        ([line(100, False), line(200, True)], (False, "100")),
        ([line(200, True), line(100, False)], (False, "100")),
        ([line(100, True, 17), line(200, True, 6, 443, 443)], (True, "200")),
        ([line(100, True, 6, 80, 80)], (False, "*")),
        ([line(100, True, cidr="10.9.0.0/16")], (False, "*")),
    ],
)
def test_the_lowest_numbered_entry_that_matches_decides(entries: list[AclEntry], decision: tuple[bool, str]) -> None:
    table = AclTable("acl", entries, [])
    assert decide(table.ingress, tcp(WEB, DB, 40000, 443), WEB) == decision


lines = st.builds(
    line,
    st.integers(1, 32766),
    st.booleans(),
    st.sampled_from((-1, 6, 17)),
    st.integers(0, 500),
    st.integers(400, 65535),
    st.sampled_from(("0.0.0.0/0", "10.0.1.0/24", "10.0.1.10/32", "10.9.0.0/16")),
)


@pytest.mark.fact("NACL-2")
@given(st.lists(lines, max_size=8, unique_by=lambda entry: entry.rule_number), st.randoms(use_true_random=False))
def test_shuffling_entries_changes_nothing(entries: list[AclEntry], random) -> None:
    packet = tcp(WEB, DB, 40000, 443)
    expected = decide(AclTable("acl", entries, []).ingress, packet, WEB)
    shuffled = list(entries)
    random.shuffle(shuffled)
    assert decide(AclTable("acl", shuffled, []).ingress, packet, WEB) == expected
