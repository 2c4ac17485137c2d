"""Assertions about ``tcp_info``: ``%{ assert tcpi_snd_cwnd == 10 }%``.

Code is parsed and walked, never run: assertions, comparisons, arithmetic and
bits of numbers, names that are assigned numbers.  All else is refused by name.
"""

from __future__ import annotations

import ast
import operator
from typing import TYPE_CHECKING, Final

from emulator.tcp.block import LOSS, RECOVERY
from emulator.tcp.drill.errors import Unsupported
from emulator.tcp.states import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.tcp.drill.kernel import Endpoint

CONSTANTS: Final = {
    "TCP_INFINITE_SSTHRESH": 0x7FFFFFFF,
    "TCP_CA_Open": 0, "TCP_CA_Disorder": 1, "TCP_CA_CWR": 2, "TCP_CA_Recovery": 3, "TCP_CA_Loss": 4,
    "TCPI_OPT_TIMESTAMPS": 1, "TCPI_OPT_SACK": 2, "TCPI_OPT_WSCALE": 4, "TCPI_OPT_ECN": 8, "TCPI_OPT_SYN_DATA": 32,
    "TCP_ESTABLISHED": 1, "TCP_SYN_SENT": 2, "TCP_SYN_RECV": 3, "TCP_FIN_WAIT1": 4, "TCP_FIN_WAIT2": 5,
    "TCP_TIME_WAIT": 6, "TCP_CLOSE": 7, "TCP_CLOSE_WAIT": 8, "TCP_LAST_ACK": 9, "TCP_LISTEN": 10, "TCP_CLOSING": 11,
    "TCPI_ESTABLISHED": 1, "TCPI_SYN_SENT": 2, "TCPI_SYN_RECEIVED": 3, "TCPI_FIN_WAIT_1": 4, "TCPI_FIN_WAIT_2": 5,
    "TCPI_TIME_WAIT": 6, "TCPI_CLOSED": 7, "TCPI_CLOSE_WAIT": 8, "TCPI_LAST_ACK": 9, "TCPI_LISTEN": 10,
    "TCPI_CLOSING": 11,
}  # fmt: skip
"""Linux's values, also under the names that FreeBSD has for the states."""
STATES: Final = {
    State.ESTABLISHED: 1, State.SYN_SENT: 2, State.SYN_RECEIVED: 3, State.FIN_WAIT_1: 4, State.FIN_WAIT_2: 5,
    State.TIME_WAIT: 6, State.CLOSED: 7, State.CLOSE_WAIT: 8, State.LAST_ACK: 9, State.LISTEN: 10, State.CLOSING: 11,
}  # fmt: skip
MILLISECOND: Final = 1_000_000

_BINARY: Final[dict[type[ast.operator], Callable[[int, int], int]]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_, ast.FloorDiv: operator.floordiv,
}  # fmt: skip
_COMPARE: Final[dict[type[ast.cmpop], Callable[[int, int], bool]]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}  # fmt: skip


