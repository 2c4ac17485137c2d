"""Socket options: what a program sets, what it is told, and what of it the connection learns."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any, Final

from emulator.tcp.config import MILLISECOND, SECOND, TcpConfig
from emulator.tcp.drill.errors import Unsupported
from emulator.tcp.drill.symbols import number, show

if TYPE_CHECKING:
    from emulator.tcp.connection import Connection
    from emulator.tcp.drill.script import Value
    from emulator.tcp.drill.settings import Settings

WITHOUT_EFFECT: Final = {
    "SO_REUSEADDR", "SO_REUSEPORT", "SO_DEBUG", "SO_MARK", "SO_PRIORITY", "TCP_QUICKACK", "IP_TOS", "IP_MTU_DISCOVER",
    "IP_FREEBIND", "SO_TIMESTAMP",
}  # fmt: skip
"""Taken and told again, with nothing here that they could change."""
DURATIONS: Final = {"TCP_KEEPIDLE": ("keep_idle", SECOND), "TCP_KEEPINTVL": ("keep_interval", SECOND),
                    "TCP_USER_TIMEOUT": ("user_timeout", MILLISECOND), "TCP_KEEPINIT": ("open_timeout", SECOND),
                    "TCP_KEEPCNT": ("keep_count", 1), "TCP_SYNCNT": ("syn_retries", 1),
                    "TCP_LINGER2": ("fin_wait_2", SECOND)}  # fmt: skip
LIMITS: Final = {"TCP_KEEPIDLE": 32767, "TCP_KEEPINTVL": 32767, "TCP_KEEPCNT": 127, "TCP_SYNCNT": 127}


class SocketOptions:
    """The options of one socket.

    Attributes:
        linger: Seconds of ``SO_LINGER``, -1 when off.
        written: Octets that a blocking write has written so far.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings: Settings = settings
        self.values: dict[str, int] = {}
        self.changes: dict[str, Any] = {}
        self.linger: int = -1
        self.written: int = 0

    def inherited(self) -> SocketOptions:
        """Return the options of a socket that was accepted on this one."""
        twin = SocketOptions(self.settings)
        twin.values = dict(self.values)
        twin.changes = dict(self.changes)
        twin.linger = self.linger
        return twin

    def config(self) -> TcpConfig:
        """Return the settings of a connection that begins now."""
        return self.settings.config(**self.changes)

    # -- setting and telling ------------------------------------------------------------------------------------

    def set(self, level: str, name: str, value: Value) -> int:
        """Set an option; return 0 or an error.

        Raises:
            Unsupported: if it is not known here.
        """
        one = value[0] if isinstance(value, list) and len(value) == 1 else value
        if name == "SO_LINGER":
            if not isinstance(one, dict):
                raise Unsupported("SO_LINGER with this value")
            self.linger = number(one["linger"]) if number(one["onoff"]) else -1
            return 0
        if name in {"IP_TOS", "IP_MTU_DISCOVER"} and not isinstance(one, int):
            self.values[name] = 0
            return 0
        if name in WITHOUT_EFFECT:
            self.values[name] = number(one)
            return 0
        found = number(one)
        changes = self.changes
        if name in DURATIONS:
            if found < (0 if name == "TCP_USER_TIMEOUT" else 1) or found > LIMITS.get(name, found):
                return errno.EINVAL
            key, unit = DURATIONS[name]
            changes[key] = found * unit
        elif name == "TCP_NODELAY":
            changes["nodelay"] = found != 0
        elif name == "TCP_MAXSEG":
            if not 88 <= found <= 32767:
                return errno.EINVAL
            changes["mss"] = found
        elif name == "TCP_CONGESTION":
            raise Unsupported("TCP_CONGESTION with a number")
        elif name == "SO_RCVBUF":
            changes["receive_buffer"] = changes["receive_window"] = max(found, 2304)
        elif name == "SO_SNDBUF":
            changes["send_buffer"] = max(found, 2304) * (2 if self.settings.profile.doubles_buffers else 1)
        elif name == "IP_TTL":
            changes["ttl"] = found
        elif name not in {"SO_KEEPALIVE", "TCP_CORK"}:
            raise Unsupported(f"{level} {name}")
        self.values[name] = found
        return 0

    def get(self, level: str, name: str, connection: Connection | None) -> int:
        """Tell an option's value.

        Raises:
            Unsupported: if it is not known here.
        """
        config = self.config()
        doubled = 2 if self.settings.profile.doubles_buffers else 1
        if name == "TCP_MAXSEG":
            return connection.snd_mss if connection is not None else config.mss
        if name == "SO_RCVBUF":
            if name in self.values:
                return self.values[name] * doubled
            return connection.rcv_space if connection is not None else self.settings.recvspace
        if name == "SO_SNDBUF":
            return self.values[name] * doubled if name in self.values else self.settings.sendspace
        if name in DURATIONS:
            key, unit = DURATIONS[name]
            return int(getattr(config, key)) // unit
        if name == "TCP_NODELAY":
            return int(config.nodelay)
        if name in self.values or name in WITHOUT_EFFECT or name in {"SO_KEEPALIVE", "TCP_CORK"}:
            return self.values.get(name, 0)
        raise Unsupported(f"{level} {name}")

    # -- the connection -----------------------------------------------------------------------------------------

    def apply(self, connection: Connection, now: int, name: str = "") -> None:
        """Let an open connection know of the option ``name``, or of all that were set."""
        for set_one in [name] if name else list(self.values):
            self._apply(connection, set_one, now)

    def _apply(self, connection: Connection, name: str, now: int) -> None:
        value = self.values.get(name, 0)
        if name == "TCP_NODELAY":
            connection.set_nodelay(value != 0, now)
        elif name == "TCP_CORK":
            connection.set_cork(value != 0, now)
        elif name == "TCP_QUICKACK":
            connection.set_quickack(value != 0, now)
        elif name in {"TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT"}:
            config = self.config()
            connection.set_keep_times(config.keep_idle, config.keep_interval, config.keep_count, now)
        elif name == "SO_KEEPALIVE":
            connection.set_keepalive(value != 0, now)
        elif name == "TCP_USER_TIMEOUT":
            connection.user_timeout = self.config().user_timeout
        elif name == "SO_RCVBUF":
            connection.set_receive_space(self.config().receive_buffer)
        elif name == "IP_TTL":
            connection.ttl = value

    def send_room(self, connection: Connection) -> int:
        """Return how many octets may be written now."""
        return self.config().send_buffer - connection.unacknowledged()

    def writable(self, connection: Connection) -> bool:
        """Say whether poll() would: a third of the buffer is free (sk_stream_is_writeable)."""
        size = self.config().send_buffer
        return 3 * connection.unacknowledged() < 2 * size


__all__ = ["SocketOptions", "show"]
