"""A generic HTTP service: answers any request by saying how it arrived.

Its answer shows what a service sees of its client: which endpoint and VPC the
connection came through, and the client's private address (VPCE-IF-16,
VPCE-GW-15).
"""

from __future__ import annotations

from emulator.services.generic import GenericService, arrival
from emulator.services.messages import Body, Request, Response, json_response


class Echo(GenericService):
    """The application ``http``."""

    async def respond(self, request: Request, body: Body) -> Response:
        """Return 200 and the request, as it arrived."""
        length = await body.discard()
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
        )
