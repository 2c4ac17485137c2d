"""A VPC's records as rules of nftables and routes of Linux.

Written from the control plane's records and not from its compiled tables, so
that compiling is judged too.

A security group is stateful: ``ct status confirmed`` is true of every packet of
a flow that was admitted before, in either direction (SG-9); everything else,
untracked flows (SG-10, ``notrack``) included, is judged by rules.  (``ct state
established`` would judge a second packet of a flow without answer by rules;
SG-13 says that tracked flows outlive their rules.)
A network ACL is stateless: its namespace tracks nothing (``notrack``), its
entries are a chain in their order.  Whoever refuses a packet logs its own name.

nftables: nft(8); Linux: ip-rule(8), ip-route(8).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netaddr import IPNetwork

from emulator.control.state import LOCAL
from emulator.model.resources import NetworkAcl, RouteState, RuleAction, SecurityGroupRule
from tests.kernel.nflog import GROUP

if TYPE_CHECKING:
    from collections.abc import Iterable

    from emulator.control import ControlPlane
    from emulator.model.resources import NetworkInterface

EVERYWHERE = IPNetwork("0.0.0.0/0")
ALL_PORTS = (0, 65535)
DELIVERY = 200
"""The routing table of the router that knows every interface of the VPC."""
EMPTY = "table ip vpc {}\nflush table ip vpc\n"


def refusal(name: str) -> str:
    """Return the statement that ends a packet in this gate's name."""
    return f'log group {GROUP} prefix "{name}" drop'


def interface_rules(ec2: ControlPlane, eni: NetworkInterface) -> str:
    """Return the rules of an interface: its security groups (SG-1) and its source/destination check."""
    lines = [EMPTY, "table ip vpc {", "chain check { type filter hook prerouting priority raw; policy accept;"]
    if eni.source_dest_check:
        lines.append(f'iifname "in" ip saddr != {eni.private_ip_address} {refusal("source_dest_check")}')
    lines += _untracked(ec2, eni)
    lines.append("}")
    lines.append("chain groups { type filter hook forward priority filter; policy drop;")
    lines.append("ct status confirmed accept")
    for device, direction, side in (("in", "egress", "daddr"), ("out", "ingress", "saddr")):
        for group_id in eni.groups:
            group = ec2.security_groups[group_id]
            for rule in group.egress if direction == "egress" else group.ingress:
                peers = _peers(ec2, rule)
                if peers:
                    what = _protocol(rule.ip_protocol, rule.from_port, rule.to_port)
                    lines.append(f'iifname "{device}" {what} {_side(side, peers)} accept')
        lines.append(f'iifname "{device}" {refusal(f"security_group_{direction}")}')
    return "\n".join([*lines, "}", "}"]) + "\n"


def _untracked(ec2: ControlPlane, eni: NetworkInterface) -> list[str]:
    """Return ``notrack`` for flows that a rule open to all admits while the other direction is open altogether (SG-10).

    A flow, and not a packet, is untracked: so the packets of its other direction, known by their source port, are too.
    """
    lines = []
    groups = [ec2.security_groups[group_id] for group_id in eni.groups]
    rules = {
        "out": [rule for group in groups for rule in group.ingress if rule.cidr_ip == EVERYWHERE],
        "in": [rule for group in groups for rule in group.egress if rule.cidr_ip == EVERYWHERE],
    }
    for device, other in (("in", "out"), ("out", "in")):  # of packets that come through the device
        for protocol, name in ((6, "tcp"), (17, "udp")):
            covering = {
                side: [_range(rule) for rule in found if rule.ip_protocol in (-1, protocol)]
                for side, found in rules.items()
            }
            for opened, admitting, port in ((other, device, "dport"), (device, other, "sport")):
                if ALL_PORTS in covering[opened]:
                    found = sorted(set(covering[admitting]))
                    lines += [f'iifname "{device}" {name} {port} {first}-{last} notrack' for first, last in found]
    return lines


def _range(rule: SecurityGroupRule) -> tuple[int, int]:
    return ALL_PORTS if rule.from_port < 0 else (rule.from_port, rule.to_port)


def _peers(ec2: ControlPlane, rule: SecurityGroupRule) -> list[str]:
    if rule.referenced_group_id is not None:  # SG-3: the private addresses of the group's interfaces
        members = [eni for eni in ec2.network_interfaces.values() if rule.referenced_group_id in eni.groups]
        return [str(eni.private_ip_address) for eni in members]
    if rule.prefix_list_id is not None:
        return [str(cidr) for cidr in ec2.prefix_lists[rule.prefix_list_id].cidrs]
    return [str(rule.cidr_ip)]


