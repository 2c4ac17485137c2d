"""The house: which room may import which, and what the front door shows."""

from __future__ import annotations

import ast
from pathlib import Path

import emulator

HOUSE = Path(emulator.__file__).parent

# Room: the rooms it may import, as docs/architecture.md draws them. Never upward, so the graph has no circle.
ALLOWED: dict[str, set[str]] = {
    "model": set(),
    "wire": {"model"},
    "policies": {"model"},
    "gates": {"wire", "model"},
    "flows": {"gates", "wire", "model"},
    "tcp": {"wire", "model"},
    "simulation": {"flows", "gates", "wire", "model"},
    "asyncio_net": {"simulation", "tcp", "wire", "model"},
    "services": {"policies", "asyncio_net", "model"},
    "control": {"policies", "flows", "gates", "wire", "model"},
    "topology": {"control", "model"},
    "importers": {"topology", "control", "model"},
    "capture": {"wire", "model"},
    "observe": {"wire", "model"},
    "network": {
        "importers",
        "topology",
        "control",
        "services",
        "policies",
        "asyncio_net",
        "simulation",
        "flows",
        "gates",
        "tcp",
        "capture",
        "observe",
        "wire",
        "model",
    },
    "cli": {"network", "importers", "topology", "observe", "model"},
}

PUBLIC = {
    "Capture",
    "ControlPlane",
    "Ec2Error",
    "Fault",
    "Network",
    "Outcome",
    "Packet",
    "Reason",
    "RoundTrip",
    "Settings",
    "TopologyError",
    "Trace",
}


def imports(path: Path) -> set[str]:
    """Every room of the house that a module imports, wherever in the file."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module] if node.module != "emulator" else [f"emulator.{alias.name}" for alias in node.names]
        rooms |= {name.split(".")[1] for name in names if name.startswith("emulator.")}
    return rooms


def test_every_room_is_known() -> None:
    assert {path.name for path in HOUSE.iterdir() if path.is_dir() and path.name != "__pycache__"} == set(ALLOWED)


def test_rooms_import_one_way() -> None:
    wrong = [
        f"{path.relative_to(HOUSE)} imports {room}"
        for path in sorted(HOUSE.rglob("*.py"))
        if path.parent != HOUSE
        for room in sorted(imports(path))
        if room not in ALLOWED[path.relative_to(HOUSE).parts[0]] | {path.relative_to(HOUSE).parts[0]}
    ]
    assert wrong == []


def test_the_allowed_directions_hold_no_circle() -> None:
    done: set[str] = set()
    while len(done) < len(ALLOWED):
        free = {room for room, below in ALLOWED.items() if room not in done and below <= done}
        assert free, f"a circle among {sorted(set(ALLOWED) - done)}"
        done |= free


def test_no_room_imports_by_relative_path() -> None:
    for path in HOUSE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            assert not (isinstance(node, ast.ImportFrom) and node.level), path


def test_the_front_door_is_small_and_complete() -> None:
    assert set(emulator.__all__) == PUBLIC
    assert all(getattr(emulator, name).__doc__ for name in PUBLIC)
    assert all(getattr(emulator, name).__module__.startswith("emulator.") for name in PUBLIC)


def test_every_module_opens_with_what_it_is_for() -> None:
    silent = [path for path in HOUSE.rglob("*.py") if not ast.get_docstring(ast.parse(path.read_text("utf-8")))]
    assert silent == []


def test_the_core_reads_no_clock_and_draws_nothing_unseeded() -> None:
    """D3: no wall clock, no unseeded randomness below the network room."""
    wrong = []
    for path in sorted(HOUSE.rglob("*.py")):
        if path.relative_to(HOUSE).parts[0] == "cli":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                wrong += [f"{path}: {alias.name}" for alias in node.names if alias.name in {"time", "secrets", "uuid"}]
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                name = f"{node.value.id}.{node.attr}"
                drawn = node.value.id == "random" and node.attr != "Random"
                if drawn or name in {"os.urandom", "datetime.now", "datetime.utcnow", "date.today"}:
                    wrong.append(f"{path}:{node.lineno}: {name}")
    assert wrong == []
