"""The YAML of an import is the import, for people and for the emulator."""

from __future__ import annotations

import json

import pytest

from emulator.importers.writing import yaml_of
from emulator.topology.documents import parse
from tests.importers.folder import account, imported, small


def test_the_file_reads_back_as_what_was_imported() -> None:
    made = imported(account())
    document = parse(yaml_of(made), "topology.yaml")
    assert document.problems == []
    assert document.data == made.data


def test_notes_and_names_stand_as_comments() -> None:
    text = yaml_of(imported(account()))
    assert '  i-0web:  # web: "one" # 1\n' in text
    assert "#   instances.json: EMU_LEFT_OUT: i-0gone: the instance is terminated\n" in text


@pytest.mark.parametrize(
    "word",
    ["yes", "true", "null", "~", "1e3", "0x10", "12", "a: b", "# no", "- x", "a\nb", "\t", "\x7f\x85\u2028\ufeff", "😀",
     "\ud800", '"\\', "{}", "*a", "&a", "!t", "%", "@", "`", "a #b", "2024-01-01", "1_000", ".5", "1.0", "=", "<<"],
)  # fmt: skip
def test_any_text_survives(word: str) -> None:
    policy = {"Statement": [{"Sid": word, "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}]}
    endpoint = {
        "VpcEndpointId": "vpce-1",
        "VpcId": "vpc-1",
        "ServiceName": "com.amazonaws.us-east-1.s3",
        "PolicyDocument": json.dumps(policy),
    }
    group = {"GroupId": "sg-1", "GroupName": word, "VpcId": "vpc-1", "Tags": [{"Key": "Name", "Value": word}]}
    made = imported(small(VpcEndpoints=[endpoint], SecurityGroups=[group]))
    read = parse(yaml_of(made), "topology.yaml")
    expected = json.loads(json.dumps(made.data).replace("\\ud800", "\\ufffd"))
    assert read.data == expected
