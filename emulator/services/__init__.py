"""What lives behind VPC endpoints, and the Amazon resolver.

Ordinary asyncio programs: the emulated event loop makes their servers and
sockets those of an emulated host.  They know nothing of packets.
"""

from __future__ import annotations

from emulator.services.authority import Authority
from emulator.services.credentials import access_key_id, signed_headers
from emulator.services.guard import Guard, PolicyOf, Ruling
from emulator.services.hints import hint, nearest_covered
from emulator.services.http import serve_http
from emulator.services.messages import Access, Application, Body, Provenance, Request, Response
from emulator.services.names import EndpointNames, endpoint_names, interface_name
from emulator.services.options import OptionError
from emulator.services.programs import APPLICATIONS, HTTPS_PORT, HttpProgram, Program, program_named, program_of
from emulator.services.resolver import Rotation
from emulator.services.resolver import answer as answer_query
from emulator.services.resolver import serve as serve_resolver
from emulator.services.resolver import serve_tcp as serve_resolver_tcp
from emulator.services.views import World, names_of, public_zone, zone_of
from emulator.services.zone import Answer, Source, Zone

__all__ = [
    "APPLICATIONS",
    "HTTPS_PORT",
    "Access",
    "Answer",
    "Application",
    "Authority",
    "Body",
    "EndpointNames",
    "Guard",
    "HttpProgram",
    "OptionError",
    "PolicyOf",
    "Program",
    "Provenance",
    "Request",
    "Response",
    "Rotation",
    "Ruling",
    "Source",
    "World",
    "Zone",
    "access_key_id",
    "answer_query",
    "endpoint_names",
    "hint",
    "interface_name",
    "names_of",
    "nearest_covered",
    "program_named",
    "program_of",
    "public_zone",
    "serve_http",
    "serve_resolver",
    "serve_resolver_tcp",
    "signed_headers",
    "zone_of",
]
