"""VPC peering connections: between two VPCs, one per pair, no overlap.

AWS: Amazon VPC Peering Guide, "How VPC peering connections work" (EDGE-2).
"""

from __future__ import annotations

from dataclasses import replace

from emulator.control.addresses import overlap
from emulator.control.errors import Ec2Error, invalid
from emulator.control.state import verb
from emulator.control.vpcs import LIVING, Vpcs
from emulator.model.resources import PeeringState, VpcPeeringConnection


class Peering(Vpcs):
    """Verbs on peering connections."""

    @verb
    def create_vpc_peering_connection(
        self,
        vpc_id: str,
        peer_vpc_id: str,
        *,
        vpc_peering_connection_id: str | None = None,
        auto_accept: bool = True,
    ) -> VpcPeeringConnection:
        """Ask for a connection. EMU: one account owns both ends, so it is accepted at once unless told otherwise."""
        requester, accepter = self._vpc(vpc_id), self._vpc(peer_vpc_id, "peer_vpc_id")
        if vpc_id == peer_vpc_id:
            raise invalid(f"The VPC {vpc_id} cannot be its own peer", "peer_vpc_id")
        for other in self.vpc_peering_connections.values():
            pair = {other.requester_vpc_id, other.accepter_vpc_id}
            if other.status in LIVING and pair == {vpc_id, peer_vpc_id}:
                text = f"A VPC peering connection between the VPCs already exists. ({other.vpc_peering_connection_id})"
                raise Ec2Error("VpcPeeringConnectionAlreadyExists", text, "peer_vpc_id")
        for mine in requester.cidr_blocks:
            for theirs in accepter.cidr_blocks:
                if overlap(mine, theirs):
                    text = f"Overlapping CIDR range: {mine} of {vpc_id} and {theirs} of {peer_vpc_id}"
                    raise invalid(text, "peer_vpc_id")
        name = self._new_id(self.vpc_peering_connections, "pcx", vpc_peering_connection_id, "vpc_peering_connection_id")
        status = PeeringState.ACTIVE if auto_accept else PeeringState.PENDING_ACCEPTANCE
        peering = VpcPeeringConnection(name, vpc_id, peer_vpc_id, status)
        self._put(self.vpc_peering_connections, name, peering)
        return peering

    @verb
    def accept_vpc_peering_connection(self, vpc_peering_connection_id: str) -> VpcPeeringConnection:
        """Accept; routes through it come alive."""
        peering = self._pending(vpc_peering_connection_id, "accept")
        accepted = replace(peering, status=PeeringState.ACTIVE)
        self._put(self.vpc_peering_connections, vpc_peering_connection_id, accepted)
        self._refresh_routes(vpc_peering_connection_id)
        return accepted

    @verb
    def reject_vpc_peering_connection(self, vpc_peering_connection_id: str) -> None:
        """Reject; routes through it stay blackholes (ROUTE-14)."""
        self._pending(vpc_peering_connection_id, "reject")
        self._end_peering(vpc_peering_connection_id, PeeringState.REJECTED)

    @verb
    def delete_vpc_peering_connection(self, vpc_peering_connection_id: str) -> None:
        """Delete a connection that lives; its record stays as ``deleted``, its routes as blackholes (ROUTE-14)."""
        peering = self._peering(vpc_peering_connection_id)
        if peering.status not in LIVING:
            raise _bad_transition(peering, "delete")
        self._end_peering(vpc_peering_connection_id, PeeringState.DELETED)

    def _pending(self, vpc_peering_connection_id: str, action: str) -> VpcPeeringConnection:
        peering = self._peering(vpc_peering_connection_id)
        if peering.status is not PeeringState.PENDING_ACCEPTANCE:
            raise _bad_transition(peering, action)
        return peering


def _bad_transition(peering: VpcPeeringConnection, action: str) -> Ec2Error:
    name = peering.vpc_peering_connection_id
    text = f"Cannot {action} the VPC peering connection {name} in the state {peering.status}"
    return Ec2Error("InvalidStateTransition", text, "vpc_peering_connection_id")
