"""Small folders of describe-* JSON for tests, and what an import makes of them."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from emulator.importers import Import, import_snapshot
from emulator.importers.snapshot import Snapshot, Source

ACCOUNT = Path(__file__).parent / "data" / "account"

Files = dict[str, Any]


def account() -> Files:
    """The hand-written account, file by file, to be changed."""
    return {
        path.relative_to(ACCOUNT).as_posix(): json.loads(path.read_text("utf-8")) for path in ACCOUNT.rglob("*.json")
    }


def imported(files: Files) -> Import:
    """What comes of files, without writing them to disk."""
    snapshot = Snapshot()
    for name in sorted(files):
        snapshot.add_answer(copy.deepcopy(files[name]), Source(name))
    return import_snapshot(snapshot, "test")


def notes(made: Import, about: str) -> list[tuple[str, str]]:
    """Code and sentence of each note about an id."""
    return [(note.code, note.sentence) for note in made.notes if note.id == about]


def codes(made: Import, about: str) -> list[str]:
    """The codes of the notes about an id."""
    return [code for code, _ in notes(made, about)]


def vpc(**more: Any) -> dict[str, Any]:
    """One VPC as describe-vpcs has it."""
    return {"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16", "OwnerId": "111122223333", **more}


def subnet(**more: Any) -> dict[str, Any]:
    """One subnet as describe-subnets has it."""
    found = {"SubnetId": "subnet-1", "VpcId": "vpc-1", "CidrBlock": "10.0.1.0/24", "AvailabilityZone": "us-east-1a"}
    return {**found, **more}


def small(**files: Any) -> Files:
    """A VPC with one subnet, and whatever else is given: key → list of objects."""
    found: Files = {"vpcs.json": {"Vpcs": [vpc()]}, "subnets.json": {"Subnets": [subnet()]}}
    return found | {f"{key}.json": {key: value} for key, value in files.items()}
