"""How the systems that people run set up their TCP: what a capture shows of each.

A profile is a table of facts about one system as it comes out of the box,
checked against its documentation, its source or captures of it.  Nothing else
in the emulator asks which system a host runs; it reads the settings.

Linux: tcp(7), ``Documentation/networking/ip-sysctl``, as Amazon Linux 2023 has
them.  FreeBSD 14: tcp(4).  Windows: "TCP/IP settings" of Windows Server 2019
and later.  macOS 13: ``sysctl net.inet.tcp``.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - compiled, a dataclass looks its annotations up
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from emulator.tcp.config import KIB, MIB, MILLISECOND, SECOND, TcpConfig


@dataclass(frozen=True, slots=True)
class HostProfile:
    """One operating system.

    Attributes:
        name: As in documents (``operating_system``).
        ttl: Time to live of all IP packets it sends.
        first_port, last_port: Where it takes ephemeral ports from.
        doubles_buffers: Whether ``SO_RCVBUF`` and ``SO_SNDBUF`` say twice what a program asked for (socket(7)).
        icmp_ends_opening: Codes of destination-unreachable messages that end an active open at once; the others
            are remembered, and told if it times out (RFC 5461 section 4).
        settings: What differs from :class:`TcpConfig`'s defaults.
    """

    name: str
    ttl: int
    first_port: int
    last_port: int
    doubles_buffers: bool = False
    icmp_ends_opening: frozenset[int] = frozenset()
    settings: Mapping[str, Any] = field(default_factory=dict)

    def tcp_config(self, **changes: Any) -> TcpConfig:
        """Return the system's settings for TCP, with ``changes``."""
        return TcpConfig(**({"ttl": self.ttl, **self.settings} | changes))


TIME_EXCEEDED: Final = -1
"""Among codes: no unreachability but that the time to live was used up on the way."""
_ALL_CODES: Final = frozenset(range(-1, 16)) - {4}

_LINUX: Final = HostProfile(
    "linux",
    ttl=64,
    first_port=32_768,
    last_port=60_999,
    doubles_buffers=True,
    icmp_ends_opening=_ALL_CODES,  # tcp_v4_err: any of them, unless IP_RECVERR is set
    settings={
        # tcp_rmem is 4096 131072 6291456, and half of that is window (tcp_adv_win_scale 1).
        "receive_window": 64 * KIB,
        "receive_buffer": 3 * MIB,
        "round_window": -1,
        "window_scale": 7,
        "needs_timestamps": False,
        "quick_acks": 16,
        "delayed_ack_max": 200 * MILLISECOND,
        "nodelay": False,
        "probe_with_data": False,
        "acks_unsent": False,
        "ecn": "accept",  # tcp_ecn 2
    },
)

_FREEBSD: Final = HostProfile(
    "freebsd",
    ttl=64,
    first_port=10_000,
    last_port=65_535,
    icmp_ends_opening=frozenset({TIME_EXCEEDED, 2, 3, 9, 10, 13}),  # protocol, port, prohibited
    settings={
        "push_bursts": False,
        "syn_layout": "freebsd",
        "ident_step": 0,  # net.inet.ip.rfc6864
        "receive_window": 64 * KIB,  # net.inet.tcp.recvspace, grows to recvbuf_max
        "receive_buffer": 2 * MIB,
        "send_buffer": 32 * KIB,  # sendspace
        "round_window": 1,
        "window_scale": 6,
        "min_rto": 230 * MILLISECOND,  # rexmit_min and rexmit_slop
        "max_rto": 64 * SECOND,
        "syn_retries": 12,
        "syn_pauses": tuple(ms * MILLISECOND for ms in (1000, 2200, 4200, 8200, 16_200, 32_200, 64_200)),
        "open_timeout": 75 * SECOND,  # keepinit
        "syn_ack_retries": 3,  # syncache.rexmtlimit
        "retries2": 12,
        "orphan_retries": 12,
        "ack_every_second": True,
        "nodelay": False,
        "keep_count": 8,
        "ecn": "accept",  # ecn.enable 2
        "rfc1337": True,
        "repeats_fin": True,
        "time_wait_needs_ack": True,  # tcp_twcheck
        "strict_rst": True,
        "ecn_retries": 1,  # ecn.maxretries
    },
)

_WINDOWS: Final = HostProfile(
    "windows",
    ttl=128,
    first_port=49_152,
    last_port=65_535,
    icmp_ends_opening=frozenset({2, 3}),
    settings={
        "push_bursts": False,
        "syn_layout": "windows",
        "timestamps": False,
        "needs_timestamps": False,
        "receive_window": 64 * KIB - 1,
        "receive_buffer": 16 * MIB,
        "round_window": -1,
        "window_scale": 8,
        "send_buffer": 64 * KIB,
        "min_rto": 300 * MILLISECOND,
        "max_rto": 60 * SECOND,
        "syn_retries": 4,
        "open_timeout": 21 * SECOND,
        "syn_ack_retries": 2,
        "retries2": 5,  # TcpMaxDataRetransmissions
        "orphan_retries": 5,
        "ack_every_second": True,  # TcpAckFrequency 2
        "nodelay": False,
        "keep_interval": SECOND,
        "keep_count": 10,
        "time_wait": 120 * SECOND,
        "fin_wait_2": 120 * SECOND,
    },
)

_MACOS: Final = HostProfile(
    "macos",
    ttl=64,
    first_port=49_152,
    last_port=65_535,
    icmp_ends_opening=frozenset({TIME_EXCEEDED, 2, 3, 9, 10, 13}),
    settings={
        "push_bursts": False,
        "syn_layout": "macos",
        "ident_step": 0,
        "receive_window": 128 * KIB,
        "receive_buffer": 4 * MIB,
        "send_buffer": 128 * KIB,
        "round_window": 1,
        "window_scale": 6,
        "min_rto": 230 * MILLISECOND,
        "max_rto": 64 * SECOND,
        "syn_retries": 12,
        "open_timeout": 75 * SECOND,
        "syn_ack_retries": 3,
        "retries2": 12,
        "orphan_retries": 12,
        "delayed_ack": 100 * MILLISECOND,
        "ack_every_second": True,
        "nodelay": False,
        "keep_count": 8,
        "time_wait": 30 * SECOND,  # msl 15 s
        "ecn": "accept",
    },
)

PROFILES: Final[Mapping[str, HostProfile]] = MappingProxyType(
    {profile.name: profile for profile in (_LINUX, _FREEBSD, _WINDOWS, _MACOS)}
)
"""By name; ``linux`` is what a host runs unless a document says otherwise."""

LINUX: Final = PROFILES["linux"]
