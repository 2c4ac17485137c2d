"""The rules that a gate looked at before it refused, for people who want to see them.

Read from the same tables that packets meet, after the walk; the walk itself
keeps only the line that decided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.flows.tables import lines

if TYPE_CHECKING:
    from emulator.control import ControlPlane
    from emulator.flows.tables import InterfaceTable, Tables
    from emulator.model.traces import Step
    from emulator.wire.packet import Packet


def considered(plane: ControlPlane, step: Step, packet: Packet | None) -> tuple[str, ...]:
    """Return the lines that the gate of a step had before it, in the order in which it asks them."""
    tables = plane.tables()
    if step.gate.startswith("security_group"):
        return _groups(tables, step)
    if step.gate.startswith("network_acl"):
        return _acl(tables, step)
    if step.gate == "route":
        return _routes(tables, step, packet)
    if step.gate == "transit_gateway_route" and step.component in tables.transit_routes:
        return tuple(str(entry) for entry in lines(tables.transit_routes[step.component]))
    return ()


def _groups(tables: Tables, step: Step) -> tuple[str, ...]:
    eni = next((one for one in tables.interfaces.values() if one.group_ids == step.component), None)
    rules = () if eni is None else (eni.egress if step.gate.endswith("egress") else eni.ingress)
    return tuple(rule.text for rule in rules or ())


def _acl(tables: Tables, step: Step) -> tuple[str, ...]:
    eni = next((one for one in tables.interfaces.values() if one.acl.network_acl_id == step.component), None)
    if eni is None:
        return ()
    entries = eni.acl.egress if step.gate.endswith("egress") else eni.acl.ingress
    texts = [entry.text for entry in entries]
    return tuple(texts[: texts.index(step.rule) + 1] if step.rule in texts else [*texts, "*"])


def _routes(tables: Tables, step: Step, packet: Packet | None) -> tuple[str, ...]:
    eni: InterfaceTable | None = next(
        (one for one in tables.interfaces.values() if one.routes.route_table_id == step.component), None
    )
    if eni is None:
        return ()
    covering = [
        entry for entry in lines(eni.routes) if packet is not None and packet.dst & entry.network[1] == entry.network[0]
    ]
    return tuple(str(entry) for entry in covering or lines(eni.routes))
