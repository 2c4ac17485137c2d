"""A server that is true to PostgreSQL's protocol 3.0, and knows only the SQL it was given.

What a client library meets is all there: start-up with TLS or its refusal, SCRAM-SHA-256, simple and extended queries
(parse, describe, bind, execute, sync), text and binary formats, errors with their five-letter codes, transactions,
and cancelling from a second connection.  What stands behind is no SQL engine: an example registers its statements
word for word, each with a function that computes the rows.  It is no program: ``asyncpg_orders.py`` starts it.

PostgreSQL documentation, "Frontend/Backend Protocol"; RFC 5802 and RFC 7677 for SCRAM-SHA-256.
"""

from __future__ import annotations

import asyncio
import base64
import copy
import hashlib
import hmac
import inspect
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Sequence

PORT: Final = 5432

BOOL: Final = 16
INT8: Final = 20
INT4: Final = 23
TEXT: Final = 25
FLOAT8: Final = 701

_SIZES: Final = {BOOL: 1, INT8: 8, INT4: 4, TEXT: -1, FLOAT8: 8}
_BINARY: Final = {BOOL: "!?", INT8: "!q", INT4: "!i", FLOAT8: "!d"}
_SSL_REQUEST: Final = 80_877_103
_GSS_REQUEST: Final = 80_877_104
_CANCEL_REQUEST: Final = 80_877_102
_PROTOCOL: Final = 196_608
_ITERATIONS: Final = 4096

Rows: TypeAlias = "list[tuple[Any, ...]]"


