"""Files that hold one policy: JSON as AWS has it, or the same as YAML."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from emulator.control.policies import PolicyKind, policy_errors
from emulator.policies import PolicyError, read_policy
from emulator.topology.documents import read
from emulator.topology.problems import FILE, DocumentError, Problem

if TYPE_CHECKING:
    from pathlib import Path

KINDS: Final = {
    "gateway": PolicyKind.GATEWAY_ENDPOINT,
    "interface": PolicyKind.INTERFACE_ENDPOINT,
    "bucket": PolicyKind.BUCKET,
    "identity": PolicyKind.IDENTITY,
}
"""What policies may be attached to, in the command line's words."""


def policy_problems(path: Path, kind: str) -> list[Problem]:
    """Return everything that is wrong with the policy in a file, at its line and column.

    Args:
        path: JSON, or YAML.
        kind: One of :data:`KINDS`.
    """
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        return [Problem(str(path), 1, 1, FILE, f"cannot be read: {error}")]
    except OSError as error:
        return [Problem(str(path), 1, 1, FILE, f"cannot be read: {error.strerror}")]
    code = policy_errors("", KINDS[kind])[0].code
    if path.suffix not in (".yaml", ".yml"):
        try:
            read_policy(text, KINDS[kind])
        except PolicyError as error:
            return [Problem(str(path), one.line, one.column, code, one.message) for one in error.problems]
        return []
    try:
        document = read(path)
    except DocumentError as error:
        return error.problems
    found = policy_errors(json.dumps(document.root.plain()), KINDS[kind])
    problems = [Problem.at(document.mark(error.path), code, error.sentence) for error in found]
    return [*document.problems, *problems]
