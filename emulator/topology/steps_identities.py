"""The steps about policies and who has them: endpoint policies by themselves, roles, users, buckets.

Every mistake of a policy is a problem of its own, at the element to blame.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from emulator.control.policies import PolicyKind, policy_errors
from emulator.topology.build import later
from emulator.topology.schema_identities import BucketPolicyEntry, IamRoleEntry, IamUserEntry

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.control.errors import Ec2Error
    from emulator.topology.build import Draft, Key
    from emulator.topology.documents import KeyPath

OF_IDENTITY: Final = ("owner_id", "tags", "organization_id", "access_key_id")


def policies(draft: Draft) -> None:
    """Policies by themselves, whatever else is wrong with their endpoints; a refused one is not asked about again."""
    for name in draft.ids_in("vpc_endpoints"):
        node = draft.document.find(("vpc_endpoints", name, "policy_document"))
        policy = None if node is None else node.plain()
        if isinstance(policy, str | dict):
            # What only a gateway's policy must not say depends on the type, so the verb itself says that.
            kind = PolicyKind.INTERFACE_ENDPOINT
            if not _sound(draft, ("vpc_endpoints", name), ("policy_document",), policy_text(policy), kind):
                draft.refused_policies.add(name)


def policy_text(policy: str | dict[str, Any]) -> str:
    """Return a policy as JSON text, however a document writes it."""
    return json.dumps(policy, sort_keys=True) if isinstance(policy, dict) else policy


def identities(draft: Draft) -> None:
    """Roles and users with their policies, called ``policy-1`` and so on; and what buckets say."""
    plane = draft.plane
    for name, role in draft.each("iam_roles", IamRoleEntry):
        key = ("iam_roles", name)
        if draft.create(key, plane.create_role, _given(role) | {"role_name": name}, "role_name"):
            _put(draft, key, role, plane.put_role_policy)
    for name, user in draft.each("iam_users", IamUserEntry):
        key = ("iam_users", name)
        if draft.create(key, plane.create_user, _given(user) | {"user_name": name}, "user_name"):
            _put(draft, key, user, plane.put_user_policy)
    for name, bucket in draft.each("bucket_policies", BucketPolicyEntry):
        key = ("bucket_policies", name)
        text = None if bucket.policy_document is None else policy_text(bucket.policy_document)
        if text is None or _sound(draft, key, ("policy_document",), text, PolicyKind.BUCKET):
            call = later(plane.put_bucket_policy, name, text, bucket.owner_id)
            draft.attempt(key, call, {"bucket": (), "policy": ("policy_document",)})


def _given(entry: IamRoleEntry) -> dict[str, Any]:
    return {name: value for name in OF_IDENTITY if (value := getattr(entry, name)) is not None}


def _put(draft: Draft, key: Key, entry: IamRoleEntry, put: Callable[[str, str, str], object]) -> None:
    for index, policy in enumerate(entry.policies):
        text, place = policy_text(policy), ("policies", index)
        if _sound(draft, key, place, text, PolicyKind.IDENTITY):
            draft.attempt(key, later(put, key[1], f"policy-{index + 1}", text), {"policy_document": place})


def _sound(draft: Draft, key: Key, place: KeyPath, text: str, kind: PolicyKind) -> bool:
    """Return whether a policy is one, after adding a problem for everything that is wrong with it."""
    errors = policy_errors(text, kind)
    for error in errors:
        draft.attempt(key, later(_refuse, error), {"policy_document": place})
    return not errors


def _refuse(error: Ec2Error) -> None:
    raise error