def _side(side: str, blocks: Iterable[str]) -> str:
    blocks = list(blocks)
    if str(EVERYWHERE) in blocks:
        return ""
    return f"ip {side} {blocks[0]}" if len(blocks) == 1 else f"ip {side} {{ {', '.join(dict.fromkeys(blocks))} }}"


def _protocol(protocol: int, first: int, last: int) -> str:
    if protocol == -1:
        return ""
    if protocol in (6, 17) and first >= 0:
        return f"{'tcp' if protocol == 6 else 'udp'} dport {first}-{last}"
    if protocol == 1:
        kind = f"icmp type {first}" if first >= 0 else ""
        code = f"icmp code {last}" if last >= 0 else ""
        return f"ip protocol 1 {kind} {code}"
    return f"ip protocol {protocol}"


def router_rules(ec2: ControlPlane, ports: dict[str, str]) -> str:
    """Return the rules of the VPC's router: the subnets' network ACLs and the end of packets without a way.

    Args:
        ec2: The network.
        ports: The router's device for each interface.
    """
    lines = [EMPTY, "table ip vpc {"]
    out = ["chain out { type filter hook prerouting priority raw; policy accept; notrack"]
    into = ["chain into { type filter hook forward priority filter; policy accept;"]
    for acl in ec2.network_acls.values():
        for egress in (True, False):
            lines += _acl_chain(acl, egress=egress)
    for mark, subnet in enumerate(ec2.subnets.values(), 1):
        devices = [ports[eni.network_interface_id] for eni in _inside(ec2, subnet.subnet_id)]
        if not devices:
            continue
        own = f"{{ {', '.join(devices)} }}"
        out.append(f"iifname {own} meta mark set {mark}")
        out.append(f"iifname {own} ip daddr != {subnet.cidr_block} jump {_chain(subnet.network_acl_id, egress=True)}")
        into.append(f"oifname {own} ip saddr != {subnet.cidr_block} jump {_chain(subnet.network_acl_id, egress=False)}")
    out.append(f"fib daddr . mark oif missing {refusal('route')}")
    return "\n".join([*lines, *out, "}", *into, "}", "}"]) + "\n"


def _inside(ec2: ControlPlane, subnet_id: str) -> list[NetworkInterface]:
    return [eni for eni in ec2.network_interfaces.values() if eni.subnet_id == subnet_id]


def _chain(network_acl_id: str, *, egress: bool) -> str:
    return f"{network_acl_id}-{'out' if egress else 'in'}".replace("-", "_")


def _acl_chain(acl: NetworkAcl, *, egress: bool) -> list[str]:
    lines = [f"chain {_chain(acl.network_acl_id, egress=egress)} {{"]
    name = f"network_acl_{'egress' if egress else 'ingress'} {acl.network_acl_id}"
    for entry in sorted(acl.entries, key=lambda entry: entry.rule_number):
        if entry.egress == egress:
            what = _protocol(entry.protocol, entry.from_port, entry.to_port)
            whom = _side("daddr" if egress else "saddr", [str(entry.cidr_block)])
            verdict = "return" if entry.rule_action is RuleAction.ALLOW else refusal(f"{name} {entry.rule_number}")
            lines.append(f"{what} {whom} {verdict}")
    return [*lines, refusal(f"{name} *"), "}"]


def routes(ec2: ControlPlane) -> list[str]:
    """Return the lines of ``ip -batch`` that make the subnets' route tables: one table and one mark a subnet.

    ``local`` is a ``throw``: the next rule's table knows the interfaces.  A blackhole is a blackhole (ROUTE-14).
    """
    lines = []
    for mark, subnet in enumerate(ec2.subnets.values(), 1):
        lines.append(f"route flush table {100 + mark}")
        table = ec2.route_tables[subnet.route_table_id or ec2.vpcs[subnet.vpc_id].main_route_table_id]
        for route in table.routes:
            if route.destination_cidr_block is None:
                continue
            assert route.target == LOCAL or route.state is RouteState.BLACKHOLE
            kind = "throw" if route.target == LOCAL else "blackhole"
            lines.append(f"route add {kind} {route.destination_cidr_block} table {100 + mark}")
    return lines
