"""The HTTP guard: policies, in front of every application (design D7).

The guard is an application around an application.  For each request it asks the
inner one what is being done to what, finds out who asks, and has the *current*
policies of the endpoint the connection came through, of the bucket and of
whoever asks judged together; then it lets the request pass or has it refused.
TCP knows nothing of it: the handshake was healthy (POL-13).

AWS: PrivateLink Guide, "Control access to VPC endpoints using endpoint
policies"; IAM User Guide, "Policy evaluation logic".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from emulator.policies import Decision, Policies, Principal, PrincipalKind, Question, Verdict, condition_keys, judge
from emulator.services.authority import Authority, PolicyOf, authority_of, bucket_of
from emulator.services.credentials import access_key_id
from emulator.services.messages import Response, json_response
from emulator.services.s3_errors import S3Error
from emulator.services.s3_xml import error_xml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from emulator.services.messages import Access, Application, Body, Request

__all__ = ["Guard", "PolicyOf", "Ruling", "judged"]

UNKNOWN_KEY: Final = "The AWS Access Key Id you provided does not exist in our records."
UNKNOWN_TOKEN: Final = "The security token included in the request is invalid."  # noqa: S105 - AWS's sentence

_PASSED: Final = Decision(allowed=True, explicit=False)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What policies said to one request, for those who report and explain."""

    request: Request
    verdict: Verdict

    @property
    def vpc_endpoint_id(self) -> str | None:
        """The endpoint that the request came through."""
        return self.request.provenance.vpc_endpoint_id

    @property
    def action(self) -> str:
        """What was asked for, in IAM's words."""
        return self.verdict.question.action

    @property
    def resource(self) -> str:
        """What it was to be done to."""
        return self.verdict.question.resource

    @property
    def allowed(self) -> bool:
        """The answer."""
        return self.verdict.allowed

    @property
    def decision(self) -> Decision:
        """What the layer said that decided."""
        deciding = self.verdict.deciding
        return _PASSED if deciding is None else deciding.decision


class Guard:
    """An application that serves only what policies allow."""

    def __init__(
        self, application: Application, policy_of: PolicyOf, observe: Callable[[Ruling], None] | None = None
    ) -> None:
        """``observe`` is told of every ruling, allowed or not."""
        self._application = application
        self._authority = authority_of(policy_of)
        self._observe = observe

    async def accesses(self, request: Request, body: Body) -> tuple[Access, ...]:
        """Return what the guarded application says of the request."""
        return await self._application.accesses(request, body)

    def denial(self, request: Request, sentence: str) -> Response:
        """Return the guarded application's refusal."""
        return self._application.denial(request, sentence)

    def _ruling(self, request: Request, who: Principal, accesses: tuple[Access, ...]) -> Ruling | None:
        """Return what policies say, or None where none is asked.

        None is asked of a request that came through no endpoint, for what has no policy, in a network without
        identities; nor for a service without policy support (POL-4).  Of several things asked for, the first that is
        denied decides.
        """
        ruling = None
        for access in accesses:
            verdict = judged(self._authority, request, who, access)
            if verdict is None:
                continue
            ruling = Ruling(request, verdict)
            if not verdict.allowed:
                break
        return ruling

    async def respond(self, request: Request, body: Body) -> Response:
        """Pass the request on, or refuse it."""
        accesses = await self._application.accesses(request, body)
        who = self._authority.asker(access_key_id(request))
        if who is None and accesses:
            return _unknown(accesses[0])
        ruling = None if who is None else self._ruling(request, who, accesses)
        self._tell(ruling)
        if ruling is not None and not ruling.allowed:
            return self._application.denial(request, ruling.verdict.sentence)
        response = await self._application.respond(request, body)
        if ruling is not None and who is not None and _is_missing_key(response):
            # S3 tells who may not list a bucket nothing about what is in it.
            listing = tuple(
                replace(one, action="s3:ListBucket", resource=f"arn:aws:s3:::{bucket_of(one.resource)}", keys=())
                for one in accesses
                if one.action.startswith("s3:GetObject")
            )
            missing = self._ruling(request, who, listing)
            if missing is not None and not missing.allowed:
                self._tell(missing)
                return self._application.denial(request, missing.verdict.sentence)
        return response

    def _tell(self, ruling: Ruling | None) -> None:
        if ruling is not None and self._observe is not None:
            self._observe(ruling)


def judged(
    authority: Authority,
    request: Request,
    who: Principal,
    access: Access,
    supposed: Iterable[tuple[str, tuple[str, ...]]] = (),
) -> Verdict | None:
    """Return what policies say to one thing that a request asks for, None where there is none to be asked.

    ``supposed`` are condition keys in lower case that take the place of the request's own; without values they are
    missing.
    """
    endpoint_id = request.provenance.vpc_endpoint_id
    resource = authority.resource_policy(access)
    if endpoint_id is None and resource is None and who.kind is PrincipalKind.UNSTATED:
        return None
    owner = authority.owner_of(access)
    keys = condition_keys(who, owner, authority.circumstances(request), access.keys) | dict(supposed)
    if not access.action.startswith("s3:"):
        keys.pop("s3:resourceaccount", None)
    return judge(
        Question(who, access.action, access.resource, owner, keys),
        Policies(
            None if endpoint_id is None else authority.endpoint_policy(endpoint_id),
            resource,
            authority.identity_policies(who),
        ),
    )


def _unknown(access: Access) -> Response:
    """Return a service's answer to an access key that is nobody's."""
    if access.action.startswith("s3:"):
        error = S3Error(403, "InvalidAccessKeyId", UNKNOWN_KEY)
        content = error_xml(error, request_id="0" * 16, host_id="0" * 16)
        return Response(403, (("Content-Type", "application/xml"),), content)
    code = "UnrecognizedClientException"
    return json_response(400, {"__type": code, "message": UNKNOWN_TOKEN}, ("x-amzn-ErrorType", code))


def _is_missing_key(response: Response) -> bool:
    return response.status == 404 and isinstance(response.content, bytes) and b"<Code>NoSuchKey<" in response.content
