from __future__ import annotations

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.update
import pytest
from hypothesis import given
from hypothesis import strategies as st
from netaddr import IPAddress

from emulator.services.resolver import TTL, Rotation, answer
from emulator.services.zone import Answer, Source, Zone


def record(name, *addresses):
    return {name: Answer(tuple(map(IPAddress, addresses)), Source.PUBLIC, name)}


NAME = "api.us-east-1.amazonaws.com"
ZONE = Zone(
    (
        record(NAME, "10.0.1.5", "10.0.2.5", "10.0.3.5")
        | record("one.test", "10.0.1.1")
        | record("*.wild.test", "10.0.1.1", "10.0.1.2")
        | record("many.test", *(f"10.1.0.{n}" for n in range(100))),
    )
)


def ask(name=NAME, kind="A", rotation=None, zone=ZONE, **options):
    query = dns.message.make_query(name, kind, **options)
    response = dns.message.from_wire(answer(query.to_wire(), zone, rotation or Rotation()))
    assert response.id == query.id
    assert response.question == query.question
    assert response.flags & (dns.flags.QR | dns.flags.RA) == dns.flags.QR | dns.flags.RA
    return response


def addresses(response):
    return [item.address for rrset in response.answer for item in rrset]


def test_a_name_has_its_addresses_for_a_minute():
    response = ask("one.test")
    assert (response.rcode(), addresses(response), response.answer[0].ttl) == (dns.rcode.NOERROR, ["10.0.1.1"], TTL)


@pytest.mark.fact("VPCE-IF-17")
def test_the_addresses_of_a_name_take_turns():
    rotation = Rotation()
    first = [addresses(ask(rotation=rotation))[0] for _ in range(4)]
    assert first == ["10.0.1.5", "10.0.2.5", "10.0.3.5", "10.0.1.5"]
    assert addresses(ask(rotation=rotation)) == ["10.0.2.5", "10.0.3.5", "10.0.1.5"]


def test_names_take_turns_apart_and_names_of_one_wildcard_together():
    rotation = Rotation()
    ask(rotation=rotation)
    assert addresses(ask("a.wild.test", rotation=rotation))[0] == "10.0.1.1"
    assert addresses(ask("b.wild.test", rotation=rotation))[0] == "10.0.1.2"
    assert addresses(ask(rotation=rotation))[0] == "10.0.2.5"


def test_only_what_is_answered_takes_a_turn():
    rotation = Rotation()
    ask(kind="AAAA", rotation=rotation)
    assert addresses(ask(rotation=rotation))[0] == "10.0.1.5"


@pytest.mark.fact("VPCE-5")
@pytest.mark.parametrize("kind", ["AAAA", "MX", "TXT", "CNAME", "SOA", "HTTPS"])
def test_a_name_has_nothing_but_addresses(kind):  # VPCE-5: IPv4 only
    response = ask(kind=kind)
    assert (response.rcode(), response.answer) == (dns.rcode.NOERROR, [])
    assert response.authority[0].rdtype == dns.rdatatype.SOA


@pytest.mark.parametrize("kind", ["A", "AAAA", "ANY"])
def test_an_unknown_name_does_not_exist(kind):
    response = ask("nothing.us-east-1.amazonaws.com", kind)
    assert (response.rcode(), response.answer) == (dns.rcode.NXDOMAIN, [])
    soa = response.authority[0]  # RFC 2308 section 3
    assert (soa.name.to_text(), soa.rdtype, soa[0].minimum) == ("amazonaws.com.", dns.rdatatype.SOA, TTL)
    assert ask("nothing.test").authority[0].name.to_text() == "."
    assert ask("notamazonaws.com").authority[0].name.to_text() == "."


def test_any_is_answered_with_addresses():  # RFC 8482
    assert len(addresses(ask(kind="ANY"))) == 3


def test_case_makes_no_difference_and_is_kept():
    response = ask(NAME.upper())
    assert response.answer[0].name.to_text() == NAME.upper() + "."
    assert len(addresses(response)) == 3


def test_a_long_answer_is_cut_unless_the_client_takes_it():
    short = ask("many.test")
    assert short.flags & dns.flags.TC
    assert len(short.to_wire()) <= 512
    wide = ask("many.test", use_edns=0, payload=4096)
    assert len(wide.to_wire()) <= 1232
    assert wide.edns == 0
    assert not ask(use_edns=0).flags & dns.flags.TC


@pytest.mark.fact("DNS-2")
def test_without_dns_support_there_is_no_answer():
    query = dns.message.make_query(NAME, "A").to_wire()
    assert answer(query, Zone(ZONE.tables, answers=False), Rotation()) is None


@pytest.mark.parametrize(
    ("change", "rcode"),
    [
        (lambda query: query.set_opcode(dns.opcode.NOTIFY), dns.rcode.NOTIMP),
        (lambda query: query.question.clear(), dns.rcode.FORMERR),
        (lambda query: query.question.append(query.question[0]), dns.rcode.FORMERR),
        (lambda query: query.use_edns(1), dns.rcode.BADVERS),
    ],
)
def test_what_is_not_served_is_refused(change, rcode):
    query = dns.message.make_query(NAME, "A")
    change(query)
    assert dns.message.from_wire(answer(query.to_wire(), ZONE, Rotation())).rcode() == rcode


def test_another_class_is_refused():
    query = dns.message.make_query(NAME, "A", rdclass=dns.rdataclass.CH)
    assert dns.message.from_wire(answer(query.to_wire(), ZONE, Rotation())).rcode() == dns.rcode.REFUSED


def test_an_update_is_not_implemented():
    query = dns.update.UpdateMessage("amazonaws.com")
    assert answer(query.to_wire(), ZONE, Rotation())[3] & 15 == dns.rcode.NOTIMP


def test_a_message_that_does_not_parse_gets_a_format_error():
    query = dns.message.make_query(NAME, "A").to_wire()
    for broken in (query[:-1], query + b"x", query[:12] + b"\xff" * 9):
        reply = answer(broken, ZONE, Rotation())
        assert (reply[:2], reply[2] >> 7, reply[3] & 15, reply[4:]) == (query[:2], 1, dns.rcode.FORMERR, bytes(8))


def test_what_is_no_query_gets_nothing():
    response = dns.message.make_response(dns.message.make_query(NAME, "A"))
    for message in (b"", b"x" * 11, response.to_wire()):
        assert answer(message, ZONE, Rotation()) is None


@given(st.binary(max_size=80), st.integers(0, 255), st.integers(0, 255))
def test_no_datagram_breaks_it(tail, opcode, counts):
    answer(
        b"id" + bytes([opcode, 0, 0, counts & 3, 0, counts >> 6]) + bytes(2) + bytes([0, counts & 1]) + tail,
        ZONE,
        Rotation(),
    )


@given(st.data())
def test_a_damaged_query_does_not_break_it(data):
    query = bytearray(dns.message.make_query(NAME, "A", use_edns=0).to_wire())
    for _ in range(data.draw(st.integers(1, 3))):
        query[data.draw(st.integers(0, len(query) - 1))] = data.draw(st.integers(0, 255))
    reply = answer(bytes(query), ZONE, Rotation())
    assert reply is None or (reply[:2] == query[:2] and reply[2] & 0x80)
