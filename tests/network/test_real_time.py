"""One program, in virtual and in real time, by one argument."""

from __future__ import annotations

import asyncio
import time

import pytest

from emulator.network.network import Network

TOPOLOGY = "topologies/two-az-endpoints/topology.yaml"


async def ask():
    reader, writer = await asyncio.open_connection("s3.us-east-1.amazonaws.com", 80)
    await asyncio.sleep(0.1)
    writer.write(b"GET /training/big.bin HTTP/1.1\r\nHost: s3.us-east-1.amazonaws.com\r\nConnection: close\r\n\r\n")
    status = await reader.readline()
    while await reader.read(100_000):
        pass
    writer.close()
    return status


@pytest.mark.slow
def test_the_same_program_runs_in_virtual_and_in_real_time():
    statuses, packets = [], []
    for real_time in (False, True):
        started = time.monotonic()
        network = Network.load(TOPOLOGY, real_time=real_time)
        statuses.append(network.loop.run_until_complete(network.start(ask(), host="web")))
        packets.append(network.fabric.sent)
        assert network.now >= 100_000_000
        assert not real_time or time.monotonic() - started >= network.now / 1e9
        network.abandon()  # nobody waits for TIME-WAIT
    assert statuses[0].startswith(b"HTTP/1.1 200")
    assert statuses[1] == statuses[0]
    assert min(packets) > 1000


def test_a_network_runs_threads_by_choice():
    import threading

    async def program():
        return await asyncio.to_thread(threading.get_ident)

    with Network.load(TOPOLOGY) as network:
        assert network.run(program(), host="web") == threading.get_ident()
    with Network.load(TOPOLOGY, threads=True) as network:
        assert network.run(program(), host="web") != threading.get_ident()
