"""What can stand behind a service, by the names that documents use.

A `Program` is made once for a service and holds its state (the objects of S3,
say); it is then served on each host of that service.  `program_of` makes the one
that a service names.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from emulator.model.resources import DEFAULT_ACCOUNT
from emulator.services import apis, dynamodb, echo, s3, sink, streams
from emulator.services.certified import certified
from emulator.services.dynamodb import tables_of
from emulator.services.guard import Guard, PolicyOf, Ruling
from emulator.services.http import serve_http
from emulator.services.moto_bridge import Moto
from emulator.services.options import OptionError, Options
from emulator.services.planned import ANSWER_OPTIONS, plan_of
from emulator.services.s3_buckets import buckets_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emulator.model.resources import Service
    from emulator.services.messages import Application

MAX_PORT = 65_535
TLS_PORT = 443


class Program(Protocol):
    """A built-in program; ``port`` is where it listens unless told otherwise."""

    @property
    def port(self) -> int:
        """The port of the service."""

    async def serve(
        self,
        host: str | Sequence[str] | None = None,
        port: int | None = None,
        *,
        policy_of: PolicyOf,
        observe: Callable[[Ruling], None] | None = None,
        names: Sequence[str] = (),
    ) -> asyncio.Server:
        """Listen on the running loop; the server accepts until it is closed.

        ``policy_of`` returns the current policy of an endpoint, and is asked for every request;
        ``observe`` is told what the policies said.  ``names`` are the host names that clients know it by, for its
        certificate; without any it proves whatever it is asked for.  Told a port, it listens there only, without TLS.
        """


@dataclass(frozen=True, slots=True)
class HttpProgram:
    """An HTTP application behind the guard."""

    application: Application
    port: int = 80
    tls_port: int | None = 443

    async def serve(
        self,
        host: str | Sequence[str] | None = None,
        port: int | None = None,
        *,
        policy_of: PolicyOf,
        observe: Callable[[Ruling], None] | None = None,
        names: Sequence[str] = (),
    ) -> asyncio.Server:
        """Listen; see `Program`."""
        guarded = Guard(self.application, policy_of, observe)
        if port is None and self.tls_port is not None:
            await serve_http(guarded, host, self.tls_port, certified(names))
        return await serve_http(guarded, host, self.port if port is None else port)


@dataclass(frozen=True, slots=True)
class StreamProgram:
    """A program that speaks no HTTP: endpoint policies cannot reach it (POL-4)."""

    protocol: Callable[[], asyncio.BaseProtocol]
    port: int
    datagrams: Callable[[], asyncio.DatagramProtocol] | None = None

    async def serve(
        self,
        host: str | Sequence[str] | None = None,
        port: int | None = None,
        *,
        policy_of: PolicyOf,  # noqa: ARG002 - the same call starts every program
        observe: Callable[[Ruling], None] | None = None,  # noqa: ARG002 - as above
        names: Sequence[str] = (),  # noqa: ARG002 - as above
    ) -> asyncio.Server:
        """Listen; see `Program`."""
        if self.datagrams is not None and port is None:
            await streams.serve_datagrams(self.datagrams, host, self.port)
        return await streams.serve(self.protocol, host, self.port if port is None else port)


Factory = Callable[[str, str, Options], Program]
"""Makes a program from the service's name, its Region and its options."""


def _port(options: Options, default: int) -> int:
    return options.integer("port", default, maximum=MAX_PORT)


def _http(application: Application, options: Options, *known: str) -> HttpProgram:
    """Return the program of an application whose options are read but for where it listens; ``known`` are those."""
    port = _port(options, 80)
    tls = options.flag("tls", port != TLS_PORT)
    tls_port = options.integer("tls_port", TLS_PORT, maximum=MAX_PORT)
    if tls and tls_port == port:
        raise OptionError(f"{options.at('tls_port')}: {port} is the port without TLS")
    options.done(*sorted((*known, "port", "tls", "tls_port")))
    return HttpProgram(application, port, tls_port if tls else None)


