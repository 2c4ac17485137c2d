"""S3's XML, written and read.

Amazon S3 API Reference, "Error responses" and the schema of each operation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeAlias, Union
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from emulator.model.epoch import EPOCH_NS
from emulator.services.s3_errors import S3Error, malformed_xml

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"
# XML 1.0 section 2.2 has no other characters below the space; S3 writes references for them all the same, and clients
# that list such keys ask for encoding-type=url.
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0d\x0e-\x1f]")

Elements: TypeAlias = Iterable[tuple[str, Union[str, "Elements"]]]
"""Elements in order: a name, and a text or elements."""


def error_xml(error: S3Error, request_id: str, host_id: str) -> bytes:
    """Return the body of an error."""
    elements = [("Code", error.code), ("Message", error.message), *error.detail]
    elements += [("RequestId", request_id), ("HostId", host_id)]
    return (_HEADER + f"<Error>{write(elements)}</Error>").encode("utf-8", "replace")


def document(root: str, elements: str | Elements) -> bytes:
    """Return the body of an answer: a text, or elements, within the root."""
    inside = _text(elements) if isinstance(elements, str) else write(elements)
    return f'{_HEADER}<{root} xmlns="{NAMESPACE}">{inside}</{root}>'.encode("utf-8", "replace")


def write(elements: Elements) -> str:
    """Return elements as text."""
    return "".join(
        f"<{name}>{_text(value) if isinstance(value, str) else write(value)}</{name}>" for name, value in elements
    )


def _text(value: str) -> str:
    return _CONTROL.sub(lambda found: f"&#{ord(found[0])};", escape(value))


class Node:
    """An element of a document that a client sent; its namespace makes no difference."""

    def __init__(self, element: ET.Element) -> None:
        """Stand for ``element``."""
        self._element = element
        self.name = element.tag.rpartition("}")[2]

    @property
    def value(self) -> str:
        """Its text."""
        return (self._element.text or "").strip()

    def all(self, name: str) -> Iterator[Node]:
        """Yield the elements in it that are called so."""
        return (node for node in map(Node, self._element) if node.name == name)

    def text(self, name: str) -> str | None:
        """Return the text, as it stands, of the first element in it that is called so, or None."""
        return next((node._element.text or "" for node in self.all(name)), None)  # noqa: SLF001 - its own

    def fields(self) -> dict[str, str]:
        """Return the texts of all elements in it, by name."""
        return {node.name: node.value for node in map(Node, self._element)}


def parse(data: bytes, root: str) -> Node:
    """Return the document that a client sent.

    Raises:
        S3Error: MalformedXML.
    """
    try:
        # The clients are programs of the same run; expat itself stops entities that grow without bounds.
        node = Node(ET.fromstring(data))  # noqa: S314
    except (ET.ParseError, ValueError):
        raise malformed_xml() from None
    if node.name != root:
        raise malformed_xml()
    return node


def timestamp(now: int) -> str:
    """Return an instant of the run as S3's XML writes it; objects have whole seconds."""
    moment = datetime.fromtimestamp((EPOCH_NS + now) // 1_000_000_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"
