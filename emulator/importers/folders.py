"""A folder of JSON files as a snapshot.

Files may lie flat, in a folder per Region, or in ``accounts/ACCOUNT/REGION/``;
any folder above those (``aws_configs/``) is passed through.  Folders come from
strangers: sizes, depth and number of files are limited, links are followed only
to files inside, and a file that cannot be read is a note.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from emulator.importers.notes import Code, NothingToImport
from emulator.importers.snapshot import Snapshot, Source
from emulator.importers.values import ACCOUNT, REGION

if TYPE_CHECKING:
    from pathlib import Path

MAX_FILES: Final = 20_000
MAX_FILE_BYTES: Final = 64 * 1024 * 1024
MAX_BYTES: Final = 512 * 1024 * 1024
MAX_FOLDERS_DEEP: Final = 8
MAX_NESTED: Final = 64

_NAMED = re.compile(r'"[A-Za-z]+(?:Id|Arn|Name|Ip)"\s*:\s*"([^"\\\n]{1,300})"')


def read_folder(folder: Path) -> Snapshot:
    """Return what the JSON files of a folder hold.

    Raises:
        NothingToImport: if it is no folder or has no JSON file.
    """
    if not folder.is_dir():
        raise NothingToImport(str(folder), "is no folder")
    snapshot = Snapshot()
    read = 0
    files = _files(folder, snapshot)
    if not files:
        raise NothingToImport(str(folder), "has no .json file", tuple(snapshot.notes))
    for path in files:
        name = path.relative_to(folder).as_posix()
        content = _content(path, name, MAX_BYTES - read, snapshot)
        if content is None:
            continue
        read += len(content)
        answer = _parsed(content, name, snapshot)
        if answer is not None:
            region, account = _place(path.relative_to(folder).parts[:-1])
            snapshot.add_answer(answer[0], Source(name, region, account, _Lines(content)))
    return snapshot


def _files(folder: Path, snapshot: Snapshot) -> list[Path]:
    """Return the JSON files of a folder and of those in it, in the order of their names."""
    found: list[Path] = []
    inside = folder.resolve()

    def visit(here: Path, depth: int) -> None:
        try:
            entries = sorted(here.iterdir(), key=lambda path: path.name)
        except OSError as error:
            snapshot.note(_shown(here, folder), "", Code.EMU_FILE, f"cannot be read: {error.strerror}")
            return
        for path in entries:
            name = _shown(path, folder)
            if path.is_symlink() and (path.is_dir() or not path.resolve().is_relative_to(inside)):
                snapshot.note(name, "", Code.EMU_FILE, "is a link out of the folder or to a folder; it is not followed")
            elif path.is_dir():
                if depth >= MAX_FOLDERS_DEEP:
                    snapshot.note(name, "", Code.EMU_FILE, f"lies more than {MAX_FOLDERS_DEEP} folders deep")
                else:
                    visit(path, depth + 1)
            elif path.suffix.lower() == ".json" and path.is_file():
                if len(found) < MAX_FILES:
                    found.append(path)
                else:
                    snapshot.note(name, "", Code.EMU_FILE, f"more than {MAX_FILES} files: this one is not read")

    visit(folder, 0)
    return found


def _shown(path: Path, folder: Path) -> str:
    """Return a path relative to the folder, fit to be printed."""
    name = path.relative_to(folder).as_posix()
    return "".join(letter if letter.isprintable() else "?" for letter in name)


def _content(path: Path, name: str, room: int, snapshot: Snapshot) -> str | None:
    limit = min(MAX_FILE_BYTES, room)
    try:
        with path.open("rb") as stream:
            raw = stream.read(limit + 1)
    except OSError as error:
        snapshot.note(name, "", Code.EMU_FILE, f"cannot be read: {error.strerror}")
        return None
    if len(raw) > limit:
        sentence = f"is larger than {MAX_FILE_BYTES // 1024**2} MiB, or all files together than {MAX_BYTES // 1024**2}"
        snapshot.note(name, "", Code.EMU_FILE, f"{sentence}: not read")
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        snapshot.note(name, "", Code.EMU_FILE, "is not UTF-8 text")
        return None


def _parsed(content: str, name: str, snapshot: Snapshot) -> tuple[Any] | None:
    """Return the JSON value (in a tuple, since it may be null), or None after a note."""
    if not content.strip():
        snapshot.note(name, "", Code.EMU_FILE, "is empty")
        return None
    try:
        value = json.loads(content)
    except json.JSONDecodeError as error:
        snapshot.note(name, "", Code.EMU_FILE, f"is no JSON: line {error.lineno}: {error.msg}")
        return None
    except (ValueError, RecursionError):  # a number of thousands of digits; thousands of brackets
        snapshot.note(name, "", Code.EMU_FILE, "is no JSON that can be read")
        return None
    if _deeper(value, MAX_NESTED):
        snapshot.note(name, "", Code.EMU_FILE, f"is nested more than {MAX_NESTED} levels deep")
        return None
    return (value,)


def _deeper(value: Any, levels: int) -> bool:
    """Return whether lists and objects are nested deeper than that."""
    layer = [value]
    for _ in range(levels):
        layer = [
            child
            for one in layer
            if isinstance(one, list | dict)
            for child in (one.values() if isinstance(one, dict) else one)
            if isinstance(child, list | dict)
        ]
        if not layer:
            return False
    return True


def _place(parts: tuple[str, ...]) -> tuple[str, str]:
    """Return the Region and the account that folders' names say."""
    region = next((part for part in reversed(parts) if REGION.fullmatch(part)), "")
    account = next((part for part in reversed(parts) if ACCOUNT.fullmatch(part)), "")
    return region, account


class _Lines:
    """In which line of a file a name first stands; found out when first asked."""

    def __init__(self, content: str) -> None:
        self._content = content
        self._lines: dict[str, int] | None = None

    def __call__(self, name: str) -> int:
        if self._lines is None:
            self._lines = {}
            line, done = 1, 0
            for match in _NAMED.finditer(self._content):
                line += self._content.count("\n", done, match.start())
                done = match.start()
                self._lines.setdefault(match.group(1), line)
        return self._lines.get(name, 1)
