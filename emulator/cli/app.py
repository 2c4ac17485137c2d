"""The command ``vpcemu``.

Every command prints for people on standard output, or with ``--json`` one
documented object and nothing else; problems go to standard error.
"""

from __future__ import annotations

import functools
import json
from importlib.metadata import version as version_of
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from emulator.cli.importing import CannotConnect, NothingToImport, make_import, say, write
from emulator.cli.policies import asked_of, check_files, destination_of, one_permission
from emulator.cli.signals import exit_status
from emulator.cli.tables import (
    NARROW,
    captures_table,
    difference_lines,
    events_table,
    expectations_text,
    report_lines,
    report_table,
)
from emulator.cli.tracing import many_questions, one_question
from emulator.network.loading import topology_problems
from emulator.network.network import Network
from emulator.network.questions import BadQuestion
from emulator.network.scenario import FLOW_LOGS, Report, Scenario
from emulator.topology import DocumentError

if TYPE_CHECKING:
    from collections.abc import Callable

_P = ParamSpec("_P")

YES, NO, WRONG = 0, 1, 2
WIDE = 400

app = typer.Typer(
    name="vpcemu",
    help="A packet-level emulator of AWS VPC networking around VPC endpoints.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


policy_app = typer.Typer(
    help="What policies of endpoints, buckets and identities say.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(policy_app, name="policy")

Action = Annotated[str | None, typer.Option(help="What is asked of the service, e.g. s3:GetObject.")]
Resource = Annotated[str | None, typer.Option(help="What it is to be done to: an ARN (or *, the default).")]
RequestLine = Annotated[
    str | None, typer.Option(help='Instead of both, a request: "GET https://...".', metavar="METHOD URL")
]
PrincipalName = Annotated[
    str | None, typer.Option(help="Who asks: a role or user by name or ARN, or anonymous; else the host's role.")
]
KeyPairs = Annotated[
    list[str] | None,
    typer.Option("--key", help="A condition key in place of the request's; NAME= takes it away.", metavar="NAME=VALUE"),
]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vpcemu {version_of('vpcemu')}")
        raise typer.Exit


def answering(command: Callable[_P, None]) -> Callable[_P, None]:
    """Make a command answer problems with one message each and exit status 2, and Ctrl-C with 130."""

    @functools.wraps(command)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except DocumentError as error:
            for problem in error.problems:
                typer.echo(str(problem), err=True)
            raise typer.Exit(WRONG) from None
        except (BadQuestion, OSError) as error:
            typer.echo(f"vpcemu: {error}", err=True)
            raise typer.Exit(WRONG) from None
        except KeyboardInterrupt as stop:
            typer.echo("interrupted: what was captured is kept as NAME.partial.pcapng", err=True)
            raise typer.Exit(exit_status(stop)) from None

    return call


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Exit status: 0 all as expected; 1 the answer is no; 2 the question was wrong."""


@app.command()
@answering
def run(
    scenario: Annotated[Path, typer.Argument(help="The scenario's YAML file.", metavar="SCENARIO.yaml")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for captures and flow logs.", metavar="DIR")
    ] = Path("pcaps/out"),
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Change one value for this run, e.g. vpc_endpoints.metering.az_bandwidth=1Gbps;"
            " of the scenario itself with scenario. in front.",
            metavar="KEY=VALUE",
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Overrules the scenario's seed.", min=0)] = None,
    topology: Annotated[
        Path | None,
        typer.Option(help="Take these steps on another topology than the scenario's.", metavar="FILE"),
    ] = None,
    real_time: Annotated[bool, typer.Option("--real-time", help="Let a second of the run take a second.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Run a scenario: its hosts do what it says, step by step, and captures record it.

    Prints a table (what, verdict, reason, component and rule, throughput), in what a step differs from what was
    expected of it, and where each capture lies. Exits with 1 if a step did not end as the scenario expects.
    """
    if output.exists() and not output.is_dir():
        raise BadQuestion(f"-o {output}: is a file; captures need a folder")
    prepared = Scenario(scenario, [_pair(text) for text in set_ or []], seed, topology)
    report = _run_with_progress(prepared, output, quiet=as_json, real_time=real_time)
    if as_json:
        typer.echo(json.dumps(report.to_json(), indent=2))
    else:
        console = Console(highlight=False)
        if not console.is_terminal:
            console = Console(highlight=False, width=WIDE)  # a file has no edge to fold at
        if console.width < NARROW:
            for line in report_lines(report):
                console.print(line)
        else:
            console.print(report_table(report))
            for line in difference_lines(report):
                console.print(line)
        if report.events:
            console.print(events_table(report))
        if report.captures:
            console.print(captures_table(report))
        if report.flow_logs:
            console.print(f"flow logs: {output / FLOW_LOGS} ({files_text(len(report.flow_logs))})")
        kind = "real" if real_time else "virtual"
        console.print(f"{report.packets:,} packets in {report.seconds:.1f} {kind} seconds{expectations_text(report)}")
    for text in report.cut:
        typer.echo(f"vpcemu: a capture ended early: {text}", err=True)
    if report.cut:
        raise typer.Exit(WRONG)
    raise typer.Exit(YES if report.as_expected else NO)


def _run_with_progress(scenario: Scenario, output: Path, *, quiet: bool, real_time: bool) -> Report:
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        return scenario.run(output, real_time=real_time)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def show(step: int, steps: int, what: str) -> None:
            bar.update(task, completed=step, total=steps, description=what)

        return scenario.run(output, show, real_time=real_time)


@app.command()
@answering
def trace(
    topology: Annotated[
        Path, typer.Argument(help="The topology's YAML file, or a folder of describe-* JSON.", metavar="TOPOLOGY")
    ],
    source: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            help="An instance, interface, private address or external host; or a gateway that packets come in by"
            " (internet gateway, VPN, virtual interface, peering, attachment), with --source-address.",
        ),
    ] = None,
    to: Annotated[
        list[str] | None, typer.Option(help="A host, endpoint, service, DNS name or address, and :port (443).")
    ] = None,
    protocol: Annotated[str, typer.Option(help="tcp, udp or icmp.")] = "tcp",
    port: Annotated[int, typer.Option(help="Of destinations without one.", min=1, max=65535)] = 443,
    source_port: Annotated[int, typer.Option(help="The client's port.", min=1, max=65535)] = 40000,
    source_address: Annotated[
        str | None, typer.Option(help="The packet's source, where it is not the host's first address.")
    ] = None,
    ask_all: Annotated[
        bool,
        typer.Option("--matrix", help="Every host to every endpoint, or those of several --from and --to, as a table."),
    ] = False,
    repairs: Annotated[
        bool, typer.Option("--repair/--no-repair", help="If the answer is no, look for what would make it pass.")
    ] = True,
    action: Action = None,
    resource: Resource = None,
    request: RequestLine = None,
    principal: PrincipalName = None,
    key: KeyPairs = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Change one value of the topology.", metavar="KEY=VALUE")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Say whether one host can reach another, hop by hop, out and back, and if not, what stops it.

    The answer is that of the walk which forwards packets; below it stand the rules looked at, everything that is in
    the way, and the smallest set of changes that makes it pass. With --action or --request it is asked as well what
    the policies on the way say. Exits with 0 if reachable (and allowed), 1 if not.
    """
    asked = asked_of(action, resource, request, principal, key or ())
    if asked is not None and ask_all:
        raise BadQuestion("trace --matrix: asks no policies; leave --action and --request out")
    if asked is not None and not to and asked.url:
        to = [destination_of(asked.url)]
    network = Network.load(topology, overrides=[_pair(text) for text in set_ or []])
    try:
        if ask_all:
            yes = many_questions(network, source or (), to or (), protocol, port, as_json=as_json)
        else:
            yes = one_question(
                network,
                source or (),
                to or (),
                protocol,
                port,
                source_port,
                source_address,
                repairs=repairs,
                as_json=as_json,
                asked=asked,
            )
    finally:
        network.abandon()
    raise typer.Exit(YES if yes else NO)


@app.command()
@answering
def validate(
    files: Annotated[
        list[Path], typer.Argument(help="Topology or scenario files, or folders of describe-* JSON.", metavar="FILE...")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Check files and report every problem of all of them at once: file:line:column, AWS's code, what to do."""
    problems = []
    for file in files:
        if is_scenario(file):
            try:
                Scenario(file)
            except DocumentError as error:
                problems += error.problems
        else:
            problems += topology_problems(file)
    if as_json:
        fields = ("file", "line", "column", "code", "message")
        listed: list[dict[str, Any]] = [{name: getattr(found, name) for name in fields} for found in problems]
        typer.echo(json.dumps({"problems": listed}, indent=2, ensure_ascii=False))
    else:
        for problem in problems:
            typer.echo(str(problem), err=True)
        typer.echo(f"{files_text(len(files))}: {len(problems)} problem{'' if len(problems) == 1 else 's'}")
    raise typer.Exit(WRONG if problems else YES)


def files_text(count: int) -> str:
    """Return how many files, in words."""
    return "1 file" if count == 1 else f"{count} files"


@policy_app.command("explain")
@answering
def policy_explain(
    topology: Annotated[Path, typer.Argument(help="The topology's YAML file, or a folder of describe-* JSON.")],
    source: Annotated[str, typer.Option("--from", help="The host that asks.")],
    to: Annotated[str | None, typer.Option(help="A service, endpoint, DNS name or address, and :port (443).")] = None,
    action: Action = None,
    resource: Resource = None,
    request: RequestLine = None,
    principal: PrincipalName = None,
    key: KeyPairs = None,
    port: Annotated[int, typer.Option(help="Of a destination without one.", min=1, max=65535)] = 443,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Change one value of the topology.", metavar="KEY=VALUE")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Evaluate one request against all policies on its path: the endpoint's, the bucket's, the identity's.

    The path is the network's: the policy of the endpoint that packets arrive at is asked, or none. Prints each layer,
    why each statement does or does not match, and what the service answers. Exits with 0 if allowed, 1 if denied.
    """
    asked = asked_of(action, resource, request, principal, key or ())
    if asked is None:
        raise BadQuestion("policy explain: give --action and --resource, or --request")
    if to is None and not asked.url:
        raise BadQuestion("policy explain: give --to, or --request with a URL")
    network = Network.load(topology, overrides=[_pair(text) for text in set_ or []])
    try:
        yes = one_permission(network, source, to or destination_of(asked.url), asked, port, as_json=as_json)
    finally:
        network.abandon()
    raise typer.Exit(YES if yes else NO)


@policy_app.command("validate")
@answering
def policy_validate(
    files: Annotated[list[Path], typer.Argument(help="Files with one policy each, JSON or YAML.", metavar="FILE...")],
    kind: Annotated[
        str, typer.Option(help="What it is attached to: gateway, interface (endpoints), bucket or identity.")
    ] = "interface",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Check policies and report every problem of all of them at once: file:line:column, AWS's code, what is wrong."""
    raise typer.Exit(YES if check_files(files, kind, as_json=as_json) else WRONG)


@app.command(name="import")
@answering
def import_(
    folder: Annotated[
        Path | None, typer.Argument(help="A folder of JSON files as `aws ec2 describe-*` prints them.", metavar="DIR")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The topology file to write; - for standard output.", metavar="FILE")
    ] = Path("topology.yaml"),
    live: Annotated[bool, typer.Option("--live", help="Read an account by boto3 (the extra aws).")] = False,
    profile: Annotated[str | None, typer.Option(help="With --live: the AWS profile.")] = None,
    region: Annotated[list[str] | None, typer.Option(help="With --live: a Region; may be given several times.")] = None,
    endpoint_url: Annotated[str | None, typer.Option(help="With --live: where AWS's API answers.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Write the topology of an AWS account, from describe-* JSON or live.

    Nothing is guessed or dropped in silence: notes say what was assumed, inferred or left out.
    Exits with 0 also with notes, with 2 if there is nothing to import.
    """
    if live == (folder is not None):
        raise BadQuestion("import: give either a folder or --live")
    if not live and (profile or region or endpoint_url):
        raise BadQuestion("import: --profile, --region and --endpoint-url go with --live")
    try:
        write(make_import(folder, profile, region or [], endpoint_url), output, as_json=as_json)
    except NothingToImport as error:
        say(error.notes)
        raise BadQuestion(str(error)) from None
    except CannotConnect as error:
        raise BadQuestion(f"import --live: {error}") from None


def is_scenario(file: Path) -> bool:
    """Return whether a document is a scenario: it is if it has steps."""
    try:
        text = file.read_text("utf-8", errors="replace")
    except OSError:
        return False
    return any(line.startswith(("steps:", "topology:")) for line in text.splitlines())


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise BadQuestion(f"--set {text}: write KEY=VALUE, e.g. vpc_endpoints.metering.az_bandwidth=1Gbps")
    return key, value
