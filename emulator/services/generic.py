"""What generic HTTP services have in common: their name in IAM, and their refusal.

Real services each have their own actions and resources; a generic one has the
single action ``<service>:Invoke`` on ``*``, so that an endpoint policy can be
written for it.  A service without policy support, or one that is not AWS's, is
not reached by policies at all (POL-4).
"""

from __future__ import annotations

from emulator.services.messages import Access, Body, Request, Response, json_response


class GenericService:
    """The parts of an `Application` that say who may ask."""

    def __init__(self, service_name: str, *, supports_policies: bool = True) -> None:
        """``service_name`` is the whole one, ``com.amazonaws.<region>.<name>``."""
        self.service_name = service_name
        labels = service_name.split(".")
        # POL-4: endpoint services of others (SVC-2) always give full access.
        judged = supports_policies and not labels[-1].startswith("vpce-svc-")
        # IAM's name is the first behind the Region: com.amazonaws.us-east-1.ecr.api and ecr.dkr are both "ecr".
        self._action = f"{labels[3] if len(labels) > 3 else labels[-1]}:Invoke" if judged else None

    @property
    def judged(self) -> bool:
        """Whether policies are asked about it."""
        return self._action is not None

    async def accesses(self, request: Request, body: Body) -> tuple[Access, ...]:  # noqa: ARG002 - always the same
        """Return the service's one action, on ``*``."""
        return () if self._action is None else (Access(self._action, "*"),)

    def denial(self, request: Request, sentence: str) -> Response:  # noqa: ARG002 - the same for every request
        """Return 403, as AWS's JSON services do (POL-13; DynamoDB's 400 is its own)."""
        document = {"__type": "AccessDeniedException", "message": sentence}
        return json_response(403, document, ("x-amzn-ErrorType", "AccessDeniedException"))


def arrival(request: Request) -> dict[str, object]:
    """Return where a request came from, in AWS's names (VPCE-IF-16, VPCE-GW-15)."""
    provenance = request.provenance
    return {
        "vpc_endpoint_id": provenance.vpc_endpoint_id,
        "vpc_id": provenance.vpc_id,
        "source_address": provenance.source_address,
        "source_port": provenance.source_port,
    }
