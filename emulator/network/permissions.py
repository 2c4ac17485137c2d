"""May a host do something at a service?  The network's answer first, then that of the policies on the way.

Which endpoint's policy is asked follows from the walk: the request is at the
endpoint where the packet arrived, or at none (by NAT and the internet).  The
question is judged by the very code that the guard in front of a service runs,
and the service itself says whose the resource is and how it would refuse.

AWS: IAM User Guide, "Policy evaluation logic"; POL-11, POL-13.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from emulator.gates.networks import dotted
from emulator.model.traces import Delivered
from emulator.network.authority import access_key_of, session, user_principal
from emulator.network.origins import BadQuestion
from emulator.policies.layers import lines as verdict_lines
from emulator.policies.layers import to_json as verdict_json
from emulator.services import Access, Body, Provenance, Request
from emulator.services.guard import judged
from emulator.topology.problems import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from emulator.network.network import Network
    from emulator.observe.explain import RoundTrip
    from emulator.policies import Principal, Verdict
    from emulator.services import Application

HTTPS: Final = 443


@dataclass(frozen=True, slots=True)
class Permission:
    """An answer.

    Attributes:
        answer: The network's.
        service_name: Where the request arrives; empty if at no service.
        vpc_endpoint_id: The endpoint it comes through, None for none.
        verdict: What the policies say; None if no policy is asked, or nothing arrives.
        status: The HTTP status of the service's refusal; None if it does not refuse.
        note: Why no policy is asked.
    """

    answer: RoundTrip
    service_name: str = ""
    vpc_endpoint_id: str | None = None
    verdict: Verdict | None = None
    status: int | None = None
    note: str = ""

    @property
    def allowed(self) -> bool:
        """Whether the request arrives and is not refused."""
        return self.answer.reachable and (self.verdict is None or self.verdict.allowed)

    def lines(self) -> Iterator[str]:
        """Yield the answer as people read it."""
        if not self.answer.reachable:
            yield f"policies are not asked: {self.note}"
            yield "denied: the request does not arrive"
            return
        way = f"through {self.vpc_endpoint_id}" if self.vpc_endpoint_id else "through no endpoint"
        yield f"policies: {self.answer.question}, {way}, at {self.service_name or 'no service'}"
        if self.verdict is None:
            yield f"allowed: {self.note}"
            return
        yield from verdict_lines(self.verdict)
        if self.status is not None:
            yield f"the service answers {self.status}: {self.verdict.sentence}"

    def to_json(self) -> dict[str, Any]:
        """Return the documented object of ``vpcemu policy explain --json``."""
        return {
            "allowed": self.allowed,
            "question": self.answer.question,
            "reachable": self.answer.reachable,
            "service_name": self.service_name or None,
            "vpc_endpoint_id": self.vpc_endpoint_id,
            "note": self.note or None,
            "status": self.status,
            "verdict": None if self.verdict is None else verdict_json(self.verdict),
        }


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a service: an action on a resource, or a request by method and URL.

    Attributes:
        action: ``s3:GetObject``; empty where ``method`` and ``url`` say it.
        resource: An ARN, or ``*``.
        method, url: Of a request.
        principal: A role or user by name or ARN, ``anonymous``, or None for whoever the host is.
        keys: Condition keys instead of the request's own; one without values is missing.
    """

    action: str = ""
    resource: str = "*"
    method: str = "GET"
    url: str = ""
    principal: str | None = None
    keys: tuple[tuple[str, tuple[str, ...]], ...] = ()


def permission(network: Network, answer: RoundTrip, source: str, asked: Asked, port: int = HTTPS) -> Permission:
    """Say whether policies let a request pass whose packets the network has been asked about.

    Args:
        network: The network.
        answer: What :meth:`Network.trace` said.
        source: The host that asks.
        asked: What it asks for.
        port: The service's; at 443 the request is taken to be TLS.

    Raises:
        BadQuestion: if it names a principal that is not there, or asks for nothing that policies know.
    """
    if not answer.reachable:
        blocker = answer.blocker
        return Permission(answer, note=f"not reachable: {blocker}{answer.where}")
    service_name, endpoint_id = _arrived(network, answer)
    who = _principal(network, source, asked.principal)
    service = network.ec2.services.get(service_name)
    if service is None or service.service_id is not None:  # a customer's: always full access
        return Permission(answer, service_name, endpoint_id, note="no service of AWS's is there (POL-4)")
    request = _request(network, answer, service_name, endpoint_id, asked, secure=port == HTTPS)
    application = network.application_of(service_name)
    accesses = _accesses(application, request, asked)
    if not accesses:
        where = f"{service_name} has no policies (POL-4), or no such request"
        return Permission(answer, service_name, endpoint_id, note=where)
    verdict = None
    for access in accesses:
        verdict = judged(network.authority, request, who, access, asked.keys)
        if verdict is not None and not verdict.allowed:
            refusal = application.denial(request, verdict.sentence) if application is not None else None
            return Permission(answer, service_name, endpoint_id, verdict, refusal.status if refusal else 403)
    note = "" if verdict is not None else "no policy is on the way, and nobody is stated to ask"
    return Permission(answer, service_name, endpoint_id, verdict, note=note)


