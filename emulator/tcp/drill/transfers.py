"""The calls that write and read."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from emulator.tcp.drill.errors import Unsupported
from emulator.tcp.drill.kernel import OPENING
from emulator.tcp.drill.script import Value, Word
from emulator.tcp.drill.sockets import Result, Sockets, failed
from emulator.tcp.drill.symbols import NUMBERS, number, show
from emulator.tcp.states import State

if TYPE_CHECKING:
    from emulator.tcp.drill.script import Call

PATTERN: Final = bytes(range(1, 252)) * 1045
"""What programs write and peers send: nearly any octet tells where it belongs."""
PERIOD: Final = 251


class Transfers(Sockets):
    """Sockets that can be written to and read from."""

    # -- writing ------------------------------------------------------------------------------------------------

    def _do_write(self, call: Call) -> Result | None:
        return self._write(call, _data(call.arguments[1], number(call.arguments[2])))

    def _do_send(self, call: Call) -> Result | None:
        self._check_flags(call.arguments[3])
        return self._do_write(call)

    _do_sendto = _do_send

    def _do_writev(self, call: Call) -> Result | None:
        return self._write(call, _gathered(call.arguments[1]))

    def _do_sendmsg(self, call: Call) -> Result | None:
        message = call.arguments[1]
        if not isinstance(message, dict) or "msg_control" in message:
            raise Unsupported("sendmsg() with control data")
        self._check_flags(call.arguments[2])
        return self._write(call, _gathered(message.get("msg_iov", [])))

    def _check_flags(self, flags: Value) -> None:
        for part in show(flags).split("|"):
            if part not in {"0", "MSG_DONTWAIT", "MSG_NOSIGNAL", "MSG_PEEK", "MSG_WAITALL", "MSG_MORE"}:
                raise Unsupported(part)

    def _write(self, call: Call, data: bytes | int) -> Result | None:
        socket = self._socket(call)
        endpoint = socket.endpoint
        flags = show(call.arguments[-1]).split("|") if call.name.startswith("send") else []
        if call.name == "sendto":
            flags = show(call.arguments[3]).split("|")
        waits = socket.blocking and "MSG_DONTWAIT" not in flags
        if endpoint is None:
            return failed(errno.EPIPE if self.kernel.settings.profile.name == "linux" else errno.ENOTCONN)
        connection = endpoint.connection
        if endpoint.error:
            return self._told(endpoint)
        if connection.fin_wanted or connection.state is State.CLOSED:
            return failed(errno.EPIPE)
        if connection.state in OPENING:
            return None if waits else failed(errno.EAGAIN if self._is_linux() else errno.ENOTCONN)
        # A blocking call goes on as room comes; what it has written so far is kept in the socket's options.
        done = socket.options.written
        at = len(endpoint.sent) % PERIOD
        size = len(data) if isinstance(data, bytes) else data
        wanted = data[done:] if isinstance(data, bytes) else _written(at, size - done)
        if len(call.arguments) > 1 and show(call.arguments[1]) == "NULL":
            return failed(errno.EFAULT)
        room = socket.options.send_room(connection)
        if wanted and (room <= 0 or (done and not socket.options.writable(connection))):
            return None if waits else failed(errno.EAGAIN)
        wanted = wanted[:room]
        endpoint.sent += wanted
        done += len(wanted)
        connection.write(wanted, self.kernel.now, "MSG_MORE" in flags)
        self.kernel.settle(endpoint)
        complete = done == size
        socket.options.written = 0 if complete or not waits else done
        return Result(done) if complete or not waits else None

    # -- reading ------------------------------------------------------------------------------------------------

    def _do_read(self, call: Call) -> Result | None:
        return self._read(call, number(call.arguments[2]), 0)

    def _do_recv(self, call: Call) -> Result | None:
        self._check_flags(call.arguments[3])
        return self._read(call, number(call.arguments[2]), number(call.arguments[3]))

    _do_recvfrom = _do_recv

    def _do_readv(self, call: Call) -> Result | None:
        data = _gathered(call.arguments[1])
        return self._read(call, data if isinstance(data, int) else len(data), 0)

    def _do_recvmsg(self, call: Call) -> Result | None:
        message = call.arguments[1]
        if not isinstance(message, dict) or "msg_control" in message:
            raise Unsupported("recvmsg() with control data")
        self._check_flags(call.arguments[2])
        data = _gathered(message.get("msg_iov", []))
        return self._read(call, data if isinstance(data, int) else len(data), number(call.arguments[2]))

    def _read(self, call: Call, size: int, flags: int) -> Result | None:
        socket = self._socket(call)
        endpoint = socket.endpoint
        if endpoint is None:
            return failed(errno.ENOTCONN)
        connection = endpoint.connection
        if len(call.arguments) > 1 and show(call.arguments[1]) == "NULL" and endpoint.readable():
            return failed(errno.EFAULT)
        if len(endpoint.held) < size and not flags & NUMBERS["MSG_PEEK"]:
            self.kernel.take(endpoint)
        readable = endpoint.readable()
        wanted = size if flags & NUMBERS["MSG_WAITALL"] else 1
        if readable and (readable >= wanted or connection.peer_closed or connection.state is State.CLOSED):
            got = min(size, readable)
            if not flags & NUMBERS["MSG_PEEK"]:
                data = bytes(endpoint.held[:got])
                del endpoint.held[:got]
                expected = injected(endpoint.read_total, got)
                endpoint.read_total += got
                if data != expected:
                    raise AssertionError("the octets read are not those that were sent")
            return Result(got)
        if size == 0:
            return Result(0)
        if endpoint.error:
            return self._told(endpoint)
        if connection.peer_closed or socket.shut_read:
            return Result(0)
        if connection.state is State.CLOSED:
            return Result(0) if endpoint.opened else failed(errno.ENOTCONN)
        if socket.blocking and not flags & NUMBERS["MSG_DONTWAIT"]:
            return None
        return failed(errno.EAGAIN)


def _data(value: Value, size: int) -> bytes | int:
    """Return what is to be written: quoted text, or how many octets of the pattern."""
    if isinstance(value, str) and not isinstance(value, Word):
        return value.encode("latin-1").decode("unicode_escape").encode("latin-1")[:size]
    return size


def _written(at: int, size: int) -> bytes:
    """Return what the program writes at offset ``at`` of its pattern."""
    return (PATTERN * (size // len(PATTERN) + 2))[at : at + size]


def _gathered(vector: Value) -> bytes | int:
    """Return the content of an ``iovec`` array: its text, or its total size."""
    if not isinstance(vector, list):
        raise Unsupported(f"the vector {show(vector)}")
    parts = []
    for one in vector:
        pair: Value = [one.get("iov_base", ...), one.get("iov_len", 0)] if isinstance(one, dict) else one
        if not isinstance(pair, list) or len(pair) != 2:
            raise Unsupported(f"the vector {show(vector)}")
        parts.append(_data(pair[0], number(pair[1])))
    if all(isinstance(part, bytes) for part in parts) and parts:
        return b"".join(part for part in parts if isinstance(part, bytes))
    return sum(part if isinstance(part, int) else len(part) for part in parts)


def injected(at: int, size: int) -> bytes:
    """Return what the script's peer sends at offset ``at`` of its stream."""
    begin = at % PERIOD
    return (PATTERN * (size // len(PATTERN) + 2))[begin : begin + size]
