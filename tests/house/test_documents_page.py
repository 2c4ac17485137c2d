"""docs/documents.md names every key that a document may have, and no section that there is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from emulator.network.schema import ScenarioSpec
from emulator.topology.schema import SECTIONS, SettingsEntry, TopologyDocument

PAGE = (Path(__file__).parents[2] / "docs" / "documents.md").read_text("utf-8")
WORDS = set(re.findall(r"[a-z_0-9]+", " ".join(re.findall(r"`([^`]+)`", PAGE))))


def keys(model: type[BaseModel]) -> set[str]:
    found = set(model.model_fields)
    for field in model.model_fields.values():
        for kind in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                found |= keys(kind)
            for inner in getattr(kind, "__args__", ()):
                if isinstance(inner, type) and issubclass(inner, BaseModel):
                    found |= keys(inner)
    return found


@pytest.mark.parametrize("model", [*SECTIONS.values(), SettingsEntry, TopologyDocument, ScenarioSpec])
def test_every_key_is_on_the_page(model: type[BaseModel]) -> None:
    assert keys(model) - WORDS == set()
