"""YAML files from strangers: values with places, and one clear problem for the hostile ones."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml.error import YAMLError

from emulator.topology import documents
from emulator.topology.documents import Document, parse
from emulator.topology.problems import DocumentError, Mark

TEXT = """\
region: us-east-1
vpcs:
  main: {cidr_blocks: [10.0.0.0/16, 10.1.0.0/16]}
rules:
- port: 443
  ok: yes
- port: "443"
  ok: true
- ~
"""


def test_values_are_read_by_the_core_schema():
    assert parse(TEXT, "t.yaml").data == {
        "region": "us-east-1",
        "vpcs": {"main": {"cidr_blocks": ["10.0.0.0/16", "10.1.0.0/16"]}},
        "rules": [{"port": 443, "ok": "yes"}, {"port": "443", "ok": True}, None],
    }


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        (("region",), 1, 9),
        (("vpcs",), 2, 1),  # a mapping is pointed at by its key
        (("vpcs", "main"), 3, 3),
        (("vpcs", "main", "cidr_blocks"), 3, 10),
        (("vpcs", "main", "cidr_blocks", 1), 3, 37),
        (("vpcs", "main", "missing"), 3, 3),  # as far as it goes
        (("vpcs", "none", "cidr_blocks", 1), 2, 1),
        (("rules", 1, "port"), 7, 9),
        (("rules", 1), 7, 3),
        (("rules", 9), 4, 1),
        ((), 1, 1),
    ],
)
def test_every_value_knows_its_place(path, line, column):
    assert parse(TEXT, "t.yaml").mark(path) == Mark("t.yaml", line, column)


def test_keys_have_places_of_their_own():
    document = parse(TEXT, "t.yaml")
    assert document.key_mark(("rules", 1, "ok")) == Mark("t.yaml", 8, 3)
    assert document.key_mark(("rules", 1)) == Mark("t.yaml", 7, 3)


def test_aliases_stand_for_what_they_name():
    assert parse("a: &x [1, 2]\nb: *x\n", "t").data == {"a": [1, 2], "b": [1, 2]}


def test_a_key_that_comes_twice_is_a_problem_and_the_first_one_stays():
    document = parse("a: 1\nb: {x: 1}\na: 2\nb: {x: 2, y: 3}\n", "t")
    assert [str(problem) for problem in document.problems] == [
        't:3:1: EMU_YAML: the key "a" comes twice (first in line 1)',
        't:4:1: EMU_YAML: the key "b" comes twice (first in line 2)',
    ]
    assert document.data == {"a": 1, "b": {"x": 1, "y": 3}}


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 10)}]\n" for i in range(10)
)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        (BOMB, 6, 29, "more than 1000000 values, aliases counted each time"),
        ("a: !!python/object/apply:os.system [x]", 1, 4, "tags like tag:yaml.org,2002:python/object/apply:os.system"),
        ("a: !x 1", 1, 4, "tags like !x are not allowed"),
        ("!x {a: 1}", 1, 1, "tags like !x are not allowed"),
        ("!x a: 1", 1, 1, "tags like !x are not allowed"),
        ("[" * 1000, 1, 33, "nested more than 32 levels deep"),
        ("{a: " * 1000, 1, 129, "nested more than 32 levels deep"),
        ("- " * 1000 + "x", 1, 65, "nested more than 32 levels deep"),
        ("a: &a [*a]", 1, 8, "*a is used inside itself"),
        ("a: *b", 1, 4, "*b is not defined"),
        ("a: 1\n---\nb: 2\n", 3, 1, "a file holds one document; this is a second one"),
        ("? [a]\n: b", 1, 3, "a key must be plain text"),
        ("a:\n\t- b", 2, 1, "cannot start any token"),
        ("a: [1, 2", 1, 9, "expected"),
        ("a: b: c", 1, 5, "mapping values are not allowed here"),
        ("a: 1\nb: \x00", 2, 4, "special characters are not allowed"),
    ],
)
def test_hostile_and_broken_yaml_is_one_problem_with_a_place(text, line, column, message):
    with pytest.raises(DocumentError) as refusal:
        parse(text, "h.yaml")
    (problem,) = refusal.value.problems
    assert (problem.file, problem.line, problem.column, problem.code) == ("h.yaml", line, column, "EMU_YAML")
    assert message in problem.message


def test_numbers_nobody_means_stay_text():
    digits = "9" * 5000  # int() would refuse these itself
    assert parse(f"a: {digits}\nb: 0o17\nc: 1:30\nd: .inf\ne: -7\nf: 1.5", "t").data == {
        "a": digits,
        "b": "0o17",
        "c": "1:30",
        "d": ".inf",
        "e": -7,
        "f": 1.5,
    }


def test_files_have_their_limits(tmp_path, monkeypatch):
    monkeypatch.setattr(documents, "MAX_BYTES", 100)
    large, binary, absent = tmp_path / "large.yaml", tmp_path / "binary.yaml", tmp_path / "absent.yaml"
    large.write_text("a: " + "x" * 100)
    binary.write_bytes(b"a: 1\nb: \xff\n")
    for path, expected in (
        (large, f"{large}:1:1: EMU_FILE: is larger than 0 MiB"),
        (binary, f"{binary}:2:1: EMU_YAML: is not UTF-8 text"),
        (absent, f"{absent}:1:1: EMU_FILE: cannot be read: No such file or directory"),
        (tmp_path, f"{tmp_path}:1:1: EMU_FILE: cannot be read: Is a directory"),
    ):
        with pytest.raises(DocumentError) as refusal:
            documents.read(path)
        assert str(refusal.value) == expected


def test_an_empty_file_is_an_empty_document(tmp_path):
    (tmp_path / "e.yaml").write_text("# nothing yet\n")
    assert documents.read(tmp_path / "e.yaml").data is None


WORDS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=12,
)


@given(VALUES)
def test_json_is_yaml(value):
    assert parse(json.dumps(value), "t").data == value


@given(st.text(max_size=60))
def test_any_text_is_a_document_or_a_documented_refusal(text):
    try:
        document = parse(text, "t")
    except DocumentError as error:
        refused = error
    else:
        assert isinstance(document, Document)
        return
    assert refused.problems


SCRAPS = (
    "- ",
    ": ",
    ", ",
    "[",
    "]",
    "{",
    "}",
    "#",
    '"',
    "'",
    "\n",
    "\n  ",
    "\n- ",
    "a",
    "10",
    ".",
    "-",
    "~",
    ":",
    "\\",
    "é",
    "&a",
    "*a",
)


@given(st.integers(0, len(TEXT)), st.lists(st.tuples(st.integers(0, 200), st.sampled_from(SCRAPS)), max_size=4))
def test_what_libyaml_may_read_it_reads_as_the_parser_of_yaml_1_2_does(
    start: int, edits: list[tuple[int, str]]
) -> None:
    """Values and places (of no value at all the place may be another); without ruamel.yaml.clib they are one parser."""
    text = TEXT[start:] + TEXT
    for at, word in edits:
        text = text[:at] + word + text[at:]
    if documents._NOT_PLAIN.search(text):
        return  # read by the one parser only
    try:
        fast = documents._composed(text, "t.yaml", pure=False)
    except (YAMLError, DocumentError):
        return  # left to the other one
    slow = documents._composed(text, "t.yaml", pure=True)
    assert shown(fast.root) == shown(slow.root)
    assert fast.problems == slow.problems


def shown(node: documents.Node) -> object:
    if isinstance(node.value, dict):
        return [(key, node.keys[key], shown(child)) for key, child in node.value.items()]
    if isinstance(node.value, list):
        return [node.mark, *(shown(child) for child in node.value)]
    return None if node.value is None else (node.mark, node.value)


def test_a_long_text_has_the_same_values_and_places(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "entries:\n" + "".join(f"  e{number}: {{port: {number}, to: [a, 'b']}}\n" for number in range(3000))
    assert len(text) >= documents.LONG
    long = parse(text, "t.yaml")
    monkeypatch.setattr(documents, "LONG", len(text) + 1)
    assert parse(text, "t.yaml") == long
    assert long.mark(("entries", "e2999", "to", 1)) == Mark("t.yaml", 3001, 31)


def test_a_mistake_in_a_long_text_is_told_in_the_words_of_the_parser_of_yaml_1_2(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = "".join(f"e{number}: {{port: {number}}}\n" for number in range(5000)) + "e: [1\n"
    with pytest.raises(DocumentError) as long:
        parse(text, "t.yaml")
    monkeypatch.setattr(documents, "LONG", len(text) + 1)
    with pytest.raises(DocumentError) as short:
        parse(text, "t.yaml")
    assert long.value.problems == short.value.problems
