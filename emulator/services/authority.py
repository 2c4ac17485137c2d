"""What policies there are and who somebody is, as the guard in front of a service asks.

:class:`Authority` by itself knows endpoint policies and nobody's name; the
network's knows the records of the control plane.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from emulator.model.epoch import EPOCH_NS
from emulator.policies import UNSTATED, Attached, Circumstances, PolicyKind, Principal

if TYPE_CHECKING:
    from emulator.services.messages import Access, Request

_REGION: Final = re.compile(r"\.([a-z]{2}(?:-[a-z]+)+-\d)\.(?:vpce\.)?amazonaws\.com")


class Authority:
    """The policies and identities that services go by.

    Args:
        policy_of: Returns the JSON text of the policy that an endpoint, given by id, has now.
        region: Of requests that name none.
    """

    def __init__(self, policy_of: Callable[[str], str], region: str = "us-east-1") -> None:
        self._policy_of = policy_of
        self.region = region

    def endpoint_policy(self, vpc_endpoint_id: str) -> Attached:
        """Return the policy that an endpoint has now."""
        return Attached(vpc_endpoint_id, PolicyKind.INTERFACE_ENDPOINT, self._policy_of(vpc_endpoint_id))

    def asker(self, access_key_id: str | None) -> Principal | None:  # noqa: ARG002 - nobody is known here
        """Return whose access key that is, or who asks without one; None for a key that is nobody's."""
        return UNSTATED

    def identity_policies(self, principal: Principal) -> tuple[Attached, ...]:  # noqa: ARG002 - as above
        """Return the policies of whoever asks."""
        return ()

    def resource_policy(self, access: Access) -> Attached | None:
        """Return the policy of what is asked for: a bucket's."""
        if access.resource_policy is None:
            return None
        return Attached(bucket_of(access.resource), PolicyKind.BUCKET, access.resource_policy)

    def owner_of(self, access: Access) -> str | None:
        """Return the account of what is asked for; None for the asker's own."""
        return access.owner_id

    def circumstances(self, request: Request) -> Circumstances:
        """Return where, when and how a request came."""
        came = request.provenance
        named = _REGION.search(request.host)
        return Circumstances(
            source_address=came.source_address,
            now=(EPOCH_NS + request.received_at) // 1_000_000_000,
            region=named[1] if named else self.region,
            vpc_endpoint_id=came.vpc_endpoint_id,
            vpc_id=came.vpc_id,
            secure=came.secure,
            user_agent=request.header("user-agent"),
            referer=request.header("referer"),
        )


PolicyOf = Callable[[str], str] | Authority
"""What a guard may be given: an authority, or only the text of the policy that an endpoint, given by id, has now."""


def authority_of(policy_of: PolicyOf) -> Authority:
    """Return the authority that somebody was given."""
    return policy_of if isinstance(policy_of, Authority) else Authority(policy_of)


def bucket_of(resource: str) -> str:
    """Return the bucket in the ARN of a bucket or object; empty for what is neither."""
    return resource.removeprefix("arn:aws:s3:::").partition("/")[0] if resource.startswith("arn:aws:s3:::") else ""
