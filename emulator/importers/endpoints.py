"""VPC endpoints, and the services that they lead to.

A service of AWS that an endpoint names is one of the document; its private DNS
name is what the endpoints' DNS entries or describe-vpc-endpoint-services say,
else the usual form of AWS's names, with a note.

AWS: EC2 API Reference, "DescribeVpcEndpoints", "DescribeVpcEndpointServices".
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from emulator.control.catalogue import interface_services
from emulator.control.errors import Ec2Error
from emulator.control.policies import check_endpoint_policy
from emulator.control.regions import GATEWAY_SERVICES, built_in_prefix_list
from emulator.importers.notes import Code
from emulator.importers.rules import groups_of
from emulator.importers.values import address, flag, name_of, region_of_zone, rows, text, words
from emulator.model.resources import VpcEndpointType

if TYPE_CHECKING:
    from emulator.importers.plan import Entry, Plan
    from emulator.importers.snapshot import Record
    from emulator.importers.values import Item

STATES: Final = ("available", "pendingAcceptance", "pending", "rejected", "expired", "failed", "deleting")
OWN_NAME: Final = "vpce.amazonaws.com"
SERVICE: Final = re.compile(r"com\.amazonaws\.(?P<region>[a-z]{2}(?:-[a-z]+)+-[0-9])\.(?P<name>[A-Za-z0-9.-]+)")
CUSTOMERS: Final = re.compile(r"com\.amazonaws\.vpce\.(?P<region>[a-z0-9-]+)\.(?P<name>vpce-svc-[A-Za-z0-9-]+)")


def endpoints(plan: Plan) -> None:
    """Endpoints of both types that are modelled; the others are named (VPCE-4)."""
    interfaces = {name: record.item for name, record in plan.snapshot.unique("NetworkInterfaces")}
    private_dns: set[tuple[str, str]] = set()
    for name, record in plan.snapshot.unique("VpcEndpoints"):
        kind, vpc_id = text(record.item, "VpcEndpointType") or "Gateway", text(record.item, "VpcId")
        state = text(record.item, "State") or "available"
        state = state[:1].lower() + state[1:]
        service = text(record.item, "ServiceName")
        if state == "deleted":
            plan.note(record, name, Code.EMU_LEFT_OUT, "is deleted")
            continue
        if kind not in tuple(VpcEndpointType):
            sentence = f"an endpoint of type {kind[:60]} is not modelled: left out"
            plan.note(record, name, Code.UNSUPPORTED_COMPONENT, sentence)
            plan.foreign[name] = f"{kind[:60]} endpoint"
            continue
        if not plan.has("vpcs", vpc_id) or not _is_service(plan, vpc_id, service):
            what = f"its VPC {vpc_id} is not imported" if not plan.has("vpcs", vpc_id) else f"no service {service!r}"
            plan.note(record, name, Code.UNKNOWN_RESOURCE, f"{what}: left out")
            plan.foreign[name] = "endpoint of an unknown VPC or service"
            continue
        if state not in STATES:
            plan.note(record, name, Code.EMU_ASSUMED, f"is {state[:60]}: taken as available")
            state = "available"
        _other_region(plan, name, record, vpc_id, service)
        entry: Entry = {
            "service_name": service,
            "vpc_endpoint_type": kind,
            "vpc_id": vpc_id,
            "policy_document": _policy(plan, name, record, VpcEndpointType(kind)),
            "state": state if state != "available" else None,
        }
        if kind == "Interface":
            entry |= _interface_part(plan, name, record, vpc_id, interfaces)
            if entry["private_dns_enabled"] and (vpc_id, service) in private_dns:
                sentence = "another endpoint of the VPC has private DNS for the service: off at this one"
                plan.note(record, name, Code.EMU_LEFT_OUT, sentence)  # ERR-9
                entry["private_dns_enabled"] = None
            if entry["private_dns_enabled"]:
                private_dns.add((vpc_id, service))
        else:
            entry["route_table_ids"] = list(dict.fromkeys(words(record.item, "RouteTableIds")))
        plan.put("vpc_endpoints", name, entry, record)


def _is_service(plan: Plan, vpc_id: str, name: str) -> bool:
    """Return whether a name is one of a service, be it one of the few without a Region in it."""
    region = plan.sections["vpcs"][vpc_id]["region"]
    known = any(one.service_name == name for one in interface_services(region))
    return known or bool(SERVICE.fullmatch(name) or CUSTOMERS.fullmatch(name))


def _other_region(plan: Plan, name: str, record: Record, vpc_id: str, service: str) -> None:
    """Turn the knob for endpoints to services of other Regions if the account has one (VPCE-6)."""
    match = SERVICE.fullmatch(service) or CUSTOMERS.fullmatch(service)
    if match is not None and match["region"] != plan.sections["vpcs"][vpc_id]["region"]:
        plan.settings["cross_region_endpoints"] = True
        sentence = f"leads to a service of {match['region']}: cross_region_endpoints is on in the settings"
        plan.note(record, name, Code.EMU_INFERRED, sentence)


def _interface_part(plan: Plan, name: str, record: Record, vpc_id: str, interfaces: dict[str, Item]) -> Entry:
    """Return subnets, addresses, groups and DNS of an interface endpoint."""
    subnets = [one for one in dict.fromkeys(words(record.item, "SubnetIds")) if plan.has("subnets", one)]
    unknown = len(set(words(record.item, "SubnetIds"))) - len(subnets)
    if unknown:
        plan.note(record, name, Code.UNKNOWN_RESOURCE, f"{unknown} of its subnets are not imported: left out")
    designated: list[dict[str, str]] = []
    renamed: list[str] = []
    for eni in words(record.item, "NetworkInterfaceIds"):
        item = interfaces.get(eni, {})
        subnet_id, host = text(item, "SubnetId"), address(text(item, "PrivateIpAddress"))
        if subnet_id in subnets and host:
            designated.append({"subnet_id": subnet_id, "ipv4": host})
            renamed.append(f"{eni} is eni-{name}-{plan.sections['subnets'][subnet_id]['availability_zone']}")
        elif not item:
            plan.note(record, name, Code.UNKNOWN_RESOURCE, f"its interface {eni} is in no file: it gets an address")
    if renamed:
        plan.note(record, name, Code.EMU_RENAMED, ", ".join(renamed))
    if text(record.item, "IpAddressType") in ("ipv6", "dualstack"):
        plan.note(record, name, Code.EMU_IPV4_ONLY, "its IPv6 addresses are left out")
    only_inbound = flag(record.item, "DnsOptions", "PrivateDnsOnlyForInboundResolverEndpoint")
    return {
        "subnet_ids": subnets,
        "subnet_configurations": designated,
        "security_group_ids": groups_of(plan, record, name, record.item, "Groups", vpc_id),
        "private_dns_enabled": flag(record.item, "PrivateDnsEnabled") or None,
        "private_dns_only_for_inbound_resolver_endpoint": only_inbound or None,
    }


def _policy(plan: Plan, name: str, record: Record, kind: VpcEndpointType) -> dict[str, Any] | None:
    """Return the policy, None for full access (POL-1)."""
    written = record.item.get("PolicyDocument")
    if written is None:
        return None
    try:
        policy = json.loads(written) if isinstance(written, str) else written
        check_endpoint_policy(json.dumps(policy), kind)
    except (ValueError, RecursionError, Ec2Error) as error:
        why = error.message if isinstance(error, Ec2Error) else "is no JSON"
        sentence = f"its policy cannot be used ({why[:200]}): full access is assumed"
        plan.note(record, name, Code.EMU_ASSUMED, sentence)
        return None
    if not isinstance(policy, dict) or _allows_all(policy):
        return None
    return policy


def _allows_all(policy: Item) -> bool:
    statements = policy.get("Statement")
    only = statements[0] if isinstance(statements, list) and len(statements) == 1 else statements
    if not isinstance(only, dict) or set(only) - {"Sid"} != {"Effect", "Principal", "Action", "Resource"}:
        return False
    everyone = only["Principal"] in ("*", {"AWS": "*"}, ["*"])
    return (
        only["Effect"] == "Allow" and everyone and only["Action"] in ("*", ["*"]) and only["Resource"] in ("*", ["*"])
    )


# -- services -------------------------------------------------------------------------


def services(plan: Plan) -> None:
    """One entry for each service that an endpoint leads to, but for customers' that the document offers itself."""
    details = {name: record.item for name, record in plan.snapshot.unique("ServiceDetails")}
    offered = {text(record.item, "ServiceName") for _, record in plan.snapshot.unique("ServiceConfigurations")}
    for name in dict.fromkeys(entry["service_name"] for _, entry in plan.each("vpc_endpoints")):
        if name in offered and plan.has("vpc_endpoint_service_configurations", name.rpartition(".")[2]):
            continue
        users = [(one, entry) for one, entry in plan.each("vpc_endpoints") if entry["service_name"] == name]
        kinds = list(dict.fromkeys(entry["vpc_endpoint_type"] for _, entry in users))
        match = SERVICE.fullmatch(name)
        built_in = match is not None and match["name"] in GATEWAY_SERVICES
        detail = details.get(name, {})
        entry: Entry = {
            "availability_zones": [one for one in words(detail, "AvailabilityZones") if region_of_zone(one)]
        }
        if not built_in:  # S3's and DynamoDB's prefix lists are seen to with the routes
            region = plan.sections["vpcs"][users[0][1]["vpc_id"]]["region"]
            known = next((one for one in interface_services(region) if one.service_name == name), None)
            usual = () if known is None else known.private_dns_names
            names = _private_names(plan, name, detail, users, usual)
            if known is None:
                entry["service_types"] = kinds
            if set(names) - set(usual):
                entry["private_dns_names"] = names
        if any(entry.values()):
            plan.put("services", name, entry)


