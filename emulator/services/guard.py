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
    from emulator.services.messages import Application, Body, Request, Response

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

    def access(self, request: Request) -> tuple[str, str] | None:
        """Return what the guarded application says of the request."""
        return self._application.access(request)

    def denial(self, request: Request, sentence: str) -> Response:
        """Return the guarded application's refusal."""
        return self._application.denial(request, sentence)

    def rule(self, request: Request) -> Ruling | None:
        """Return what the endpoint's policy says, or None where no policy is asked.

        That is a request that came through no endpoint, or is for a service without policy support (POL-4).
        """
        vpc_endpoint_id = request.provenance.vpc_endpoint_id
        access = self._application.access(request)
        if vpc_endpoint_id is None or access is None:
            return None
        action, resource = access
        decision = evaluate(parse_policy(self._policy_of(vpc_endpoint_id)), action, resource)
        return Ruling(request, vpc_endpoint_id, action, resource, decision)

    async def respond(self, request: Request, body: Body) -> Response:
        """Pass the request on, or refuse it."""
        ruling = self.rule(request)
        if ruling is not None and self._observe is not None:
            self._observe(ruling)
        if ruling is None or ruling.decision.allowed:
            return await self._application.respond(request, body)
        return self._application.denial(request, ruling.decision.sentence(ruling.action, ruling.resource))
