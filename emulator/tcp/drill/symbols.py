"""The symbols of system calls, and what an expression is worth."""

from __future__ import annotations

import errno
from types import EllipsisType
from typing import Final

from emulator.tcp.drill.errors import Unsupported
from emulator.tcp.drill.script import Applied, Union, Value, Word

NUMBERS: Final[dict[str, int]] = {
    "AF_INET": 2, "PF_INET": 2, "SOCK_STREAM": 1, "SOCK_NONBLOCK": 0o4000, "SOCK_CLOEXEC": 0o2000000,
    "IPPROTO_IP": 0, "IPPROTO_TCP": 6, "INADDR_ANY": 0,
    "O_RDONLY": 0, "O_RDWR": 2, "O_NONBLOCK": 0o4000, "F_GETFL": 3, "F_SETFL": 4,
    "SHUT_RD": 0, "SHUT_WR": 1, "SHUT_RDWR": 2,
    "MSG_PEEK": 2, "MSG_DONTWAIT": 0x40, "MSG_NOSIGNAL": 0x4000, "MSG_WAITALL": 0x100, "MSG_TRUNC": 0x20,
    "MSG_MORE": 0x8000,
    "POLLIN": 1, "POLLPRI": 2, "POLLOUT": 4, "POLLERR": 8, "POLLHUP": 16, "POLLNVAL": 32, "POLLRDNORM": 0x40,
    "POLLWRNORM": 0x100, "POLLRDHUP": 0x2000,
    "EPOLLIN": 1, "EPOLLPRI": 2, "EPOLLOUT": 4, "EPOLLERR": 8, "EPOLLHUP": 16, "EPOLLRDHUP": 0x2000,
    "EPOLLET": 1 << 31, "EPOLLONESHOT": 1 << 30, "EPOLL_CTL_ADD": 1, "EPOLL_CTL_DEL": 2, "EPOLL_CTL_MOD": 3,
    "INT_MAX": 2**31 - 1, "NULL": 0,
}  # fmt: skip
"""With Linux's values; only what a script itself compares with a number matters."""


def number(value: Value) -> int:
    """Return what an expression is worth.

    Raises:
        Unsupported: if a symbol of it is not known here.
    """
    if isinstance(value, Word):
        known = NUMBERS.get(value)
        if known is None:
            known = getattr(errno, value, None)
        if known is None:
            raise Unsupported(str(value))
        return known
    if isinstance(value, int):
        return value
    if isinstance(value, Union):
        total = 0
        for part in value.parts:
            total |= number(part)
        return total
    if isinstance(value, Applied) and value.name in {"htons", "htonl"} and len(value.arguments) == 1:
        return number(value.arguments[0])
    raise Unsupported(f"the argument {show(value)}")


def show(value: Value) -> str:
    """Write an expression as a script does."""
    if isinstance(value, EllipsisType):
        return "..."
    if isinstance(value, Union):
        return "|".join(map(show, value.parts))
    if isinstance(value, Applied):
        return f"{value.name}({', '.join(map(show, value.arguments))})"
    if isinstance(value, list):
        return f"[{', '.join(map(show, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}={show(part)}" for name, part in value.items()) + "}"
    if isinstance(value, str) and not isinstance(value, Word):
        return f'"{value}"'
    return str(value)
