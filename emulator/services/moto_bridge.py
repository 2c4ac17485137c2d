"""The application ``moto``: any AWS service that moto knows, behind an endpoint.

moto's own WSGI application answers, called in place: no thread, no socket.  It
comes with the extra ``aws``.  What it keeps is global in the process: a service
is emptied when its first request of a network comes, so networks that run one
after the other do not meet, and networks that run at once share it.  Its ids are
drawn from a generator that is seeded then; its clock is the machine's, not the
run's.  The waiting of SQS's long polls is done here, in the run's time.

PEP 3333 for what is handed over.
"""

from __future__ import annotations

import asyncio
import importlib.util
import io
import json
import sys
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes
from xml.sax.saxutils import escape

from emulator.services.dynamodb.application import DynamoDb
from emulator.services.messages import Access, Body, BodyTooLarge, Request, Response, json_response
from emulator.services.moto_names import iam_prefix, label_of, operation_of
from emulator.services.options import OptionError
from emulator.services.s3 import S3
from emulator.services.s3_address import locate

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.services.messages import Application

LARGEST_REQUEST: Final = 256 * 1024 * 1024
"""Bytes of a request; moto keeps them all."""
LONGEST_POLL: Final = 20
"""Seconds that SQS waits for a message at most."""
_POLL_INTERVAL: Final = 0.5
_NEEDED: Final = ("moto", "flask", "flask_cors", "botocore")
_OURS: Final = frozenset({"connection", "content-length", "date", "transfer-encoding"})
"""Headers that belong to the connection, and are not moto's to say."""


class Moto:
    """One service as moto answers for it."""

    def __init__(self, service_name: str, region: str, *, seed: int = 0) -> None:
        """``seed`` is of the ids that moto makes up.

        Raises:
            OptionError: without the extra, or if moto does not know the service.
        """
        self.service_name = service_name
        self._region = region
        self._seed = seed
        self._label = label_of(service_name)
        self._module = _module_of(self._label, region or "us-east-1")
        self._call: Callable[..., Any] | None = None
        # Two services have resources in their requests; who knows them is asked what policies judge.
        self._judged: Application | None = None
        if self._label == "s3":
            self._judged = S3(service_name, region, {})
        elif self._label == "dynamodb":
            self._judged = DynamoDb(service_name, region, {})

    # ---- Application

    async def accesses(self, request: Request, body: Body) -> tuple[Access, ...]:
        """Return the operation as an action, on ``*``; of S3 and DynamoDB on the bucket, object or table."""
        if self._judged is not None:
            return await self._judged.accesses(request, body)
        try:
            content = await body.peek(LARGEST_REQUEST)
        except BodyTooLarge:
            return ()
        operation = operation_of(request, content, self._label)
        return () if operation is None else (Access(f"{iam_prefix(self._label)}:{operation}", "*"),)

    def denial(self, request: Request, sentence: str) -> Response:
        """Return the refusal in the protocol that the request speaks (POL-13)."""
        if self._judged is not None:
            return self._judged.denial(request, sentence)
        if request.header("x-amz-target"):
            document = {"__type": "AccessDeniedException", "message": sentence}
            return json_response(400, document, ("x-amzn-ErrorType", "AccessDeniedException"))
        if "application/x-www-form-urlencoded" in (request.header("content-type") or ""):
            return _query_denial(self._label, sentence)
        return json_response(403, {"Message": sentence}, ("x-amzn-ErrorType", "AccessDeniedException"))

    async def respond(self, request: Request, body: Body) -> Response:
        """Hand a request to moto."""
        try:
            content = await body.read(LARGEST_REQUEST)
        except BodyTooLarge:
            document = {"__type": "RequestEntityTooLargeException", "message": f"more than {LARGEST_REQUEST} bytes"}
            return json_response(413, document)
        if self._call is None:
            self._call = self._begin()
        patience, content = _poll(request, content)
        response = self._answer(self._call, request, content)
        while patience > 0 and response.status == 200 and b'"Messages"' not in _whole(response):
            await asyncio.sleep(_POLL_INTERVAL)
            patience -= _POLL_INTERVAL
            response = self._answer(self._call, request, content)
        return response

    # ---- moto's side

    def _answer(self, call: Callable[..., Any], request: Request, content: bytes) -> Response:
        """Call moto's application."""
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
            if exc_info is not None and isinstance(exc_info, tuple):
                raise exc_info[1]
            started[:] = [int(status[:3]), headers]

        answered = call(self._environ(request, content), start_response)
        try:
            sent = b"".join(answered)
        finally:
            if hasattr(answered, "close"):
                answered.close()
        status, headers = started
        kept = tuple((name, value) for name, value in headers if name.lower() not in _OURS)
        return Response(status, kept, sent)

    def _begin(self) -> Callable[..., Any]:
        """Empty what moto keeps of the service, and return its application."""
        from moto.backends import get_backend  # noqa: PLC0415 - an extra, and slow to import
        from moto.moto_api._internal import mock_random  # noqa: PLC0415 - as above
        from moto.moto_server.werkzeug_app import create_backend_app  # noqa: PLC0415 - as above

        kept = get_backend(self._module)
        for account in list(kept.values()):
            account.reset()
        kept.clear()
        mock_random.seed(f"{self.service_name}/{self._seed}")
        application: Callable[..., Any] = create_backend_app(self._module)
        return application

    def _environ(self, request: Request, content: bytes) -> dict[str, Any]:
        """Return the request as PEP 3333 has it, under a host name that moto knows."""
        host = f"{self._label}.{self._region}.amazonaws.com"
        path = request.path
        if self._label == "s3":  # a bucket may be in the host name
            location = locate(request)
            in_host = path.lstrip("/").partition("/")[0] != location.bucket and location.bucket
            host = f"{location.bucket}.{host}" if in_host else host
        environ: dict[str, Any] = {
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": request.query,
            "RAW_URI": f"{path}?{request.query}" if request.query else path,
            "SERVER_NAME": host,
            "SERVER_PORT": "443" if request.provenance.secure else "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": request.provenance.source_address,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https" if request.provenance.secure else "http",
            "wsgi.input": io.BytesIO(content),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "CONTENT_LENGTH": str(len(content)),
        }
        for name, value in request.headers:
            if name == "content-type":
                environ["CONTENT_TYPE"] = value
            elif name not in ("content-length", "transfer-encoding", "host"):
                key = f"HTTP_{name.upper().replace('-', '_')}"
                environ[key] = f"{environ[key]},{value}" if key in environ else value
        environ["HTTP_HOST"] = host
        return environ