def field(name: str, endpoint: Endpoint | None, now: int, *, listening: bool = False) -> int:
    """Return a field of ``tcp_info``; of a socket without a connection only its state is known.

    Raises:
        Unsupported: if it is not known here.
    """
    if endpoint is None:
        if name != "tcpi_state":
            raise Unsupported(f"{name} before there is a connection")
        return STATES[State.LISTEN if listening else State.CLOSED]
    c = endpoint.connection
    mss = c.snd_mss
    segments = {
        "tcpi_snd_cwnd": c.congestion.cwnd,
        "tcpi_snd_ssthresh": c.congestion.ssthresh,
        "tcpi_unacked": max(c.snd_nxt - c.snd_una, 0),
        "tcpi_sacked": c.scoreboard.total,
    }
    if name in segments:
        octets = segments[name]
        if name == "tcpi_snd_ssthresh" and octets >= 1 << 31:
            return CONSTANTS["TCP_INFINITE_SSTHRESH"]
        return -(-octets // mss) if name in {"tcpi_unacked", "tcpi_sacked"} else octets // mss
    if name == "tcpi_state":
        return STATES[c.state]
    if name == "tcpi_ca_state":
        return {RECOVERY: 3, LOSS: 4}.get(c.mode, int(c.dupacks > 0 or bool(c.scoreboard.lefts)))
    if name == "tcpi_options":
        return c.timestamps * 1 | c.sack_ok * 2 | c.scaling * 4 | c.ecn_ok * 8
    plain = {
        "tcpi_snd_mss": mss,
        "tcpi_advmss": c.config.mss,
        "tcpi_rcv_mss": c.rcv_mss,
        "tcpi_rto": c.rto // 1000,
        "tcpi_rtt": max(c.estimator.srtt, 0) // 1000,
        "tcpi_rttvar": c.estimator.rttvar // 1000,
        "tcpi_backoff": c.backoffs,
        "tcpi_probes": c.unanswered,
        "tcpi_last_data_recv": (now - endpoint.received_at) // MILLISECOND,
        "tcpi_snd_wscale": c.snd_wscale,
        "tcpi_rcv_wscale": c.rcv_wscale,
    }
    if name not in plain:
        raise Unsupported(name)
    return plain[name]


class Assertions:
    """The assertions of one script, with the names it assigns."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.endpoint: Endpoint | None = None
        self.now: int = 0
        self.listening: bool = False

    def check(
        self, text: str, endpoint: Endpoint | None, now: int, *, listening: bool = False
    ) -> tuple[str, str] | None:
        """Check some code; return (expected, actual) of the first assertion that does not hold.

        Raises:
            Unsupported: if it does anything but assert.
        """
        self.endpoint, self.now, self.listening = endpoint, now, listening
        try:
            statements = ast.parse(text).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise Unsupported("code that is not Python") from None
        for statement in statements:
            if isinstance(statement, ast.Assert):
                if not self.value(statement.test):
                    used = sorted({n.id for n in ast.walk(statement.test) if isinstance(n, ast.Name)} - set(CONSTANTS))
                    actual = ", ".join(f"{name} is {self.value(ast.Name(name))}" for name in used)
                    return ast.unparse(statement.test), actual
            elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                self.names[statement.targets[0].id] = self.value(statement.value)
            elif isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
                combine = _BINARY.get(type(statement.op))
                if combine is None:
                    raise Unsupported(ast.unparse(statement))
                name = statement.target.id
                self.names[name] = combine(self.value(ast.Name(name)), self.value(statement.value))
            elif not (
                isinstance(statement, ast.Expr)
                and isinstance(statement.value, ast.Call)
                and ast.unparse(statement.value.func) == "print"
            ):
                raise Unsupported(f"the code {ast.unparse(statement)!r}")
        return None

    def value(self, node: ast.expr) -> int:
        """Return what an expression is worth."""
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            return int(node.value)
        if isinstance(node, ast.Name):
            if node.id in self.names:
                return self.names[node.id]
            if node.id in CONSTANTS:
                return CONSTANTS[node.id]
            return field(node.id, self.endpoint, self.now, listening=self.listening)
        if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
            return _BINARY[type(node.op)](self.value(node.left), self.value(node.right))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
            found = self.value(node.operand)
            return int(not found) if isinstance(node.op, ast.Not) else -found
        if isinstance(node, ast.BoolOp):
            found_all = [bool(self.value(part)) for part in node.values]
            return int(all(found_all) if isinstance(node.op, ast.And) else any(found_all))
        if isinstance(node, ast.Compare) and all(type(op) in _COMPARE for op in node.ops):
            left = self.value(node.left)
            for op, comparator in zip(node.ops, node.comparators, strict=True):
                right = self.value(comparator)
                if not _COMPARE[type(op)](left, right):
                    return 0
                left = right
            return 1
        raise Unsupported(f"the expression {ast.unparse(node)!r}")
