"""Tables as a document describes them.

``key_schema`` names the partition key's attribute, and the sort key's if there
is one, each with its type; items are plain YAML: a text is ``S``, a number
``N``, a list ``L``, a table ``M``, and so on.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from emulator.policies import PolicyError, PolicyKind, read_policy
from emulator.services.dynamodb.errors import DynamoDbError
from emulator.services.dynamodb.tables import Index, KeySchema, Ordered, Table
from emulator.services.dynamodb.values import SCALARS, Item, Value, number
from emulator.services.options import OptionError

if TYPE_CHECKING:
    from emulator.services.options import Options

NAME: Final = re.compile(r"[A-Za-z0-9_.-]{3,255}", re.ASCII)
_ACCOUNT: Final = re.compile(r"[0-9]{12}", re.ASCII)
_PROJECTIONS: Final = ("ALL", "KEYS_ONLY")


def tables_of(options: Options) -> dict[str, Table]:
    """Return the tables that a document describes.

    Raises:
        OptionError: naming the option that is wrong.
    """
    tables = {}
    for name, entry in options.tables().items():
        if not NAME.fullmatch(name):
            raise OptionError(f"{options.place}: {name!r} is no name of a table")
        owner_id = entry.text("owner_id", "") or None
        if owner_id is not None and not _ACCOUNT.fullmatch(owner_id):
            raise OptionError(f"{entry.at('owner_id')}: expected an account of 12 digits, not {owner_id!r}")
        table = Table(name, _schema(entry), owner_id=owner_id, policy=_policy(entry))
        for index_name, index in entry.table("global_secondary_indexes").tables().items():
            table.indexes[index_name] = _index(index_name, index)
        for place, given in enumerate(entry.sequence("items")):
            try:
                item = _item(given)
                table.put(table.check(item), item)
            except DynamoDbError as error:
                raise OptionError(f"{entry.at('items')}.{place}: {error.message}") from None
            except OptionError as error:
                raise OptionError(f"{entry.at('items')}.{place}: {error}") from None
        entry.done("global_secondary_indexes", "items", "key_schema", "owner_id", "policy")
        tables[name] = table
    return tables


def _policy(entry: Options) -> str | None:
    """Return the table's own policy; its grammar is that of a bucket's."""
    text = entry.document("policy")
    if text is not None:
        try:
            read_policy(text, PolicyKind.BUCKET)
        except PolicyError as error:
            raise OptionError(f"{entry.at('policy')}: {error}") from None
    return text


def _schema(entry: Options) -> KeySchema:
    names = entry.table("key_schema").texts()
    if not 1 <= len(names) <= 2:
        raise OptionError(f"{entry.at('key_schema')}: expected one or two attributes and their types")
    for name, kind in names.items():
        if kind not in SCALARS:
            raise OptionError(f"{entry.at('key_schema')}.{name}: expected S, N or B, not {kind!r}")
    (partition, partition_type), *rest = names.items()
    sort, sort_type = rest[0] if rest else (None, "S")
    return KeySchema(partition, partition_type, sort, sort_type)


def _index(name: str, entry: Options) -> Index:
    schema = _schema(entry)
    projection = entry.text("projection", "ALL")
    if projection not in _PROJECTIONS:
        raise OptionError(f"{entry.at('projection')}: expected {' or '.join(_PROJECTIONS)}, not {projection!r}")
    entry.done("key_schema", "projection")
    return Index(name, Ordered(schema), projection)


def _item(given: object) -> Item:
    if not isinstance(given, dict):
        raise OptionError(f"expected an item, not {given!r}")
    return {str(name): _value(value) for name, value in given.items()}


def _value(given: object) -> Value:
    if given is None:
        return Value("NULL", None)
    if isinstance(given, bool):
        return Value("BOOL", given)
    if isinstance(given, int | float):
        return Value("N", number(str(given)))
    if isinstance(given, bytes):
        return Value("B", given)
    if isinstance(given, list | tuple):
        return Value("L", [_value(one) for one in given])
    if isinstance(given, dict):
        return Value("M", {str(name): _value(one) for name, one in given.items()})
    return Value("S", str(given))