def _private_names(
    plan: Plan, name: str, detail: Item, users: list[tuple[str, Entry]], known: tuple[str, ...]
) -> list[str]:
    """Return the public names that private DNS takes over (VPCE-IF-20); ``known`` are the emulator's own."""
    names = [text(one, "PrivateDnsName") for one in rows(detail, "PrivateDnsNames")]
    names.append(text(detail, "PrivateDnsName"))
    records = dict(plan.snapshot.unique("VpcEndpoints"))
    for endpoint, _ in users:
        for one in rows(records[endpoint].item, "DnsEntries"):
            written = text(one, "DnsName").lower().rstrip(".").replace("\\052", "*")
            if written and not written.endswith(OWN_NAME) and not written.startswith(endpoint):
                names.append(written)
    kept = [one for one in dict.fromkeys(names) if re.fullmatch(r"(\*\.)?([a-z0-9_-]+\.)+[a-z]+", one)]
    wanted = [endpoint for endpoint, entry in users if entry.get("private_dns_enabled")]
    match = SERVICE.fullmatch(name)
    if known and not kept:
        return list(known)
    if kept or match is None:
        if not kept and wanted:
            for endpoint in wanted:
                sentence = "no file says the private DNS name of its service: private DNS is taken as off"
                plan.note(records[endpoint], endpoint, Code.EMU_LEFT_OUT, sentence)
                del plan.sections["vpc_endpoints"][endpoint]["private_dns_enabled"]
        return kept
    usual = ".".join(reversed(match["name"].split("."))) + f".{match['region']}.amazonaws.com"
    if wanted:
        sentence = f"no file says the private DNS name of {name}: {usual} is assumed"
        plan.note(records[wanted[0]], wanted[0], Code.EMU_ASSUMED, sentence)
    return [usual]


