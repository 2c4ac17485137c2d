"""All system calls of a program, by name."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from emulator.tcp.drill.errors import Unsupported
from emulator.tcp.drill.readiness import Readiness
from emulator.tcp.drill.sockets import NONBLOCK, CallFailed, Result, failed
from emulator.tcp.drill.symbols import number, show

if TYPE_CHECKING:
    from emulator.tcp.drill.script import Call, Value


class Calls(Readiness):
    """The system calls of one program; those that only set or ask something are here."""

    def attempt(self, call: Call) -> Result | None:
        """Try a call; None if it would block.

        Raises:
            Unsupported: if there is no such call here, or not with these arguments.
        """
        function = getattr(self, f"_do_{call.name}", None)
        if function is None:
            raise Unsupported(f"the call {call.name}()")
        try:
            result: Result | None = function(call)
        except CallFailed as error:
            return failed(error.errno)
        except IndexError:
            raise Unsupported(f"{call.name}() with {len(call.arguments)} arguments") from None
        return result

    def _do_fcntl(self, call: Call) -> Result:
        socket = self._socket(call)
        command = show(call.arguments[1])
        if command == "F_GETFL":
            return Result(socket.flags)
        if command == "F_SETFL":
            socket.flags = 2 | number(call.arguments[2]) & NONBLOCK
            return Result(0)
        raise Unsupported(f"fcntl() with {command}")

    def _do_ioctl(self, call: Call) -> Result:
        socket = self._socket(call)
        command = show(call.arguments[1])
        endpoint = socket.endpoint
        if command not in {"SIOCINQ", "FIONREAD", "SIOCOUTQ", "TIOCOUTQ", "SIOCOUTQNSD"}:
            raise Unsupported(f"ioctl() with {command}")
        if endpoint is None:
            return failed(errno.EINVAL)
        connection = endpoint.connection
        if command in {"SIOCINQ", "FIONREAD"}:
            value = endpoint.readable()
        elif command == "SIOCOUTQNSD":
            value = connection.unsent()
        else:
            value = connection.unacknowledged()
        expected = call.arguments[2]
        text = show(expected[0] if isinstance(expected, list) and expected else expected)
        return Result(0, 0, (text, str(value)))

    def _do_setsockopt(self, call: Call) -> Result:
        socket = self._socket(call)
        _, level, name, value, *_ = call.arguments
        error = socket.options.set(show(level), show(name), value)
        if not error and socket.endpoint is not None:
            socket.options.apply(socket.endpoint.connection, self.kernel.now, show(name))
            self.kernel.settle(socket.endpoint)
        return failed(error) if error else Result(0)

    def _do_getsockopt(self, call: Call) -> Result:
        socket = self._socket(call)
        _, level, name, value, *_ = call.arguments
        expected: Value = value[0] if isinstance(value, list) and value else value
        if show(name) == "SO_ERROR":
            error = 0
            if socket.endpoint is not None:
                error, socket.endpoint.error = socket.endpoint.error, 0
            actual = errno.errorcode.get(error, "0")
            return Result(0, 0, (show(expected), actual))
        found = socket.options.get(show(level), show(name), socket.endpoint.connection if socket.endpoint else None)
        if isinstance(expected, dict):
            return Result(0, 0, (show(expected), str(found)))
        return Result(0, 0, (str(number(expected)), str(found)))
