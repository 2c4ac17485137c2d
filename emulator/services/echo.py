"""A generic HTTP service: answers any request by saying how it arrived, or as a document has it.

Its own answer shows what a service sees of its client: which endpoint and VPC
the connection came through, and the client's private address (VPCE-IF-16,
VPCE-GW-15).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from emulator.services.generic import GenericService, arrival
from emulator.services.messages import Body, Request, Response, json_response
from emulator.services.planned import Plan

if TYPE_CHECKING:
    from collections.abc import Sequence


class Echo(GenericService):
    """The application ``http``."""

    def __init__(self, service_name: str, *, supports_policies: bool = True, plan: Plan | None = None) -> None:
        """``plan`` is what to answer; by default the request is described."""
        super().__init__(service_name, supports_policies=supports_policies)
        self._plan = plan or Plan()

    async def respond(self, request: Request, body: Body) -> Response:
        """Return the planned answer, or 200 and the request as it arrived."""
        length = await body.discard()
        planned = self._plan.answer_to(request)
        if planned.think_time:
            await asyncio.sleep(planned.think_time / 1e9)
        return planned.response() or self._description(request, length, planned.headers)

    def _description(self, request: Request, length: int, headers: Sequence[tuple[str, str]]) -> Response:
        return json_response(
            200,
            {
                "service_name": self.service_name,
                "method": request.method,
                "host": request.host,
                "path": request.path,
                "query": request.query,
                "bytes": length,
                **arrival(request),
            },
            *headers,
        )