def _poll(request: Request, content: bytes) -> tuple[float, bytes]:
    """Return the seconds for which a request waits for messages, and a request that does not.

    moto would wait in real time, and everybody with it.
    """
    if request.header("x-amz-target") != "AmazonSQS.ReceiveMessage":
        return 0, content
    try:
        members = json.loads(content)
        patience = float(members.get("WaitTimeSeconds", 0))
    except (ValueError, TypeError, AttributeError):
        return 0, content
    return min(patience, LONGEST_POLL), json.dumps(members | {"WaitTimeSeconds": 0}).encode()


def _whole(response: Response) -> bytes:
    assert isinstance(response.content, bytes), "moto's answers are put together above"
    return response.content


def _module_of(label: str, region: str) -> Any:
    """Return moto's name of the service with that host label."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        sentence = f"moto needs {', '.join(missing)}, of the extra: pip install vpcemu[aws]"
        raise OptionError(f"application: {sentence}")
    from moto.backend_index import backend_url_patterns  # noqa: PLC0415 - an extra

    host = f"http://{label}.{region}.amazonaws.com"
    found = next((module for module, pattern in backend_url_patterns if pattern.match(host)), None)
    if found is None:
        raise OptionError(f"application: moto knows no service at {label}.{region}.amazonaws.com")
    return found


def _query_denial(label: str, sentence: str) -> Response:
    """Return the refusal of the services that answer in XML."""
    text = escape(sentence)
    if label == "ec2":
        error = f"<Errors><Error><Code>UnauthorizedOperation</Code><Message>{text}</Message></Error></Errors>"
        content = f"<Response>{error}<RequestID>0</RequestID></Response>"
    else:
        error = f"<Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{text}</Message></Error>"
        content = f"<ErrorResponse>{error}<RequestId>0</RequestId></ErrorResponse>"
    return Response(403, (("Content-Type", "text/xml"),), content.encode())
