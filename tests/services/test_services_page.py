"""docs/services.md: its documents load, and it names every application and option."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from emulator.services import APPLICATIONS, OptionError, program_named

PAGE = (Path(__file__).parents[2] / "docs" / "services.md").read_text("utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_documents_on_the_page_are_right(example):
    for name, entry in YAML(typ="safe").load(example)["services"].items():
        program = program_named(entry.get("application", name), name, "us-east-1", entry["options"])
        assert program.port == 80


@pytest.mark.parametrize("application", APPLICATIONS)
def test_every_option_is_on_the_page(application):
    (row,) = re.findall(rf"^\| `{application}` \|.*$", PAGE, re.MULTILINE)
    with pytest.raises(OptionError) as caught:
        program_named(application, "com.amazonaws.us-east-1.sqs", "us-east-1", {"frobnicate": 1})
    known = set(str(caught.value).partition("known are ")[2].split(", "))
    assert known - {"port", "tls", "tls_port"} <= set(re.findall(r"`([a-z_]+)`", row))
