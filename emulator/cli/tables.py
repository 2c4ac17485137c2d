"""What a run showed, as tables for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.network.scenario import Report
    from emulator.network.steps import Row

_COLOURS = {"delivered": "green", "denied": "yellow", "dropped": "red", "failed": "red"}


NARROW = 120
"""Columns of a terminal below which a row of the report takes two lines."""


def report_lines(report: Report) -> Iterator[str]:
    """Yield two lines per step, for terminals in which a table would break reason codes in two."""
    for row in report.rows:
        colour = _COLOURS.get(row.verdict, "white")
        yield f"[bold]{escape(row.what)}[/]" + ("" if row.as_expected else " [red](not expected)[/]")
        where = f" at {_where(row)}" if row.component else ""
        rate = f", {_throughput(row)}" if row.throughput is not None else ""
        yield f"  [{colour}]{_verdict(row)}[/] {escape(f'{row.reason}{where}{rate}, over at {_when(row)}'.strip(' ,'))}"
        yield from (f"    [red]{escape(difference)}[/]" for difference in row.differences)


def report_table(report: Report) -> Table:
    """Return one row per step."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("what", overflow="fold", min_width=24)
    table.add_column("verdict", overflow="fold")
    table.add_column("reason", overflow="fold", min_width=20)
    table.add_column("component [rule]", overflow="fold", min_width=16)
    table.add_column("throughput", justify="right", no_wrap=True)
    table.add_column("over at", justify="right", no_wrap=True)
    for row in report.rows:
        table.add_row(
            escape(row.what),
            f"[{_COLOURS.get(row.verdict, 'white')}]{_verdict(row)}[/]"
            + ("" if row.as_expected else " (not expected)"),
            escape(row.reason),
            escape(_where(row)),
            _throughput(row),
            _when(row),
        )
    return table


def difference_lines(report: Report) -> Iterator[str]:
    """Yield each step that was not as expected, and below it in what, one difference a line."""
    for row in report.rows:
        if row.differences:
            yield f"[red]not as expected:[/] {escape(row.what)}"
            yield from (f"    {escape(difference)}" for difference in row.differences)


def expectations_text(report: Report) -> str:
    """Return whether all was as expected, as the end of a sentence."""
    missed = sum(1 for row in report.rows if not row.as_expected)
    return f"; {missed} of {len(report.rows)} steps not as expected" if missed else ""


def events_table(report: Report) -> Table:
    """Return what changed in the middle of the run, and what AWS's answer to it was."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("at", justify="right")
    table.add_column("event", overflow="fold")
    table.add_column("answer", overflow="fold")
    for event in report.events:
        told = ", ".join(f"{name}={value}" for name, value in event.parameters.items())
        answer = "done" if event.code is None else f"{event.code}: {event.message}"
        table.add_row(f"{event.at / 1e9:g} s", escape(f"{event.verb}({told})"), escape(answer))
    return table


def captures_table(report: Report) -> Table:
    """Return where each capture lies."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("capture taken at")
    table.add_column("file", overflow="fold")
    for name, path in report.captures.items():
        table.add_row(name, str(path))
    return table


def _where(row: Row) -> str:
    """Return who decided, which way it came there if routes led it, and by which line."""
    hops = [name for name in row.next_hops if name != row.component]
    way = f" via {', '.join(hops)}" if hops else ""
    return f"{row.component}{way} [{row.rule}]" if row.rule else f"{row.component}{way}"


def _verdict(row: Row) -> str:
    """Return the verdict, with what the program met where the reason does not say so."""
    met = (row.error or "").partition(":")[0]
    return f"{row.verdict} ({met})" if met and row.verdict == "dropped" else row.verdict


def _when(row: Row) -> str:
    """Return when a step was over, since the beginning of the run."""
    return f"{row.finished / 1e9:.1f} s"


def _throughput(row: Row) -> str:
    if row.throughput is None:
        return ""
    for unit, size in (("Gbit/s", 1e9), ("Mbit/s", 1e6), ("kbit/s", 1e3)):
        if row.throughput >= size:
            return f"{row.throughput / size:.3g} {unit}"
    return f"{row.throughput:.0f} bit/s"
