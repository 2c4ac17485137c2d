"""A live account as a snapshot, by boto3 (the extra ``aws``).

Only what describes is called, nothing that changes: the table below is all of
it.  A call that is denied or not offered leaves a note and the import goes on,
as with a file that is missing.

boto3: "Paginators", "Error handling".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from emulator.importers.notes import Code
from emulator.importers.snapshot import Snapshot, Source
from emulator.importers.values import REGION, flag, text, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from emulator.importers.values import Item


class CannotConnect(Exception):  # noqa: N818 - said to whoever typed the command
    """An account cannot be read at all; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Call:
    """One operation of boto3 and the key its answer is read under.

    Attributes:
        per: The kind whose ids it is called with, one at a time, ``wanted`` of them.
        parameter: What it takes such an id as, in a list if ``many``.
        more: Further parameters.
    """

    service: str
    operation: str
    key: str
    per: str = ""
    parameter: str = ""
    many: bool = False
    more: dict[str, Any] = field(default_factory=dict)
    wanted: Callable[[Item], bool] = lambda _: True


def _has_entries(item: Item) -> bool:
    """Whose entries to fetch: customers' lists, and of AWS's those that gateway endpoints use."""
    ours = text(item, "OwnerId") != "AWS"
    return text(item, "AddressFamily") != "IPv6" and ours


def _is_network(item: Item) -> bool:
    return text(item, "Type") == "network"


def _is_for_network(item: Item) -> bool:
    return text(item, "Protocol") in ("TCP", "UDP", "TCP_UDP", "TLS")


def _is_ours(item: Item) -> bool:
    return bool(words(item, "NetworkLoadBalancerArns")) or flag(item, "AcceptanceRequired") is not None


EVERY_STATE: Final = [{"Name": "state", "Values": ["active", "blackhole"]}]

CALLS: Final = (
    Call("ec2", "describe_vpcs", "Vpcs"),
    *(
        Call("ec2", "describe_vpc_attribute", key, "Vpcs", "VpcId", more={"Attribute": key[:1].lower() + key[1:]})
        for key in ("EnableDnsSupport", "EnableDnsHostnames")
    ),
    Call("ec2", "describe_subnets", "Subnets"),
    Call("ec2", "describe_route_tables", "RouteTables"),
    Call("ec2", "describe_network_acls", "NetworkAcls"),
    Call("ec2", "describe_security_groups", "SecurityGroups"),
    Call("ec2", "describe_network_interfaces", "NetworkInterfaces"),
    Call("ec2", "describe_instances", "Reservations"),
    Call("ec2", "describe_addresses", "Addresses"),
    Call("ec2", "describe_internet_gateways", "InternetGateways"),
    Call("ec2", "describe_egress_only_internet_gateways", "EgressOnlyInternetGateways"),
    Call("ec2", "describe_carrier_gateways", "CarrierGateways"),
    Call("ec2", "describe_nat_gateways", "NatGateways"),
    Call("ec2", "describe_vpc_endpoints", "VpcEndpoints"),
    Call("ec2", "describe_vpc_endpoint_service_configurations", "ServiceConfigurations"),
    Call(
        "ec2",
        "describe_vpc_endpoint_service_permissions",
        "AllowedPrincipals",
        "ServiceConfigurations",
        "ServiceId",
        wanted=_is_ours,
    ),
    Call("ec2", "describe_prefix_lists", "PrefixLists"),
    Call("ec2", "describe_managed_prefix_lists", "PrefixLists"),
    Call(
        "ec2", "get_managed_prefix_list_entries", "Entries", "ManagedPrefixLists", "PrefixListId", wanted=_has_entries
    ),
    Call("ec2", "describe_vpc_peering_connections", "VpcPeeringConnections"),
    Call("ec2", "describe_vpn_gateways", "VpnGateways"),
    Call("ec2", "describe_customer_gateways", "CustomerGateways"),
    Call("ec2", "describe_vpn_connections", "VpnConnections"),
    Call("ec2", "describe_transit_gateways", "TransitGateways"),
    Call("ec2", "describe_transit_gateway_attachments", "TransitGatewayAttachments"),
    Call("ec2", "describe_transit_gateway_vpc_attachments", "TransitGatewayVpcAttachments"),
    Call("ec2", "describe_transit_gateway_peering_attachments", "TransitGatewayPeeringAttachments"),
    Call("ec2", "describe_transit_gateway_route_tables", "TransitGatewayRouteTables"),
    Call(
        "ec2",
        "get_transit_gateway_route_table_propagations",
        "TransitGatewayRouteTablePropagations",
        "TransitGatewayRouteTables",
        "TransitGatewayRouteTableId",
    ),
    Call(
        "ec2",
        "search_transit_gateway_routes",
        "Routes",
        "TransitGatewayRouteTables",
        "TransitGatewayRouteTableId",
        more={"Filters": EVERY_STATE},
    ),
    Call("elbv2", "describe_load_balancers", "LoadBalancers"),
    Call("elbv2", "describe_listeners", "Listeners", "LoadBalancers", "LoadBalancerArn", wanted=_is_network),
    Call(
        "elbv2",
        "describe_load_balancer_attributes",
        "Attributes",
        "LoadBalancers",
        "LoadBalancerArn",
        wanted=_is_network,
    ),
    Call("elbv2", "describe_target_groups", "TargetGroups"),
    Call(
        "elbv2",
        "describe_target_health",
        "TargetHealthDescriptions",
        "TargetGroups",
        "TargetGroupArn",
        wanted=_is_for_network,
    ),
    Call(
        "elbv2",
        "describe_target_group_attributes",
        "Attributes",
        "TargetGroups",
        "TargetGroupArn",
        wanted=_is_for_network,
    ),
    Call("directconnect", "describe_virtual_interfaces", "virtualInterfaces"),
)
"""All that is asked of AWS, in an order in which what is called per id comes after what tells the ids."""


