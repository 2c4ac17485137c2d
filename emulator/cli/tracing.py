"""``vpcemu trace``: one question, or a matrix of them."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Final

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from emulator.cli.policies import told
from emulator.network.matrix import Matrix, matrix
from emulator.network.questions import BadQuestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from emulator.network.network import Network
    from emulator.network.permissions import Asked

WIDE: Final = 200
FOLDED: Final = 4
"""How far the rest of a folded line stands in."""

GAP, NARROWEST = 3, 3
"""Columns between two columns of a table, and the narrowest of those."""

MARKS: Final = {"  ✓ ": "green", "  ✗ ": "bold red"}


def one_question(
    network: Network,
    sources: Sequence[str],
    destinations: Sequence[str],
    protocol: str,
    port: int,
    source_port: int,
    source_address: str | None,
    *,
    repairs: bool,
    as_json: bool,
    asked: Asked | None = None,
) -> bool:
    """Print the answer to one question, and to ``asked`` that of the policies; return whether it is yes.

    Raises:
        BadQuestion: if it is not exactly one, or names something that is not there.
    """
    if len(sources) != 1 or len(destinations) != 1:
        raise BadQuestion("trace: give one --from and one --to, or --matrix")
    found = network.explain(
        sources[0],
        destinations[0],
        protocol=protocol,
        port=port,
        source_port=source_port,
        source_address=source_address,
        repairs=repairs,
    )
    policies = None if asked is None else told(network, found.answer, sources[0], destinations[0], asked, port)
    if as_json:
        more = {} if policies is None else {"policies": policies.to_json()}
        typer.echo(json.dumps({**found.to_json(), **more}, indent=2, ensure_ascii=False))
    else:
        _show(found.lines())
        if policies is not None:
            _show(policies.lines())
    return found.answer.reachable and (policies is None or policies.allowed)


def _show(lines: Iterable[str]) -> None:
    """Print an answer: on a terminal folded at its edge, with marks and headings in colour; elsewhere as it is."""
    console = Console(highlight=False)
    for line in lines:
        if not console.is_terminal:
            typer.echo(line)
            continue
        indent = len(line) - len(line.lstrip()) + FOLDED
        folded = textwrap.wrap(
            line,
            console.width,
            drop_whitespace=True,
            subsequent_indent=" " * indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for number, part in enumerate(folded or [""]):
            console.print(Text(part, style=_style(line)) if number or line[:4] not in MARKS else _marked(part))


def _style(line: str) -> str:
    if line == "reachable" or line.startswith("allowed: "):
        return "bold green"
    if line.startswith(("not reachable", "denied: ")):
        return "bold red"
    return "bold" if line[:1].strip() else ""


def _marked(line: str) -> Text:
    return Text.assemble((line[:4], MARKS[line[:4]]), line[4:])


def many_questions(
    network: Network, sources: Sequence[str], destinations: Sequence[str], protocol: str, port: int, *, as_json: bool
) -> bool:
    """Print a matrix of answers; return whether all are yes.

    Raises:
        BadQuestion: if something named is not there, or there is nothing to ask.
    """
    answers = _answers(network, sources, destinations, protocol, port, quiet=as_json)
    if not answers.answers:
        raise BadQuestion("trace --matrix: the topology has no instance or no endpoint; name --from and --to")
    if as_json:
        typer.echo(json.dumps(answers.to_json(), indent=2, ensure_ascii=False))
        return answers.reachable
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDE + 14 * len(answers.destinations))
    for destinations_shown in _fitting(answers, console.width):
        console.print(_table(answers, destinations_shown))
    _show(f"  ✗{number}  {verdict}" for verdict, number in answers.legend().items())
    reachable = sum(answer.reachable for answer in answers.answers.values())
    _show([f"{reachable} of {len(answers.answers)} reachable"])
    return answers.reachable


def _answers(
    network: Network, sources: Sequence[str], destinations: Sequence[str], protocol: str, port: int, *, quiet: bool
) -> Matrix:
    """Ask, with a bar on a terminal."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        return matrix(network.ec2, sources, destinations, protocol, port)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("questions", total=None)
        return matrix(
            network.ec2,
            sources,
            destinations,
            protocol,
            port,
            progress=lambda done, of: bar.update(task, completed=done, total=of),
        )


def _fitting(answers: Matrix, width: int) -> Iterator[list[str]]:
    """Yield the destinations in groups that fit beside the sources."""
    taken = first = max(map(len, (*answers.sources, "from"))) + GAP
    shown: list[str] = []
    for name in answers.destinations:
        needed = max(len(name), NARROWEST) + GAP
        if shown and taken + needed > width:
            yield shown
            taken, shown = first, []
        taken += needed
        shown.append(name)
    yield shown


def _table(answers: Matrix, destinations: Sequence[str]) -> Table:
    legend = answers.legend()
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("from", no_wrap=True)
    for name in destinations:
        table.add_column(name, justify="center", overflow="fold")
    for source in answers.sources:
        numbers = (legend.get(answers.verdict(source, to)) for to in destinations)
        cells = (Text("✓", "green") if number is None else Text(f"✗{number}", "bold red") for number in numbers)
        table.add_row(source, *cells)
    return table
