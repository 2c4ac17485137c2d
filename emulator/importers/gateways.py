"""The edges of VPCs: internet and NAT gateways, VPN and Direct Connect, peering connections.

AWS: EC2 API Reference, "DescribeNatGateways", "DescribeVpnConnections", "DescribeVpcPeeringConnections";
Direct Connect API Reference, "DescribeVirtualInterfaces".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.importers.notes import Code
from emulator.importers.values import REGION, address, cidr, flag, name_of, number, rows, text

if TYPE_CHECKING:
    from emulator.importers.plan import Entry, Plan
    from emulator.importers.snapshot import Record
    from emulator.importers.values import Item

OVER: Final = ("deleted", "rejected", "expired", "failed", "deleting")
NOT_MODELLED: Final = {  # kinds of resources that are listed, known to AWS, and not modelled
    "EgressOnlyInternetGateways": "egress-only internet gateway",
    "LocalGateways": "local gateway",
    "CarrierGateways": "carrier gateway",
    "CoreNetworks": "core network",
    "Firewalls": "Network Firewall",
    "Functions": "Lambda function",
    "DirectConnectGateways": "Direct Connect gateway",
    "ClientVpnEndpoints": "Client VPN endpoint",
    "TransitGatewayConnects": "transit gateway Connect attachment",
}
PLACEHOLDER: Final = "192.0.2.1"
"""RFC 5737: the address of a customer gateway that no file tells."""


def not_modelled(plan: Plan) -> None:
    """Name what AWS has and the emulator does not model."""
    for kind, what in NOT_MODELLED.items():
        for name, record in plan.snapshot.unique(kind):
            plan.note(record, name, Code.UNSUPPORTED_COMPONENT, f"{_article(what)} is not modelled: left out")
            plan.foreign[name] = what


def internet_gateways(plan: Plan) -> None:
    """Internet gateways and what they are attached to (EDGE-1)."""
    for name, record in plan.snapshot.unique("InternetGateways"):
        vpc_ids = [
            text(one, "VpcId")
            for one in rows(record.item, "Attachments")
            if text(one, "State") in ("", "available", "attached", "attaching")
        ]
        plan.put("internet_gateways", name, {"vpc_id": _one_vpc(plan, name, record, vpc_ids)}, record)


def vpn_gateways(plan: Plan) -> None:
    """Virtual private gateways and what they are attached to."""
    for name, record in plan.snapshot.unique("VpnGateways"):
        if text(record.item, "State") in OVER:
            plan.note(record, name, Code.EMU_LEFT_OUT, f"is {text(record.item, 'State')}")
            continue
        vpc_ids = [
            text(one, "VpcId")
            for one in rows(record.item, "VpcAttachments")
            if text(one, "State") in ("", "attached", "attaching")
        ]
        plan.put("vpn_gateways", name, {"vpc_id": _one_vpc(plan, name, record, vpc_ids)}, record)


def _one_vpc(plan: Plan, name: str, record: Record, vpc_ids: list[str]) -> str:
    for vpc_id in vpc_ids:
        if plan.has("vpcs", vpc_id):
            return vpc_id
        plan.note(record, name, Code.UNKNOWN_RESOURCE, f"its VPC {vpc_id} is in no file: taken as detached")
    return ""


def nat_gateways(plan: Plan) -> None:
    """NAT gateways with their addresses; a deleted one is listed for about an hour."""
    for name, record in plan.snapshot.unique("NatGateways"):
        state, subnet_id = text(record.item, "State") or "available", text(record.item, "SubnetId")
        if state in ("deleted", "failed"):
            plan.note(record, name, Code.EMU_LEFT_OUT, f"is {state}")
            continue
        if text(record.item, "AvailabilityMode") == "regional":
            plan.note(record, name, Code.UNSUPPORTED_COMPONENT, "a regional NAT gateway is not modelled: left out")
            plan.foreign[name] = "regional NAT gateway"
            continue
        if not plan.has("subnets", subnet_id):
            sentence = f"its subnet {subnet_id or '(not named)'} is not imported: left out"
            plan.note(record, name, Code.UNKNOWN_RESOURCE, sentence)
            plan.foreign[name] = "NAT gateway of an unknown subnet"
            continue
        used = [
            one
            for one in rows(record.item, "NatGatewayAddresses")
            if text(one, "Status") in ("", "succeeded", "assigning", "associating")
        ]
        used.sort(key=lambda one: flag(one, "IsPrimary") is False)
        private = text(record.item, "ConnectivityType") == "private"
        hosts = [host for one in used if (host := address(text(one, "PrivateIp")))]
        entry = {
            "subnet_id": subnet_id,
            "connectivity_type": "private" if private else None,
            "allocation_ids": [] if private else _allocations(plan, name, record, used),
            "network_interface_id": name_of(next((text(one, "NetworkInterfaceId") for one in used), "")),
            "private_ip_address": next(iter(hosts), ""),
            "secondary_private_ip_addresses": list(dict.fromkeys(hosts[1:])),
            "state": state if state in ("pending", "deleting") else None,
        }
        plan.put("nat_gateways", name, entry, record)


def nat_gateways_by_interface(plan: Plan) -> None:
    """NAT gateways of which only the interface is in the files, as an interface's description names them."""
    if "NatGateways" in plan.snapshot.seen:
        return
    for eni, record in plan.snapshot.unique("NetworkInterfaces"):
        name = next((word for word in text(record.item, "Description").split() if word.startswith("nat-")), "")
        subnet_id, host = text(record.item, "SubnetId"), address(text(record.item, "PrivateIpAddress"))
        if not name_of(name) or not plan.has("subnets", subnet_id) or plan.has("nat_gateways", name):
            continue
        plan.note(record, name, Code.EMU_INFERRED, f"from its interface {eni}; there is no file of NAT gateways")
        public = address(text(record.item, "Association", "PublicIp"))
        used = [{"AllocationId": text(record.item, "Association", "AllocationId"), "PublicIp": public}]
        entry = {
            "subnet_id": subnet_id,
            "connectivity_type": None if public else "private",
            "allocation_ids": _allocations(plan, name, record, used) if public else [],
            "network_interface_id": eni,
            "private_ip_address": host,
        }
        plan.put("nat_gateways", name, entry, record)