def read_account(
    profile: str | None = None, regions: tuple[str, ...] = (), endpoint_url: str | None = None
) -> Snapshot:
    """Return what an account holds in some Regions, in the profile's own if none is given.

    Raises:
        CannotConnect: if boto3 is not installed, no Region or no credentials are known, or nobody answers.
    """
    try:
        import boto3  # noqa: PLC0415 - only whoever asks for it needs it
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415
    except ImportError:
        raise CannotConnect("boto3 is not installed: pip install 'vpcemu[aws]'") from None
    try:
        session = boto3.Session(profile_name=profile)
        names = regions or ((session.region_name,) if session.region_name else ())
        if not names:
            raise CannotConnect("no Region is known: give --region, or set AWS_REGION")
        wrong = next((name for name in names if not REGION.fullmatch(name)), None)
        if wrong is not None:
            raise CannotConnect(f"--region {wrong}: write a Region like us-east-1")
        if session.get_credentials() is None:
            raise CannotConnect("no credentials are known: give --profile, or set AWS_ACCESS_KEY_ID and its like")
        snapshot = Snapshot()
        for region in dict.fromkeys(names):
            clients = {
                service: session.client(service, region_name=region, endpoint_url=endpoint_url)
                for service in dict.fromkeys(call.service for call in CALLS)
            }
            _read_region(clients, region, snapshot)
    except BotoCoreError as error:
        raise CannotConnect(str(error)) from None
    return snapshot


def _read_region(clients: dict[str, Any], region: str, snapshot: Snapshot) -> None:
    """Make every call, as far as it is allowed."""
    from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError  # noqa: PLC0415

    for call in CALLS:
        name = f"{region}/{call.service} {call.operation.replace('_', '-')}"
        for about in _abouts(call, region, snapshot):
            parameters = dict(call.more)
            source = Source(name if about is None else f"{name} {about}", region)
            if about is not None:
                parameters[call.parameter] = about
            try:
                for answer in _pages(clients[call.service], call.operation, parameters):
                    named = {} if about is None else {call.parameter: about}
                    snapshot.add_answer({**_kept(answer), **named}, source)
            except (ClientError, ParamValidationError, NotImplementedError) as error:
                response: Item = getattr(error, "response", {})
                code = text(response, "Error", "Code") or type(error).__name__
                message = text(response, "Error", "Message") or str(error)
                if code in ("AuthFailure", "UnrecognizedClientException", "InvalidClientTokenId", "ExpiredToken"):
                    raise CannotConnect(f"{code}: {message[:200]}") from None
                sentence = f"{code}: {message[:200]}: what it would have told is unknown"
                snapshot.note(source.file, about or "", Code.EMU_INCOMPLETE, sentence)
            except EndpointConnectionError as error:
                if call is CALLS[0]:
                    raise
                snapshot.note(source.file, about or "", Code.EMU_INCOMPLETE, str(error))


def _abouts(call: Call, region: str, snapshot: Snapshot) -> Iterator[str | None]:
    """Yield what to call an operation with: nothing once, or each id of a kind in the Region."""
    if not call.per:
        yield None
        return
    for record in list(snapshot.of(call.per)):
        name = text(record.item, call.parameter)
        if record.region == region and name and call.wanted(record.item):
            yield name


def _pages(client: Any, operation: str, parameters: Item) -> Iterator[Item]:
    if client.can_paginate(operation):
        yield from client.get_paginator(operation).paginate(**parameters)
    else:
        yield getattr(client, operation)(**parameters)


def _kept(answer: Item) -> Item:
    """Return an answer without the tokens between its pages, which the paginator has used up."""
    return {key: value for key, value in answer.items() if key not in ("NextToken", "nextToken", "NextMarker")}
