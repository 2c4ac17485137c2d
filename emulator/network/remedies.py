"""Remedies: for each kind of refusal, the verbs by which its owner would let this one packet pass.

A table by reason.  Each remedy yields options, the narrowest first; whether one
works is for :mod:`emulator.network.repairs` to find out by trying.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from emulator.model.reasons import Reason
from emulator.network import remedies_filters as filters
from emulator.network import remedies_routes as routes
from emulator.network import remedies_states as states
from emulator.network.cases import Case, Option

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from emulator.control import ControlPlane
    from emulator.observe.explain import RoundTrip


def remedies(plane: ControlPlane, answer: RoundTrip) -> Iterator[Option]:
    """Yield what might let the packet past what stopped it, the narrowest first."""
    ending = answer.blocker
    if ending is None:
        return
    trace, packet = (answer.forward, answer.ended[0]) if answer.reply is None else (answer.reply, answer.ended[1])
    if packet is None:  # none was sent, for want of an address
        if ending.reason is Reason.EMU_DNS_OFF:
            yield from states.names_off(plane, answer)
        return
    remedy = REMEDIES.get(ending.reason)
    if remedy is not None and trace.steps:
        yield from remedy(Case(plane, answer, packet, trace.steps[-1], ending))


REMEDIES: Final[Mapping[Reason, Callable[[Case], Iterator[Option]]]] = MappingProxyType(
    {
        Reason.ENI_SG_RULES_MISMATCH: filters.security_group,
        Reason.SG_HAS_NO_RULES: filters.security_group,
        Reason.SG_REFERENCES_NOT_PRESERVED: filters.security_group,
        Reason.SG_REFERENCING_SUPPORT: filters.security_group,
        Reason.UNKNOWN_PEERED_SGS: filters.security_group,
        Reason.SUBNET_ACL_RESTRICTION: filters.network_acl,
        Reason.NO_ROUTE_TO_DESTINATION: routes.no_route,
        Reason.BAD_STATE_ROUTE: routes.dead_route,
        Reason.PCX_REQUIRES_ADDRESS_IN_VPC_CIDR: routes.wrong_way,
        Reason.BAD_STATE: states.bad_state,
        Reason.BAD_STATE_ATTACHMENT: states.bad_attachment,
        Reason.EMU_DNS_OFF: states.resolver_off,
        Reason.ENI_SOURCE_DEST_CHECK_RESTRICTION: states.source_dest_check,
        Reason.IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS: states.public_address,
        Reason.TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION: states.transit_association,
        Reason.TGW_RTB_NO_ROUTE_TO_TGW_ATTACHMENT: states.transit_route,
        Reason.TGW_RTB_BAD_STATE_ROUTE: states.transit_blackhole,
        Reason.TGW_ROUTE_AZ_RESTRICTION: states.transit_zone,
        Reason.ELBV2_NO_TARGETS_IN_AZ: states.cross_zone,
        Reason.ELB_INSTALLED_AZ_RESTRICTION: states.balancer_zone,
    }
)
"""What may be done about a refusal; what is not here is nobody's configuration."""

BEYOND_CONFIGURATION: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.PROTOCOL_RESTRICTION: "that component takes other protocols only, whatever its configuration",
        Reason.VPCE_GATEWAY_PROTOCOL_RESTRICTION: "gateway endpoints take TCP and pings only",
        Reason.VPCE_INTRA_VPC_TRAFFIC: "an interface endpoint begins no conversation in its VPC",
        Reason.EMU_IPV4_ONLY: "IPv6 is not modelled",
        Reason.EMU_OVER_MTU: "the packet is too long; its sender has to send shorter ones",
        Reason.EMU_FAULT: "a fault was injected; until it is restored nothing helps",
        Reason.UNSUPPORTED_COMPONENT: "that component is not modelled, so nobody knows",
        Reason.NO_POSSIBLE_DESTINATION: "nothing has that address",
        Reason.NXDOMAIN: "no change of the network was tried: the name has no address",
        Reason.NODATA: "no change of the network was tried: the name has no IPv4 address",
        Reason.EMU_LINK_LOCAL: "nothing answers at that link-local address",
    }
)
"""Why no configuration helps, where that can be said."""