class PostgresError(Exception):
    """An error as clients see it.

    Attributes:
        code: SQLSTATE.
    """

    def __init__(self, code: str, message: str, **fields: str) -> None:
        super().__init__(message)
        self.code = code
        self.fields = fields


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL that the server knows.

    Attributes:
        sql: Word for word, as clients send it.
        parameters: Types by OID.
        columns: Names and types of the result; none if there are no rows.
        run: Takes the tables and the parameters, and returns (or awaits) the rows.
        tag: What the command calls itself; the number of rows is put behind ``SELECT``, ``INSERT 0`` and the like.
    """

    sql: str
    parameters: Sequence[int]
    columns: Sequence[tuple[str, int]]
    run: Callable[..., Rows | Awaitable[Rows]]
    tag: str


@dataclass(slots=True)
class _Prepared:
    statement: Statement | None
    sql: str


@dataclass(slots=True)
class _Portal:
    prepared: _Prepared
    parameters: list[Any]
    formats: list[int]


class PostgresServer:
    """The statements and tables that all sessions share.

    Args:
        users: Passwords by user.
        tables: What statements work on; a transaction that is rolled back restores a copy of it.
        tls: What TLS is made of for clients that ask for it; None refuses it.

    Attributes:
        executed: The SQL of every execution, in order.
        cancelled: How many cancel requests found their session.
    """

    def __init__(self, users: dict[str, str], tables: dict[str, Any], tls: ssl.SSLContext | None = None) -> None:
        self.users = users
        self.tls = tls
        self.tables = tables
        self.statements: dict[str, Statement] = {}
        self.sessions: dict[int, Session] = {}
        self.executed: list[str] = []
        self.cancelled = 0

    def learn(self, statement: Statement) -> None:
        """Know one more statement."""
        self.statements[statement.sql] = statement

    async def serve(self, port: int = PORT) -> asyncio.Server:
        """Listen on the running host; accepts until the server is closed."""
        return await asyncio.start_server(self._client, "0.0.0.0", port)  # noqa: S104 - an emulated host

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = max(self.sessions, default=0) + 1
        session = self.sessions[number] = Session(self, reader, writer, number)
        try:
            await session.run()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client is gone
        except asyncio.CancelledError:
            pass  # the network is closed; the streams of CPython 3.11 would report a cancelled client as an error
        finally:
            del self.sessions[number]
            writer.close()


@dataclass(eq=False, slots=True)
class Session:
    """One client."""

    server: PostgresServer
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int
    prepared: dict[str, _Prepared] = field(default_factory=dict)
    portals: dict[str, _Portal] = field(default_factory=dict)
    before: dict[str, Any] | None = None  # the tables as they were when the transaction began
    failed: bool = False  # the transaction has met an error
    working: asyncio.Task[Rows] | None = None

    # -- messages ----------------------------------------------------------------------------------------------

    def send(self, kind: bytes, body: bytes = b"") -> None:
        """Write one message."""
        self.writer.write(kind + struct.pack("!i", len(body) + 4) + body)

    async def read(self) -> tuple[bytes, bytes]:
        """Read one message: its kind and its body."""
        kind, length = struct.unpack("!ci", await self.reader.readexactly(5))
        return kind, await self.reader.readexactly(length - 4)

    def fail(self, error: PostgresError, severity: str = "ERROR") -> None:
        """Send an error; it spoils the transaction."""
        self.failed = self.before is not None
        names = {"S": severity, "V": severity, "C": error.code, "M": str(error), **error.fields}
        self.send(b"E", b"".join(name.encode() + _text(value) for name, value in names.items()) + b"\0")

    def ready(self) -> None:
        """Say that the next query may come, and what became of the transaction."""
        self.send(b"Z", b"I" if self.before is None else b"E" if self.failed else b"T")

    # -- the beginning -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve the client to its end."""
        while True:
            (length,) = struct.unpack("!i", await self.reader.readexactly(4))
            body = await self.reader.readexactly(length - 4)
            (code,) = struct.unpack_from("!i", body)
            if code == _SSL_REQUEST and self.server.tls is not None:
                self.writer.write(b"S")
                await self.writer.start_tls(self.server.tls)
            elif code in (_SSL_REQUEST, _GSS_REQUEST):
                self.writer.write(b"N")
            else:
                break
        if code == _CANCEL_REQUEST:
            self._cancel(*struct.unpack_from("!ii", body, 4))
            return
        if code != _PROTOCOL:
            self.fail(PostgresError("08P01", "unsupported frontend protocol"), "FATAL")
            return
        words = [word.decode() for word in body[4:].rstrip(b"\0").split(b"\0")]
        user = dict(zip(words[::2], words[1::2], strict=True))["user"]
        try:
            await self._authenticate(user)
        except PostgresError as error:
            self.fail(error, "FATAL")
            return
        for name, value in (
            ("server_version", "16.4"),
            ("server_encoding", "UTF8"),
            ("client_encoding", "UTF8"),
            ("DateStyle", "ISO, MDY"),
            ("TimeZone", "UTC"),
            ("integer_datetimes", "on"),
            ("standard_conforming_strings", "on"),
        ):
            self.send(b"S", _text(name) + _text(value))
        self.send(b"K", struct.pack("!ii", self.number, self._secret()))
        self.ready()
        await self._queries()

    def _secret(self) -> int:
        return 1_000_000 + self.number  # guessable, and nobody here guesses

    def _cancel(self, number: int, secret: int) -> None:
        session = self.server.sessions.get(number)
        if session is not None and secret == session._secret() and session.working is not None:  # noqa: SLF001 - ours
            self.server.cancelled += 1
            session.working.cancel()

    async def _authenticate(self, user: str) -> None:
        """SCRAM-SHA-256 (RFC 5802 section 3), without channel binding."""
        self.send(b"R", struct.pack("!i", 10) + _text("SCRAM-SHA-256") + b"\0")
        _, body = await self.read()
        mechanism, _, rest = body.partition(b"\0")
        assert mechanism == b"SCRAM-SHA-256", "the only one offered"
        bare = rest[4:].decode().partition("n,,")[2]
        client_nonce = _attributes(bare)["r"]
        password = self.server.users.get(user, "")
        salt = hashlib.sha256(user.encode()).digest()[:16]
        nonce = client_nonce + base64.b64encode(salt).decode()  # no randomness of ours: the client's will do
        first = f"r={nonce},s={base64.b64encode(salt).decode()},i={_ITERATIONS}"
        self.send(b"R", struct.pack("!i", 11) + first.encode())
        _, body = await self.read()
        without_proof, _, proof = body.decode().rpartition(",p=")
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS)
        client_key = _hmac(salted, b"Client Key")
        message = f"{bare},{first},{without_proof}".encode()
        signature = _hmac(hashlib.sha256(client_key).digest(), message)
        expected = bytes(one ^ other for one, other in zip(client_key, signature, strict=True))
        if user not in self.server.users or not hmac.compare_digest(base64.b64decode(proof), expected):
            raise PostgresError("28P01", f'password authentication failed for user "{user}"')
        verifier = base64.b64encode(_hmac(_hmac(salted, b"Server Key"), message))
        self.send(b"R", struct.pack("!i", 12) + b"v=" + verifier)
        self.send(b"R", struct.pack("!i", 0))

    # -- queries -----------------------------------------------------------------------------------------------

    async def _queries(self) -> None:
        steps = {b"P": self._parse, b"B": self._bind, b"D": self._describe, b"E": self._execute, b"C": self._close}
        skipping = False  # after an error in an extended query, until the client says sync
        while True:
            await self.writer.drain()
            kind, body = await self.read()
            if kind == b"X":
                return
            if kind == b"S":
                skipping = False
                self.ready()
            elif kind == b"Q":
                await self._simple(body[:-1].decode())
            elif kind != b"H" and not skipping:  # flush asks for nothing: all is sent at once
                try:
                    await steps[kind](body)
                except PostgresError as error:
                    self.fail(error)
                    skipping = True

    async def _simple(self, text: str) -> None:
        """Run the statements of a simple query until one fails; results are texts."""
        try:
            for sql in [part.strip() for part in text.split(";") if part.strip()]:
                prepared = self._look_up(sql)
                columns = () if prepared.statement is None else prepared.statement.columns
                if columns:
                    self.send(b"T", _row_description(columns, []))
                await self._run(_Portal(prepared, [], []))
        except PostgresError as error:
            self.fail(error)
        self.ready()

    def _look_up(self, sql: str) -> _Prepared:
        """Find a statement; session control (BEGIN, RESET...) has none of the example's."""
        statement = self.server.statements.get(sql)
        verb = sql.split(maxsplit=1)[0]
        if statement is None and verb.upper() not in _CONTROL and sql not in _HOUSEKEEPING:
            raise PostgresError("42601", f'syntax error at or near "{verb}"', P="1")
        return _Prepared(statement, sql)

    async def _parse(self, body: bytes) -> None:
        name, sql, _ = body.split(b"\0", 2)
        self.prepared[name.decode()] = self._look_up(sql.decode().strip().rstrip(";"))
        self.send(b"1")

    async def _describe(self, body: bytes) -> None:
        name = body[1:-1].decode()
        formats: list[int] = []
        if body[:1] == b"S":
            statement = self.prepared[name].statement
            types = () if statement is None else statement.parameters
            self.send(b"t", struct.pack(f"!h{len(types)}i", len(types), *types))
        else:
            portal = self.portals[name]
            statement, formats = portal.prepared.statement, portal.formats
        if statement is None or not statement.columns:
            self.send(b"n")
        else:
            self.send(b"T", _row_description(statement.columns, formats))

    async def _bind(self, body: bytes) -> None:
        portal, name, rest = body.split(b"\0", 2)
        prepared = self.prepared[name.decode()]
        types = () if prepared.statement is None else prepared.statement.parameters
        at, parameter_formats = _shorts(rest, 0)
        (count,) = struct.unpack_from("!h", rest, at)
        at += 2
        if count != len(types):
            raise PostgresError("08P01", f"bind message supplies {count} parameters, but {len(types)} are needed")
        values = []
        for number, oid in enumerate(types):
            (size,) = struct.unpack_from("!i", rest, at)
            at += 4
            values.append(None if size < 0 else _decode(oid, rest[at : at + size], _format(parameter_formats, number)))
            at += max(0, size)
        _, formats = _shorts(rest, at)
        self.portals[portal.decode()] = _Portal(prepared, values, formats)
        self.send(b"2")

    async def _execute(self, body: bytes) -> None:
        await self._run(self.portals[body.split(b"\0", 1)[0].decode()])

    async def _close(self, body: bytes) -> None:
        name = body[1:-1].decode()
        if body[:1] == b"S":
            self.prepared.pop(name, None)
        else:
            self.portals.pop(name, None)
        self.send(b"3")

    async def _run(self, portal: _Portal) -> None:
        """Execute a portal: its rows and how the command calls itself."""
        statement, sql = portal.prepared.statement, portal.prepared.sql
        verb = sql.split()[0].upper()
        if self.failed and verb not in ("ROLLBACK", "COMMIT"):
            raise PostgresError(
                "25P02", "current transaction is aborted, commands ignored until end of transaction block"
            )
        self.server.executed.append(sql)
        if statement is None:
            self._control(verb)
            return
        rows = await self._rows(statement, portal.parameters)
        for row in rows:
            cells = zip(row, statement.columns, strict=True)
            encoded = [_cell(value, oid, _format(portal.formats, n)) for n, (value, (_, oid)) in enumerate(cells)]
            self.send(b"D", struct.pack("!h", len(row)) + b"".join(encoded))
        self.send(b"C", _text(f"{statement.tag} {len(rows)}"))

    async def _rows(self, statement: Statement, parameters: list[Any]) -> Rows:
        """Compute the rows; a cancel request may stop what takes time."""
        found = statement.run(self.server.tables, *parameters)
        if not inspect.isawaitable(found):
            return found
        self.working = asyncio.ensure_future(found)
        try:
            return await self.working
        except asyncio.CancelledError:
            if not self.working.cancelled():
                raise  # it was this session that was cancelled
            raise PostgresError("57014", "canceling statement due to user request") from None
        finally:
            self.working = None

    def _control(self, verb: str) -> None:
        """BEGIN, COMMIT, ROLLBACK; whatever else there is changes nothing here."""
        if verb == "BEGIN":
            self.before = self.before or copy.deepcopy(self.server.tables)
        elif verb in ("COMMIT", "ROLLBACK"):
            if self.before is not None and (verb == "ROLLBACK" or self.failed):
                self.server.tables = self.before
                verb = "ROLLBACK"  # what a spoiled transaction's COMMIT does, and says
            self.before, self.failed = None, False
        self.send(b"C", _text(verb))


