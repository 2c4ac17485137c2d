"""Prefix lists: named sets of CIDR blocks with a weight.

A customer's list weighs its maximum size, AWS's own what ROUTE-17 says.  AWS's
lists cannot be modified by customers; the emulator's verb
``register_prefix_list`` (with the services) replaces their blocks, for users who
know today's (VPCE-GW-2).

AWS: VPC User Guide, "AWS-managed prefix lists".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from emulator.control.addresses import network
from emulator.control.errors import Ec2Error, invalid
from emulator.control.propagation import Propagation
from emulator.control.security_groups import SecurityGroups
from emulator.control.state import verb
from emulator.model.resources import PrefixList

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netaddr import IPNetwork

CUSTOMER: Final = "customer"
"""``owner_id`` of lists that users create; the emulator has one account."""
MAX_ENTRIES: Final = 1000  # ROUTE-17


class PrefixLists(Propagation, SecurityGroups):
    """Verbs on prefix lists; they look at routes and rules because those count lists' weights."""

    @verb
    def create_managed_prefix_list(
        self,
        *,
        max_entries: int,
        entries: Iterable[str] = (),
        prefix_list_name: str | None = None,
        prefix_list_id: str | None = None,
    ) -> PrefixList:
        """Create a list of the user's."""
        _check_max_entries(max_entries)
        name = self._new_id(self.prefix_lists, "pl", prefix_list_id, "prefix_list_id")
        cidrs = _blocks(entries, "entries")
        _check_size(cidrs, max_entries, "entries")
        created = PrefixList(name, prefix_list_name or name, cidrs, max_entries, CUSTOMER)
        self._put(self.prefix_lists, name, created)
        return created

    @verb
    def modify_managed_prefix_list(
        self,
        prefix_list_id: str,
        *,
        add_entries: Iterable[str] = (),
        remove_entries: Iterable[str] = (),
        max_entries: int | None = None,
        prefix_list_name: str | None = None,
    ) -> PrefixList:
        """Change a list of the user's; everything that names it follows."""
        old = self._own_list(prefix_list_id)
        cidrs = list(old.cidrs)
        for index, block in enumerate(_blocks(remove_entries, "remove_entries")):
            if block not in cidrs:
                raise invalid(
                    f"The entry {block} is not in the prefix list {prefix_list_id}", "remove_entries", (index,)
                )
            cidrs.remove(block)
        for index, block in enumerate(_blocks(add_entries, "add_entries")):
            if block in cidrs:
                raise invalid(
                    f"The entry {block} is already in the prefix list {prefix_list_id}", "add_entries", (index,)
                )
            cidrs.append(block)
        size = old.max_entries if max_entries is None else max_entries
        _check_max_entries(size)
        _check_size(tuple(cidrs), size, "add_entries" if max_entries is None else "max_entries")
        new = replace(
            old, cidrs=tuple(cidrs), max_entries=size, prefix_list_name=prefix_list_name or old.prefix_list_name
        )
        self._put(self.prefix_lists, prefix_list_id, new)
        self._check_users(prefix_list_id)
        return new

    @verb
    def delete_managed_prefix_list(self, prefix_list_id: str) -> None:
        """Delete a list of the user's that no route and no rule names."""
        self._own_list(prefix_list_id)
        users = [
            table.route_table_id
            for table in self.route_tables.values()
            if any(route.destination_prefix_list_id == prefix_list_id for route in table.routes)
        ]
        users += [
            group.group_id
            for group in self.security_groups.values()
            if any(rule.prefix_list_id == prefix_list_id for rule in group.ingress + group.egress)
        ]
        if users:
            text = f"The prefix list '{prefix_list_id}' has dependencies and cannot be deleted. ({', '.join(users)})"
            raise Ec2Error("DependencyViolation", text, "prefix_list_id")
        self._remove(self.prefix_lists, prefix_list_id)

    def _own_list(self, prefix_list_id: str) -> PrefixList:
        found = self._prefix_list(prefix_list_id)
        if found.owner_id != CUSTOMER:
            text = f"The prefix list {prefix_list_id} is managed by AWS; you cannot modify or delete it."
            raise Ec2Error("OperationNotPermitted", text, "prefix_list_id")
        return found

    def _check_users(self, prefix_list_id: str) -> None:
        """A list that grew must still fit where it is used (SG-6, ROUTE-16)."""
        for table in self.route_tables.values():
            uses = any(route.destination_prefix_list_id == prefix_list_id for route in table.routes)
            if uses and self.routes_used(table.routes) > self.settings.routes_per_table:
                text = f"The route table {table.route_table_id} has no room for that many entries"
                raise Ec2Error("RouteLimitExceeded", text, "max_entries")
        for group in self.security_groups.values():
            for rules in (group.ingress, group.egress):
                if any(rule.prefix_list_id == prefix_list_id for rule in rules):
                    self._check_rule_quota(rules)


def _blocks(entries: Iterable[str], parameter: str) -> tuple[IPNetwork, ...]:
    return tuple(network(entry, parameter, (index,)) for index, entry in enumerate(entries))


def _check_max_entries(max_entries: int) -> None:
    if not 1 <= max_entries <= MAX_ENTRIES:
        text = f"Value ({max_entries}) for parameter maxEntries is invalid. It must be 1 to {MAX_ENTRIES}."
        raise invalid(text, "max_entries")


def _check_size(cidrs: tuple[IPNetwork, ...], max_entries: int, parameter: str) -> None:
    if len(cidrs) > max_entries:
        text = f"The prefix list holds {len(cidrs)} entries, more than its maximum of {max_entries}"
        raise Ec2Error("PrefixListMaxEntriesExceeded", text, parameter)
    for index, block in enumerate(cidrs):
        if block in cidrs[:index]:
            raise invalid(f"The entry {block} appears twice", parameter, (index,))
