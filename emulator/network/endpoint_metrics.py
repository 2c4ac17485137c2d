"""The metrics of a network's interface endpoints: between the fabric, the control plane, and the counters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from emulator.model.resources import VpcEndpointType
from emulator.network.questions import BadQuestion
from emulator.observe.metrics import Connection, EndpointCounters, EndpointMetrics
from emulator.wire.packet import IPPROTO_TCP

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emulator.control import ControlPlane
    from emulator.model.resources import VpcEndpoint
    from emulator.simulation.fabric import Fabric


@dataclass(frozen=True, slots=True)
class EndpointReading:
    """The metrics of an endpoint (VPCE-IF-23): of all its interfaces together, and of each."""

    total: EndpointMetrics
    interfaces: Mapping[str, EndpointMetrics]

    def to_json(self) -> dict[str, Any]:
        """Return the metrics by CloudWatch's names, those of each interface below ``interfaces``."""
        return {**self.total.to_json(), "interfaces": {name: one.to_json() for name, one in self.interfaces.items()}}


class EndpointMetering:
    """What counts at the endpoints of a network."""

    def __init__(self, plane: ControlPlane, fabric: Fabric) -> None:
        self._plane: Final = plane
        self._fabric: Final = fabric
        self._counters: Final = EndpointCounters(self._alive)
        fabric.observe(self._counters)

    def refresh(self) -> None:
        """Take note of a new generation."""
        enis = self._plane.network_interfaces
        self._counters.watch(
            {
                endpoint.vpc_endpoint_id: {
                    int(enis[name].private_ip_address): name for name in endpoint.network_interface_ids
                }
                for endpoint in self._plane.vpc_endpoints.values()
                if endpoint.vpc_endpoint_type is VpcEndpointType.INTERFACE
            }
        )

    def of(self, vpc_endpoint_id: str, now: int) -> EndpointReading:
        """Return the metrics of an endpoint.

        Raises:
            BadQuestion: if there is none of that name, or it is a gateway endpoint, which has none.
        """
        endpoint = self._plane.vpc_endpoints.get(vpc_endpoint_id)
        if endpoint is None:
            known = ", ".join(self._plane.vpc_endpoints) or "none"
            raise BadQuestion(f"no endpoint {vpc_endpoint_id!r}; there are: {known}")
        if endpoint.vpc_endpoint_type is not VpcEndpointType.INTERFACE:
            raise BadQuestion(f"{vpc_endpoint_id} is a gateway endpoint: those have no metrics (VPCE-IF-23)")
        return self._reading(endpoint, now)

    def all(self, now: int) -> dict[str, EndpointReading]:
        """Return the metrics of every interface endpoint, by its name."""
        endpoints = self._plane.vpc_endpoints.items()
        return {
            name: self._reading(endpoint, now)
            for name, endpoint in endpoints
            if endpoint.vpc_endpoint_type is VpcEndpointType.INTERFACE
        }

    def _reading(self, endpoint: VpcEndpoint, now: int) -> EndpointReading:
        self._fabric.tables()  # the present generation's interfaces are counted at
        shapers = self._fabric.shapers
        interfaces = {}
        for name in endpoint.network_interface_ids:
            ways = [shapers.get(f"{name}/{way}") for way in ("to-service", "from-service")]
            octets = sum(shaper.passed_bytes for shaper in ways if shaper is not None)
            interfaces[name] = self._counters.metrics(name, now, octets)
        return EndpointReading(sum(interfaces.values(), EndpointMetrics()), interfaces)

    def _alive(self, interface_id: str, connection: Connection, now: int) -> bool:
        """Return whether the endpoint still remembers a connection (VPCE-IF-15)."""
        client, client_port, server, server_port = connection
        key = f"{interface_id}/idle", server, server_port, client, client_port, IPPROTO_TCP
        return self._fabric.state.get(key, now) is not None
