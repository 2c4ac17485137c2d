"""Why a packet went no further, and what a gate answered.

The codes are AWS Reachability Analyzer's where AWS has one (section 13 of the
fact list) and ``EMU_...`` where it has none (REACH-4): the Analyzer sends no
packets, so it has no queue to fill and no idle flow to forget.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a packet went no further, in AWS's own words where AWS has one."""

    BAD_STATE = "BAD_STATE"
    BAD_STATE_ROUTE = "BAD_STATE_ROUTE"  # a blackhole (ROUTE-14)
    ENI_ADDRESS_RESTRICTION = "ENI_ADDRESS_RESTRICTION"
    ENI_SG_RULES_MISMATCH = "ENI_SG_RULES_MISMATCH"
    ENI_SOURCE_DEST_CHECK_RESTRICTION = "ENI_SOURCE_DEST_CHECK_RESTRICTION"
    NO_POSSIBLE_DESTINATION = "NO_POSSIBLE_DESTINATION"
    NO_ROUTE_TO_DESTINATION = "NO_ROUTE_TO_DESTINATION"
    PCX_REQUIRES_ADDRESS_IN_VPC_CIDR = "PCX_REQUIRES_ADDRESS_IN_VPC_CIDR"
    PROTOCOL_RESTRICTION = "PROTOCOL_RESTRICTION"
    SG_HAS_NO_RULES = "SG_HAS_NO_RULES"
    SUBNET_ACL_RESTRICTION = "SUBNET_ACL_RESTRICTION"
    UNSUPPORTED_COMPONENT = "UNSUPPORTED_COMPONENT"
    VPCE_GATEWAY_EGRESS_SOURCE_ADDRESS_RESTRICTION = "VPCE_GATEWAY_EGRESS_SOURCE_ADDRESS_RESTRICTION"
    VPCE_GATEWAY_PROTOCOL_RESTRICTION = "VPCE_GATEWAY_PROTOCOL_RESTRICTION"
    VPCE_INTRA_VPC_TRAFFIC = "VPCE_INTRA_VPC_TRAFFIC"

    EMU_DNS_OFF = "EMU_DNS_OFF"
    EMU_FAULT = "EMU_FAULT"
    EMU_IDLE_TIMEOUT = "EMU_IDLE_TIMEOUT"
    EMU_IPV4_ONLY = "EMU_IPV4_ONLY"
    EMU_LINK_LOCAL = "EMU_LINK_LOCAL"
    EMU_OVER_MTU = "EMU_OVER_MTU"
    EMU_POLICED = "EMU_POLICED"
    EMU_QUEUE_FULL = "EMU_QUEUE_FULL"


class Outcome(StrEnum):
    """How a packet ended; every packet ever sent has exactly one."""

    DELIVERED = "delivered"
    DROPPED = "dropped"
