"""VPC peering connections: between two VPCs, one per pair, no overlap.

AWS: Amazon VPC Peering Guide, "How VPC peering connections work" (EDGE-2).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from emulator.control.addresses import overlap
from emulator.control.errors import Ec2Error, invalid
from emulator.control.state import verb
from emulator.control.vpcs import LIVING, Vpcs
from emulator.model.resources import PeeringState, VpcPeeringConnection

if TYPE_CHECKING:
    from emulator.model.resources import Vpc

ENDED: Final = (PeeringState.DELETED, PeeringState.REJECTED, PeeringState.EXPIRED, PeeringState.FAILED)
"""States that a connection never leaves."""


class Peering(Vpcs):
    """Verbs on peering connections."""

    @verb
    def create_vpc_peering_connection(
        self,
        vpc_id: str,
        peer_vpc_id: str,
        *,
        peer_region: str | None = None,
        peer_owner_id: str | None = None,
        vpc_peering_connection_id: str | None = None,
        auto_accept: bool = True,
        status: str | None = None,
    ) -> VpcPeeringConnection:
        """Ask for a connection, in one Region and account or across. EMU: it is accepted at once unless told otherwise.

        EMU: ``status`` is the state in which it is found, for networks read from an account; one that carries nothing
        any more, such as ``failed``, may have what living ones must not.
        """
        requester, accepter = self._vpc(vpc_id), self._vpc(peer_vpc_id, "peer_vpc_id")
        if vpc_id == peer_vpc_id:
            raise invalid(f"The VPC {vpc_id} cannot be its own peer", "peer_vpc_id")
        for given, own in ((peer_region, accepter.region), (peer_owner_id, accepter.owner_id)):
            if given is not None and given != own:
                text = f"The vpc ID '{peer_vpc_id}' does not exist in {given} ({own})"
                raise Ec2Error("InvalidVpcID.NotFound", text, "peer_vpc_id")
        found = PeeringState.ACTIVE if auto_accept else PeeringState.PENDING_ACCEPTANCE
        if status is not None:
            found = _peering_state(status)
        if found in LIVING:
            self._check_pair(requester, accepter)
        name = self._new_id(self.vpc_peering_connections, "pcx", vpc_peering_connection_id, "vpc_peering_connection_id")
        peering = VpcPeeringConnection(name, vpc_id, peer_vpc_id, found)
        self._put(self.vpc_peering_connections, name, peering)
        return peering

    def _check_pair(self, requester: Vpc, accepter: Vpc) -> None:
        """EDGE-2: one connection per pair, no overlap."""
        ends = {requester.vpc_id, accepter.vpc_id}
        for other in self.vpc_peering_connections.values():
            if other.status in LIVING and {other.requester_vpc_id, other.accepter_vpc_id} == ends:
                text = f"A VPC peering connection between the VPCs already exists. ({other.vpc_peering_connection_id})"
                raise Ec2Error("VpcPeeringConnectionAlreadyExists", text, "peer_vpc_id")
        for mine in requester.cidr_blocks:
            for theirs in accepter.cidr_blocks:
                if overlap(mine, theirs):
                    text = f"Overlapping CIDR range: {mine} of {requester.vpc_id} and {theirs} of {accepter.vpc_id}"
                    raise invalid(text, "peer_vpc_id")

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

    @verb
    def set_vpc_peering_connection_status(self, vpc_peering_connection_id: str, status: str) -> VpcPeeringConnection:
        """EMU: let time pass for a connection: ``expired`` or ``failed`` while it is asked for, ``deleting``...

        What has ended (``deleted``, ``rejected``, ``expired``, ``failed``) stays as it is.
        """
        peering = self._peering(vpc_peering_connection_id)
        wanted = _peering_state(status)
        if peering.status in ENDED:
            raise _bad_transition(peering, f"make {status}")
        self._end_peering(vpc_peering_connection_id, wanted)
        return self.vpc_peering_connections[vpc_peering_connection_id]

    def _pending(self, vpc_peering_connection_id: str, action: str) -> VpcPeeringConnection:
        peering = self._peering(vpc_peering_connection_id)
        if peering.status is not PeeringState.PENDING_ACCEPTANCE:
            raise _bad_transition(peering, action)
        return peering


def _peering_state(status: str) -> PeeringState:
    if status not in tuple(PeeringState):
        raise invalid(f"Value ({status}) for parameter status is invalid.", "status")
    return PeeringState(status)


def _bad_transition(peering: VpcPeeringConnection, action: str) -> Ec2Error:
    name = peering.vpc_peering_connection_id
    text = f"Cannot {action} the VPC peering connection {name} in the state {peering.status}"
    return Ec2Error("InvalidStateTransition", text, "vpc_peering_connection_id")