def _allocations(plan: Plan, name: str, record: Record, used: list[Item]) -> list[str]:
    """Return the Elastic IPs of a public NAT gateway, which its own record tells as well as describe-addresses."""
    found: list[str] = []
    for one in used:
        public = address(text(one, "PublicIp"))
        allocation = name_of(text(one, "AllocationId"))
        if not allocation:
            same = (key for key, entry in plan.each("addresses") if public and entry.get("public_ip") == public)
            allocation = next(same, f"eipalloc-{name}-{public}" if public else "")
        if not allocation or allocation in found:
            continue
        if not plan.has("addresses", allocation) and public:
            plan.put("addresses", allocation, {"public_ip": public}, record)
        if plan.has("addresses", allocation):
            entry = plan.sections["addresses"][allocation]
            entry.pop("network_interface_id", None)
            entry.pop("private_ip_address", None)
            found.append(allocation)
    if not found:
        plan.note(record, name, Code.EMU_ASSUMED, "no file says its Elastic IP: it is given one")
    return found


# -- VPN and Direct Connect -----------------------------------------------------------


def customer_gateways(plan: Plan) -> None:
    """The customers' ends of VPN connections."""
    for name, record in plan.snapshot.unique("CustomerGateways"):
        if text(record.item, "State") in OVER:
            plan.note(record, name, Code.EMU_LEFT_OUT, f"is {text(record.item, 'State')}")
            continue
        host = address(text(record.item, "IpAddress"))
        if not host:
            plan.note(record, name, Code.EMU_ASSUMED, f"has no IPv4 address: {PLACEHOLDER} stands for it")
        asn = number(record.item, "BgpAsn")
        plan.put("customer_gateways", name, {"ip_address": host or PLACEHOLDER, "bgp_asn": asn}, record)


def vpn_connections(plan: Plan) -> None:
    """VPN connections; the configuration with its keys is not looked at."""
    for name, record in plan.snapshot.unique("VpnConnections"):
        state = text(record.item, "State") or "available"
        customer, vgw = text(record.item, "CustomerGatewayId"), text(record.item, "VpnGatewayId")
        tgw = text(record.item, "TransitGatewayId")
        if state in ("deleted", "deleting"):
            plan.note(record, name, Code.EMU_LEFT_OUT, f"is {state}")
            continue
        if not plan.has("vpn_gateways", vgw) and not plan.has("transit_gateways", tgw):
            what = "ends at no virtual private gateway or transit gateway that is imported"
            plan.note(record, name, Code.UNKNOWN_RESOURCE, f"{what}: left out")
            continue
        if not plan.has("customer_gateways", customer):
            customer = name_of(customer) or f"cgw-{name}"
            sentence = f"is in no file: {PLACEHOLDER} stands for its address"
            plan.note(record, customer, Code.EMU_ASSUMED, sentence)
            plan.put("customer_gateways", customer, {"ip_address": PLACEHOLDER}, record)
        written = [text(one, "DestinationCidrBlock") for one in rows(record.item, "Routes") if _is_live(one)]
        entry = {
            "customer_gateway_id": customer,
            "vpn_gateway_id": vgw if plan.has("vpn_gateways", vgw) else None,
            "transit_gateway_id": tgw if not plan.has("vpn_gateways", vgw) else None,
            "static_routes_only": flag(record.item, "Options", "StaticRoutesOnly") or None,
            "routes": list(dict.fromkeys(block for one in written if (block := cidr(one)))),
            "tunnels_up": _tunnels(plan, name, record),
            "state": "pending" if state == "pending" else None,
        }
        plan.put("vpn_connections", name, entry, record)


