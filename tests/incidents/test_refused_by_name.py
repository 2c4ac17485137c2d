"""B20 and B37 need IPv6, which endpoints of the seed have not (VPCE-5): the emulator says so.

B20: a client that prefers AAAA beside a gateway endpoint for IPv4 only
(github.com/gardener/gardener-extension-provider-aws/issues/1601).
B37: an IPv6-only client behind DNS64 (github.com/aws/aws-sdk-go-v2/issues/2952).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from emulator.control import Ec2Error
from emulator.model.reasons import Reason
from emulator.network.network import Network
from emulator.network.workloads import craft
from tests.incidents.library import LIBRARY

if TYPE_CHECKING:
    from collections.abc import Iterator

ADDRESSES = {"B20": "2600:1fa0::1", "B37": "64:ff9b::342e:92c6"}
"""S3's, and a synthesised one."""


@pytest.fixture
def network() -> Iterator[Network]:
    with Network.load(LIBRARY / "b04-half-of-an-image-pull" / "fixed.yaml") as network:
        yield network


@pytest.mark.fact("VPCE-5")
@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES)
def test_an_ipv6_packet_is_dropped_at_its_sender_and_named(network: Network, address: str) -> None:
    fields = {"ip_version": 6, "protocol": "tcp", "port": 443, "source_port": 40000, "length": 0}
    packet = network.send(craft(fields, address), host="task")
    network.run_until_idle()
    assert packet.ending is not None
    assert (packet.ending.reason, packet.ending.component) == (Reason.EMU_IPV4_ONLY, "eni-task")  # type: ignore[union-attr]
    blocker = network.trace("task", f"[{address}]:443").blocker
    assert blocker is not None
    assert blocker.reason is Reason.EMU_IPV4_ONLY


@pytest.mark.fact("VPCE-5")
def test_a_route_to_synthesised_addresses_is_refused_by_name(network: Network) -> None:
    with pytest.raises(Ec2Error, match="UNSUPPORTED_COMPONENT") as refusal:
        network.ec2.create_route("private", destination_ipv6_cidr_block="64:ff9b::/96", gateway_id="local")
    assert refusal.value.code == "UnsupportedOperation"
