"""asyncpg, unmodified, keeps orders in a database that a provider offers by PrivateLink.

The database is true to PostgreSQL's protocol (``postgres_server.py``) and knows only the SQL below: what asyncpg
does on the wire is all real, SCRAM-SHA-256, prepared statements in binary, transactions, errors by their codes, a
pool, and the second connection that carries a cancel request when a query takes too long.

Two things to know.  asyncpg draws its SCRAM nonce from the machine's randomness: two runs differ in a few payload
bytes, in no time and no length.  And ``connection.fetch(..., timeout=)`` subtracts the *real* time that preparing
took; ``asyncio.timeout`` and a prepared statement's own ``timeout=`` are exact in virtual time.

    python examples/asyncpg_orders.py [FOLDER]
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import asyncpg
from postgres_server import FLOAT8, INT4, INT8, TEXT, PostgresError, PostgresServer, Rows, Statement

from emulator import Network

TOPOLOGY = Path(__file__).parents[1] / "topologies" / "programs" / "topology.yaml"
LOGIN = {"host": "database.internal", "user": "app", "password": "correct horse", "database": "shop"}

INSERT = "INSERT INTO orders (id, item, quantity) VALUES ($1, $2, $3) RETURNING id"
SELECT = "SELECT id, item, quantity FROM orders WHERE quantity >= $1 ORDER BY id"
SLEEP = "SELECT pg_sleep($1)"


def database() -> PostgresServer:
    """Return a database with one table, and the three statements that the program below uses."""

    def insert(tables: dict[str, Any], number: int, item: str, quantity: int) -> Rows:
        if number in tables["orders"]:
            raise PostgresError(
                "23505", 'duplicate key value violates unique constraint "orders_pkey"', n="orders_pkey"
            )
        tables["orders"][number] = (number, item, quantity)
        return [(number,)]

    def select(tables: dict[str, Any], least: int) -> Rows:
        return sorted(row for row in tables["orders"].values() if row[2] >= least)

    async def sleep(_: dict[str, Any], seconds: float) -> Rows:
        await asyncio.sleep(seconds)
        return [(None,)]

    server = PostgresServer({LOGIN["user"]: LOGIN["password"]}, {"orders": {}})
    server.learn(Statement(INSERT, [INT8, TEXT, INT4], [("id", INT8)], insert, "INSERT 0"))
    server.learn(Statement(SELECT, [INT4], [("id", INT8), ("item", TEXT), ("quantity", INT4)], select, "SELECT"))
    server.learn(Statement(SLEEP, [FLOAT8], [("pg_sleep", TEXT)], sleep, "SELECT"))
    return server


async def use() -> list[str]:
    """Use the database, and tell what came of it."""
    loop = asyncio.get_running_loop()
    told = []
    connection = await asyncpg.connect(**LOGIN)
    told.append(f"connected to {connection.get_server_version().major}")
    async with connection.transaction():
        for number, item, quantity in ((1, "bolt", 500), (2, "nut", 20), (3, "gear", 3)):
            await connection.fetchval(INSERT, number, item, quantity)
    try:
        async with connection.transaction():
            await connection.fetchval(INSERT, 4, "washer", 10)
            await connection.fetchval(INSERT, 1, "bolt", 1)
    except asyncpg.UniqueViolationError as error:
        told.append(f"rolled back: {error} ({error.constraint_name})")
    told.append(f"rows: {[tuple(row) for row in await connection.fetch(SELECT, 10)]}")
    try:
        await connection.execute("SELEKT 1")
    except asyncpg.PostgresSyntaxError as error:
        told.append(f"{error.sqlstate}: {error}")
    nap = await connection.prepare(SLEEP)
    began = loop.time()
    try:
        await nap.fetch(600.0, timeout=30)
    except TimeoutError:
        told.append(
            f"cancelled after {loop.time() - began:.6f} s, and usable: {len(await connection.fetch(SELECT, 0))} rows"
        )
    await connection.close()

    async with asyncpg.create_pool(**LOGIN, min_size=3, max_size=3) as pool:
        began = loop.time()
        await asyncio.gather(*(pool.fetch(SLEEP, 1.0) for _ in range(9)))
        told.append(f"nine naps of a second through a pool of three: {loop.time() - began:.3f} s")
    try:
        await asyncpg.connect(**{**LOGIN, "password": "battery staple"})
    except asyncpg.InvalidPasswordError as error:
        told.append(f"{error.sqlstate}: {error}")
    return told


def main(folder: Path = Path("pcaps/out")) -> dict[str, Any]:
    """Run client and database in virtual time, and return what happened."""
    server = database()
    with Network.load(TOPOLOGY, seed=1) as network:
        capture = network.capture("app", folder / "asyncpg_orders.pcapng")
        network.start(server.serve(), host="database")
        told = network.run(use(), host="app")
        seconds = network.now / 1e9
    for line in told:
        print(line)
    print(f"{seconds:.3f} virtual seconds, {capture.written} packets: {capture.path}")
    return {"told": told, "seconds": seconds, "server": server, "network": network, "capture": capture}


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
