"""The walk: what a packet meets, leg by leg, and what is remembered of it.

A *leg* is the gates that have no delay or queue between them.  One function
per place a leg can begin at answers: the steps with a verdict each, the effects
to be remembered, and how the leg ended: delivered, dropped, or a crossing to the
place where the next leg begins.  Nothing is changed here.  The fabric evaluates
each leg when the packet gets there and commits its effects; ``trace`` runs the
same legs at one instant and keeps the effects in an overlay (D1).

    host -> [source/destination check, security group, network ACL, route] -> link
         -> [network ACL, security group, endpoint gates] -> shaper -> service

The functions stand in the modules ``leg_*``; ``LEGS`` is the list of them.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from emulator.flows.leg_balancers import balancer_in, balancer_link, balancer_out
from emulator.flows.leg_endpoints import gateway_in, gateway_out, host, resolver_out, service_out
from emulator.flows.leg_interfaces import interface_in, interface_out
from emulator.flows.leg_internet import (
    INTERNET,
    external_out,
    internet,
    internet_gateway_in,
    internet_gateway_out,
)
from emulator.flows.leg_nat import nat_in, nat_out
from emulator.flows.leg_private_edges import connection_in, connection_out, vpn_gateway_out
from emulator.flows.leg_routes import peer_in
from emulator.flows.leg_transit import transit_in, transit_out, transit_route
from emulator.flows.legs import PROTOCOL_NAMES, UNLIMITED, Crossing, LegResult, Place, PlaceKind, Rewrite
from emulator.model.reasons import Reason
from emulator.model.traces import Dropped, Step, Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from emulator.flows.conntrack import FlowState
    from emulator.flows.tables import Tables
    from emulator.wire.packet import Packet

__all__ = [
    "INTERNET",
    "LEGS",
    "LONGEST_WAY",
    "PROTOCOL_NAMES",
    "UNLIMITED",
    "Crossing",
    "LegResult",
    "Place",
    "PlaceKind",
    "Rewrite",
    "leg",
    "looping",
    "origin_of",
    "walk",
]

LONGEST_WAY: Final = 64
"""Legs after which a packet is going round in circles: routers of AWS decrement no TTL (ROUTE-7)."""


def looping(component: str) -> Dropped:
    """Return how a packet ends that goes round in circles."""
    return Dropped(Reason.NO_POSSIBLE_DESTINATION, component, "forwarding loop")


def origin_of(tables: Tables, component: str) -> Place:
    """Return where packets begin that the host behind ``component`` sends.

    Args:
        tables: The network.
        component: An interface, a gateway endpoint, ``<vpc>/resolver``, an external host, a service's name (its public
            side), a VPN connection or virtual interface (what is beyond it), or ``internet``.
    """
    eni = tables.interfaces.get(component)
    if eni is not None:
        return Place(PlaceKind.INTERFACE_OUT if eni.endpoint is None else PlaceKind.SERVICE_OUT, component)
    if component in tables.gateways:
        return Place(PlaceKind.GATEWAY_OUT, component)
    if component.endswith("/resolver"):
        return Place(PlaceKind.RESOLVER_OUT, component)
    return Place(PlaceKind.EXTERNAL_OUT, component)


def leg(tables: Tables, state: FlowState, packet: Packet, place: Place, now: int) -> LegResult:
    """Evaluate the leg that begins at ``place`` for ``packet`` at ``now`` nanoseconds; nothing is changed."""
    result = LegResult(packet, place)
    LEGS[place.kind](tables, state, result, place.component, now)
    assert (result.crossing is None) != (result.ending is None), "a leg ends or goes on"
    return result


def walk(tables: Tables, state: FlowState, packet: Packet, place: Place, now: int) -> tuple[Trace, Packet]:
    """Run legs at one instant until the packet ends; ``state`` takes the effects (hand in an overlay to ask "what if").

    Returns:
        The trace, and the packet as it ended (rewritten, if a gate did so).
    """
    steps: list[Step] = []
    for _ in range(LONGEST_WAY):
        result = leg(tables, state, packet, place, now)
        steps += result.steps
        packet = result.packet
        for effect in result.effects:
            state.commit(effect, now)
        if result.ending is not None:
            return Trace(tuple(steps), result.ending), packet
        assert result.crossing is not None
        place = result.crossing.to
    ending = looping(place.component)
    steps.append(Step(place.component, "forwarding", ending.rule, ending.reason, f"more than {LONGEST_WAY} legs"))
    return Trace(tuple(steps), ending), packet


LEGS: Final[Mapping[PlaceKind, Callable[[Tables, FlowState, LegResult, str, int], None]]] = MappingProxyType(
    {
        PlaceKind.INTERFACE_OUT: interface_out,
        PlaceKind.INTERFACE_IN: interface_in,
        PlaceKind.GATEWAY_IN: gateway_in,
        PlaceKind.SERVICE_OUT: service_out,
        PlaceKind.GATEWAY_OUT: gateway_out,
        PlaceKind.RESOLVER_OUT: resolver_out,
        PlaceKind.HOST: host,
        PlaceKind.INTERNET_GATEWAY_OUT: internet_gateway_out,
        PlaceKind.INTERNET_GATEWAY_IN: internet_gateway_in,
        PlaceKind.INTERNET: internet,
        PlaceKind.EXTERNAL_OUT: external_out,
        PlaceKind.NAT_IN: nat_in,
        PlaceKind.NAT_OUT: nat_out,
        PlaceKind.VPN_GATEWAY_OUT: vpn_gateway_out,
        PlaceKind.CONNECTION_IN: connection_in,
        PlaceKind.CONNECTION_OUT: connection_out,
        PlaceKind.TRANSIT_IN: transit_in,
        PlaceKind.TRANSIT_ROUTE: transit_route,
        PlaceKind.TRANSIT_OUT: transit_out,
        PlaceKind.BALANCER_LINK: balancer_link,
        PlaceKind.BALANCER_IN: balancer_in,
        PlaceKind.PEER_IN: peer_in,
        PlaceKind.BALANCER_OUT: balancer_out,
    }
)
