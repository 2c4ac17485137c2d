"""What may stand in a scenario document.

Shapes only; whether names lead somewhere is checked by the scenario, once its topology is there.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from netaddr import AddrFormatError, IPAddress
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from emulator.model.reasons import Outcome, Reason
from emulator.topology.problems import did_you_mean
from emulator.topology.units import duration, rate, size
from emulator.topology.validation import Strict

Size = Annotated[int, BeforeValidator(size)]
Duration = Annotated[int, BeforeValidator(duration)]
Rate = Annotated[int, BeforeValidator(rate)]
_NAME: Final = re.compile(r"(?=.{1,253}\.?$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?", re.IGNORECASE | re.ASCII)
METHODS: Final = ("GET", "HEAD", "PUT", "POST", "DELETE")
_EXPECTABLE: Final = (*Reason, Outcome.DELIVERED)


def is_address(text: str, version: int | None = None) -> bool:
    """Return whether a text is an IP address, of ``version`` if that is given."""
    try:
        return IPAddress(text).version in ((4, 6) if version is None else (version,))
    except (AddrFormatError, ValueError):
        return False


def is_address_or_name(text: str) -> bool:
    """Return whether a text is an IP address or shaped like a name of the DNS (RFC 1123, section 2.1)."""
    digits = text.replace(".", "").isdigit()
    return is_address(text) or (_NAME.fullmatch(text) is not None and not digits)


def address_or_name(text: str) -> str:
    """Refuse what is neither an IP address nor a name."""
    if is_address_or_name(text):
        return text
    raise ValueError(f'must be an IP address or a name, not "{text}"')


def http_url(text: str) -> str:
    """Refuse what no program could ask for over HTTP or HTTPS."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f'must be a URL like http://host/path, not "{text}": {error}') from None
    if parts.scheme not in ("http", "https") or not host or not text.isprintable() or text != text.strip():
        raise ValueError(f'must be a URL like http://host/path, not "{text}"')
    if not is_address_or_name(host):
        raise ValueError(f'must have a host that is an IP address or a name, not "{host}"')
    return text


def action_name(text: str) -> str:
    """Refuse what is no action of IAM's."""
    if re.fullmatch(r"[a-z0-9-]+:[A-Za-z0-9]+", text):
        return text
    raise ValueError(f'must be SERVICE:NAME like s3:GetObject, not "{text}"')


def arn_or_all(text: str) -> str:
    """Refuse what is no resource of a request."""
    if text == "*" or text.startswith("arn:"):
        return text
    raise ValueError(f'must be an ARN like arn:aws:s3:::bucket/key, or "*", not "{text}"')


def method_and_url(text: str) -> tuple[str, str]:
    """Split what is asked over HTTP, ``GET https://host/path``; a URL alone is a GET.

    Raises:
        ValueError: if it is no such request.
    """
    method, _, url = text.rpartition(" ")
    method = method.strip().upper() or "GET"
    if method not in METHODS:
        raise ValueError(f'must be like "GET https://host/path", with {", ".join(METHODS)}, not "{text}"')
    return method, http_url(url)


def request_line(text: str) -> str:
    """Refuse what is no request."""
    method_and_url(text)
    return text


def expectation(value: Any) -> Any:
    """Refuse an expectation that no row could meet."""
    if value is None or (isinstance(value, str) and value in _EXPECTABLE):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        if 100 <= value <= 599:
            return value
        raise ValueError(f"must be an HTTP status from 100 to 599, not {value}")
    hint = did_you_mean(value, _EXPECTABLE) if isinstance(value, str) else ""
    shown = f'"{value}"' if isinstance(value, str) else type(value).__name__
    raise ValueError(f'must be an HTTP status, "delivered" or a reason code, not {shown}{hint}')


def expected(value: Any) -> Any:
    """Read a lone word or number as the mapping it stands for."""
    value = value if isinstance(value, dict) else expectation(value)
    if value is None or isinstance(value, dict):
        return value
    if isinstance(value, int):
        return {"status": value}
    return {"outcome": value} if value in tuple(Outcome) else {"reason": value}


def reason_code(text: str) -> str:
    """Refuse what is no reason."""
    if text in tuple(Reason):
        return text
    raise ValueError(f'must be a reason code, not "{text}"{did_you_mean(text, tuple(Reason))}')


def one_or_more(value: Any) -> Any:
    """Read a lone text as a list of one."""
    return [value] if isinstance(value, str) else value


def some_steps(value: Any) -> Any:
    """Refuse a scenario in which nothing happens."""
    if value is None or value == []:
        raise ValueError("must hold something: a scenario needs at least one step")
    return value


AddressOrName = Annotated[str, AfterValidator(address_or_name)]
Url = Annotated[str, AfterValidator(http_url)]
Port = Annotated[int, Field(ge=1, le=65535)]


class CaptureSpec(Strict):
    """Where to capture, and how much of each frame."""

    at: str
    snaplen: Size = 262_144
    comments: Literal["first", "all", "none"] = "first"
    file_format: Literal["pcapng", "pcap"] = "pcapng"


