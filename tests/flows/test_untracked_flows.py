"""Untracked flows (SG-10): whole flows, and not packets, go unremembered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from emulator.flows.conntrack import FlowState
from emulator.flows.walk import origin_of, walk
from emulator.model.reasons import Reason
from emulator.model.traces import Delivered, Dropped, Ending
from emulator.wire.packet import ACK, SYN, Packet, tcp
from tests.flows.worlds import DB, WEB, world

if TYPE_CHECKING:
    from emulator.control import ControlPlane

OPEN = {"ip_protocol": "tcp", "from_port": 80, "to_port": 80, "cidr_ip": "0.0.0.0/0"}


def go(ec2: ControlPlane, state: FlowState, packet: Packet, sender: str) -> Ending:
    tables = ec2.tables()
    return walk(tables, state, packet, origin_of(tables, sender), 0)[0].ending


@pytest.mark.fact("SG-10", "SG-13")
def test_the_reply_of_an_untracked_flow_is_not_tracked_either() -> None:
    """Found by the Linux kernel (docs/kernel.md): SG-13 says that removing the rule cuts the flow at once."""
    ec2, state = world(), FlowState()
    ec2.authorize_security_group_ingress("db", **OPEN)
    assert go(ec2, state, tcp(WEB, DB, 40000, 80), "eni-web") == Delivered("eni-db")
    assert go(ec2, state, tcp(DB, WEB, 80, 40000, SYN | ACK), "eni-db") == Delivered("eni-web")
    assert go(ec2, state, tcp(WEB, DB, 40000, 80, ACK), "eni-web") == Delivered("eni-db")
    ec2.revoke_security_group_ingress("db", **OPEN)
    refused = Dropped(Reason.ENI_SG_RULES_MISMATCH, "db")
    assert go(ec2, state, tcp(WEB, DB, 40000, 80, ACK), "eni-web") == refused
