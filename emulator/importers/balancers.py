"""Network Load Balancers, target groups, and the endpoint services before them.

Load balancers and target groups go by their names; where two accounts or
Regions use one name twice, the second gets its Region or account behind it.

AWS: Elastic Load Balancing API Reference (2015-12-01), "DescribeLoadBalancers",
"DescribeTargetGroups", "DescribeTargetHealth"; EC2 API Reference,
"DescribeVpcEndpointServiceConfigurations".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from emulator.importers.notes import Code
from emulator.importers.rules import groups_of
from emulator.importers.values import address, flag, name_of, number, rows, text, words

if TYPE_CHECKING:
    from emulator.importers.plan import Entry, Plan
    from emulator.importers.snapshot import Record
    from emulator.importers.values import Item

PROTOCOLS: Final = ("TCP", "UDP", "TCP_UDP", "TLS")


def _names(plan: Plan, kind: str, key: str) -> dict[str, str]:
    """Return ARN → name of the document."""
    found: dict[str, str] = {}
    for arn, record in plan.snapshot.unique(kind):
        parts = arn.split(":")
        name = name_of(text(record.item, key)) or name_of(arn.split("/")[-2] if arn.count("/") > 1 else "")
        while name and name in found.values():
            name = name_of(f"{name}-{parts[3]}-{parts[4]}" if len(parts) > 5 else f"{name}-2")
            plan.note(record, name, Code.EMU_RENAMED, f"another of the {kind} has this name too")
        found[arn] = name or arn
    return found


def target_groups(plan: Plan) -> None:
    """Target groups that a Network Load Balancer may use, with their targets' health."""
    names = _names(plan, "TargetGroups", "TargetGroupName")
    health = _by_thing(plan, "TargetHealthDescriptions", "TargetGroupArn", names)
    attributes = _by_thing(plan, "TargetGroupAttributes", "TargetGroupArn", names)
    for arn, record in plan.snapshot.unique("TargetGroups"):
        name, protocol = names[arn], text(record.item, "Protocol") or "TCP"
        kind, vpc_id = text(record.item, "TargetType") or "instance", text(record.item, "VpcId")
        if protocol not in PROTOCOLS:
            continue  # an Application or Gateway Load Balancer's
        port = number(record.item, "Port")
        if kind not in ("instance", "ip") or not plan.has("vpcs", vpc_id) or port is None or not 1 <= port <= 65535:
            what = f"a target group of type {kind[:40]} in {vpc_id or 'no VPC'} with port {port}"
            plan.note(record, name, Code.UNSUPPORTED_COMPONENT, f"{what} is not modelled: left out")
            continue
        settings = {text(one, "Key"): text(one, "Value") for one in attributes.get(arn, [])}
        if arn not in health:
            plan.note(record, name, Code.UNKNOWN_RESOURCE, "no file says its targets (describe-target-health): none")
        preserve = settings.get("preserve_client_ip.enabled")
        entry = {
            "vpc_id": vpc_id,
            "protocol": protocol,
            "port": port,
            "target_type": kind,
            "targets": _targets(plan, name, record, health.get(arn, []), kind),
            "preserve_client_ip_enabled": None if preserve is None else preserve == "true",
            "proxy_protocol_v2_enabled": settings.get("proxy_protocol_v2.enabled") == "true" or None,
        }
        plan.put("target_groups", name, entry, record)


def _targets(plan: Plan, name: str, record: Record, described: list[Item], kind: str) -> list[Entry]:
    found: list[Entry] = []
    for one in described:
        target_id, port = text(one, "Target", "Id"), number(one, "Target", "Port")
        state = text(one, "TargetHealth", "State")
        usable = plan.has("instances", target_id) if kind == "instance" else bool(address(target_id))
        if not usable:
            plan.note(record, name, Code.UNKNOWN_RESOURCE, f"its target {target_id[:80]} is not imported: left out")
            continue
        if state not in ("healthy", "unhealthy"):
            sentence = f"its target {target_id} is {state[:40] or 'of unknown health'}: taken as unhealthy"
            plan.note(record, name, Code.EMU_ASSUMED, sentence)
        target: Entry = {"target_id": target_id}
        if port is not None and 1 <= port <= 65535:
            target["port"] = port
        if state != "healthy":
            target["health"] = "unhealthy"
        if all((target_id, port) != (other["target_id"], other.get("port")) for other in found):
            found.append(target)
    return found