def gateway_prefix_lists(plan: Plan) -> None:
    """Give S3 and DynamoDB of each Region the prefix list that AWS gave them, by name or by an endpoint's route."""
    regions = dict.fromkeys([plan.region, *(entry["region"] for _, entry in plan.each("vpcs"))])
    for region, short in ((region, short) for region in regions for short in GATEWAY_SERVICES):
        name = f"com.amazonaws.{region}.{short}"
        real = next(
            (one for one, entry in plan.each("prefix_lists") if entry.get("prefix_list_name") == name), ""
        ) or _list_by_route(plan, name)
        stand_in = built_in_prefix_list(region, short)
        if not real or real == stand_in.prefix_list_id:
            continue
        if not plan.has("prefix_lists", real):
            sentence = f"the blocks of {real}, the list of {name}, are in no file: the emulator's stand in for them"
            plan.note("", real, Code.EMU_ASSUMED, sentence)
            blocks = [str(block) for block in stand_in.cidrs]
            plan.put("prefix_lists", real, {"cidrs": blocks, "prefix_list_name": name})
        entry = plan.sections["services"].setdefault(name, {})
        entry["prefix_list_id"] = real


def _list_by_route(plan: Plan, service_name: str) -> str:
    for record in plan.snapshot.of("RouteTables"):
        for route in rows(record.item, "Routes"):
            target = text(route, "GatewayId")
            endpoint = plan.sections["vpc_endpoints"].get(target, {})
            listed = name_of(text(route, "DestinationPrefixListId"))
            if listed and endpoint.get("service_name") == service_name:
                return listed
    return ""
