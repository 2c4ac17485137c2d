"""Mistakes in security groups, connection tracking and network ACLs (sections 2 and 3)."""

from __future__ import annotations

from tests.mutants.mutation import mutation

FILTERS = (
    mutation(
        "SG-1",
        "an interface gets the rules of its first group only",
        "control/compile.py",
        "rules = tuple(rule for group_id in group_ids for rule",
        "rules = tuple(rule for group_id in group_ids[:1] for rule",
    ),
    mutation(
        "SG-1",
        "what no rule admits passes",
        "flows",
        "    if rule is None:\n        return _not_admitted(",
        "    if rule is None and rules:\n        return True\n    if rule is None:\n        return _not_admitted(",
    ),
    mutation(
        "SG-2",
        "a new group lets nothing out",
        "control/security_groups.py",
        "SecurityGroup(name, vpc_id, (), (ALLOW_ALL_OUT,), called)",
        "SecurityGroup(name, vpc_id, (), (), called)",
    ),
    mutation(
        "SG-2",
        "the default group admits nobody",
        "control/vpcs.py",
        "SecurityGroup(name, vpc.vpc_id, (from_itself,),",
        "SecurityGroup(name, vpc.vpc_id, (),",
    ),
    mutation(
        "SG-2",
        "the default group can be deleted",
        "control/security_groups.py",
        "if self.vpcs[group.vpc_id].default_security_group_id == group_id:",
        "if not group_id:",
    ),
    mutation(
        "SG-2",
        "an interface created without a group wears none",
        "control/interfaces.py",
        "return names or (self.vpcs[vpc_id].default_security_group_id,)",
        "return names",
    ),
    mutation(
        "SG-3",
        "a range of ports ends one before its last",
        "gates/security_groups.py",
        "from_port <= packet.dport <= to_port",
        "from_port <= packet.dport < to_port",
    ),
    mutation(
        "SG-3",
        "a group as peer stands for everybody",
        "gates/security_groups.py",
        "peer in self.members",
        "bool(self.members)",
    ),
    mutation(
        "SG-3",
        "a rule may have two peers",
        "control/security_groups.py",
        "if len(peers) != 1:",
        "if not peers:",
    ),
    mutation(
        "SG-4",
        "any VPC's group may be named",
        "control/security_groups.py",
        "if not self._may_reference(group, other, direction):\n                text",
        "if not group.vpc_id:\n                text",
    ),
    mutation(
        "SG-5",
        "a rule stays fresh when the peering ends",
        "control/security_groups.py",
        "return other is None or not self._may_reference(group, other, direction)",
        "return other is None",
    ),
    mutation(
        "SG-6 ERR-24",
        "a group takes any number of rules",
        "control/security_groups.py",
        "if self.rules_used(rules) > limit:",
        "if self.rules_used(rules) > 1 << 30:",
    ),
    mutation(
        "SG-6 ERR-24",
        "an interface wears any number of groups",
        "control/interfaces.py",
        "if len(names) > self.settings.groups_per_interface:",
        "if len(names) > 1 << 30:",
    ),
    mutation(
        "SG-7 DNS-4",
        "packets to the resolver meet the sender's groups and lists",
        "flows",
        "if packet.version == 4 and _reserved(tables, result, eni):",
        "if packet.version == 6 and _reserved(tables, result, eni):",
    ),
    mutation(
        "SG-8",
        "names of groups differ by case",
        "control/security_groups.py",
        "other.group_name.lower() == called.lower()",
        "other.group_name == called",
    ),
    mutation(
        "SG-8",
        "a name may begin with SG-",
        "control/security_groups.py",
        'group_name.lower().startswith("sg-")',
        'group_name.startswith("sg-")',
    ),
    mutation(
        "SG-9 SG-13",
        "every packet is judged by rules",
        "flows",
        "    if entry is not None and syn and entry.state in (Tracked.CLOSING, Tracked.CLOSED):",
        "    if entry is not None:",
    ),
    mutation(
        "SG-9",
        "a reply has another key than its request",
        "flows/conntrack.py",
        "    if not outgoing:\n        local,",
        "    if not local_port:\n        local,",
    ),
    mutation(
        "SG-11",
        "other protocols are remembered like echo",
        "flows/conntrack.py",
        "30 * SECOND if protocol == IPPROTO_ICMP else 600 * SECOND",
        "30 * SECOND",
    ),
    mutation(
        "SG-11",
        "other protocols are not tracked both ways",
        "flows/conntrack.py",
        "        local_port = remote_port = 0",
        "        local_port = remote_port = packet.src & 0xFFFF",
    ),
    mutation(
        "SG-13",
        "a new connection on the ports of an ended one passes without a rule",
        "flows",
        "if entry is not None and syn and entry.state in (Tracked.CLOSING, Tracked.CLOSED):",
        "if entry is not None and syn and entry.state in ():",
    ),
    mutation(
        "SG-14",
        "established flows are forgotten after five minutes",
        "model/settings.py",
        "tcp_established_timeout: int = 432_000 * SECOND",
        "tcp_established_timeout: int = 300 * SECOND",
    ),
    mutation(
        "SG-14",
        "one answer makes a stream",
        "flows/conntrack.py",
        '(Tracked.ONE_WAY, "answer"): Tracked.ANSWERED,',
        '(Tracked.ONE_WAY, "answer"): Tracked.STREAM,',
    ),
    mutation(
        "SG-17",
        "a stray FIN opens a flow for days",
        "flows/conntrack.py",
        "return Tracked.CLOSING if packet.flags & FIN else Tracked.ESTABLISHED",
        "return Tracked.ESTABLISHED",
    ),
    mutation(
        "NACL-1",
        "every subnet uses the default list",
        "control/compile.py",
        "acls[subnet.network_acl_id]",
        "acls[vpc.default_network_acl_id]",
    ),
    mutation(
        "NACL-2",
        "lines are asked in the order in which they were written",
        "gates/network_acls.py",
        "sorted(ingress, key=lambda entry: entry.rule_number)",
        "list(ingress)",
    ),
    mutation(
        "NACL-2",
        "a line may have the number of the last one",
        "control/network_acls.py",
        "LAST_RULE_NUMBER: Final = 32766",
        "LAST_RULE_NUMBER: Final = 32767",
    ),
    mutation(
        "NACL-2 NACL-3",
        "what no line speaks of passes",
        "gates/network_acls.py",
        'return False, "*"',
        'return True, "*"',
    ),
    mutation(
        "NACL-3",
        "a default list lets nothing in",
        "control/vpcs.py",
        "(_allow_all(egress=False), _allow_all(egress=True))",
        "(_allow_all(egress=True),)",
    ),
    mutation(
        "NACL-4 VPCE-IF-6 VPCE-GW-12",
        "what went out is let in",
        "flows",
        "entries = eni.acl.egress if outgoing else eni.acl.ingress",
        "entries = eni.acl.egress",
    ),
    mutation(
        "NACL-6 ERR-25",
        "the final line does not count",
        "control/network_acls.py",
        "+ 2 > limit:",
        "+ 1 > limit:",
    ),
    mutation(
        "NACL-7",
        "compiled paths outlive an edit",
        "simulation/fabric.py",
        "compiled.generation != self.source.generation",
        "compiled.generation == _STALE",
    ),
    mutation(
        "NACL-9",
        "a packet that leaves meets the list of its subnet behind the route",
        "flows",
        (
            "    elif network_acl(result, eni, outgoing=True):\n"
            "        result.log(component, outgoing=True, accepted=True)\n"
            "        follow(tables, result, eni.routes, sender)\n"
        ),
        (
            "    else:\n"
            "        follow(tables, result, eni.routes, sender)\n"
            "        network_acl(result, eni, outgoing=True)\n"
        ),
    ),
)