def _by_thing(plan: Plan, kind: str, key: str, names: dict[str, str]) -> dict[str, list[Item]]:
    """Return the rows of answers by ARN; an answer that names nothing may be named by its file."""
    inside = {"TargetHealthDescriptions": "TargetHealthDescriptions", "Listeners": "Listeners"}.get(kind, "Attributes")
    found: dict[str, list[Item]] = {}
    for record in plan.snapshot.of(kind):
        arn = text(record.item, key)
        if not arn:
            shown = [one for one in names if _in_file_name(record.file, names[one], one)]
            arn = max(shown, key=lambda one: len(names[one]), default="")
        if not arn and rows(record.item, inside):
            what = key.removesuffix("Arn").lower()
            plan.note(record, "", Code.EMU_LEFT_OUT, f"says no {what}: put its name into the file's name")
        found.setdefault(arn, []).extend(rows(record.item, inside))
    return found


def _in_file_name(file: str, name: str, arn: str) -> bool:
    """Return whether a file's name has a name, or the last part of its ARN, as a word."""
    return any(re.search(rf"(?<![A-Za-z0-9]){re.escape(one)}(?![A-Za-z0-9])", file) for one in (name, arn[-16:]) if one)


def load_balancers(plan: Plan) -> None:
    """Network Load Balancers; the other types are named, their interfaces kept."""
    names = _names(plan, "LoadBalancers", "LoadBalancerName")
    groups = _names(plan, "TargetGroups", "TargetGroupName")
    listeners = _by_thing(plan, "Listeners", "LoadBalancerArn", names)
    attributes = _by_thing(plan, "LoadBalancerAttributes", "LoadBalancerArn", names)
    nodes = _node_addresses(plan)
    for arn, record in plan.snapshot.unique("LoadBalancers"):
        name, kind, vpc_id = names[arn], text(record.item, "Type"), text(record.item, "VpcId")
        if kind != "network":
            what = f"a load balancer of type {kind[:40] or '(classic)'} is not modelled"
            plan.note(record, name, Code.UNSUPPORTED_COMPONENT, f"{what}: left out, its interfaces are kept")
            continue
        zones = rows(record.item, "AvailabilityZones")
        subnets = [one for zone in zones if plan.has("subnets", one := text(zone, "SubnetId"))]
        if not subnets or not plan.has("vpcs", vpc_id):
            plan.note(record, name, Code.UNKNOWN_RESOURCE, "none of its subnets is imported: left out")
            continue
        mappings = []
        for zone in zones:
            given = (address(text(one, "PrivateIPv4Address")) for one in rows(zone, "LoadBalancerAddresses"))
            subnet_id = text(zone, "SubnetId")
            host = next((one for one in given if one), "") or nodes.get((arn.rpartition("/")[2], subnet_id), "")
            if host and subnet_id in subnets:
                mappings.append({"subnet_id": subnet_id, "private_ipv4_address": host})
        enforce = flag(record.item, "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic")
        settings = {text(one, "Key"): text(one, "Value") for one in attributes.get(arn, [])}
        entry = {
            "subnet_ids": subnets,
            "subnet_mappings": mappings,
            "security_group_ids": groups_of(plan, record, name, record.item, "SecurityGroups", vpc_id),
            "enforce_security_group_inbound_rules_on_private_link_traffic": False if enforce is False else None,
            "cross_zone": settings.get("load_balancing.cross_zone.enabled") == "true" or None,
            "listeners": _listeners(plan, name, record, listeners.get(arn, []), groups),
        }
        if arn not in listeners:
            plan.note(record, name, Code.UNKNOWN_RESOURCE, "no file says its listeners (describe-listeners): none")
        if arn not in attributes:
            plan.note(record, name, Code.EMU_ASSUMED, "no file says its attributes: cross-zone is taken as off")
        plan.put("load_balancers", name, entry, record)


