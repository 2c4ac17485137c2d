"""Who may ask services for something: roles and users of IAM, and policies of buckets.

AWS: IAM User Guide, "IAM identities"; S3 User Guide, "Bucket policies".
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Final

from emulator.model.resources import DEFAULT_ACCOUNT

_KEY_LENGTH: Final = 16


def made_up_id(prefix: str, *names: str) -> str:
    """Return an id like AWS's (``AKIA`` and sixteen letters), always the same for the same names."""
    digest = hashlib.sha256("/".join(names).encode()).digest()
    return prefix + base64.b32encode(digest).decode()[:_KEY_LENGTH]


@dataclass(frozen=True, slots=True)
class IamIdentity:
    """What roles and users have in common.

    Attributes:
        name: Unique among those of its kind.
        owner_id: Its account.
        policies: Inline policies: name and JSON text.
        tags: Pairs of key and value.
        organization_id: The organization that the account is in; empty for none.
        access_key_id: What requests are signed with.
    """

    name: str
    owner_id: str = DEFAULT_ACCOUNT
    policies: tuple[tuple[str, str], ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    organization_id: str = ""
    access_key_id: str = ""


@dataclass(frozen=True, slots=True)
class IamRole(IamIdentity):
    """A role: whoever has assumed it asks by a session's name."""

    @property
    def arn(self) -> str:
        """The role's ARN."""
        return f"arn:aws:iam::{self.owner_id}:role/{self.name}"

    def session_arn(self, session: str) -> str:
        """Return the ARN of one session."""
        return f"arn:aws:sts::{self.owner_id}:assumed-role/{self.name}/{session}"

    @property
    def unique_id(self) -> str:
        """The id that ``aws:userid`` begins with."""
        return made_up_id("AROA", self.owner_id, self.name)


@dataclass(frozen=True, slots=True)
class IamUser(IamIdentity):
    """A user."""

    @property
    def arn(self) -> str:
        """The user's ARN."""
        return f"arn:aws:iam::{self.owner_id}:user/{self.name}"

    @property
    def unique_id(self) -> str:
        """``aws:userid``."""
        return made_up_id("AIDA", self.owner_id, self.name)


@dataclass(frozen=True, slots=True)
class BucketPolicy:
    """The policy of a bucket, JSON text, or None for none; ``owner_id`` is the bucket's account, None for anyone's."""

    bucket: str
    policy: str | None
    owner_id: str | None = None


def instance_access_key_id(role: IamRole, instance_id: str) -> str:
    """Return the access key that an instance with a role gets from its metadata."""
    return made_up_id("ASIA", role.owner_id, role.name, instance_id)
