"""The calls that ask which descriptors are ready: poll and epoll (level-triggered)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from emulator.tcp.drill.errors import Unsupported
from emulator.tcp.drill.kernel import OPENING
from emulator.tcp.drill.sockets import Result, failed
from emulator.tcp.drill.symbols import NUMBERS, number, show
from emulator.tcp.drill.transfers import Transfers
from emulator.tcp.states import State

if TYPE_CHECKING:
    from emulator.tcp.drill.script import Call


class Readiness(Transfers):
    """Sockets that can be watched."""

    def events(self, fd: int) -> int:
        """Return what poll() tells of a descriptor, of all events."""
        socket = self.sockets.get(fd)
        if socket is None:
            return NUMBERS["POLLNVAL"]
        if socket.listener is not None:
            return NUMBERS["POLLIN"] | NUMBERS["POLLRDNORM"] if socket.listener.queue else 0
        endpoint = socket.endpoint
        if endpoint is None:
            return NUMBERS["POLLOUT"] | NUMBERS["POLLHUP"] | NUMBERS["POLLWRNORM"]
        connection = endpoint.connection
        found = 0
        if endpoint.error:
            found |= NUMBERS["POLLERR"]
        ended = connection.state is State.CLOSED
        if ended or (connection.peer_closed and connection.fin_wanted):
            found |= NUMBERS["POLLHUP"]
        if connection.state in OPENING:
            return found
        if connection.peer_closed or ended:
            found |= NUMBERS["POLLIN"] | NUMBERS["POLLRDNORM"] | NUMBERS["POLLRDHUP"]
        if endpoint.readable():
            found |= NUMBERS["POLLIN"] | NUMBERS["POLLRDNORM"]
        if connection.fin_wanted or ended or socket.options.writable(connection):
            found |= NUMBERS["POLLOUT"] | NUMBERS["POLLWRNORM"]
        return found

    def _do_poll(self, call: Call) -> Result | None:
        polled = call.arguments[0]
        if not isinstance(polled, list):
            raise Unsupported("poll() without an array")
        expected, actual, ready = [], [], 0
        always = NUMBERS["POLLERR"] | NUMBERS["POLLHUP"] | NUMBERS["POLLNVAL"]
        for one in polled:
            if not isinstance(one, dict):
                raise Unsupported("poll() with this array")
            told = self.events(number(one["fd"])) & (number(one["events"]) | always)
            ready += told != 0
            expected.append(_poll_names(number(one.get("revents", 0))))
            actual.append(_poll_names(told))
        if not ready and number(call.arguments[2]) and call.until >= 0:
            return None
        return Result(ready, 0, (", ".join(expected), ", ".join(actual)))

    def _do_epoll_create(self, call: Call) -> Result:
        fd = self._new_fd(call)
        self.polls[fd] = {}
        return Result(fd)

    _do_epoll_create1 = _do_epoll_create

    def _do_epoll_ctl(self, call: Call) -> Result:
        watched = self.polls.get(number(call.arguments[0]))
        fd = number(call.arguments[2])
        if watched is None or fd not in self.sockets:
            return failed(errno.EBADF)
        if show(call.arguments[1]) == "EPOLL_CTL_DEL":
            return Result(0) if watched.pop(fd, None) else failed(errno.ENOENT)
        event = call.arguments[3]
        if not isinstance(event, dict):
            raise Unsupported("epoll_ctl() with this event")
        if "EPOLLET" in show(event["events"]):
            raise Unsupported("EPOLLET")
        watched[fd] = number(event["events"]), number(event.get("fd", event.get("u32", event.get("u64", fd))))
        return Result(0)

    def _do_epoll_wait(self, call: Call) -> Result | None:
        watched = self.polls.get(number(call.arguments[0]))
        if watched is None:
            return failed(errno.EBADF)
        always = NUMBERS["POLLERR"] | NUMBERS["POLLHUP"]
        told = []
        for fd, (wanted, _) in watched.items():
            events = self.events(fd) & (wanted | always)
            if events:
                told.append((fd, events))
        if not told and number(call.arguments[3]) and call.until >= 0:
            return None
        expected = call.arguments[1]
        if not isinstance(expected, dict) or len(told) > 1:
            raise Unsupported("epoll_wait() for several events")
        events = told[0][1] if told else 0
        return Result(len(told), 0, (_poll_names(number(expected["events"])), _poll_names(events)))


def _poll_names(bits: int) -> str:
    names = ("POLLIN", "POLLPRI", "POLLOUT", "POLLERR", "POLLHUP", "POLLNVAL", "POLLRDNORM", "POLLWRNORM", "POLLRDHUP")
    return "|".join(name for name in names if bits & NUMBERS[name]) or "0"