def _listeners(plan: Plan, name: str, record: Record, described: list[Item], groups: dict[str, str]) -> list[Entry]:
    found: dict[tuple[int, str], Entry] = {}
    for one in described:
        port, protocol = number(one, "Port"), text(one, "Protocol")
        arns = [text(action, "TargetGroupArn") for action in rows(one, "DefaultActions")]
        for action in rows(one, "DefaultActions"):
            arns += [text(group, "TargetGroupArn") for group in rows(action, "ForwardConfig", "TargetGroups")]
        used = [groups.get(arn, "") for arn in dict.fromkeys(arns) if arn]
        known = [group for group in used if plan.has("target_groups", group)]
        if port is None or not 1 <= port <= 65535 or protocol not in PROTOCOLS or not known:
            what = f"its listener {protocol[:20]}:{port}"
            plan.note(record, name, Code.UNSUPPORTED_COMPONENT, f"{what} or its target group is not modelled: left out")
            continue
        if len(known) > 1:
            sentence = f"its listener {protocol}:{port} has several target groups: {known[0]} is taken"
            plan.note(record, name, Code.UNSUPPORTED_COMPONENT, sentence)
        found.setdefault((port, protocol), {"port": port, "protocol": protocol, "target_group_name": known[0]})
    return list(found.values())


def _node_addresses(plan: Plan) -> dict[tuple[str, str], str]:
    """Return (last part of the ARN, subnet) → address, by the nodes' interfaces: ``ELB net/NAME/HASH``."""
    found: dict[tuple[str, str], str] = {}
    for _, record in plan.snapshot.unique("NetworkInterfaces"):
        described = text(record.item, "Description")
        if described.startswith("ELB net/"):
            key = described.rpartition("/")[2], text(record.item, "SubnetId")
            found[key] = address(text(record.item, "PrivateIpAddress"))
    return found


def endpoint_services(plan: Plan) -> None:
    """Endpoint services with the load balancers behind them (SVC-1)."""
    names = _names(plan, "LoadBalancers", "LoadBalancerName")
    taken: set[str] = set()
    for name, record in plan.snapshot.unique("ServiceConfigurations"):
        arns = words(record.item, "NetworkLoadBalancerArns")
        used = [names.get(arn, "") for arn in arns]
        balancers = [one for one in used if plan.has("load_balancers", one) and one not in taken]
        if words(record.item, "GatewayLoadBalancerArns") or not balancers or not name.startswith("vpce-svc-"):
            what = "no Network Load Balancer of it is imported"
            plan.note(record, name, Code.UNSUPPORTED_COMPONENT, f"{what}: only its name is known, to endpoints")
            continue
        taken.update(balancers)
        private_name = text(record.item, "PrivateDnsName")
        state = text(record.item, "PrivateDnsNameConfiguration", "State")
        entry = {
            "load_balancer_names": balancers,
            "owner_id": record.account,
            "acceptance_required": False if flag(record.item, "AcceptanceRequired") is False else None,
            "allowed_principals": _principals(plan, name, record),
            "private_dns_name": private_name,
            "private_dns_name_state": state if private_name and state in ("verified", "failed") else None,
        }
        plan.put("vpc_endpoint_service_configurations", name, entry, record)


def _principals(plan: Plan, name: str, record: Record) -> list[str]:
    parts = [one.item for one in plan.snapshot.of("AllowedPrincipals") if text(one.item, "ServiceId") == name]
    if not parts:
        sentence = "no file says its allowed principals (describe-vpc-endpoint-service-permissions): all are"
        plan.note(record, name, Code.EMU_ASSUMED, sentence)
        return ["*"]
    found = [text(one, "Principal") for part in parts for one in rows(part, "AllowedPrincipals")]
    return [one for one in dict.fromkeys(found) if one]
