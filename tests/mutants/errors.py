"""Other codes and texts than AWS's (section 14)."""

from __future__ import annotations

from tests.mutants.mutation import mutation

ERRORS = (
    mutation("ERR-1", "another code", "control/state.py", '"InvalidVpcEndpointId.NotFound"', '"InvalidVpcEndpoint"'),
    mutation(
        "ERR-2",
        "another text",
        "control/services.py",
        "The Vpc Endpoint Service '{service_name}' does not exist",
        "There is no service '{service_name}'",
    ),
    mutation("ERR-3", "another code", "control/endpoints.py", '"DuplicateSubnetsInSameZone"', '"InvalidParameter"'),
    mutation(
        "ERR-4", "another code", "control/endpoint_parameters.py", '"InvalidVpcEndpointType"', '"InvalidParameterValue"'
    ),
    mutation(
        "ERR-4",
        "another code",
        "control/policies.py",
        'GATEWAY_ENDPOINT: "InvalidPolicyDocument"',
        'GATEWAY_ENDPOINT: "InvalidParameterValue"',
    ),
    mutation(
        "ERR-5",
        "a service with endpoints can be redefined",
        "control/services.py",
        "if any(endpoint.service_name == name for endpoint in self.vpc_endpoints.values()):",
        "if not name:",
    ),
    mutation(
        "ERR-6",
        "another code",
        "control/interfaces.py",
        '"InsufficientFreeAddressesInSubnet"',
        '"InvalidParameterValue"',
    ),
    mutation("ERR-6", "another code", "control/state.py", '"InvalidSubnetID.NotFound"', '"InvalidSubnet"'),
    mutation(
        "ERR-7",
        "another text",
        "control/endpoints.py",
        "already has a route with destination-prefix-list-id",
        "has a route for",
    ),
    mutation(
        "ERR-8",
        "another text",
        "control/endpoint_parameters.py",
        "Route table IDs are only supported for Gateway type VPC Endpoint.",
        "No route tables, please.",
    ),
    mutation(
        "ERR-9",
        "another text",
        "control/endpoints.py",
        "does not provide a private DNS name",
        "has no private DNS name",
    ),
    mutation(
        "ERR-9",
        "two endpoints own one private name",
        "control/endpoints.py",
        "if domain in service.private_dns_names:",
        "if domain not in service.private_dns_names:",
    ),
    mutation(
        "ERR-20",
        "another text",
        "control/routes.py",
        "is equal to or more specific than one of this VPC's CIDR blocks",
        "lies inside this VPC",
    ),
    mutation("ERR-21", "another text", "control/routes.py", "cannot remove VPC endpoint route", "no removal of"),
    mutation(
        "ERR-22",
        "another text",
        "control/routes.py",
        "Cannot create or replace a prefix list route targeting a VPC Endpoint.",
        "Not to an endpoint.",
    ),
    mutation("ERR-23", "another code", "control/routes.py", '"InvalidRoute.NotFound"', '"InvalidParameterValue"'),
    mutation("ERR-23", "another code", "control/route_tables.py", '"RouteTableLimitExceeded"', '"RouteLimitExceeded"'),
    mutation("ERR-24", "another code", "control/state.py", '"InvalidGroup.NotFound"', '"InvalidParameterValue"'),
    mutation(
        "ERR-24",
        "a rule may stand in a group twice",
        "control/security_groups.py",
        "if rule in present:",
        "if rule in ():",
    ),
    mutation(
        "ERR-25",
        "another code",
        "control/network_acls.py",
        '"InvalidNetworkAclEntry.NotFound"',
        '"InvalidParameterValue"',
    ),
    mutation(
        "ERR-25",
        "another code",
        "control/network_acls.py",
        '"NetworkAclEntryAlreadyExists"',
        '"InvalidParameterValue"',
    ),
    mutation("ERR-26", "another code", "control/peering.py", '"InvalidStateTransition"', '"InvalidParameterValue"'),
    mutation(
        "ERR-26",
        "another code",
        "control/state.py",
        '"InvalidVpcPeeringConnectionID.NotFound"',
        '"InvalidParameterValue"',
    ),
)