_CONTROL: Final = ("BEGIN", "COMMIT", "ROLLBACK", "CLOSE", "UNLISTEN", "RESET", "SET")
_HOUSEKEEPING: Final = ("SELECT pg_advisory_unlock_all()",)  # asyncpg's, when a connection goes back to its pool


def _text(value: str) -> bytes:
    return value.encode() + b"\0"


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, "sha256").digest()


def _attributes(text: str) -> dict[str, str]:
    """Return the attributes of a SCRAM message: ``n=user,r=nonce``."""
    return dict(part.split("=", 1) for part in text.split(",") if "=" in part)


def _shorts(data: bytes, at: int) -> tuple[int, list[int]]:
    (count,) = struct.unpack_from("!h", data, at)
    return at + 2 + 2 * count, list(struct.unpack_from(f"!{count}h", data, at + 2))


def _format(formats: list[int], number: int) -> int:
    """Return the format of a value: none given is text for all, one is that for all."""
    return 0 if not formats else formats[0] if len(formats) == 1 else formats[number]


def _row_description(columns: Sequence[tuple[str, int]], formats: list[int]) -> bytes:
    fields = [
        _text(name) + struct.pack("!ihihih", 0, 0, oid, _SIZES[oid], -1, _format(formats, number))
        for number, (name, oid) in enumerate(columns)
    ]
    return struct.pack("!h", len(columns)) + b"".join(fields)


def _decode(oid: int, data: bytes, binary: int) -> Any:
    if binary and oid in _BINARY:
        return struct.unpack(_BINARY[oid], data)[0]
    text = data.decode()
    return text if oid == TEXT else text == "t" if oid == BOOL else float(text) if oid == FLOAT8 else int(text)


def _cell(value: Any, oid: int, binary: int) -> bytes:
    if value is None:
        return struct.pack("!i", -1)
    if binary and oid in _BINARY:
        data = struct.pack(_BINARY[oid], value)
    else:
        data = ("t" if value else "f").encode() if oid == BOOL else str(value).encode()
    return struct.pack("!i", len(data)) + data
