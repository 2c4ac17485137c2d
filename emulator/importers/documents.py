"""An imported network as a document, and the last look at it.

The document is built once by the verbs that build every other.  What they
refuse although AWS had it (a local zone, a policy with an unknown operator,
half an answer) is left out piece by piece, each with a note, so that an import
keeps going.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from emulator.importers.notes import Code
from emulator.topology.documents import Document, KeyPath, Node
from emulator.topology.problems import Mark
from emulator.topology.schema import SECTIONS
from emulator.topology.steps import build

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.importers.plan import Plan
    from emulator.topology.problems import Problem

ROUNDS: Final = 50
FEWEST: Final = {"vpcs": ("cidr_blocks",), "vpc_endpoint_service_configurations": ("load_balancer_names",)}
"""Lists that must not become empty: with the last element the entry goes."""
MEANT_EMPTY: Final = ("ingress", "egress", "cidrs")
"""Lists that say something by being empty."""


def settled(plan: Plan, folder: str) -> Document:
    """Return the plan as a document, without what the verbs refuse; its problems point at the files it came from."""
    for _ in range(ROUNDS):
        document = _document(plan, folder)
        if not build(document)[1]:
            break
        _leave_out_refused(plan)
    return document


def _document(plan: Plan, folder: str) -> Document:
    """Return a document in which an entry and all that is in it stand where the file has the entry's id."""
    top = Mark(folder, 1, 1)
    root = Node(top, {})
    for section, value in plan.document().items():
        root.keys[section] = top
        if not isinstance(value, dict) or section == "settings":
            root.value[section] = _node(value, (section,), _always(top))
            continue
        entries = Node(top, {})
        for name, entry in value.items():
            file, line = plan.origins.get((section, name), ("", 1))
            here = Mark(f"{folder}/{file}", line, 1) if file else top
            entries.keys[name] = here
            entries.value[name] = _node(entry, (section, name), _always(here))
        entries.weight += sum(node.weight for node in entries.value.values())
        root.value[section] = entries
    root.weight += sum(node.weight for node in root.value.values())
    return Document(folder, root)


def _always(mark: Mark) -> Callable[[KeyPath], Mark]:
    return lambda _: mark


def _node(value: Any, path: KeyPath, mark: Callable[[KeyPath], Mark]) -> Node:
    here = mark(path)
    if isinstance(value, dict):
        keys = {key: mark((*path, key)) for key in value}
        nodes = {key: _node(one, (*path, key), mark) for key, one in value.items()}
        return Node(here, nodes, keys, 1 + sum(node.weight for node in nodes.values()))
    if isinstance(value, list):
        elements = [_node(one, (*path, index), mark) for index, one in enumerate(value)]
        return Node(here, elements, weight=1 + sum(node.weight for node in elements))
    return Node(here, value)


def _leave_out_refused(plan: Plan) -> None:
    """Build once more with a place of its own for each value, to learn which values the problems are about."""
    places: list[KeyPath] = []

    def mark(path: KeyPath) -> Mark:
        places.append(path)
        return Mark("", len(places), 1)

    _, problems = build(Document("", _node(plan.document(), (), mark)))
    left_out: set[KeyPath] = set()
    for problem in problems:
        path = places[problem.line - 1]
        if len(path) > 1 and not (_made_stale(plan, path) or _kept_as_unusable(plan, path, problem)):
            left_out.add(_leave_out(plan, path, f"{problem.code}: {problem.message}", left_out))
    _remove(plan, left_out)


def _made_stale(plan: Plan, path: KeyPath) -> bool:
    """Mark a rule whose group cannot be named from here (SG-4, SG-5); say whether that was the problem."""
    if len(path) < 5 or path[0] != "security_groups" or path[4] != "peer":
        return False
    name = str(path[1])
    rule = plan.sections["security_groups"][name][str(path[2])][int(path[3])]
    if rule["peer"] not in plan.sections["security_groups"] or rule.get("stale"):
        return False
    rule["stale"] = True
    file = plan.origins.get(("security_groups", name), ("", 1))[0]
    sentence = f"a rule names {rule['peer']}, which it cannot reach by an active peering: stale, and matches nothing"
    plan.note(file, name, Code.EMU_INFERRED, sentence)
    return True


def _kept_as_unusable(plan: Plan, path: KeyPath, problem: Problem) -> bool:
    """Keep a route whose target is refused, so that nothing passes by a shorter one; say whether it was that."""
    if len(path) < 4 or path[2] != "routes" or path[0] not in ("route_tables", "transit_gateway_route_tables"):
        return False
    section, name = str(path[0]), str(path[1])
    route = plan.sections[section][name]["routes"][int(path[3])]
    if route.get("state") == "blackhole" or route.get("target") in plan.sections["unsupported_components"]:
        return False
    file = plan.origins.get((section, name), ("", 1))[0]
    sentence = f"{problem.code}: {problem.message}: the route to {route['destination']} is kept and leads nowhere"
    plan.note(file, name, Code.UNSUPPORTED_COMPONENT, sentence)
    if section == "route_tables":
        unusable = f"unsupported-{route['target']}"[:128]
        plan.put("unsupported_components", unusable, {"resource_type": f"target {route['target']}, which is refused"})
        route["target"] = unusable
    else:
        route.pop("target", None)
        route["state"] = "blackhole"
    return True


def _leave_out(plan: Plan, path: KeyPath, why: str, others: set[KeyPath]) -> KeyPath:
    """Return the smallest part at or around a path that can be missing, with a note if it is a new one."""
    section, name = (str(step) for step in (*path, "", "")[:2])
    if section == "settings":
        part: KeyPath = path[:2]
    elif len(path) > 3 and isinstance(path[3], int):
        part = path[:4]
    elif len(path) > 2 and not SECTIONS[section].model_fields[str(path[2])].is_required():
        part = path[:3]
    else:
        part = path[:2]
    if len(part) == 4 and path[2] in FEWEST.get(section, ()) and len(plan.sections[section][name][str(path[2])]) == 1:
        part = path[:2]
    if part not in others and part[:2] not in others:
        file = plan.origins.get((section, name), ("", 1))[0]
        what = "" if len(part) < 3 else f"{'.'.join(str(step) for step in part[2:])}: "
        plan.note(file, name or section, Code.EMU_LEFT_OUT, f"{what}{why}: left out")
    return part


def _remove(plan: Plan, parts: set[KeyPath]) -> None:
    """Take parts out, from the end of each list so that positions hold."""
    for part in sorted(parts, key=lambda path: tuple((isinstance(one, str), one) for one in path), reverse=True):
        if part[:1] == ("settings",):
            plan.settings.pop(str(part[1]), None) if len(part) > 1 else plan.settings.clear()
            continue
        section, name = str(part[0]), str(part[1])
        entry = plan.sections[section].get(name)
        if entry is None:
            continue
        if len(part) == 2:
            plan.drop(section, name)
        elif len(part) == 3:
            entry.pop(str(part[2]), None)
        else:
            elements = entry[str(part[2])]
            del elements[int(part[3])]
            if not elements and str(part[2]) not in MEANT_EMPTY:
                del entry[str(part[2])]