def _is_live(route: Item) -> bool:
    return text(route, "State") not in ("deleted", "deleting")


def _tunnels(plan: Plan, name: str, record: Record) -> bool | None:
    """Return False if telemetry says that every tunnel is down (BAD_STATE_VPN)."""
    states = [text(one, "Status").upper() for one in rows(record.item, "VgwTelemetry")]
    if not any(states):
        plan.note(record, name, Code.EMU_ASSUMED, "no VgwTelemetry: its tunnels are taken as up")
        return None
    return None if "UP" in states else False


def virtual_interfaces(plan: Plan) -> None:
    """Private virtual interfaces of Direct Connect."""
    for name, record in plan.snapshot.unique("VirtualInterfaces"):
        vgw, kind = text(record.item, "VirtualGatewayId"), text(record.item, "VirtualInterfaceType")
        state = text(record.item, "VirtualInterfaceState")
        if state in ("deleted", "deleting", "rejected", "unknown"):
            plan.note(record, name, Code.EMU_LEFT_OUT, f"is {state}")
            continue
        if kind not in ("", "private") or not plan.has("vpn_gateways", vgw):
            what = f"a {kind or 'private'} virtual interface that ends at no imported virtual private gateway"
            plan.note(record, name, Code.UNSUPPORTED_COMPONENT, f"{what} is not modelled: left out")
            continue
        known = {"available": None, "down": "down"}
        plan.put("virtual_interfaces", name, {"virtual_gateway_id": vgw, "state": known.get(state, "pending")}, record)


# -- peering ------------------------------------------------------------------------


def peering_connections(plan: Plan) -> None:
    """Peering connections; the far VPC may be of an account that was not read, and is then an empty one."""
    for name, record in plan.snapshot.unique("VpcPeeringConnections"):
        status = text(record.item, "Status", "Code") or "active"
        if status in OVER:
            plan.note(record, name, Code.EMU_LEFT_OUT, f"is {status}; routes to it are blackholes")
            continue
        ends = [_end(plan, name, record, side) for side in ("RequesterVpcInfo", "AccepterVpcInfo")]
        if not all(ends):
            plan.note(record, name, Code.UNKNOWN_RESOURCE, "one of its VPCs is in no file and has no CIDR block here")
            plan.foreign[name] = "peering connection with an unknown VPC"
            continue
        waiting = status != "active"
        entry: Entry = {"vpc_id": ends[0], "peer_vpc_id": ends[1]}
        if waiting:
            if status != "pending-acceptance":
                plan.note(record, name, Code.EMU_ASSUMED, f"is {status}: taken as pending-acceptance")
            entry |= {"auto_accept": False, "status": "pending-acceptance"}
        plan.put("vpc_peering_connections", name, entry, record)


def _end(plan: Plan, name: str, record: Record, side: str) -> str:
    vpc_id = name_of(text(record.item, side, "VpcId"))
    if plan.has("vpcs", vpc_id) or not vpc_id:
        return vpc_id
    blocks = [cidr(text(record.item, side, "CidrBlock"))]
    blocks += [cidr(text(one, "CidrBlock")) for one in rows(record.item, side, "CidrBlockSet")]
    return unknown_vpc(
        plan, record, vpc_id, blocks, text(record.item, side, "Region"), text(record.item, side, "OwnerId"), name
    )


def unknown_vpc(
    plan: Plan, record: Record, vpc_id: str, blocks: list[str], region: str, owner_id: str, through: str
) -> str:
    """Make an empty VPC of what its neighbour knows of it; return its id, or nothing if that is too little."""
    known = list(dict.fromkeys(block for block in blocks if block))
    if not known or not name_of(vpc_id):
        return ""
    entry = {
        "cidr_blocks": known,
        "region": region if REGION.fullmatch(region) else plan.region,
        "owner_id": owner_id,
    }
    sentence = f"is in no file; of it only the CIDR blocks are known, by {through}: packets find no host there"
    plan.note(record, vpc_id, Code.UNKNOWN_RESOURCE, sentence)
    plan.put("vpcs", vpc_id, entry, record)
    return vpc_id


def _article(what: str) -> str:
    return f"an {what}" if what[0] in "aeiou" else f"a {what}"
