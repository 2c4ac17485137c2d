"""``vpcemu policy``: what policies say to one request, and whether a file holds a policy."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import typer

from emulator.network.permissions import Asked, Permission, keys_of, permission
from emulator.network.policy_files import KINDS, policy_problems
from emulator.network.questions import BadQuestion
from emulator.network.schema import action_name, arn_or_all, method_and_url

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from emulator.network.network import Network
    from emulator.observe.explain import RoundTrip

HTTP, HTTPS = 80, 443


def asked_of(
    action: str | None, resource: str | None, request: str | None, principal: str | None, keys: Iterable[str]
) -> Asked | None:
    """Return what is asked of a service; None if nothing is.

    Raises:
        BadQuestion: if it is neither an action nor a request, or both.
    """
    if request is not None:
        if action is not None or resource is not None:
            raise BadQuestion("give either --request or --action and --resource")
        try:
            method, url = method_and_url(request)
        except ValueError as error:
            raise BadQuestion(f"--request {error}") from None
        return Asked(method=method, url=url, principal=principal, keys=keys_of(keys))
    if action is None:
        if resource is not None or principal is not None or list(keys):
            raise BadQuestion("--resource, --principal and --key go with --action or --request")
        return None
    resource = resource or "*"
    for option, check, text in (("--action", action_name, action), ("--resource", arn_or_all, resource)):
        try:
            check(text)
        except ValueError as error:
            raise BadQuestion(f"{option} {error}") from None
    return Asked(action, resource, principal=principal, keys=keys_of(keys))


def destination_of(url: str) -> str:
    """Return the host and port that a request goes to."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or (HTTPS if parts.scheme == 'https' else HTTP)}"


def one_permission(network: Network, source: str, to: str, asked: Asked, port: int, *, as_json: bool) -> bool:
    """Print what the network and the policies say to one request; return whether it is allowed."""
    answer = network.trace(source, to, port=port)
    found = told(network, answer, source, to, asked, port)
    if as_json:
        typer.echo(json.dumps(found.to_json(), indent=2, ensure_ascii=False))
    else:
        for line in found.lines():
            typer.echo(line)
    return found.allowed


def told(network: Network, answer: RoundTrip, source: str, to: str, asked: Asked, port: int) -> Permission:
    """Return what policies say to a request whose packets have been asked about."""
    _, colon, last = to.rpartition(":")
    return permission(network, answer, source, asked, int(last) if colon and last.isdigit() else port)


def check_files(files: Iterable[Path], kind: str, *, as_json: bool) -> bool:
    """Print what is wrong with the policies in some files; return whether nothing is.

    Raises:
        BadQuestion: if there is no such kind of policy.
    """
    if kind not in KINDS:
        raise BadQuestion(f"--kind {kind}: choose {', '.join(KINDS)}")
    files = list(files)
    problems = [problem for file in files for problem in policy_problems(file, kind)]
    if as_json:
        fields = ("file", "line", "column", "code", "message")
        listed = [{name: getattr(found, name) for name in fields} for found in problems]
        typer.echo(json.dumps({"problems": listed}, indent=2, ensure_ascii=False))
        return not problems
    for problem in problems:
        typer.echo(str(problem), err=True)
    what = "1 policy" if len(files) == 1 else f"{len(files)} policies"
    typer.echo(f"{what}: {len(problems)} problem{'' if len(problems) == 1 else 's'}")
    return not problems
