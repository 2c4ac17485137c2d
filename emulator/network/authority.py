"""The control plane's records as what services go by: policies, identities, and whose access key is whose.

A network that declares no role and no user has no identities: nobody is stated
to ask, and identity policies are taken to allow.  With the first one declared, a
request without a signature is anonymous, and one with a key that is nobody's is
refused.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from emulator.control.policies import KIND_OF
from emulator.model.identities import IamRole, IamUser, instance_access_key_id
from emulator.policies import ANONYMOUS, UNSTATED, Attached, Circumstances, PolicyKind, Principal, PrincipalKind
from emulator.services.authority import Authority, bucket_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from emulator.control import ControlPlane
    from emulator.model.identities import BucketPolicy
    from emulator.services.messages import Access, Request
    from emulator.services.s3 import S3


class NetworkAuthority(Authority):
    """What a control plane says now."""

    def __init__(self, plane: ControlPlane) -> None:
        super().__init__(lambda name: plane.vpc_endpoints[name].policy_document, plane.region)
        self._plane = plane
        self._keys: dict[str, Principal] = {}
        self._generation = -1
        self._applied: dict[str, BucketPolicy] = {}
        self.kept: set[str] = set()  # buckets that a built-in service has, and knows the policy of

    def endpoint_policy(self, vpc_endpoint_id: str) -> Attached:
        """Return the policy that an endpoint has now."""
        endpoint = self._plane.vpc_endpoints[vpc_endpoint_id]
        return Attached(vpc_endpoint_id, KIND_OF[endpoint.vpc_endpoint_type], endpoint.policy_document)

    def asker(self, access_key_id: str | None) -> Principal | None:
        """Return whose access key that is, or who asks without one; None for a key that is nobody's."""
        if not self._plane.iam_roles and not self._plane.iam_users:
            return UNSTATED
        return ANONYMOUS if access_key_id is None else self._known().get(access_key_id)

    def _known(self) -> dict[str, Principal]:
        plane = self._plane
        if self._generation != plane.generation:
            self._generation = plane.generation
            users = {user.access_key_id: user_principal(user) for user in plane.iam_users.values()}
            roles = {role.access_key_id: session(role, role.name) for role in plane.iam_roles.values()}
            instances = {
                instance_access_key_id(plane.iam_roles[one.iam_role], one.instance_id): session(
                    plane.iam_roles[one.iam_role], one.instance_id
                )
                for one in plane.instances.values()
                if one.iam_role is not None
            }
            self._keys = users | roles | instances
        return self._keys

    def identity_policies(self, principal: Principal) -> tuple[Attached, ...]:
        """Return the policies of whoever asks."""
        holder: IamRole | IamUser | None = None
        if principal.kind is PrincipalKind.ROLE:
            holder = self._plane.iam_roles.get(principal.principal_arn.rpartition("/")[2])
        elif principal.kind is PrincipalKind.USER:
            holder = self._plane.iam_users.get(principal.user_name)
        if holder is None:
            return ()
        return tuple(Attached(f"{holder.name}/{name}", PolicyKind.IDENTITY, text) for name, text in holder.policies)

    def resource_policy(self, access: Access) -> Attached | None:
        """Return the bucket's policy: the service's word, unless it keeps no buckets of its own."""
        known = self._plane.bucket_policies.get(bucket_of(access.resource))
        if known is None or known.policy is None or known.bucket in self.kept:
            return super().resource_policy(access)
        return Attached(known.bucket, PolicyKind.BUCKET, known.policy)

    def owner_of(self, access: Access) -> str | None:
        """Return the account of what is asked for; None for the asker's own."""
        known = self._plane.bucket_policies.get(bucket_of(access.resource))
        return access.owner_id if known is None or known.bucket in self.kept else known.owner_id

    def apply(self, stores: Iterable[S3]) -> None:
        """Tell built-in services what has been said of their buckets since the last time.

        What clients say later (PutBucketPolicy) holds until the control plane speaks again.
        """
        for name, said in self._plane.bucket_policies.items():
            if self._applied.get(name) == said:
                continue
            for store in stores:
                bucket = store.store.buckets.get(name)
                if bucket is not None:
                    bucket.policy = said.policy
                    bucket.owner_id = said.owner_id or bucket.owner_id
                    self.kept.add(name)
            self._applied[name] = said

    def circumstances(self, request: Request) -> Circumstances:
        """Return where, when and how a request came."""
        found = super().circumstances(request)
        endpoint = self._plane.vpc_endpoints.get(found.vpc_endpoint_id or "")
        if endpoint is None:
            return found
        vpc, service = self._plane.vpcs[endpoint.vpc_id], self._plane.services.get(endpoint.service_name)
        arn = f"arn:aws:ec2:{vpc.region}:{vpc.owner_id}:vpc/{vpc.vpc_id}"
        return replace(found, vpc_id=vpc.vpc_id, vpc_arn=arn, region=service.region if service else found.region)


def session(role: IamRole, name: str) -> Principal:
    """Return a session of a role; of an instance it is called as the instance."""
    return Principal(
        PrincipalKind.ROLE,
        role.owner_id,
        role.session_arn(name),
        role.arn,
        f"{role.unique_id}:{name}",
        organization_id=role.organization_id,
        tags=role.tags,
    )


def user_principal(user: IamUser) -> Principal:
    """Return a user as who asks."""
    return Principal(
        PrincipalKind.USER,
        user.owner_id,
        user.arn,
        user.arn,
        user.unique_id,
        user.name,
        user.organization_id,
        user.tags,
    )


def access_key_of(plane: ControlPlane, host: str) -> str | None:
    """Return the access key that a host's programs sign with; None for a host without a role."""
    instance = plane.instances.get(host)
    if instance is None or instance.iam_role is None:
        return None
    return instance_access_key_id(plane.iam_roles[instance.iam_role], host)
