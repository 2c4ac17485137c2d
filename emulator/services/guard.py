"""The HTTP guard: an endpoint's policy, in front of every application (design D7).

The guard is an application around an application.  For each request it asks the
inner one what is being done to what, looks up the *current* policy of the
endpoint the connection came through, and lets the request pass or has it
refused.  TCP knows nothing of it: the handshake was healthy (POL-13).

AWS: PrivateLink Guide, "Control access to VPC endpoints using endpoint policies".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.services.policy import Decision, evaluate, parse_policy

if TYPE_CHECKING:
    from emulator.services.messages import Access, Application, Body, Request, Response

PolicyOf = Callable[[str], str]
"""The JSON text of the policy that an endpoint, given by id, has now."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the guard decided about one request, for those who report and explain."""

    request: Request
    vpc_endpoint_id: str
    action: str
    resource: str
    decision: Decision


class Guard:
    """An application that serves only what the endpoint's policy allows."""

    def __init__(
        self, application: Application, policy_of: PolicyOf, observe: Callable[[Ruling], None] | None = None
    ) -> None:
        """``observe`` is told of every ruling, allowed or not."""
        self._application = application
        self._policy_of = policy_of
        self._observe = observe

    async def accesses(self, request: Request, body: Body) -> tuple[Access, ...]:
        """Return what the guarded application says of the request."""
        return await self._application.accesses(request, body)

    def denial(self, request: Request, sentence: str) -> Response:
        """Return the guarded application's refusal."""
        return self._application.denial(request, sentence)

    async def rule(self, request: Request, body: Body) -> Ruling | None:
        """Return what the endpoint's policy says, or None where no policy is asked.

        That is a request that came through no endpoint, or is for a service without policy support (POL-4).  Of
        several things asked for, the first that is denied decides.
        """
        vpc_endpoint_id = request.provenance.vpc_endpoint_id
        if vpc_endpoint_id is None:
            return None
        ruling = None
        for access in await self._application.accesses(request, body):
            decision = evaluate(parse_policy(self._policy_of(vpc_endpoint_id)), access.action, access.resource)
            ruling = Ruling(request, vpc_endpoint_id, access.action, access.resource, decision)
            if not decision.allowed:
                break
        return ruling

    async def respond(self, request: Request, body: Body) -> Response:
        """Pass the request on, or refuse it."""
        ruling = await self.rule(request, body)
        if ruling is not None and self._observe is not None:
            self._observe(ruling)
        if ruling is None or ruling.decision.allowed:
            return await self._application.respond(request, body)
        return self._application.denial(request, ruling.decision.sentence(ruling.action, ruling.resource))
