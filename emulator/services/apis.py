"""The application ``execute-api``: APIs of API Gateway, each for one side of it.

Endpoints serve private APIs only, and the public side public ones only;
whoever asks for an API at the wrong side is told ``Forbidden``, as of an API
that does not exist.  What an API answers is how the request arrived.

AWS: API Gateway Developer Guide, "Private REST APIs in API Gateway".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.model.resources import DEFAULT_ACCOUNT
from emulator.services.generic import GenericService, arrival
from emulator.services.messages import Access, Body, Request, Response, json_response

if TYPE_CHECKING:
    from collections.abc import Mapping

PRIVATE, REGIONAL = ENDPOINT_TYPES = ("PRIVATE", "REGIONAL")
API_ID_HEADER: Final = "x-apigw-api-id"


class Apis(GenericService):
    """The APIs of one Region; ``apis`` are their ids and endpoint types."""

    def __init__(self, service_name: str, region: str, apis: Mapping[str, str]) -> None:
        super().__init__(service_name)
        self._region = region
        self._apis = dict(apis)

    async def accesses(self, request: Request, body: Body) -> tuple[Access, ...]:  # noqa: ARG002 - the head says it
        """Return ``execute-api:Invoke`` on the method of the API; nothing where there is no such API."""
        api = api_of(request)
        if api not in self._apis:
            return ()
        stage, _, path = request.path.removeprefix("/").partition("/")
        place = f"{api}/{stage or '$default'}/{request.method}/{path}"
        resource = f"arn:aws:execute-api:{self._region}:{DEFAULT_ACCOUNT}:{place}"
        return (Access("execute-api:Invoke", resource),)

    async def respond(self, request: Request, body: Body) -> Response:
        """Return 200 and the request, as it arrived; 403 at the wrong side."""
        length = await body.discard()
        api = api_of(request)
        side = REGIONAL if request.provenance.vpc_endpoint_id is None else PRIVATE
        if self._apis.get(api) != side:
            return json_response(403, {"message": "Forbidden"}, ("x-amzn-ErrorType", "ForbiddenException"))
        answer = {"api_id": api, "method": request.method, "path": request.path, "bytes": length}
        return json_response(200, answer | arrival(request))


def api_of(request: Request) -> str:
    """Return the id of the API that a request is for: in a header, or the first label of its host."""
    return request.header(API_ID_HEADER) or request.host.partition(".")[0]
