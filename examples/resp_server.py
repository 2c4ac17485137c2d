"""A small Redis, true to its protocol: what the examples put behind an endpoint service.

Speaks RESP2 and, after ``HELLO 3``, RESP3; answers pipelined commands in order; keeps strings with times to live,
transactions (``MULTI``/``EXEC``) and channels.  Keys expire by the running loop's clock, so an hour's time to live
costs nothing in virtual time.  It is no Redis: what is not in ``_COMMANDS`` is refused in Redis's words;
and no program: ``redis_cache.py`` starts it.

Redis documentation, "Redis serialization protocol specification".
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

PORT: Final = 6379

Reply: TypeAlias = "int | str | bytes | list[Reply] | dict[str, Reply] | RedisError | Push | None"
"""What a command answers; a text is a simple string, bytes are a bulk string."""


class RedisError(Exception):
    """An error reply: its first word is the code."""


class Push:
    """A message that answers no command (of RESP3; RESP2 sends it as an array)."""

    def __init__(self, *items: Reply) -> None:
        self.items: list[Reply] = list(items)


def encode(reply: Reply, protocol: int) -> bytes:
    """Return a reply's bytes in RESP2 or RESP3."""
    if reply is None:
        return b"_\r\n" if protocol == 3 else b"$-1\r\n"
    if isinstance(reply, RedisError):
        return b"-%s\r\n" % str(reply).encode()
    if isinstance(reply, str):
        return b"+%s\r\n" % reply.encode()
    if isinstance(reply, int):
        return b":%d\r\n" % reply
    if isinstance(reply, bytes):
        return b"$%d\r\n%s\r\n" % (len(reply), reply)
    if isinstance(reply, dict):
        flat = [item for key, value in reply.items() for item in (key.encode(), value)]
        head = b"%%%d\r\n" % len(reply) if protocol == 3 else b"*%d\r\n" % len(flat)
        return head + b"".join(encode(item, protocol) for item in flat)
    items = reply.items if isinstance(reply, Push) else reply
    sign = b">" if isinstance(reply, Push) and protocol == 3 else b"*"
    return sign + b"%d\r\n" % len(items) + b"".join(encode(item, protocol) for item in items)


async def read_command(reader: asyncio.StreamReader) -> list[bytes]:
    """Read one command: an array of bulk strings, as every client sends it.

    Raises:
        asyncio.IncompleteReadError: if the client is gone.
        RedisError: if it sent something else.
    """
    head = await reader.readuntil(b"\r\n")
    if head[:1] != b"*":
        raise RedisError(f"ERR Protocol error: expected '*', got {head[:1].decode(errors='replace')!r}")
    words = []
    for _ in range(int(head[1:])):
        size = await reader.readuntil(b"\r\n")
        if size[:1] != b"$":
            raise RedisError(f"ERR Protocol error: expected '$', got {size[:1].decode(errors='replace')!r}")
        words.append((await reader.readexactly(int(size[1:]) + 2))[:-2])
    return words


