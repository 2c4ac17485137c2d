"""Many questions at once: the same answers as one by one, from one set of tables."""

from __future__ import annotations

import pytest

from benchmarks.matrix import network
from emulator.control import plane as planes
from emulator.network.matrix import matrix
from emulator.network.questions import BadQuestion
from tests.network.asking import asked


def test_a_matrix_gives_the_answers_of_single_questions():
    plane = network(8, 8)
    answers = matrix(plane)
    assert (len(answers.sources), len(answers.destinations), len(answers.answers)) == (8, 8, 64)
    for (source, to), answer in answers.answers.items():
        assert answer.to_json() == asked(plane, source, to).to_json()
    verdicts = {answers.verdict(*pair).split()[0] for pair in answers.answers}
    assert {"reachable", "ENI_SG_RULES_MISMATCH"} < verdicts


def test_the_tables_are_compiled_once_for_all_questions(monkeypatch: pytest.MonkeyPatch):
    """What makes 200 hosts times 20 destinations a matter of seconds (``benchmarks/matrix.py``)."""
    compiled = []
    compile_tables = planes.compile_tables
    monkeypatch.setattr(planes, "compile_tables", lambda plane: compiled.append(plane) or compile_tables(plane))
    assert len(matrix(network(24, 12)).answers) == 288
    assert len(compiled) == 1


def test_the_legend_numbers_what_stops_packets_the_most_frequent_first():
    answers = matrix(network(8, 8))
    legend = answers.legend()
    counts = [sum(answers.verdict(*pair) == verdict for pair in answers.answers) for verdict in legend]
    assert counts == sorted(counts, reverse=True)
    assert list(legend.values()) == list(range(1, len(legend) + 1))


def test_sources_and_destinations_may_be_named_with_ports_and_progress_is_told():
    told = []
    answers = matrix(
        network(4, 5), ["host0"], ["endpoint0:80", "host1", "host1"], port=22, progress=lambda *one: told.append(one)
    )
    assert [answer.question.rpartition(":")[2] for answer in answers.answers.values()] == ["80", "22"]
    assert told == [(1, 2), (2, 2)]


def test_each_question_is_asked_by_itself():
    """Nothing that one packet left behind, a tracked flow say, helps another (D1)."""
    plane = network(8, 8)
    backwards = matrix(plane, list(plane.instances)[::-1], list(plane.vpc_endpoints)[::-1])
    forwards = matrix(plane)
    assert {pair: answer.reachable for pair, answer in backwards.answers.items()} == {
        pair: answer.reachable for pair, answer in forwards.answers.items()
    }


def test_an_unknown_name_among_many_is_refused():
    with pytest.raises(BadQuestion, match="host99"):
        matrix(network(4, 5), ["host0", "host99"])
