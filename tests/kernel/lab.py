"""A VPC made of the kernel: one namespace an interface, one for the router, one for the wires' ends.

    hosts            interface             router
    h0 ======== in [ security groups ] out ======== r0 [ network ACLs, routes ]
    h1 ======== in [ security groups ] out ======== r1

Every interface has connection tracking of its own, as in AWS; the router tracks
nothing.  Frames are sent and captured by one packet socket at the hosts' ends;
what a gate refuses is logged by it.  So every packet of a batch ends where it
can be seen, and the lab knows when all of them have.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from typing import TYPE_CHECKING

from tests.kernel.namespaces import Namespace
from tests.kernel.nflog import BUFFER, SO_RCVBUFFORCE, Log
from tests.kernel.rulesets import DELIVERY, interface_rules, router_rules, routes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emulator.control import ControlPlane
    from emulator.wire.packet import Packet

ETH_P_IP = 0x0800
PATIENCE = 5.0
"""Seconds without news after which packets count as vanished."""
GATEWAY = "169.254.1.1"
QUIET = {
    f"ipv4__conf__{which}__{name}": 0 for which in ("all", "default") for name in ("rp_filter", "send_redirects")
} | {"ipv6__conf__default__disable_ipv6": 1}
TRACKING = {
    # A segment from the middle of a flow that nobody remembers opens none; rules judge it (SG-17).
    "netfilter__nf_conntrack_tcp_loose": 0,
    # AWS says nothing of sequence numbers; Linux's window check is taken out of the comparison.
    "netfilter__nf_conntrack_tcp_be_liberal": 1,
    # Nothing times out while a world is compared: time stands still in the emulator's half.
    "netfilter__nf_conntrack_tcp_timeout_syn_sent": 3600,
    "netfilter__nf_conntrack_tcp_timeout_syn_recv": 3600,
    "netfilter__nf_conntrack_tcp_timeout_fin_wait": 3600,
    "netfilter__nf_conntrack_tcp_timeout_close_wait": 3600,
    "netfilter__nf_conntrack_tcp_timeout_last_ack": 3600,
    "netfilter__nf_conntrack_tcp_timeout_time_wait": 3600,
    "netfilter__nf_conntrack_tcp_timeout_close": 3600,
    "netfilter__nf_conntrack_udp_timeout": 3600,
    "netfilter__nf_conntrack_icmp_timeout": 3600,
    "netfilter__nf_conntrack_generic_timeout": 3600,
}


def mac(kind: int, index: int) -> str:
    """Return a locally administered address."""
    return f"02:00:00:00:{kind:02x}:{index:02x}"


class Lab:
    """The kernel's half of the comparison, for the interfaces that a network has when the lab is made."""

    def __init__(self, ec2: ControlPlane) -> None:
        self.ports = {eni: f"r{index}" for index, eni in enumerate(ec2.network_interfaces)}
        self.ends = {eni: f"h{index}" for index, eni in enumerate(ec2.network_interfaces)}
        self.spaces: list[Namespace] = []
        self.logs: list[Log] = []
        self.wire: socket.socket | None = None
        try:
            self._build(ec2)
            self.load(ec2)
        except BaseException:
            self.close()
            raise

    def _build(self, ec2: ControlPlane) -> None:
        hosts, self.router = self._space(), self._space()
        hosts.settings(**QUIET)
        self.router.settings(**QUIET, ipv4__ip_forward=1)
        self.interfaces: dict[str, Namespace] = {}
        ends, lines = [], []
        for index, eni in enumerate(ec2.network_interfaces.values()):
            address, space = eni.private_ip_address, self._space()
            self.interfaces[eni.network_interface_id] = space
            space.settings(**QUIET, ipv4__ip_forward=1, **TRACKING)
            space.ip(
                f"link add in address {mac(1, index)} type veth "
                f"peer name h{index} address {mac(0, index)} netns {hosts.path}",
                f"link add out address {mac(2, index)} type veth "
                f"peer name r{index} address {mac(3, index)} netns {self.router.path}",
                "link set lo up",  # or there is no table of local addresses, and no gateway is valid
                "link set in up",
                "link set out up",
                # Nobody has this address: what arrives at the host's end is captured and goes no further.
                f"neigh add {address} lladdr {mac(4, index)} dev in nud permanent",
                f"route add {address}/32 dev in",
                f"neigh add {GATEWAY} lladdr {mac(3, index)} dev out nud permanent",
                f"route add default via {GATEWAY} dev out onlink",
            )
            ends.append(f"link set h{index} up")
            lines += [
                f"link set r{index} up",
                f"neigh add {address} lladdr {mac(2, index)} dev r{index} nud permanent",
                f"route add {address}/32 dev r{index} table {DELIVERY}",
            ]
        hosts.ip(*ends)
        marks = range(1, len(ec2.subnets) + 1)
        lines += [f"rule add pref {mark} fwmark {mark} lookup {100 + mark}" for mark in marks]
        self.router.ip(*lines, f"rule add pref 1000 lookup {DELIVERY}")
        with hosts.entered():
            self.wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP))
        self.wire.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        self.wire.setblocking(False)

    def _space(self) -> Namespace:
        space = Namespace()
        self.spaces.append(space)
        if len(self.spaces) > 1:  # the hosts' ends refuse nothing
            self.logs.append(Log(space))
        return space

    def load(self, ec2: ControlPlane) -> None:
        """Take over rules and routes as they are now; tracked flows stay tracked."""
        self.router.ip(*routes(ec2))
        self.router.nft(router_rules(ec2, self.ports))
        for eni_id, space in self.interfaces.items():
            space.nft(interface_rules(ec2, ec2.network_interfaces[eni_id]))

    def send(self, batch: Sequence[tuple[str, Packet]]) -> list[str]:
        """Send packets from interfaces and return how each one ended.

        Args:
            batch: ``(interface, packet)``; of one flow at most one packet.

        Returns:
            ``delivered <interface>``, the refusing gate's name, or ``vanished``.
        """
        assert self.wire is not None
        ended: dict[int, str] = {}
        order = {eni: index for index, eni in enumerate(self.ends)}
        for number, (eni_id, packet) in enumerate(batch):
            packet.ident = number
            index = order[eni_id]
            frame = struct.pack(">6s6sH", _bytes(1, index), _bytes(0, index), ETH_P_IP) + packet.to_bytes()
            self.wire.sendto(frame, (self.ends[eni_id], 0))
            if number % 64 == 0:
                self._collect(ended)
        names = {end: eni for eni, end in self.ends.items()}
        quiet_since = time.monotonic()
        sockets = [self.wire, *(log.socket for log in self.logs)]
        while len(ended) < len(batch) and time.monotonic() - quiet_since < PATIENCE:
            select.select(sockets, [], [], 0.5)
            before = len(ended)
            self._collect(ended)
            if len(ended) > before:
                quiet_since = time.monotonic()
        found = []
        for number in range(len(batch)):
            how = ended.get(number, "vanished")
            found.append(f"delivered {names[how]}" if how in names else how)
        return found

    def _collect(self, ended: dict[int, str]) -> None:
        assert self.wire is not None
        while True:
            try:
                frame, (device, _, _, _, _) = self.wire.recvfrom(65536)
            except BlockingIOError:
                break
            _note(ended, frame[14:], device)
        for log in self.logs:
            for name, packet in log.read():
                _note(ended, packet, name)

    def close(self) -> None:
        """Let everything go; the kernel takes it apart."""
        if self.wire is not None:
            self.wire.close()
        for log in self.logs:
            log.close()
        for space in self.spaces:
            space.close()


def _bytes(kind: int, index: int) -> bytes:
    return bytes((2, 0, 0, 0, kind, index))


def _note(ended: dict[int, str], packet: bytes, how: str) -> None:
    number = int.from_bytes(packet[4:6], "big")
    ended[number] = f"{ended[number]} and {how}" if number in ended else how
