"""What one capture point costs per packet: see, settle, headers, checksum, write.

Microseconds of CPU time, the best of several rounds, for pure ACKs and for full
segments at the usual MSS and the jumbo one, with payloads that repeat (a bulk
transfer of one block) and that never do.  The second column of each pair keeps
128 bytes of each frame; its checksums are still those of the whole packets.
The loop's own cost (naming the next packet, setting its ending) is measured
with an empty tap and taken off.

    python benchmarks/capture_point.py [ROUNDS]
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

from emulator.capture import LinkLayer, Tap
from emulator.model.traces import Delivered
from emulator.wire.packet import ACK, Packet, tcp

PACKETS = 16_384
IN_FLIGHT = 100
WEB, DB, SUBNET = 0x0A000105, 0x0A000206, 0x0A000100
GAP = 1_200  # ns between packets: 1500 bytes at 10 Gbps
ENDING = Delivered("eni-db")


class EmptyTap:
    def see(self, packet: Packet, now: int, outgoing: bool) -> None: ...

    def settle(self) -> None: ...

    def close(self) -> None: ...


def segments(size: int, *, repeated: bool) -> list[Packet]:
    rng = random.Random(1)  # noqa: S311 - filler
    block = rng.randbytes(size)
    made = []
    for i in range(PACKETS):
        # A slice of its own, as a TCP that cuts up what a program wrote makes it: no hash is known yet.
        payload = bytes(bytearray(block)) if repeated else rng.randbytes(size)
        packet = tcp(WEB, DB, 40_000 + i % 10, 443, ACK, payload, seq=i * size & 0xFFFFFFFF, ack=77)
        packet.tsval, packet.tsecr, packet.window = 3_000_000_000 + i, 1_000_000 + i, 2048
        packet.length += 12
        made.append(packet)
    return made


def spent(tap: Tap | EmptyTap, packets: list[Packet]) -> float:
    for packet in packets:
        packet.ending = None
    began = time.process_time()
    now = 0
    see, settle = tap.see, tap.settle
    for i, packet in enumerate(packets):
        see(packet, now, True)
        now += GAP
        if i >= IN_FLIGHT:
            packets[i - IN_FLIGHT].ending = ENDING
            settle()
    for packet in packets[-IN_FLIGHT:]:
        packet.ending = ENDING
        settle()
    tap.close()
    return (time.process_time() - began) / len(packets) * 1e6


def main(rounds: int) -> None:
    print(f"{'microseconds per record':28} {'whole':>8} {'128 bytes':>10}")
    for size in (0, 1460, 8460):
        for repeated in (True, False) if size else (True,):
            best = {262_144: 1e9, 128: 1e9}
            for _ in range(rounds):
                for snaplen, so_far in best.items():
                    packets = segments(size, repeated=repeated)  # anew: a bytes object remembers its hash
                    with tempfile.TemporaryDirectory() as folder:
                        tap = Tap(Path(folder) / "web.pcapng", "web", LinkLayer(WEB, SUBNET, 24), snaplen=snaplen)
                        best[snaplen] = min(so_far, spent(tap, packets) - spent(EmptyTap(), packets))
            what = f"{size} bytes, {'repeated' if repeated else 'random'}" if size else "pure ACK"
            print(f"{what:28} {best[262_144]:8.2f} {best[128]:10.2f}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