def _s3(service_name: str, region: str, options: Options) -> Program:
    buckets = buckets_of(options.table("buckets"), region)
    keep_uploads = options.integer("keep_uploads", s3.KEEP_UPLOADS)
    application = s3.S3(service_name, region, buckets, keep_uploads=keep_uploads)
    return _http(application, options, "buckets", "keep_uploads")


def _dynamodb(service_name: str, region: str, options: Options) -> Program:
    account = options.text("account", DEFAULT_ACCOUNT)
    application = dynamodb.DynamoDb(service_name, region, tables_of(options.table("tables")), account=account)
    return _http(application, options, "account", "tables")


def _generic(service_name: str, region: str, options: Options) -> Program:  # noqa: ARG001 - as every factory
    supports_policies = options.flag("supports_policies", True)
    application = echo.Echo(service_name, supports_policies=supports_policies, plan=plan_of(options))
    return _http(application, options, *ANSWER_OPTIONS, "routes", "supports_policies")


def _sink(service_name: str, region: str, options: Options) -> Program:  # noqa: ARG001 - as every factory
    supports_policies = options.flag("supports_policies", True)
    return _http(sink.Sink(service_name, supports_policies=supports_policies), options, "supports_policies")


def _moto(service_name: str, region: str, options: Options) -> Program:
    return _http(Moto(service_name, region, seed=options.integer("seed", 0)), options, "seed")


def _apis(service_name: str, region: str, options: Options) -> Program:
    kinds = {}
    for name, entry in options.table("apis").tables().items():
        kinds[name] = entry.text("endpoint_type", apis.REGIONAL)
        if kinds[name] not in apis.ENDPOINT_TYPES:
            known = " or ".join(apis.ENDPOINT_TYPES)
            raise OptionError(f"{entry.at('endpoint_type')}: expected {known}, not {kinds[name]!r}")
        entry.done("endpoint_type")
    return _http(apis.Apis(service_name, region, kinds), options, "apis")


def _discard(service_name: str, region: str, options: Options) -> Program:  # noqa: ARG001 - as every factory
    program = StreamProgram(streams.Discard, _port(options, streams.DISCARD_PORT), asyncio.DatagramProtocol)
    options.done("port")
    return program


def _echo(service_name: str, region: str, options: Options) -> Program:  # noqa: ARG001 - as every factory
    program = StreamProgram(streams.Repeat, _port(options, streams.ECHO_PORT), streams.RepeatDatagrams)
    options.done("port")
    return program


def _source(service_name: str, region: str, options: Options) -> Program:  # noqa: ARG001 - as every factory
    size = options.integer("size") if "size" in options else None
    rate = options.rate("rate") if "rate" in options else None
    duration = options.duration("duration") if "duration" in options else None
    program = StreamProgram(lambda: streams.Source(size, rate, duration), _port(options, streams.SOURCE_PORT))
    options.done("duration", "port", "rate", "size")
    return program


APPLICATIONS: Mapping[str, Factory] = MappingProxyType(
    {
        "discard": _discard,
        "dynamodb": _dynamodb,
        "echo": _echo,
        "execute-api": _apis,
        "http": _generic,
        "moto": _moto,
        "s3": _s3,
        "sink": _sink,
        "source": _source,
    }
)
"""The programs a document may name as a service's ``application``."""


def program_named(application: str, name: str, region: str, options: Mapping[str, object]) -> Program:
    """Return a new program for a service or a host of that name.

    Raises:
        OptionError: (a ValueError) if there is no such application, or an option is wrong; the message names it.
    """
    factory = APPLICATIONS.get(application)
    if factory is None:
        raise OptionError(f"application: unknown {application!r}; known are {', '.join(APPLICATIONS)}")
    return factory(name, region, Options(options))


def program_of(service: Service) -> Program | None:
    """Return a new program for ``service``, or None if its program is given by API.

    Raises:
        OptionError: as :func:`program_named`.
    """
    if service.application is None:
        return None
    return program_named(service.application, service.service_name, service.region, service.options)
