"""Buckets, and the shelf of them that one S3 has.

A bucket belongs to a Region and an account.  A document may also list buckets
of other Regions: they are known to be elsewhere.

Amazon S3 User Guide, "General purpose bucket naming rules".
"""

from __future__ import annotations

import re
from bisect import insort
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from emulator.policies import PolicyError, PolicyKind, read_policy
from emulator.services.options import OptionError
from emulator.services.s3_objects import (
    DEFAULT_TYPE,
    LARGEST_OBJECT,
    Content,
    GeneratedContent,
    S3Object,
    StoredContent,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from emulator.services.options import Options

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_ADDRESS: Final = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+", re.ASCII)
_ACCOUNT: Final = re.compile(r"[0-9]{12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an upload, as it came in last."""

    content: Content
    last_modified: int
    checksums: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Upload:
    """An upload in parts that has begun: what the object will be, and the parts so far, by number."""

    upload_id: str
    key: str
    initiated_at: int
    target: S3Object
    checksum_algorithm: str | None = None
    checksum_type: str = "COMPOSITE"
    parts: dict[int, Part] = field(default_factory=dict)


class Bucket:
    """A bucket: objects and uploads by key, its policy, and whose it is."""

    def __init__(
        self,
        name: str,
        region: str,
        *,
        owner_id: str | None = None,
        created_at: int = 0,
        policy: str | None = None,
    ) -> None:
        """``owner_id`` None: of whoever asks; ``created_at`` is nanoseconds since the start of the run."""
        self.name = name
        self.region = region
        self.owner_id = owner_id
        self.created_at = created_at
        self.policy = policy
        self.tags: tuple[tuple[str, str], ...] = ()
        self.objects: dict[str, S3Object] = {}
        self.uploads: dict[str, Upload] = {}
        self._sorted: list[str] = []

    @property
    def keys(self) -> Sequence[str]:
        """The keys in S3's order, which is that of the code points."""
        return self._sorted

    def put(self, key: str, item: S3Object) -> None:
        """Put an object, in place of another if there is one."""
        if key not in self.objects:
            insort(self._sorted, key)
        self.objects[key] = item

    def fill(self, objects: Mapping[str, S3Object]) -> None:
        """Put many objects at once."""
        self.objects.update(objects)
        self._sorted = sorted(self.objects)

    def delete(self, key: str) -> None:
        """Delete an object, if it is there."""
        if self.objects.pop(key, None) is not None:
            self._sorted.remove(key)


def is_bucket_name(name: str) -> bool:
    """Return whether a new bucket may be called so."""
    return bool(_NAME.fullmatch(name)) and ".." not in name and not _ADDRESS.fullmatch(name)


def buckets_of(options: Options, region: str) -> dict[str, Bucket]:
    """Return the buckets that a document describes; of ``region`` where it says nothing else.

    Raises:
        OptionError: naming the option that is wrong.
    """
    buckets = {}
    for name, entry in options.tables().items():
        if "/" in name or not name:
            raise OptionError(f"{options.place}: {name!r} is no bucket name")
        owner_id = entry.text("owner_id", "") or None
        if owner_id is not None and not _ACCOUNT.fullmatch(owner_id):
            raise OptionError(f"{entry.at('owner_id')}: expected an account of 12 digits, not {owner_id!r}")
        policy = entry.document("policy")
        if policy is not None:
            _check_policy(policy, entry.at("policy"))
        bucket = Bucket(name, entry.text("region", region), owner_id=owner_id, policy=policy)
        bucket.fill({key: _object_of(one) for key, one in entry.table("objects").tables().items()})
        entry.done("objects", "owner_id", "policy", "region")
        buckets[name] = bucket
    return buckets


def _check_policy(text: str, place: str) -> None:
    try:
        read_policy(text, PolicyKind.BUCKET)
    except PolicyError as error:
        raise OptionError(f"{place}: MalformedPolicy: {error}") from None


def _object_of(options: Options) -> S3Object:
    if ("size" in options) is ("content" in options):
        raise OptionError(f"{options.place}: give either size or content")
    content_type = options.text("content_type", DEFAULT_TYPE)
    content: Content
    if "size" in options:
        content = GeneratedContent(options.integer("size", maximum=LARGEST_OBJECT))
    else:
        content = StoredContent(options.text("content").encode())
    options.done("content", "content_type", "size")
    return S3Object(content, content_type=content_type)
