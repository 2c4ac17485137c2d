"""Values out of JSON that strangers wrote: of the kind asked for, or nothing.

No field of a describe-* answer is certain to be there or to be what AWS
documents, so nothing here raises.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final, TypeAlias

from netaddr import AddrFormatError, IPAddress, IPNetwork

Item: TypeAlias = dict[str, Any]
"""One JSON object."""

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
_CIDR: Final = re.compile(r"\d{1,3}(\.\d{1,3}){3}/\d{1,2}", re.ASCII)
_ADDRESS: Final = re.compile(r"\d{1,3}(\.\d{1,3}){3}", re.ASCII)
_ZONE: Final = re.compile(r"(?P<region>[a-z]{2}(-[a-z]+)+-[0-9])[a-z]", re.ASCII)
REGION: Final = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]", re.ASCII)
ACCOUNT: Final = re.compile(r"[0-9]{12}", re.ASCII)


def inner(item: object, *keys: str) -> Item:
    """Return the object some keys in, empty if there is none."""
    for key in keys:
        item = item.get(key) if isinstance(item, dict) else None
    return item if isinstance(item, dict) else {}


def text(item: object, *keys: str) -> str:
    """Return the text some keys in, empty if there is none."""
    value = inner(item, *keys[:-1]).get(keys[-1])
    return value.strip() if isinstance(value, str) else ""


def number(item: object, *keys: str) -> int | None:
    """Return the whole number some keys in; boto3 and the CLI sometimes write it as text."""
    value = inner(item, *keys[:-1]).get(keys[-1])
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,9}", value, re.ASCII):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**9 else None


def flag(item: object, *keys: str) -> bool | None:
    """Return whether something is on, None if the files do not say; ``enable`` and ``on`` are words of AWS's too."""
    value = inner(item, *keys[:-1]).get(keys[-1])
    if isinstance(value, bool):
        return value
    words = {"true": True, "enable": True, "on": True, "false": False, "disable": False, "off": False}
    return words.get(value.lower()) if isinstance(value, str) else None


def rows(item: object, *keys: str) -> list[Item]:
    """Return the objects of a list some keys in."""
    return [one for one in listed(item, *keys) if isinstance(one, dict)]


def words(item: object, *keys: str) -> list[str]:
    """Return the texts of a list some keys in."""
    return [one for one in listed(item, *keys) if isinstance(one, str) and one]


def listed(item: object, *keys: str) -> list[Any]:
    """Return the list some keys in, empty if there is none."""
    value = inner(item, *keys[:-1]).get(keys[-1])
    return value if isinstance(value, list) else []


def name_of(value: str) -> str:
    """Return an id that may be a name of the document, else empty."""
    return value if _ID.fullmatch(value) and value != "local" else ""


@lru_cache(maxsize=65536)
def cidr(value: str) -> str:
    """Return an IPv4 block in canonical form, empty if it is none."""
    try:
        return str(IPNetwork(value).cidr) if _CIDR.fullmatch(value) else ""
    except (AddrFormatError, ValueError):
        return ""


def address(value: str) -> str:
    """Return an IPv4 address, empty if it is none."""
    try:
        return str(IPAddress(value)) if _ADDRESS.fullmatch(value) else ""
    except (AddrFormatError, ValueError):
        return ""


def region_of_zone(zone: str) -> str:
    """Return the Region of an Availability Zone, empty for a Local or Wavelength Zone."""
    match = _ZONE.fullmatch(zone)
    return match["region"] if match else ""


def region_of_arn(arn: str) -> str:
    """Return the Region that an ARN names, or empty."""
    parts = arn.split(":", 5)
    return parts[3] if len(parts) == 6 and REGION.fullmatch(parts[3]) else ""


def tag_name(item: Item) -> str:
    """Return the ``Name`` tag on one short line, for comments."""
    for tag in (*rows(item, "Tags"), *rows(item, "TagSet")):
        if tag.get("Key") == "Name" and isinstance(tag.get("Value"), str):
            line = " ".join(tag["Value"].split())
            return "".join(letter for letter in line if letter.isprintable())[:60]
    return ""