def _arrived(network: Network, answer: RoundTrip) -> tuple[str, str | None]:
    """Return the service where a packet arrived, empty for none, and the endpoint it came through."""
    ending, plane = answer.forward.ending, network.ec2
    if not isinstance(ending, Delivered):
        return "", None
    eni = plane.network_interfaces.get(ending.component)
    endpoint = plane.vpc_endpoints.get(ending.component if eni is None else eni.attachment)
    if endpoint is None:  # of a customer's service, the packet is at a target; its endpoint stands on the way
        through = {step.component for step in answer.forward.steps} & plane.vpc_endpoints.keys()
        endpoint = plane.vpc_endpoints[min(through)] if through else None
    if endpoint is not None:
        return endpoint.service_name, endpoint.vpc_endpoint_id
    return (ending.component if ending.component in plane.services else ""), None


def _principal(network: Network, source: str, named: str | None) -> Principal:
    """Return who asks.

    Raises:
        BadQuestion: if there is no such role or user.
    """
    plane = network.ec2
    if named is None or named == "anonymous":
        found = network.authority.asker(None if named else access_key_of(plane, source))
        assert found is not None, "the keys of hosts are known"
        return found
    name = named.rpartition("/")[2]
    role, user = plane.iam_roles.get(name), plane.iam_users.get(name)
    if role is not None and named in (name, role.arn):
        instance = plane.instances.get(source)
        return session(role, source if instance is not None and instance.iam_role == name else name)
    if user is not None and named in (name, user.arn):
        return user_principal(user)
    known = [*plane.iam_roles, *plane.iam_users]
    hint = did_you_mean(name, known) if known else ": the topology has no iam_roles and no iam_users"
    raise BadQuestion(f"no role or user {named!r}{hint}")


def _request(
    network: Network, answer: RoundTrip, service_name: str, endpoint_id: str | None, asked: Asked, *, secure: bool
) -> Request:
    """Return the request as the service would get it."""
    packet = answer.ended[0]
    endpoint = network.ec2.vpc_endpoints.get(endpoint_id or "")
    came = Provenance(
        dotted(packet.src) if packet is not None else "",
        packet.sport if packet is not None else 0,
        endpoint_id,
        None if endpoint is None else endpoint.vpc_id,
        secure,
    )
    if asked.url:
        parts = urlsplit(asked.url)
        host = (parts.hostname or "").lower()
        came = replace(came, secure=parts.scheme == "https")
        return Request(asked.method, host, parts.path or "/", parts.query, (("host", host),), came, network.now)
    region = network.ec2.services[service_name].region
    path = asked.resource.removeprefix("arn:aws:s3:::") if asked.resource.startswith("arn:aws:s3:::") else ""
    return Request("GET", f"s3.{region}.amazonaws.com", f"/{path}", "", (), came, network.now)


def _accesses(application: Application | None, request: Request, asked: Asked) -> tuple[Access, ...]:
    """Return what is asked for; of a resource given by its ARN the service says whose it is, and its policy."""
    said: tuple[Access, ...] = ()
    if application is not None:
        said = _at_once(application, request)
    if asked.url:
        return said
    if not getattr(application, "judged", True):
        return ()  # a service without policies
    mine = next((one for one in said if one.resource == asked.resource), None)
    owner, policy = (None, None) if mine is None else (mine.owner_id, mine.resource_policy)
    return (Access(asked.action, asked.resource, owner, policy),)


def _at_once(application: Application, request: Request) -> tuple[Access, ...]:
    """Ask an application about a request without a body: it has nothing to wait for."""
    asking = application.accesses(request, Body.of())
    try:
        asking.send(None)
    except StopIteration as done:
        found: tuple[Access, ...] = done.value
        return found
    asking.close()
    return ()


def keys_of(pairs: Iterable[str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Read ``NAME=VALUE`` pairs: a name that comes twice has two values, ``NAME=`` alone none.

    Raises:
        BadQuestion: if one is no such pair.
    """
    found: dict[str, list[str]] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or ":" not in name:
            raise BadQuestion(f"--key {pair}: write NAME=VALUE, e.g. aws:SourceVpce=vpce-1")
        found.setdefault(name.lower(), []).extend([value] if value else [])
    return tuple((name, tuple(values)) for name, values in found.items())
