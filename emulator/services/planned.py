"""What a document says that an HTTP service answers: statuses, contents, delays, by path.

A generic service describes the request it got; a document may have it answer
otherwise, everywhere or at some paths.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emulator.services.blocks import blocks
from emulator.services.messages import BLOCK_SIZE, Request, Response
from emulator.services.options import OptionError

if TYPE_CHECKING:
    from emulator.services.options import Options

ANSWER_OPTIONS: Final = ("body", "headers", "size", "status", "think_time")
LARGEST_ANSWER: Final = 1 << 50


@dataclass(frozen=True, slots=True)
class Planned:
    """One answer.

    Attributes:
        status: Of the response.
        headers: Beside those that every response has.
        body: The content; None if ``size`` says it, or if the service describes the request.
        size: Bytes of generated content.
        think_time: Nanoseconds before the answer begins, once the request has come in whole.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    size: int | None = None
    think_time: int = 0

    def response(self) -> Response | None:
        """Return the response, or None where the service describes the request."""
        if self.size is not None:
            content = blocks(0, self.size)
            sent = b"".join(content) if self.size <= BLOCK_SIZE else content
            return Response(self.status, self.headers, sent, self.size)
        if self.body is None and self.status == 200:
            return None
        return Response(self.status, self.headers, self.body or b"")


@dataclass(frozen=True, slots=True)
class Plan:
    """All answers of a service: of the paths in order, else the general one."""

    general: Planned = Planned()
    routes: tuple[tuple[re.Pattern[str], Planned], ...] = ()

    def answer_to(self, request: Request) -> Planned:
        """Return what a request is answered with."""
        for pattern, planned in self.routes:
            if pattern.fullmatch(request.path) or pattern.fullmatch(f"{request.method} {request.path}"):
                return planned
        return self.general


def plan_of(options: Options) -> Plan:
    """Return the plan that a document describes.

    Raises:
        OptionError: naming the option that is wrong.
    """
    routes = []
    for path, entry in options.table("routes").tables().items():
        routes.append((_pattern(path), _planned(entry)))
        entry.done(*ANSWER_OPTIONS)
    return Plan(_planned(options), tuple(routes))


def _planned(options: Options) -> Planned:
    if "size" in options and "body" in options:
        raise OptionError(f"{options.place}: give either size or body")
    status = options.integer("status", 200, maximum=599)
    if status < 200:
        raise OptionError(f"{options.at('status')}: expected 200 to 599, not {status}")
    return Planned(
        status,
        tuple(options.table("headers").texts().items()),
        options.text("body").encode() if "body" in options else None,
        options.integer("size", maximum=LARGEST_ANSWER) if "size" in options else None,
        options.duration("think_time"),
    )


def _pattern(text: str) -> re.Pattern[str]:
    """Return a pattern in which ``*`` is any number of characters."""
    return re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL)
