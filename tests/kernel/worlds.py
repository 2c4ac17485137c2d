"""Random small VPCs and random edits of them; one seed, one world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.control import ControlPlane, Ec2Error
from emulator.model.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

ZONES = {"a": "10.0.1.0/24", "b": "10.0.2.0/25", "c": "10.0.2.128/28"}
HOSTS = {
    "a": ("10.0.1.10", "10.0.1.11", "10.0.1.200"),
    "b": ("10.0.2.20", "10.0.2.100"),
    "c": ("10.0.2.133", "10.0.2.140"),
}
PORTS = (22, 53, 80, 443, 5432, 8080)
RANGES = ((0, 65535), (1, 1024), (80, 443), (443, 443), (80, 80), (22, 53), (5000, 9000), (1024, 65535), (53, 53))
BLOCKS = (
    "0.0.0.0/0", "0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/16", "10.0.1.0/24", "10.0.2.0/24", "10.0.2.0/25",
    "10.0.2.128/28", "10.0.1.10/32", "10.0.2.100/32", "10.0.1.8/30", "10.0.0.0/23", "128.0.0.0/1",
)  # fmt: skip
OPEN = (*(5 * ("0.0.0.0/0",)), *BLOCKS)
CLOSED = ("0.0.0.0/1", "0.0.0.0/1", "128.0.0.0/1", *(block for block in BLOCKS if block != "0.0.0.0/0"))
GROUPS = ("sg0", "sg1", "sg2", "sg3", "sg4")
ACLS = ("acl0", "acl1", "acl2")
BLACKHOLES = ("192.168.0.0/16", "192.168.64.0/18", "0.0.0.0/0", "172.16.0.0/12", "198.51.100.0/24")
OUTSIDE = ("192.168.70.1", "172.20.0.1", "198.51.100.7", "203.0.113.1")


def world(draw: Random, *, untracked: bool) -> ControlPlane:
    """Return seven interfaces in three subnets with random groups, network ACLs and blackholes.

    Unless ``untracked``, no rule of a group is open to all addresses, so that every flow is tracked (SG-10).
    """
    groups = OPEN if untracked else CLOSED
    ec2 = ControlPlane("us-east-1", Settings())
    ec2.create_vpc("10.0.0.0/16", vpc_id="vpc")
    ec2.create_vpc("192.168.0.0/16", vpc_id="gone")
    ec2.create_vpc_peering_connection("vpc", "gone", vpc_peering_connection_id="pcx")
    ec2.create_managed_prefix_list(prefix_list_id="pl", max_entries=3, entries=["10.0.2.0/26", "10.0.1.11/32"])
    for group in GROUPS:
        ec2.create_security_group("vpc", group_id=group)
        if not untracked or draw.random() < 0.4:
            ec2.revoke_security_group_egress(group, ip_protocol="-1", cidr_ip="0.0.0.0/0")
    for acl in ACLS:
        ec2.create_network_acl("vpc", network_acl_id=acl)
    for name, block in ZONES.items():
        ec2.create_subnet("vpc", block, "us-east-1a", subnet_id=name)
        ec2.create_route_table("vpc", route_table_id=f"rtb-{name}")
        if draw.random() < 0.7:
            ec2.associate_route_table(f"rtb-{name}", name)
        for hole in BLACKHOLES:
            if draw.random() < 0.5:
                ec2.create_route(f"rtb-{name}", destination_cidr_block=hole, vpc_peering_connection_id="pcx")
        if draw.random() < 0.7:
            ec2.replace_network_acl_association(draw.choice(ACLS), name)
        for address in HOSTS[name]:
            worn = draw.sample(GROUPS, draw.choice((1, 1, 2, 3)))
            ec2.create_network_interface(
                name,
                network_interface_id=f"eni-{address.replace('.', '-')}",
                private_ip_address=address,
                groups=worn,
            )
    ec2.delete_vpc_peering_connection("pcx")
    for group in GROUPS:
        for _ in range(draw.choice((1, 2, 3))):
            attempt(ec2.authorize_security_group_ingress, group, **rule(draw, groups))
        for _ in range(draw.choice((0, 1, 3) if untracked else (1, 3, 4))):
            attempt(ec2.authorize_security_group_egress, group, **rule(draw, groups))
    for acl in ACLS:
        for egress in (True, False):
            for _ in range(draw.choice((1, 3, 6))):
                attempt(ec2.create_network_acl_entry, acl, egress=egress, **entry(draw))
            if draw.random() < 0.8:
                attempt(ec2.create_network_acl_entry, acl, egress=egress, **everything(draw))
    return ec2


def attempt(verb: Callable[..., Any], *arguments: Any, **named: Any) -> bool:
    """Call a verb; a refusal (a rule that is already there) is no error here."""
    try:
        verb(*arguments, **named)
    except Ec2Error:
        return False
    return True


def rule(draw: Random, blocks: tuple[str, ...]) -> dict[str, Any]:
    """Return parameters of a random security-group rule, with one of the blocks if it is for addresses."""
    peer = draw.random()
    given: dict[str, Any] = what(draw, "ip_protocol")
    if peer < 0.25:
        return given | {"referenced_group_id": draw.choice(GROUPS)}
    if peer < 0.35:
        return given | {"prefix_list_id": "pl"}
    return given | {"cidr_ip": draw.choice(blocks)}


def what(draw: Random, name: str) -> dict[str, Any]:
    """Return a random protocol with ports, or with ICMP type and code."""
    protocol = draw.choice(("-1", "-1", "tcp", "tcp", "tcp", "udp", "udp", "icmp", "47", "253"))
    if protocol in ("tcp", "udp"):
        if draw.random() < 0.2:
            return {name: protocol}
        first, last = draw.choice(RANGES)
        return {name: protocol, "from_port": first, "to_port": last}
    if protocol == "icmp":
        kind, code = draw.choice(((-1, -1), (8, -1), (8, 0), (0, -1), (13, 0), (11, -1)))
        return {name: protocol, "from_port": kind, "to_port": code}
    return {name: protocol}


def entry(draw: Random) -> dict[str, Any]:
    """Return parameters of a random network ACL entry."""
    return {
        **what(draw, "protocol"),
        "rule_number": draw.randrange(1, 20) * 10,
        "rule_action": draw.choice(("allow", "allow", "deny")),
        "cidr_block": draw.choice(BLOCKS),
    }


def everything(draw: Random) -> dict[str, Any]:
    """Return parameters of a last entry that allows all."""
    return {
        "rule_number": draw.choice((32766, 900)),
        "protocol": "-1",
        "rule_action": "allow",
        "cidr_block": "0.0.0.0/0",
    }


def edit(ec2: ControlPlane, draw: Random, *, untracked: bool) -> None:
    """Change a few things: rules, entries, memberships, associations, routes."""

    def rules(ec2: ControlPlane, draw: Random) -> None:
        _rules(ec2, draw, OPEN if untracked else CLOSED)

    changes = (rules, rules, _entries, _entries, _membership, _association, _routes)
    for _ in range(draw.choice((1, 2, 4))):
        draw.choice(changes)(ec2, draw)


def _rules(ec2: ControlPlane, draw: Random, blocks: tuple[str, ...]) -> None:
    group = ec2.security_groups[draw.choice(GROUPS)]
    direction = draw.choice(("ingress", "egress"))
    rules = getattr(group, direction)
    if draw.random() < 0.5 or not rules:
        attempt(getattr(ec2, f"authorize_security_group_{direction}"), group.group_id, **rule(draw, blocks))
        return
    old = draw.choice(rules)
    getattr(ec2, f"revoke_security_group_{direction}")(
        group.group_id,
        ip_protocol=old.ip_protocol,
        from_port=old.from_port,
        to_port=old.to_port,
        cidr_ip=None if old.cidr_ip is None else str(old.cidr_ip),
        prefix_list_id=old.prefix_list_id,
        referenced_group_id=old.referenced_group_id,
    )


def _entries(ec2: ControlPlane, draw: Random) -> None:
    acl, egress = draw.choice(ACLS), draw.random() < 0.5
    present = [entry for entry in ec2.network_acls[acl].entries if entry.egress == egress]
    if draw.random() < 0.5 or not present:
        attempt(ec2.create_network_acl_entry, acl, egress=egress, **entry(draw))
    else:
        ec2.delete_network_acl_entry(acl, rule_number=draw.choice(present).rule_number, egress=egress)


def _membership(ec2: ControlPlane, draw: Random) -> None:
    worn = draw.sample(GROUPS, draw.choice((1, 2)))
    ec2.modify_network_interface_attribute(draw.choice(list(ec2.network_interfaces)), groups=worn)


def _association(ec2: ControlPlane, draw: Random) -> None:
    acl = draw.choice((*ACLS, ec2.vpcs["vpc"].default_network_acl_id))
    attempt(ec2.replace_network_acl_association, acl, draw.choice(list(ZONES)))


def _routes(ec2: ControlPlane, draw: Random) -> None:
    name = draw.choice(list(ZONES))
    if ec2.subnets[name].route_table_id is None:
        ec2.associate_route_table(f"rtb-{name}", name)
    else:
        ec2.disassociate_route_table(name)
