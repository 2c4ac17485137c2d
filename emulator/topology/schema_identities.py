"""Roles, users and bucket policies in topology documents."""

from __future__ import annotations

from pydantic import Field

from emulator.topology.fields import Policy  # noqa: TC001 - pydantic reads it
from emulator.topology.validation import Strict


class IamRoleEntry(Strict):
    """A role and its inline policies; ``access_key_id`` is what programs that have assumed it sign with."""

    owner_id: str | None = None
    policies: list[Policy] = Field(default_factory=list)
    tags: dict[str, str] = Field(default_factory=dict)
    organization_id: str | None = None
    access_key_id: str | None = None


class IamUserEntry(IamRoleEntry):
    """A user and its inline policies."""


class BucketPolicyEntry(Strict):
    """What a bucket says, under the bucket's name; ``owner_id`` is its account."""

    policy_document: Policy = None
    owner_id: str | None = None
