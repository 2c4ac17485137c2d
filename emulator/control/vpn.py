"""Site-to-Site VPN: customer gateways, virtual private gateways, connections and what is routed behind them.

A connection ends at a virtual private gateway or, by an attachment that comes
with it, at a transit gateway.  Routes behind a connection are given by ``create_vpn_connection_route``
if it is static; EMU: of one with BGP by the same verb, as what the far side advertises.

AWS: AWS Site-to-Site VPN User Guide, "How AWS Site-to-Site VPN works"; EC2 API
Reference, "AttachVpnGateway", "CreateVpnConnection".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from emulator.control.addresses import address, network
from emulator.control.errors import Ec2Error, invalid
from emulator.control.state import verb
from emulator.control.transit_gateway_attachments import TransitGatewayAttachments
from emulator.model.edges import CustomerGateway, VirtualInterfaceState, VpnConnection, VpnGateway, VpnState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netaddr import IPNetwork


class VpnConnections(TransitGatewayAttachments):
    """Verbs on customer gateways, virtual private gateways and VPN connections."""

    @verb
    def create_customer_gateway(
        self, ip_address: str, *, bgp_asn: int = 65000, customer_gateway_id: str | None = None
    ) -> CustomerGateway:
        """Create the customer's end of VPN connections."""
        host = address(ip_address, "ip_address")
        if not 1 <= bgp_asn <= 4_294_967_295:
            raise invalid(f"Value ({bgp_asn}) for parameter bgpAsn is invalid.", "bgp_asn")
        name = self._new_id(self.customer_gateways, "cgw", customer_gateway_id, "customer_gateway_id")
        gateway = CustomerGateway(name, host, bgp_asn)
        self._put(self.customer_gateways, name, gateway)
        return gateway

    @verb
    def delete_customer_gateway(self, customer_gateway_id: str) -> None:
        """Delete a customer gateway that no connection uses."""
        self._customer_gateway(customer_gateway_id)
        for connection in self.vpn_connections.values():
            if connection.customer_gateway_id == customer_gateway_id and connection.state is not VpnState.DELETED:
                text = f"The customer gateway is in use. ({connection.vpn_connection_id})"
                raise Ec2Error("IncorrectState", text, "customer_gateway_id")
        self._remove(self.customer_gateways, customer_gateway_id)

    # -- virtual private gateways ---------------------------------------------------

    @verb
    def create_vpn_gateway(self, *, vpn_gateway_id: str | None = None, vpc_id: str | None = None) -> VpnGateway:
        """Create a virtual private gateway. EMU: ``vpc_id`` attaches it in the same breath."""
        name = self._new_id(self.vpn_gateways, "vgw", vpn_gateway_id, "vpn_gateway_id")
        gateway = VpnGateway(name)
        self._put(self.vpn_gateways, name, gateway)
        return gateway if vpc_id is None else self._attach_vgw(gateway, vpc_id)

    @verb
    def attach_vpn_gateway(self, vpn_gateway_id: str, vpc_id: str) -> VpnGateway:
        """Attach a gateway to a VPC, which has one at most; routes to it come alive."""
        return self._attach_vgw(self._vpn_gateway(vpn_gateway_id), vpc_id)

    def _attach_vgw(self, gateway: VpnGateway, vpc_id: str) -> VpnGateway:
        self._vpc(vpc_id)
        name = gateway.vpn_gateway_id
        if gateway.vpc_id is not None:
            text = f"The vpnGateway '{name}' is already attached to {gateway.vpc_id}"
            raise Ec2Error("VpnGatewayAttachmentLimitExceeded", text, "vpn_gateway_id")
        if any(other.vpc_id == vpc_id for other in self.vpn_gateways.values()):
            raise invalid(f"Network {vpc_id} already has a virtual private gateway attached", "vpc_id")
        attached = replace(gateway, vpc_id=vpc_id)
        self._put(self.vpn_gateways, name, attached)
        self._refresh_routes(name)
        return attached

    @verb
    def detach_vpn_gateway(self, vpn_gateway_id: str, vpc_id: str) -> VpnGateway:
        """Detach a gateway: routes to it become blackholes, propagation from it and its route table end."""
        gateway = self._vpn_gateway(vpn_gateway_id)
        self._vpc(vpc_id)
        if gateway.vpc_id != vpc_id:
            text = f"The attachment of {vpn_gateway_id} to {vpc_id} does not exist"
            raise Ec2Error("InvalidVpnGatewayAttachment.NotFound", text, "vpn_gateway_id")
        detached = replace(gateway, vpc_id=None)
        self._put(self.vpn_gateways, vpn_gateway_id, detached)
        self._refresh_routes(vpn_gateway_id)
        for table in list(self.route_tables.values()):
            if vpn_gateway_id in (*table.propagating_vgws, table.gateway_id):
                kept = tuple(name for name in table.propagating_vgws if name != vpn_gateway_id)
                ruled = None if table.gateway_id == vpn_gateway_id else table.gateway_id
                changed = replace(table, propagating_vgws=kept, gateway_id=ruled)
                self._put(self.route_tables, table.route_table_id, changed)
        return detached

    @verb
    def delete_vpn_gateway(self, vpn_gateway_id: str) -> None:
        """Delete a detached gateway without connections and virtual interfaces."""
        gateway = self._vpn_gateway(vpn_gateway_id)
        users = [gateway.vpc_id] if gateway.vpc_id is not None else []
        users += [
            name
            for name, connection in self.vpn_connections.items()
            if connection.vpn_gateway_id == vpn_gateway_id and connection.state is not VpnState.DELETED
        ]
        users += [
            name
            for name, interface in self.virtual_interfaces.items()
            if interface.virtual_gateway_id == vpn_gateway_id and interface.state is not VirtualInterfaceState.DELETED
        ]
        if users:
            text = f"The vpnGateway '{vpn_gateway_id}' is in use. ({', '.join(users)})"
            raise Ec2Error("IncorrectState", text, "vpn_gateway_id")
        self._remove(self.vpn_gateways, vpn_gateway_id)

    # -- connections ------------------------------------------------------------------

    @verb
    def create_vpn_connection(
        self,
        customer_gateway_id: str,
        *,
        vpn_gateway_id: str | None = None,
        transit_gateway_id: str | None = None,
        static_routes_only: bool = False,
        routes: Iterable[str] = (),
        vpn_connection_id: str | None = None,
    ) -> VpnConnection:
        """Create a connection, up at once. EMU: ``routes`` are what is behind it.

        To a transit gateway it comes with the attachment ``tgw-attach-<connection>``.
        """
        self._customer_gateway(customer_gateway_id)
        if (vpn_gateway_id is None) == (transit_gateway_id is None):
            code = "MissingParameter" if vpn_gateway_id is None else "InvalidParameterCombination"
            raise Ec2Error(code, "Give either vpnGatewayId or transitGatewayId")
        if vpn_gateway_id is not None:
            self._vpn_gateway(vpn_gateway_id)
        if transit_gateway_id is not None:
            self._transit_gateway(transit_gateway_id)
        name = self._new_id(self.vpn_connections, "vpn", vpn_connection_id, "vpn_connection_id")
        connection = VpnConnection(
            name,
            customer_gateway_id,
            vpn_gateway_id,
            transit_gateway_id,
            static_routes_only=static_routes_only,
            routes=networks_behind(routes),
        )
        self._put(self.vpn_connections, name, connection)
        if transit_gateway_id is not None:
            self._attach_vpn(connection)
        return connection

    @verb
    def delete_vpn_connection(self, vpn_connection_id: str) -> VpnConnection:
        """Delete a connection; its record stays as ``deleted``."""
        connection = self._living_vpn(vpn_connection_id)
        self._refuse_hosts_behind(vpn_connection_id)
        self._detach_vpn(vpn_connection_id)
        return self._put_vpn(replace(connection, state=VpnState.DELETED, tunnels_up=False))

    @verb
    def create_vpn_connection_route(self, vpn_connection_id: str, destination_cidr_block: str) -> VpnConnection:
        """Add a block behind a connection."""
        connection = self._living_vpn(vpn_connection_id)
        block = network(destination_cidr_block, "destination_cidr_block")
        if block in connection.routes:
            text = f"The route identified by {block} already exists."
            raise Ec2Error("RouteAlreadyExists", text, "destination_cidr_block")
        return self._put_vpn(replace(connection, routes=(*connection.routes, block)))

    @verb
    def delete_vpn_connection_route(self, vpn_connection_id: str, destination_cidr_block: str) -> VpnConnection:
        """Take a block behind a connection away."""
        connection = self._living_vpn(vpn_connection_id)
        block = network(destination_cidr_block, "destination_cidr_block")
        if block not in connection.routes:
            text = f"no route with destination {block} in {vpn_connection_id}"
            raise Ec2Error("InvalidRoute.NotFound", text, "destination_cidr_block")
        return self._put_vpn(replace(connection, routes=tuple(one for one in connection.routes if one != block)))

    @verb
    def set_vpn_tunnels(self, vpn_connection_id: str, *, up: bool) -> VpnConnection:
        """EMU: take both tunnels of a connection down, or bring them up again."""
        return self._put_vpn(replace(self._living_vpn(vpn_connection_id), tunnels_up=up))

    @verb
    def set_vpn_connection_state(self, vpn_connection_id: str, state: str) -> VpnConnection:
        """EMU: put a connection into another of its states."""
        connection = self._vpn_connection(vpn_connection_id)
        if state not in tuple(VpnState):
            raise invalid(f"Value ({state}) for parameter state is invalid.", "state")
        return self._put_vpn(replace(connection, state=VpnState(state)))

    def _living_vpn(self, vpn_connection_id: str) -> VpnConnection:
        connection = self._vpn_connection(vpn_connection_id)
        if connection.state is VpnState.DELETED:
            text = f"The vpnConnection ID '{vpn_connection_id}' does not exist (deleted)"
            raise Ec2Error("InvalidVpnConnectionID.NotFound", text, "vpn_connection_id")
        return connection

    def _put_vpn(self, connection: VpnConnection) -> VpnConnection:
        self._put(self.vpn_connections, connection.vpn_connection_id, connection)
        return connection

    def _refuse_hosts_behind(self, location: str) -> None:
        """EMU: who has hosts behind him stays."""
        for host in self.external_hosts.values():
            if host.location == location:
                text = f"'{location}' has external hosts behind it ({host.external_host_id})"
                raise Ec2Error("DependencyViolation", text)


def networks_behind(routes: Iterable[str]) -> tuple[IPNetwork, ...]:
    """Return blocks behind a connection, each once."""
    blocks = tuple(network(text, "routes", (index,)) for index, text in enumerate(routes))
    for index, block in enumerate(blocks):
        if block in blocks[:index]:
            raise invalid(f"The route {block} appears twice", "routes", (index,))
    return blocks
