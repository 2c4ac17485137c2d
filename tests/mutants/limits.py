"""Mistakes in rates, metrics, zones, and in what is said of what is not modelled (sections 2, 4 to 6, 8 to 10, 13)."""

from __future__ import annotations

from tests.mutants.mutation import mutation

_BANDWIDTH = "tests/flows/test_bandwidth_facts.py"
_REACH = "tests/flows/test_reach_facts.py"

LIMITS = (
    # rates
    mutation(
        "VPCE-13 VPCE-IF-11",
        "both directions share one shaper",
        "control/compile.py",
        'from_service = _shaper(eni, endpoint, "from-service")',
        'from_service = _shaper(eni, endpoint, "to-service")',
    ),
    mutation(
        "VPCE-13",
        "there is no hop behind an endpoint",
        "flows/leg_endpoints.py",
        "result.goes_on(eni.interface_id, following, eni.interface_id, endpoint.service_delay, eni.to_service)",
        "result.goes_on(eni.interface_id, following, eni.interface_id, 0, eni.to_service)",
    ),
    mutation(
        "VPCE-IF-11",
        "what is left of a nanosecond's tokens is lost",
        "simulation/shaper.py",
        "left += wait * rate",
        "left = 0",
        f"{_BANDWIDTH}::test_an_endpoint_is_as_fast_as_that_per_interface_and_direction",
    ),
    mutation(
        "VPCE-GW-18",
        "a gateway endpoint is as fast as an interface of an endpoint",
        "flows/leg_endpoints.py",
        "    result.goes_on(component, PlaceKind.HOST, component, gateway.service_delay)\n",
        "    from emulator.flows.tables import ShaperSpec\n\n"
        "    spec = ShaperSpec(component, 10_000_000_000, 131_072, None)\n"
        "    result.goes_on(component, PlaceKind.HOST, component, gateway.service_delay, spec)\n",
    ),
    mutation(
        "NET-1",
        "all flows of an interface share the rate of one",
        "flows/leg_interfaces.py",
        'result.shape(ShaperSpec(f"{component}/{flow}", rate, FLOW_BURST, None))',
        'result.shape(ShaperSpec(f"{component}/{flow[:3]}", rate, FLOW_BURST, None))',
    ),
    mutation(
        "NET-1",
        "what waits in one flow's shaper holds up the other flow",
        "simulation/fabric.py",
        "key = (source, target, delay, shaper_id)",
        "key = (source, target, delay, shaper_id[:0])",
    ),
    mutation(
        "NET-8",
        "both directions of a tunnel share its rate",
        "flows/leg_private_edges.py",
        'f"{connection.connection_id}/{way}"',
        'f"{connection.connection_id}/{way[:0]}"',
        f"{_BANDWIDTH}::test_a_tunnel_carries_one_and_a_quarter_gigabit_each_way",
    ),
    mutation(
        "NET-8",
        "a tunnel has no limit",
        "model/settings.py",
        "vpn_bandwidth: int | None = 1_250_000_000",
        "vpn_bandwidth: int | None = None",
    ),
    mutation(
        "NAT-1",
        "a NAT gateway has no limit",
        "flows/leg_nat.py",
        "rate = tables.settings.nat_gateway_bandwidth\n    if rate is not None:",
        "rate = tables.settings.nat_gateway_bandwidth\n    if rate is None:",
    ),
    # metrics
    mutation(
        "VPCE-IF-23",
        "a connection that is asked for counts as new",
        "observe/metrics.py",
        "                    counts.connections[connection] = [packet.seq, _SYN_SENT]\n",
        "                    counts.connections[connection] = [packet.seq, _SYN_SENT]\n"
        "                    counts.established += 1\n",
    ),
    mutation(
        "VPCE-IF-23",
        "only what goes to the service is processed",
        "network/endpoint_metrics.py",
        'for way in ("to-service", "from-service")',
        'for way in ("to-service",)',
    ),
    mutation(
        "VPCE-IF-23",
        "what a group drops the endpoint has dropped",
        "observe/metrics.py",
        "own = ending.reason in OWN_DROPS",
        "own = ending.reason is not None",
    ),
    mutation(
        "VPCE-IF-23",
        "a reset ends nothing",
        "observe/metrics.py",
        "counts.connections.pop(connection, None)",
        "counts.connections.get(connection, None)",
    ),
    mutation(
        "VPCE-IF-23",
        "a silent connection is active for ever",
        "network/endpoint_metrics.py",
        "return self._fabric.state.get(key, now) is not None",
        "return self._fabric.state.known(key) is not None",
    ),
    mutation(
        "VPCE-IF-23",
        "another rate begins to count anew",
        "simulation/fabric.py",
        "if known is not None:  # another rate",
        "if known is None and self._shapers is None:  # another rate",
    ),
    # zones and reach
    mutation(
        "VPCE-IF-17",
        "interfaces that have failed stay in the regional name",
        "services/views.py",
        "if interface.network_interface_id not in self.failures and zone not in self.failures",
        "if interface.network_interface_id not in self.failures",
    ),
    mutation(
        "VPCE-3 VPCE-IF-17",
        "a zone's failure spares the interfaces in it",
        "control/compile.py",
        "state.failures.get(eni.network_interface_id) or state.failures.get(zone) or",
        "state.failures.get(eni.network_interface_id) or",
    ),
    mutation(
        "DNS-5",
        "a peer's packets get to the resolver",
        "flows/leg_interfaces.py",
        "if packet.dst not in (vpc.resolver_address, RESOLVER_LINK_LOCAL):",
        "if packet.dst not in (*(one.resolver_address for one in tables.vpcs.values()), RESOLVER_LINK_LOCAL):",
    ),
    mutation(
        "DNS-6 SG-7",
        "metadata is an address like any",
        "flows/leg_interfaces.py",
        "if contains(LINK_LOCAL, packet.dst):",
        "if contains(LINK_LOCAL, packet.src):",
        f"{_REACH}::test_instance_metadata_and_time_are_asked_past_every_filter_and_not_modelled",
    ),
    mutation(
        "REACH-1",
        "what is not modelled is a blackhole",
        "flows/leg_routes.py",
        "Reason.UNSUPPORTED_COMPONENT, str(entry), detail",
        "Reason.BAD_STATE_ROUTE, str(entry), detail",
    ),
    mutation(
        "REACH-3",
        "every path crosses zones",
        "network/questions.py",
        "or here.availability_zone == there.availability_zone:",
        "or not there.availability_zone:",
    ),
    mutation(
        "REACH-4",
        "a fault has one of the Analyzer's reasons",
        "flows/legs.py",
        "Reason.EMU_FAULT, eni.failed)",
        "Reason.BAD_STATE, eni.failed)",
    ),
    # tracking
    mutation(
        "SG-12",
        "what a NAT gateway passes is tracked by the rules alone",
        "flows/leg_interfaces.py",
        "if entry.target in tables.nat_gateways:\n        return 1",
        "if entry.target in tables.nat_gateways:\n        return 0",
    ),
    mutation(
        "SG-12",
        "DynamoDB's gateway endpoint takes one entry",
        "control/compile.py",
        "auto_tracked=DYNAMODB_ENTRIES if dynamodb else 0",
        "auto_tracked=1 if dynamodb else 0",
    ),
    mutation(
        "SG-15",
        "behind a load balancer the interface's own timeout counts",
        "flows/leg_interfaces.py",
        "if peer is not None and peer.kind is Kind.LOAD_BALANCER:  # SG-15",
        "if peer is not None and peer.kind is Kind.NAT_GATEWAY:  # SG-15",
    ),
    mutation(
        "SG-16",
        "the table is never full",
        "flows/leg_interfaces.py",
        "if eni.max_tracked and state.full(",
        "if not eni.max_tracked and state.full(",
    ),
    mutation(
        "SG-18",
        "every ICMP error is about a flow that is let through",
        "flows/leg_interfaces.py",
        "return AUTO in entry.binding",
        "return AUTO not in ()",
    ),
    mutation(
        "VPCE-GW-16",
        "a service says nothing to a stranger",
        "tcp/reset.py",
        "if flags & RST:",
        "if flags & (RST | ACK):",
    ),
    mutation(
        "SVC-9",
        "ports never run out",
        "flows/leg_balancers.py",
        "full = state.full(_group(node, after, packet), limit, now)",
        "full = state.full(_group(node, after, packet), 1 << 30, now)",
    ),
    mutation(
        "SVC-13",
        "the sequence number chooses no target",
        "flows/leg_balancers.py",
        "(flow_hash(name, packet) ^ packet.seq) % len(healthy)",
        "flow_hash(name, packet) % len(healthy)",
    ),
)