class RedisServer:
    """The keys and channels that all clients share.

    Attributes:
        commands: Commands answered, by name, in the order of their first use.
    """

    def __init__(self) -> None:
        self.commands: dict[str, int] = {}
        self.values: dict[bytes, bytes] = {}
        self.expires_at: dict[bytes, float] = {}
        self.channels: dict[bytes, dict[Session, None]] = {}
        self.sessions = 0

    async def serve(self, port: int = PORT, tls: ssl.SSLContext | None = None) -> asyncio.Server:
        """Listen on the running host, with TLS if there is a context; accepts until the server is closed."""
        return await asyncio.start_server(self._client, "0.0.0.0", port, ssl=tls)  # noqa: S104 - an emulated host

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sessions += 1
        session = Session(self, writer, self.sessions)
        try:
            while not session.quitting:
                words = await read_command(reader)
                writer.write(encode(session.answer(words), session.protocol))
                if not reader.at_eof():
                    await writer.drain()
        except RedisError as error:
            writer.write(encode(error, session.protocol))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client is gone
        except asyncio.CancelledError:
            pass  # the network is closed; the streams of CPython 3.11 would report a cancelled client as an error
        finally:
            for members in self.channels.values():
                members.pop(session, None)
            writer.close()

    # -- keys --------------------------------------------------------------------------------------------------

    def now(self) -> float:
        """Return the loop's seconds."""
        return asyncio.get_running_loop().time()

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a key that is alive; an expired one is deleted when it is met, as Redis does."""
        if self.expires_at.get(key, self.now() + 1) <= self.now():
            self.delete(key)
        return self.values.get(key)

    def delete(self, key: bytes) -> int:
        """Delete a key; return how many that were."""
        self.expires_at.pop(key, None)
        return 0 if self.values.pop(key, None) is None else 1

    def expire(self, key: bytes, seconds: float) -> int:
        """Let a key die; return whether there is one."""
        if self.get(key) is None:
            return 0
        self.expires_at[key] = self.now() + seconds
        return 1

    def milliseconds_left(self, key: bytes) -> int:
        """Return how long a key has to live: -2 without a key, -1 without an end."""
        if self.get(key) is None:
            return -2
        return -1 if key not in self.expires_at else round((self.expires_at[key] - self.now()) * 1000)


class Session:
    """One client: its protocol, its transaction, its channels."""

    def __init__(self, server: RedisServer, writer: asyncio.StreamWriter, number: int) -> None:
        self.server = server
        self.writer = writer
        self.number = number
        self.protocol = 2
        self.quitting = False
        self.queued: list[list[bytes]] | None = None
        self.channels: dict[bytes, None] = {}

    def answer(self, words: list[bytes]) -> Reply:
        """Answer one command, or queue it if a transaction is open."""
        name = words[0].upper().decode(errors="replace")
        if self.queued is not None and name not in ("EXEC", "DISCARD", "MULTI"):
            self.queued.append(words)
            return "QUEUED"
        command = _COMMANDS.get(name)
        if command is None:
            return RedisError(f"ERR unknown command '{words[0].decode(errors='replace')}'")
        if self.channels and self.protocol == 2 and name not in ("SUBSCRIBE", "UNSUBSCRIBE", "PING", "QUIT"):
            return RedisError(
                f"ERR Can't execute '{name.lower()}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT"
            )
        self.server.commands[name] = self.server.commands.get(name, 0) + 1
        try:
            return command(self, words[1:])
        except RedisError as error:
            return error
        except (IndexError, ValueError):
            return RedisError(f"ERR wrong arguments for '{name.lower()}' command")

    # -- connection --------------------------------------------------------------------------------------------

    def ping(self, words: list[bytes]) -> Reply:
        """PING [message]."""
        if self.channels and self.protocol == 2:
            return [b"pong", words[0] if words else b""]
        return words[0] if words else "PONG"

    def hello(self, words: list[bytes]) -> Reply:
        """HELLO [2|3]."""
        wanted = int(words[0]) if words else self.protocol
        if wanted not in (2, 3):
            raise RedisError("NOPROTO unsupported protocol version")
        self.protocol = wanted
        return {
            "server": b"redis",
            "version": b"7.4.0",
            "proto": wanted,
            "id": self.number,
            "mode": b"standalone",
            "role": b"master",
            "modules": [],
        }

    def client(self, words: list[bytes]) -> Reply:
        """CLIENT ID | SETNAME | SETINFO."""
        what = words[0].upper()
        if what == b"ID":
            return self.number
        if what in (b"SETINFO", b"SETNAME"):
            return "OK"
        raise RedisError(f"ERR unknown subcommand '{words[0].decode()}'. Try CLIENT HELP.")

    def select(self, words: list[bytes]) -> Reply:
        """SELECT 0: there is one database."""
        if int(words[0]):
            raise RedisError("ERR DB index is out of range")
        return "OK"

    def quit(self, _: list[bytes]) -> Reply:
        """QUIT."""
        self.quitting = True
        return "OK"

    # -- keys --------------------------------------------------------------------------------------------------

    def set(self, words: list[bytes]) -> Reply:
        """SET key value [NX | XX] [EX seconds | PX milliseconds]."""
        key, value, *options = words
        alive = self.server.get(key) is not None
        seconds: float | None = None
        while options:
            option = options.pop(0).upper()
            if option == b"EX":
                seconds = int(options.pop(0))
            elif option == b"PX":
                seconds = int(options.pop(0)) / 1000
            elif option in (b"NX", b"XX"):
                if alive == (option == b"NX"):
                    return None
            else:
                raise RedisError("ERR syntax error")
        self.server.delete(key)
        self.server.values[key] = value
        if seconds is not None:
            self.server.expire(key, seconds)
        return "OK"

    def get(self, words: list[bytes]) -> Reply:
        """GET key."""
        return self.server.get(words[0])

    def delete(self, words: list[bytes]) -> Reply:
        """DEL key..."""
        return sum(self.server.delete(key) for key in words if self.server.get(key) is not None)

    def exists(self, words: list[bytes]) -> Reply:
        """EXISTS key..."""
        return sum(self.server.get(key) is not None for key in words)

    def increment(self, words: list[bytes]) -> Reply:
        """INCR key, INCRBY key amount."""
        try:
            value = int(self.server.get(words[0]) or 0)
        except ValueError:
            raise RedisError("ERR value is not an integer or out of range") from None
        value += int(words[1]) if len(words) > 1 else 1
        self.server.values[words[0]] = str(value).encode()
        return value

    def expire(self, words: list[bytes]) -> Reply:
        """EXPIRE key seconds."""
        return self.server.expire(words[0], int(words[1]))

    def ttl(self, words: list[bytes]) -> Reply:
        """TTL key."""
        left = self.server.milliseconds_left(words[0])
        return left if left < 0 else (left + 500) // 1000

    def pttl(self, words: list[bytes]) -> Reply:
        """PTTL key."""
        return self.server.milliseconds_left(words[0])

    # -- transactions ------------------------------------------------------------------------------------------

    def multi(self, _: list[bytes]) -> Reply:
        """MULTI."""
        if self.queued is not None:
            raise RedisError("ERR MULTI calls can not be nested")
        self.queued = []
        return "OK"

    def execute(self, _: list[bytes]) -> Reply:
        """EXEC."""
        queued, self.queued = self.queued, None
        if queued is None:
            raise RedisError("ERR EXEC without MULTI")
        return [self.answer(words) for words in queued]

    def discard(self, _: list[bytes]) -> Reply:
        """DISCARD."""
        if self.queued is None:
            raise RedisError("ERR DISCARD without MULTI")
        self.queued = None
        return "OK"

    # -- channels ----------------------------------------------------------------------------------------------

    def publish(self, words: list[bytes]) -> Reply:
        """PUBLISH channel message: to each subscriber, in the order in which they came."""
        channel, message = words
        members = self.server.channels.get(channel, {})
        for session in members:
            session.writer.write(encode(Push(b"message", channel, message), session.protocol))
        return len(members)

    def subscribe(self, words: list[bytes]) -> Reply:
        """SUBSCRIBE channel..."""
        replies = []
        for channel in words:
            self.server.channels.setdefault(channel, {})[self] = None
            self.channels[channel] = None
            replies.append(Push(b"subscribe", channel, len(self.channels)))
        return self._each(replies)

    def unsubscribe(self, words: list[bytes]) -> Reply:
        """UNSUBSCRIBE [channel...]."""
        replies = []
        channels: list[bytes | None] = [*(words or self.channels)] or [None]
        for channel in channels:
            if channel is not None:
                self.channels.pop(channel, None)
                self.server.channels.get(channel, {}).pop(self, None)
            replies.append(Push(b"unsubscribe", channel, len(self.channels)))
        return self._each(replies)

    def _each(self, replies: list[Push]) -> Reply:
        """Write all but the last reply, which is the command's answer: one message per channel."""
        for reply in replies[:-1]:
            self.writer.write(encode(reply, self.protocol))
        return replies[-1]


_COMMANDS: Final[dict[str, Callable[[Session, list[bytes]], Reply]]] = {
    "CLIENT": Session.client,
    "DEL": Session.delete,
    "DISCARD": Session.discard,
    "EXEC": Session.execute,
    "EXISTS": Session.exists,
    "EXPIRE": Session.expire,
    "GET": Session.get,
    "HELLO": Session.hello,
    "INCR": Session.increment,
    "INCRBY": Session.increment,
    "MULTI": Session.multi,
    "PING": Session.ping,
    "PTTL": Session.pttl,
    "PUBLISH": Session.publish,
    "QUIT": Session.quit,
    "SELECT": Session.select,
    "SET": Session.set,
    "SUBSCRIBE": Session.subscribe,
    "TTL": Session.ttl,
    "UNSUBSCRIBE": Session.unsubscribe,
}
