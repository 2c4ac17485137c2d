"""Settings that an imported network needs: an account may have had its quotas raised.

Quotas must not make an import fail that AWS has accepted; what is raised is noted.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from emulator.importers.notes import Code
from emulator.model.settings import Settings
from emulator.topology.schema import SettingsEntry

if TYPE_CHECKING:
    from emulator.importers.plan import Entry, Plan


def raise_quotas(plan: Plan) -> None:
    """Set what is more than the default."""
    default = Settings()
    for name, needed in _needed(plan).items():
        have = getattr(default, name)
        if needed <= have:
            continue
        most = _most(name)
        value = needed if most is None else min(needed, most)
        plan.settings[name] = value
        sentence = f"{name} is {value}: the account has more than AWS's default of {have}"
        if value < needed:
            sentence += f", and needs {needed}, more than can be set"
        plan.note("", "settings", Code.EMU_RAISED_QUOTA, sentence)


def _most(name: str) -> int | None:
    """Return the most that the schema lets be set."""
    for constraint in SettingsEntry.model_fields[name].metadata:
        most: Any = getattr(constraint, "le", None)
        if isinstance(most, int):
            return most
    return None


def _needed(plan: Plan) -> dict[str, int]:
    groups = {name: _rules(plan, entry) for name, entry in plan.each("security_groups")}
    worn = [
        entry.get(key, [])
        for section, key in (
            ("instances", "security_group_ids"),
            ("network_interfaces", "groups"),
            ("vpc_endpoints", "security_group_ids"),
            ("load_balancers", "security_group_ids"),
        )
        for _, entry in plan.each(section)
    ]
    most_rules, most_worn = max(groups.values(), default=0), max(map(len, worn), default=0)
    lines = [len(entry.get(way, [])) + 1 for _, entry in plan.each("network_acls") for way in ("ingress", "egress")]
    tables = [
        sum(_weight(plan, route["destination"]) for route in entry.get("routes", []))
        + sum(name in endpoint.get("route_table_ids", []) for _, endpoint in plan.each("vpc_endpoints"))
        for name, entry in plan.each("route_tables")
    ]
    propagated = [
        len(entry.get("routes", []))
        for section in ("vpn_connections", "virtual_interfaces")
        for _, entry in plan.each(section)
    ]
    kinds = Counter((entry["vpc_id"], entry["vpc_endpoint_type"]) for _, entry in plan.each("vpc_endpoints"))
    return {
        "rules_per_group": most_rules,
        "groups_per_interface": most_worn,
        "rules_per_interface": most_rules * most_worn,
        "entries_per_acl": max(lines, default=0),
        "routes_per_table": max(tables, default=0),
        "propagated_routes_per_table": sum(propagated),
        "route_tables_per_vpc": _most_in_a_vpc(plan, "route_tables") + 1,
        "network_acls_per_vpc": _most_in_a_vpc(plan, "network_acls") + 1,
        "security_groups_per_region": len(groups) + len(plan.sections["vpcs"]),
        "interface_endpoints_per_vpc": max((n for (_, kind), n in kinds.items() if kind == "Interface"), default=0),
        "gateway_endpoints_per_region": sum(n for (_, kind), n in kinds.items() if kind == "Gateway"),
    }


def _rules(plan: Plan, group: Entry) -> int:
    return max(sum(_weight(plan, rule["peer"]) for rule in group.get(way, [])) for way in ("ingress", "egress"))


def _weight(plan: Plan, peer: str) -> int:
    """Return what a peer or destination counts for: a prefix list its maximum (ROUTE-17)."""
    entry = plan.sections["prefix_lists"].get(peer)
    return 1 if entry is None else max(1, entry.get("max_entries", len(entry["cidrs"])))


def _most_in_a_vpc(plan: Plan, section: str) -> int:
    return max(Counter(entry["vpc_id"] for _, entry in plan.each(section)).values(), default=0)
