"""What a host has set for all its TCP connections.

The defaults are Linux's where RFC 9293 leaves the choice, because the hosts
that a VPC's captures come from mostly run Linux: sysctls ``tcp_syn_retries``,
``tcp_synack_retries``, ``tcp_retries2``, ``tcp_fin_timeout``.
"""

from __future__ import annotations

from typing import Final, Literal

MILLISECOND: Final = 1_000_000
SECOND: Final = 1_000_000_000
MIB: Final = 1 << 20


class TcpConfig:
    """Settings of one host; durations are integer nanoseconds, sizes bytes.

    Attributes:
        receive_buffer: How much may wait for the program: the receive window when it keeps reading.
            Below 64 KiB segments take the long way through ``receive``.
        mss: The maximum segment size announced to peers (RFC 6691: MTU less 40, options not counted).
        window_scale: Shift count offered (RFC 7323), or -1 to offer none.
        timestamps, sack: Whether these options are offered and accepted.
        initial_rto, min_rto, max_rto: RFC 6298, with Linux's 200 ms and 120 s.
        syn_retries, syn_ack_retries: Retransmissions before an open is given up.
        retries2: Retransmissions, or unanswered window probes, before an open connection is given up (RFC 9293's
            R2; 15 take 924.6 s from a timeout of 200 ms).
        delayed_ack: How long an acknowledgment may wait for company.
        time_wait: Length of TIME-WAIT, and of FIN-WAIT-2 once the program has let go.
        initial_window: Initial congestion window in segments (RFC 6928; in segments of any size, as Linux).
        ttl: IP time to live of what is sent.
        congestion_control: ``"cubic"`` (RFC 9438) or ``"reno"`` (RFC 5681).
        rack: Whether losses are noticed by time (RFC 8985, with tail loss probes) where SACK is agreed on; by counting
            (RFC 6675) otherwise.
    """

    __slots__ = (
        "congestion_control",
        "delayed_ack",
        "initial_rto",
        "initial_window",
        "max_rto",
        "min_rto",
        "mss",
        "rack",
        "receive_buffer",
        "retries2",
        "sack",
        "syn_ack_retries",
        "syn_retries",
        "time_wait",
        "timestamps",
        "ttl",
        "window_scale",
    )

    def __init__(
        self,
        *,
        receive_buffer: int = 4 * MIB,
        mss: int = 8961,
        window_scale: int = 7,
        timestamps: bool = True,
        sack: bool = True,
        initial_rto: int = SECOND,
        min_rto: int = 200 * MILLISECOND,
        max_rto: int = 120 * SECOND,
        syn_retries: int = 6,
        syn_ack_retries: int = 5,
        retries2: int = 15,
        delayed_ack: int = 40 * MILLISECOND,
        time_wait: int = 60 * SECOND,
        initial_window: int = 10,
        ttl: int = 64,
        congestion_control: Literal["cubic", "reno"] = "cubic",
        rack: bool = True,
    ) -> None:
        self.receive_buffer: int = receive_buffer
        self.mss: int = mss
        self.window_scale: int = window_scale
        self.timestamps: bool = timestamps
        self.sack: bool = sack
        self.initial_rto: int = initial_rto
        self.min_rto: int = min_rto
        self.max_rto: int = max_rto
        self.syn_retries: int = syn_retries
        self.syn_ack_retries: int = syn_ack_retries
        self.retries2: int = retries2
        self.delayed_ack: int = delayed_ack
        self.time_wait: int = time_wait
        self.initial_window: int = initial_window
        self.ttl: int = ttl
        self.congestion_control: Literal["cubic", "reno"] = congestion_control
        self.rack: bool = rack
