"""An HTTP service that takes whatever is uploaded, and says how much it was.

Its cost per chunk is h11's: nothing is kept, and the program wakes once, at the
end of each request.
"""

from __future__ import annotations

from emulator.services.generic import GenericService, arrival
from emulator.services.messages import Body, Request, Response, json_response


class Sink(GenericService):
    """The application ``sink``."""

    async def respond(self, request: Request, body: Body) -> Response:
        """Return the number of bytes of a POST or PUT."""
        if request.method not in ("POST", "PUT"):
            return json_response(405, {"message": "a sink takes POST and PUT"}, ("Allow", "POST, PUT"))
        length = await body.discard()
        return json_response(200, {"bytes": length, "path": request.path, **arrival(request)})
