"""Roles, users and bucket policies: verbs of IAM and S3, as far as policies need them.

A role is created with everything at once; AWS wants its trust policy too, which
has no meaning here: whoever has an access key of the role is the role.
Managed policies, groups, permission boundaries and session policies are not
modelled.

AWS: IAM API Reference, "CreateRole", "PutRolePolicy", "CreateUser",
"PutUserPolicy"; EC2 API Reference, "AssociateIamInstanceProfile"; S3 API
Reference, "PutBucketPolicy".
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

from emulator.control.errors import Ec2Error, invalid
from emulator.control.policies import check_policy
from emulator.control.state import State, verb
from emulator.model.identities import BucketPolicy, IamRole, IamUser, instance_access_key_id, made_up_id
from emulator.model.resources import DEFAULT_ACCOUNT
from emulator.policies import PolicyKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emulator.model.resources import Instance

_T = TypeVar("_T", IamRole, IamUser)

MOST: Final = {"role": 10_240, "user": 2_048}
"""Characters of all inline policies together, white space not counted (IAM quotas)."""

_NAME: Final = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_POLICY_NAME: Final = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
_KEY: Final = re.compile(r"[A-Z0-9]{16,128}", re.ASCII)
_ACCOUNT: Final = re.compile(r"\d{12}", re.ASCII)
_ORGANIZATION: Final = re.compile(r"o-[a-z0-9]{10,32}", re.ASCII)


class Identities(State):
    """Verbs on identities and on what buckets say."""

    @verb
    def create_role(
        self,
        role_name: str,
        *,
        owner_id: str = DEFAULT_ACCOUNT,
        tags: Mapping[str, object] | None = None,
        organization_id: str | None = None,
        access_key_id: str | None = None,
    ) -> IamRole:
        """Create a role; EMU: it has one access key for whoever is told it, and one more for each of its instances."""
        self._new_name(self.iam_roles, role_name, "role_name", "Role")
        role = IamRole(
            role_name,
            _account(owner_id),
            tags=_tags(tags),
            organization_id=_organization(organization_id),
            access_key_id=self._new_key(access_key_id, made_up_id("ASIA", owner_id, role_name)),
        )
        self._put(self.iam_roles, role_name, role)
        return role

    @verb
    def create_user(
        self,
        user_name: str,
        *,
        owner_id: str = DEFAULT_ACCOUNT,
        tags: Mapping[str, object] | None = None,
        organization_id: str | None = None,
        access_key_id: str | None = None,
    ) -> IamUser:
        """Create a user; EMU: with an access key."""
        self._new_name(self.iam_users, user_name, "user_name", "User")
        user = IamUser(
            user_name,
            _account(owner_id),
            tags=_tags(tags),
            organization_id=_organization(organization_id),
            access_key_id=self._new_key(access_key_id, made_up_id("AKIA", owner_id, user_name)),
        )
        self._put(self.iam_users, user_name, user)
        return user

    @verb
    def put_role_policy(self, role_name: str, policy_name: str, policy_document: str) -> IamRole:
        """Add an inline policy to a role, or replace it."""
        role = _with_policy(self._iam_role(role_name), policy_name, policy_document, "role")
        self._put(self.iam_roles, role_name, role)
        return role

    @verb
    def put_user_policy(self, user_name: str, policy_name: str, policy_document: str) -> IamUser:
        """Add an inline policy to a user, or replace it."""
        user = _with_policy(self._iam_user(user_name), policy_name, policy_document, "user")
        self._put(self.iam_users, user_name, user)
        return user

    @verb
    def delete_role_policy(self, role_name: str, policy_name: str) -> IamRole:
        """Remove an inline policy of a role."""
        role = _without_policy(self._iam_role(role_name), policy_name)
        self._put(self.iam_roles, role_name, role)
        return role

    @verb
    def delete_user_policy(self, user_name: str, policy_name: str) -> IamUser:
        """Remove an inline policy of a user."""
        user = _without_policy(self._iam_user(user_name), policy_name)
        self._put(self.iam_users, user_name, user)
        return user

    @verb
    def delete_role(self, role_name: str) -> None:
        """Delete a role that has no policies left and no instance."""
        role = self._iam_role(role_name)
        if role.policies:
            raise Ec2Error("DeleteConflict", "Cannot delete entity, must delete policies first.", "role_name")
        if any(instance.iam_role == role_name for instance in self.instances.values()):
            text = "Cannot delete entity, must remove roles from instance profile first."
            raise Ec2Error("DeleteConflict", text, "role_name")
        self._remove(self.iam_roles, role_name)

    @verb
    def delete_user(self, user_name: str) -> None:
        """Delete a user that has no policies left."""
        if self._iam_user(user_name).policies:
            raise Ec2Error("DeleteConflict", "Cannot delete entity, must delete policies first.", "user_name")
        self._remove(self.iam_users, user_name)

    @verb
    def associate_iam_instance_profile(self, instance_id: str, iam_role: str) -> Instance:
        """Give an instance a role, or another one; EMU: a profile is called as its role."""
        self._iam_role(iam_role, "iam_role")
        instance = replace(self._instance(instance_id), iam_role=iam_role)
        self._put(self.instances, instance_id, instance)
        return instance

    @verb
    def disassociate_iam_instance_profile(self, instance_id: str) -> Instance:
        """Take an instance its role."""
        instance = replace(self._instance(instance_id), iam_role=None)
        self._put(self.instances, instance_id, instance)
        return instance

    @verb
    def put_bucket_policy(self, bucket: str, policy: str | None = None, owner_id: str | None = None) -> BucketPolicy:
        """Give a bucket a policy; EMU: ``owner_id`` says whose bucket it is, also of one without a policy."""
        if policy is not None:
            check_policy(policy, PolicyKind.BUCKET, "policy")
        known = self.bucket_policies.get(bucket)
        if owner_id is None and known is not None:
            owner_id = known.owner_id
        made = BucketPolicy(bucket, policy, None if owner_id is None else _account(owner_id))
        self._put(self.bucket_policies, bucket, made)
        return made

    @verb
    def delete_bucket_policy(self, bucket: str) -> None:
        """Take a bucket its policy."""
        known = self.bucket_policies.get(bucket)
        if known is not None:  # S3 answers 204 where there is none
            self._put(self.bucket_policies, bucket, replace(known, policy=None))

    # ---- what they have in common

    def _iam_role(self, role_name: str, parameter: str = "role_name") -> IamRole:
        role = self.iam_roles.get(role_name)
        if role is None:
            raise Ec2Error("NoSuchEntity", f"The role with name {role_name} cannot be found.", parameter)
        return role

    def _iam_user(self, user_name: str) -> IamUser:
        user = self.iam_users.get(user_name)
        if user is None:
            raise Ec2Error("NoSuchEntity", f"The user with name {user_name} cannot be found.", "user_name")
        return user

    def _new_name(self, records: Mapping[str, object], name: str, parameter: str, what: str) -> None:
        if not _NAME.fullmatch(name):
            text = f"The specified value for {parameter} is invalid: letters, digits and +=,.@_- only, at most 64"
            raise Ec2Error("ValidationError", text, parameter)
        if name in records:
            raise Ec2Error("EntityAlreadyExists", f"{what} with name {name} already exists.", parameter)

    def _new_key(self, given: str | None, made_up: str) -> str:
        if given is None:
            return made_up
        if not _KEY.fullmatch(given):
            raise invalid(f"'{given}' is no access key id: 16 to 128 capitals and digits", "access_key_id")
        held = {one.access_key_id for one in (*self.iam_roles.values(), *self.iam_users.values())}
        instances = [one for one in self.instances.values() if one.iam_role is not None]
        held |= {instance_access_key_id(self.iam_roles[one.iam_role or ""], one.instance_id) for one in instances}
        if given in held:
            raise invalid(f"The access key {given} is somebody's already", "access_key_id")
        return given


def _with_policy(holder: _T, name: str, text: str, kind: str) -> _T:
    if not _POLICY_NAME.fullmatch(name):
        text = "The specified value for policy_name is invalid: letters, digits and +=,.@_- only, at most 128"
        raise Ec2Error("ValidationError", text, "policy_name")
    check_policy(text, PolicyKind.IDENTITY)
    policies = {**dict(holder.policies), name: text}
    length = sum(len("".join(one.split())) for one in policies.values())
    if length > MOST[kind]:
        text = f"Maximum policy size of {MOST[kind]} bytes exceeded for {kind} {holder.name}"
        raise Ec2Error("LimitExceeded", text, "policy_document")
    return replace(holder, policies=tuple(policies.items()))


def _without_policy(holder: _T, name: str) -> _T:
    policies = dict(holder.policies)
    if name not in policies:
        text = f"The policy with name {name} cannot be found."
        raise Ec2Error("NoSuchEntity", text, "policy_name")
    del policies[name]
    return replace(holder, policies=tuple(policies.items()))


def _account(owner_id: str) -> str:
    if not _ACCOUNT.fullmatch(owner_id):
        raise invalid(f"Value ({owner_id}) for parameter ownerId is invalid. An account has 12 digits.", "owner_id")
    return owner_id


def _organization(organization_id: str | None) -> str:
    if organization_id is not None and not _ORGANIZATION.fullmatch(organization_id):
        raise invalid(f"'{organization_id}' is no id of an organization like o-a1b2c3d4e5", "organization_id")
    return organization_id or ""


def _tags(tags: Mapping[str, object] | None) -> tuple[tuple[str, str], ...]:
    for name, value in (tags or {}).items():
        if not isinstance(value, str):
            raise invalid(f"The tag {name} must be a text", "tags", (name,))
    return tuple((name, str(value)) for name, value in sorted((tags or {}).items()))
