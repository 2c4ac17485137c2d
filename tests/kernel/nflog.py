"""Hears of packets that a rule of nftables logged: ``log group 1 prefix "..."``.

Linux: include/uapi/linux/netfilter/nfnetlink_log.h.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kernel.namespaces import Namespace

GROUP = 1
SO_RCVBUFFORCE = 33
BUFFER = 64 << 20

_NETLINK_NETFILTER = 12
_PACKET, _CONFIG = 4 << 8, 4 << 8 | 1  # NFNL_SUBSYS_ULOG, NFULNL_MSG_...
_REQUEST, _ACK = 1, 4
_CMD, _MODE, _QTHRESH = 1, 2, 5  # NFULA_CFG_...
_PAYLOAD, _PREFIX = 9, 10  # NFULA_...
_BIND, _COPY_PACKET = 1, 2
_KEPT = 64
"""Bytes of each packet: its IP header and a little more."""


class Log:
    """What is logged in one namespace."""

    def __init__(self, space: Namespace) -> None:
        with space.entered():
            self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        self.socket.bind((0, 0))
        self._configure(_attribute(_CMD, bytes((_BIND,))))
        self._configure(_attribute(_MODE, struct.pack(">IBx", _KEPT, _COPY_PACKET)))
        self._configure(_attribute(_QTHRESH, struct.pack(">I", 1)))  # one packet a message, without waiting
        self.socket.setblocking(False)

    def _configure(self, attribute: bytes) -> None:
        body = struct.pack(">BBH", socket.AF_UNSPEC, 0, GROUP) + attribute
        self.socket.send(struct.pack("=IHHII", 16 + len(body), _CONFIG, _REQUEST | _ACK, 1, 0) + body)
        answer = self.socket.recv(65536)
        error = struct.unpack_from("=i", answer, 16)[0]
        if error:
            raise OSError(-error, "nfnetlink_log")

    def read(self) -> Iterator[tuple[str, bytes]]:
        """Yield the prefix and the beginning of each packet logged since."""
        while True:
            try:
                data = self.socket.recv(1 << 17)
            except BlockingIOError:
                return
            offset = 0
            while offset + 16 <= len(data):
                length, kind = struct.unpack_from("=IH", data, offset)
                if kind == _PACKET:
                    yield _packet(data[offset + 20 : offset + length])
                offset += (length + 3) & ~3

    def close(self) -> None:
        self.socket.close()


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _packet(attributes: bytes) -> tuple[str, bytes]:
    prefix, payload, offset = "", b"", 0
    while offset + 4 <= len(attributes):
        length, kind = struct.unpack_from("=HH", attributes, offset)
        value = attributes[offset + 4 : offset + length]
        if kind == _PREFIX:
            prefix = value.rstrip(b"\0").decode()
        elif kind == _PAYLOAD:
            payload = value
        offset += (length + 3) & ~3
    return prefix, payload