class FaultSpec(Strict):
    """A seeded fault on the links between two components; see :class:`emulator.simulation.links.Fault`."""

    source: str = "*"
    target: str = "*"
    loss: Annotated[float, Field(ge=0, le=1)] = 0.0
    duplicate: Annotated[float, Field(ge=0, le=1)] = 0.0
    reorder: Annotated[float, Field(ge=0, le=1)] = 0.0
    reorder_delay: Duration = 1_000_000
    jitter: Duration = 0


class PushSpec(Strict):
    """An upload shared by several connections."""

    url: Url
    size: Size
    connections: Annotated[int, Field(ge=1, le=10_000)] = 1


class CopySpec(Strict):
    """A copy inside S3: the object at ``url`` is made from ``source``, a bucket and key."""

    url: Url
    source: str


class DatagramSpec(Strict):
    """One UDP datagram."""

    to: AddressOrName
    port: Port
    payload: str = "hello"


class SendSpec(Strict):
    """One packet crafted with scapy: for what no program would send."""

    to: AddressOrName
    ip_version: Literal[4, 6] = 4
    protocol: Literal["tcp", "udp", "icmp"] = "tcp"
    port: Port = 443
    source_port: Port = 40000
    length: Annotated[Size, Field(le=65535)] = 0


class TalkSpec(Strict):
    """A TCP connection that says something now and then, and waits for the answer (an ``echo`` at the other end)."""

    to: AddressOrName
    port: Port = 7
    times: Annotated[int, Field(ge=1, le=10_000)] = 2
    pause: Duration = 0
    size: Size = 100
    keepalive: Duration | None = None
    patience: Duration = 60_000_000_000


class TraceSpec(Strict):
    """A question, answered by the walk without a packet being sent; with an action or request also by the policies."""

    to: str
    protocol: Literal["tcp", "udp", "icmp"] = "tcp"
    source_port: Port = 40000
    action: Annotated[str, AfterValidator(action_name)] | None = None
    resource: Annotated[str, AfterValidator(arn_or_all)] | None = None
    request: Annotated[str, AfterValidator(request_line)] | None = None
    principal: str | None = None


class FlowRowSpec(Strict):
    """A flow-log record that must be there, or with ``absent`` must not."""

    interface: str
    direction: Literal["ingress", "egress"] | None = None
    action: Literal["ACCEPT", "REJECT"] | None = None
    src: str | None = None
    dst: str | None = None
    dst_port: Port | None = None
    src_port: Port | None = None
    absent: bool = False


Names = Annotated[list[str], BeforeValidator(one_or_more)]
ReasonCode = Annotated[str, AfterValidator(reason_code)]


class ExpectSpec(Strict):
    """What must have become of a step; what is left out may be anything.

    ``rule`` is a part of the deciding line. ``via`` and ``not_via`` are components, or targets of routes, on the way.
    ``first_byte`` is how long the answer's first byte took: ``within`` and ``after``; ``finished`` is when the step was
    over, since the beginning of the run: what a program that does one thing after the other lets its user wait for.
    """

    outcome: Literal["delivered", "dropped", "denied", "failed", "reachable", "unreachable", "allowed"] | None = None
    status: Annotated[int, Field(ge=100, le=599)] | None = None
    reason: ReasonCode | None = None
    component: str | None = None
    rule: str | None = None
    error: str | None = None
    dns: str | None = None
    via: Names = Field(default_factory=list)
    not_via: Names = Field(default_factory=list)
    same_az: bool | None = None
    first_byte_within: Duration | None = None
    first_byte_after: Duration | None = None
    finished_within: Duration | None = None
    finished_after: Duration | None = None
    throughput_at_least: Rate | None = None
    throughput_at_most: Rate | None = None
    flow_log: list[FlowRowSpec] = Field(default_factory=list)


class EventSpec(BaseModel):
    """A control-plane verb at a moment of the run; its further keys are the verb's parameters."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    at: Duration
    do: str
    expect: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The verb's parameters."""
        return dict(self.model_extra or {})


class StepSpec(Strict):
    """One thing that one host does. Exactly one of the actions; ``at`` is the earliest moment."""

    what: str
    host: str
    at: Duration = 0
    get: Url | None = None
    push: PushSpec | None = None
    copy_object: CopySpec | None = None
    datagram: DatagramSpec | None = None
    send: SendSpec | None = None
    talk: TalkSpec | None = None
    trace: TraceSpec | None = None
    expect: Annotated[ExpectSpec | None, BeforeValidator(expected)] = None


ACTIONS: Final = ("get", "push", "copy_object", "datagram", "send", "talk", "trace")


class ScenarioSpec(Strict):
    """The whole document."""

    topology: str
    seed: Annotated[int, Field(ge=0)] = 0
    captures: list[CaptureSpec] = Field(default_factory=list)
    faults: list[FaultSpec] = Field(default_factory=list)
    events: list[EventSpec] = Field(default_factory=list)
    steps: Annotated[list[StepSpec], BeforeValidator(some_steps)]
