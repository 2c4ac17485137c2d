"""Records in, tables out: what only the compiled form can show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from emulator.gates.security_groups import admitting
from emulator.wire.packet import tcp

if TYPE_CHECKING:
    from emulator.control import ControlPlane

PEER = 0x0A000109


@pytest.mark.fact("SG-1")
def test_the_groups_of_an_interface_admit_what_any_of_them_admits(plane: ControlPlane) -> None:
    """SG-1."""
    for group, port in (("ssh", 22), ("http", 80), ("https", 443)):
        plane.create_security_group("main", group_id=group)
        plane.revoke_security_group_egress(group, ip_protocol="-1", cidr_ip="0.0.0.0/0")
        plane.authorize_security_group_ingress(
            group, ip_protocol="tcp", from_port=port, to_port=port, cidr_ip="10.0.0.0/16"
        )
        plane.authorize_security_group_egress(
            group, ip_protocol="tcp", from_port=port + 1, to_port=port + 1, cidr_ip="10.0.0.0/16"
        )
    plane.run_instances(instance_id="one", subnet_id="a", security_group_ids=["ssh", "http", "https"])
    plane.run_instances(instance_id="two", subnet_id="a", security_group_ids=["http"])
    one, two = (plane.tables().interfaces[eni] for eni in ("eni-one", "eni-two"))

    def admitted(rules: tuple, ports: tuple[int, ...]) -> list[int]:
        return [port for port in ports if admitting(rules, tcp(PEER, PEER, 40000, port), PEER)]

    asked = (22, 23, 80, 81, 443, 444)
    assert admitted(one.ingress, asked) == [22, 80, 443]
    assert admitted(one.egress, asked) == [23, 81, 444]
    assert admitted(two.ingress, asked) == [80]
    assert admitted(two.egress, asked) == [81]
    assert one.group_ids == "ssh,http,https"
