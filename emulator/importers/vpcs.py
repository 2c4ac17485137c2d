"""VPCs, subnets, and whose Region is which.

AWS: EC2 API Reference, "DescribeVpcs", "DescribeSubnets".
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from emulator.importers.notes import Code
from emulator.importers.values import REGION, cidr, flag, name_of, region_of_arn, region_of_zone, rows, text

if TYPE_CHECKING:
    from emulator.importers.plan import Plan
    from emulator.importers.snapshot import Record
    from emulator.importers.values import Item

FALLBACK_REGION: Final = "us-east-1"


def vpcs(plan: Plan) -> None:
    """VPCs with the blocks that are still associated (a disassociated one stays listed for a while)."""
    regions = _regions(plan)
    for name, record in plan.snapshot.unique("Vpcs"):
        blocks = _blocks(plan, name, record)
        if not blocks:
            plan.note(record, name, Code.EMU_LEFT_OUT, "has no IPv4 CIDR block")
            continue
        region = regions.get(name, "")
        if not region:
            region = plan.region
            plan.note(record, name, Code.EMU_ASSUMED, f"no file says its Region: {region} is assumed")
        support, hostnames = _dns(plan, name, record)
        entry = {
            "cidr_blocks": blocks,
            "enable_dns_support": None if support else False,
            "enable_dns_hostnames": True if hostnames else None,
            "region": region,
            "owner_id": text(record.item, "OwnerId") or record.account,
        }
        plan.put("vpcs", name, entry, record)


def _regions(plan: Plan) -> dict[str, str]:
    """Return the Region of each VPC, and set the document's: what most VPCs are in."""
    found: dict[str, str] = {}
    for kind, key in (("Subnets", "AvailabilityZone"), ("NetworkInterfaces", "AvailabilityZone"), ("VpcEndpoints", "")):
        for record in plan.snapshot.of(kind):
            region = region_of_zone(text(record.item, key)) if key else _region_of_service(record.item)
            if region and text(record.item, "VpcId"):
                found.setdefault(text(record.item, "VpcId"), region)
    for kind in ("Vpcs", "Subnets"):
        for record in plan.snapshot.of(kind):
            if record.region and text(record.item, "VpcId"):
                found[text(record.item, "VpcId")] = record.region
    for record in plan.snapshot.of("VpcPeeringConnections"):
        for side in ("RequesterVpcInfo", "AccepterVpcInfo"):
            region = text(record.item, side, "Region")
            if REGION.fullmatch(region) and text(record.item, side, "VpcId"):
                found.setdefault(text(record.item, side, "VpcId"), region)
    names = [name for name, _ in plan.snapshot.unique("Vpcs")]
    counted = Counter(found[name] for name in names if name in found)
    if not counted:
        arns = (text(record.item, key) for record in _with_arns(plan) for key in ("TransitGatewayArn", "SubnetArn"))
        counted = Counter(region for arn in arns if (region := region_of_arn(arn)))
    plan.region = min(counted, key=lambda region: (-counted[region], region)) if counted else FALLBACK_REGION
    if len(counted) == 1:
        return {name: found.get(name, plan.region) for name in names}
    return found


def _with_arns(plan: Plan) -> list[Record]:
    return [*plan.snapshot.of("Subnets"), *plan.snapshot.of("TransitGateways")]


def _region_of_service(item: Item) -> str:
    parts = text(item, "ServiceName").split(".")
    region = parts[3] if parts[2:3] == ["vpce"] and len(parts) > 3 else next(iter(parts[2:3]), "")
    return region if REGION.fullmatch(region) else ""


def _blocks(plan: Plan, name: str, record: Record) -> list[str]:
    """Return the associated blocks, the primary one first."""
    blocks = [cidr(text(record.item, "CidrBlock"))]
    for association in rows(record.item, "CidrBlockAssociationSet"):
        block, state = cidr(text(association, "CidrBlock")), text(association, "CidrBlockState", "State")
        if state in ("", "associated", "associating"):
            blocks.append(block)
        else:
            if blocks[0] == block:
                blocks[0] = ""
            plan.note(record, name, Code.EMU_LEFT_OUT, f"its CIDR block {block} is {state}")
    if rows(record.item, "Ipv6CidrBlockAssociationSet"):
        plan.note(record, name, Code.EMU_IPV4_ONLY, "its IPv6 CIDR blocks are left out")
    return list(dict.fromkeys(block for block in blocks if block))


def _dns(plan: Plan, name: str, record: Record) -> tuple[bool, bool]:
    """Return the DNS attributes (DNS-2), which only describe-vpc-attribute tells."""
    said: dict[str, bool] = {}
    for attribute in plan.snapshot.of("VpcAttributes"):
        if text(attribute.item, "VpcId") == name:
            for key in ("EnableDnsSupport", "EnableDnsHostnames"):
                if (value := flag(attribute.item, key)) is not None:
                    said[key] = value
    if len(said) == 2:
        return said["EnableDnsSupport"], said["EnableDnsHostnames"]
    private_dns = any(
        text(endpoint.item, "VpcId") == name
        and text(endpoint.item, "VpcEndpointType") == "Interface"
        and flag(endpoint.item, "PrivateDnsEnabled")
        for endpoint in plan.snapshot.of("VpcEndpoints")
    )
    if private_dns:  # ERR-9: it could not be on otherwise
        plan.note(record, name, Code.EMU_INFERRED, "an endpoint has private DNS, so DNS support and hostnames are on")
    elif flag(record.item, "IsDefault"):
        plan.note(record, name, Code.EMU_INFERRED, "a default VPC has DNS support and hostnames on")
    else:
        missing = ", ".join(key for key in ("EnableDnsSupport", "EnableDnsHostnames") if key not in said)
        sentence = f"no file says {missing} (describe-vpc-attribute): support is taken as on, hostnames as off"
        plan.note(record, name, Code.EMU_ASSUMED, sentence)
    both = private_dns or bool(flag(record.item, "IsDefault"))
    return said.get("EnableDnsSupport", True), said.get("EnableDnsHostnames", both)


def subnets(plan: Plan) -> None:
    """Subnets of the VPCs there are, in zones that are modelled."""
    for name, record in plan.snapshot.unique("Subnets"):
        vpc_id, zone = name_of(text(record.item, "VpcId")), text(record.item, "AvailabilityZone")
        block = cidr(text(record.item, "CidrBlock"))
        if rows(record.item, "Ipv6CidrBlockAssociationSet"):
            plan.note(record, name, Code.EMU_IPV4_ONLY, "its IPv6 CIDR blocks are left out")
        if not plan.has("vpcs", vpc_id):
            plan.note(record, name, Code.UNKNOWN_RESOURCE, f"its VPC {vpc_id or '(not named)'} is in no file: left out")
        elif not block:
            plan.note(record, name, Code.EMU_LEFT_OUT, "has no IPv4 CIDR block")
        elif region_of_zone(zone) != plan.sections["vpcs"][vpc_id]["region"]:
            if zone and not region_of_zone(zone):
                code, sentence = Code.UNSUPPORTED_COMPONENT, f"{zone} is a Local or Wavelength Zone: left out"
            else:
                code, sentence = Code.EMU_LEFT_OUT, f"is in no zone of {plan.sections['vpcs'][vpc_id]['region']}"
            plan.note(record, name, code, sentence)
        else:
            entry = {
                "cidr_block": block,
                "availability_zone": zone,
                "vpc_id": vpc_id,
                "availability_zone_id": text(record.item, "AvailabilityZoneId"),
            }
            plan.put("subnets", name, entry, record)
