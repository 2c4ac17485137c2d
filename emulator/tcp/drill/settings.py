"""What the host under test has set: its profile, the script's head, and ``sysctl`` lines.

A shell command is never run.  Those that set what exists here are taken over,
those that cannot matter here (a cache that does not exist is emptied, a queue
is configured that does not exist) are passed over, and all others are refused
by name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from emulator.tcp.config import MILLISECOND, SECOND, TcpConfig
from emulator.tcp.drill.errors import Place, ScriptError, Unsupported
from emulator.tcp.profiles import PROFILES

if TYPE_CHECKING:
    from emulator.tcp.drill.kernel import Kernel
    from emulator.tcp.profiles import HostProfile

HEADERS: Final = 40
"""Bytes of IPv4 and TCP header without options."""
DEFAULTS: Final = (
    "net.ipv4.tcp_rmem=4096 540000 15728640",
    "net.ipv4.tcp_wmem=4096 262144 4194304",
    "net.ipv4.tcp_syn_retries=5",
    "net.ipv4.tcp_synack_retries=5",
    "net.ipv4.tcp_slow_start_after_idle=0",
    "net.ipv4.tcp_ecn=0",
)
"""What ``defaults.sh`` of the published Linux scripts sets, as far as it has a meaning here."""

# Settings that say how something is done that is not done here, or that is asked for in another way.
_HARMLESS: Final = re.compile(
    r"""
    net\.ipv4\.(tcp_(fastopen_blackhole_timeout_sec|frto|dsack|fack|reordering|tso_win_divisor|ecn_option|pacing_\w+
      |notsent_lowat|fastopen\w*|syncookies|no_metrics_save|moderate_rcvbuf|min_tso_segs|autocorking|tw_reuse
      |limit_output_bytes|min_snd_mss)|ip_local_port_range|icmp_ratelimit|conf\..*)
  | net\.core\.\w+
  | net\.inet\.tcp\.(hostcache\.purgenow|syncookies|fastopen\.\w+|udp_tunneling_\w+|msl|log_in_vain)
  | net\.inet\.icmp\..*
    """,
    re.VERBOSE,
)
_UNIMPORTANT: Final = (
    re.compile(r"\S*/sysctl_restore_\S+"),
    re.compile(r"ip tcp_metrics flush all.*"),
    re.compile(r"tc qdisc \w+ dev tun0 root pfifo(_fast)?"),
    re.compile(r"(sleep|echo|true|nstat)\b[^>|]*"),
    re.compile(r"echo 3 > /sys/module/tcp_cubic/parameters/hystart_detect"),  # as it is
    re.compile(r"setkey -F"),
    re.compile(r"ethtool -K tun0 (tso|gso) off (tso|gso) off"),  # super-segments are taken apart anyway
    re.compile(r"tc qdisc replace dev tun0 root fq"),
)
_COUNT: Final = re.compile(r"sockstat .*\|\s*grep -c (\w+)\s*\|\s*grep (\d+)")
_SET: Final = re.compile(r"(?:sysctl\s+(?:-[qwne]+\s+)*)(\w[\w./]*\s*=.*)", re.DOTALL)
_ONE: Final = re.compile(r"(/?\w[\w./]*)=(\"[^\"]*\"|'[^']*'|\S+)")


@dataclass(slots=True)
class Settings:
    """The host under test, and how strictly it is judged; durations are nanoseconds.

    Attributes:
        changes: Settings of :class:`TcpConfig` that differ from the profile's.
        recvspace, sendspace: Buffer sizes as ``getsockopt`` tells them.
        drop_synfin: Whether segments with SYN and FIN are dropped unseen, FreeBSD's sysctl of this name.
        tolerance, tolerance_percent: How far from its time an event may be.
        ts_tick: Nanoseconds of a timestamp's tick, 0 to compare no timestamps.
        strict_segments: Whether a segment must be sent as one packet.
    """

    profile: HostProfile
    changes: dict[str, Any] = field(default_factory=dict)
    mtu: int = 1500
    bind_port: int = 8080
    connect_port: int = 8080
    recvspace: int = 65536
    sendspace: int = 32768
    tolerance: int = 4 * MILLISECOND
    tolerance_percent: float = 12.5
    ts_tick: int = 0
    strict_segments: bool = False
    drop_synfin: bool = False

    @staticmethod
    def of(profile: str) -> Settings:
        """Return the settings of a system as it comes.

        Raises:
            KeyError: if there is no such profile.
        """
        settings = Settings(PROFILES[profile])
        config = settings.profile.tcp_config()
        settings.recvspace = config.receive_window if config.receive_window >= 0 else config.receive_buffer
        settings.sendspace = config.send_buffer
        return settings

    def config(self, **changes: Any) -> TcpConfig:
        """Return the settings of a new connection."""
        merged = {"mss": self.mtu - HEADERS, **self.changes, **changes}
        merged["mss"] = min(merged["mss"], self.mtu - HEADERS)
        return self.profile.tcp_config(**merged)

    # -- the head -----------------------------------------------------------------------------------------------

    def take_option(self, name: str, value: str, place: Place) -> None:
        """Take over ``--name=value`` of a script's head."""
        try:
            if name == "mtu":
                self.mtu = _number(value, 68, 65535)
            elif name == "mss":
                _number(value, 28, 65495)  # how packetdrill's own segments are marked for the kernel's GRO
            elif name == "bind_port":
                self.bind_port = _number(value, 1, 65535)
            elif name == "connect_port":
                self.connect_port = _number(value, 1, 65535)
            elif name == "tolerance_usecs":
                self.tolerance = _number(value, 1, 10**8) * 1000
            elif name == "tolerance_percent":
                self.tolerance_percent = float(value)
            elif name == "tcp_ts_tick_usecs":
                self.ts_tick = _number(value, 0, 10**6) * 1000
            elif name == "strict_segments":
                self.strict_segments = True
            elif name == "profile" and value not in PROFILES:
                raise ValueError(f"{value!r} is none of {', '.join(sorted(PROFILES))}")  # noqa: TRY301 - gets its place
        except ValueError as error:
            raise ScriptError(place, f"--{name}: {error}") from None

    # -- commands -----------------------------------------------------------------------------------------------

    def take_command(self, text: str, place: Place, kernel: Kernel) -> tuple[int, int] | None:
        """Take over what a command sets.

        Args:
            text: The command.
            place: Where it stands.
            kernel: Knows the connections that a command counts or drops.

        Returns:
            None, or for a command that counts connections the expected and the actual number.

        Raises:
            Unsupported: if it does something else.
        """
        found: tuple[int, int] | None = None
        for line in re.split(r"\n|;|&&", text.replace("\\\n", " ")):
            command = re.sub(r"\s#.*$", "", line)
            command = re.sub(r"(>\s*/dev/null)?\s*(2>&1|2>/dev/null)?\s*$", "", command.strip())
            counted = _COUNT.fullmatch(command)
            setting = _SET.fullmatch(command)
            dropped = re.fullmatch(r"tcpdrop -s (\w+)", command)
            script = command.split(" ")[0].split("/")[-1]
            if not command or command.startswith("#") or any(known.fullmatch(command) for known in _UNIMPORTANT):
                continue
            if counted:
                found = int(counted.group(2)), kernel.count(counted.group(1))
            elif dropped:
                kernel.drop(dropped.group(1))
            elif script in {"defaults.sh", "set_sysctls.py"}:
                arguments = command.partition(" ")[2]
                self._take_all("\n".join(f'{a.partition("=")[0]}="{a.partition("=")[2]}"' for a in DEFAULTS)
                               if script == "defaults.sh" else arguments, place)  # fmt: skip
            elif setting:
                self._take_all(setting.group(1), place)
            else:
                raise Unsupported(f"the command {command!r}", place)
        return found

    def _take_all(self, text: str, place: Place) -> None:
        for name, value in _ONE.findall(re.sub(r"\s*=\s*", "=", text)):
            self.take_sysctl(name.removeprefix("/proc/sys/").strip("/").replace("/", "."), value.strip("\"'"), place)

    def take_sysctl(self, name: str, value: str, place: Place) -> None:
        """Take over one ``sysctl`` setting.

        Raises:
            Unsupported: if it has no meaning here but could matter.
        """
        try:
            if _AS_IT_IS.get(name) == value or _HARMLESS.fullmatch(name):
                return
            if not self._known(name, value):
                raise Unsupported(f"sysctl {name}", place)
        except (ValueError, IndexError):
            raise Unsupported(f"sysctl {name}={value}", place) from None

    def _known(self, name: str, value: str) -> bool:
        changes = self.changes
        simple = _SYSCTLS.get(name)
        if simple is not None:
            key, unit = simple
            number = int(value)
            changes[key] = number * unit if unit else number != 0
        elif name == "net.ipv4.tcp_rmem":
            _, middle, most = (int(part) for part in value.split())
            changes["receive_window"] = middle
            changes["receive_buffer"] = max(most, middle)
            changes["window_scale"] = _scale(most)
            self.recvspace = middle
        elif name == "net.ipv4.tcp_wmem":
            _, middle, most = (int(part) for part in value.split())
            changes["send_buffer"] = max(most, middle)
            self.sendspace = middle
        elif name == "net.inet.tcp.recvspace":
            changes["receive_window"] = int(value)
            self.recvspace = int(value)
        elif name == "net.inet.tcp.sendspace":
            changes["send_buffer"] = int(value)
            self.sendspace = int(value)
        elif name == "kern.ipc.maxsockbuf":
            changes["receive_buffer"] = int(value)
            changes["window_scale"] = _scale_below(int(value))
        elif name == "net.inet.tcp.rfc1323":
            changes["timestamps"] = value != "0"
            if value == "0":
                changes["window_scale"] = -1
        elif name == "net.ipv4.tcp_window_scaling":
            if value == "0":
                changes["window_scale"] = -1
        elif name in {"net.ipv4.tcp_ecn", "net.inet.tcp.ecn.enable"}:
            changes["ecn"] = {"0": "off", "1": "request", "2": "accept"}[value] if value in "012" else value
            if value not in {"0", "1", "2"}:
                return False
        elif name == "net.inet.tcp.drop_synfin":
            self.drop_synfin = value != "0"
        elif name == "net.ipv4.tcp_congestion_control":
            changes["congestion_control"] = value
            return value in {"cubic", "reno"}
        elif name in _FLAGS:
            changes[_FLAGS[name]] = value != "0"
        else:
            return False
        return True


_AS_IT_IS: Final = {
    "net.inet.tcp.rexmit_slop": "200",
    "net.inet.tcp.rexmit_drop_options": "0",
    "net.inet.tcp.blackhole": "0",
    "net.inet.tcp.syncookies_only": "0",
    "net.inet.tcp.pmtud_blackhole_detection": "0",
    "net.inet.tcp.path_mtu_discovery": "1",
    "net.inet.tcp.icmp_may_rst": "1",
    "net.inet.tcp.tolerate_missing_ts": "0",
}
"""Settings that cannot be changed here, and their value."""
_SYSCTLS: Final[dict[str, tuple[str, int]]] = {
    "net.ipv4.tcp_timestamps": ("timestamps", 0),
    "net.ipv4.tcp_sack": ("sack", 0),
    "net.ipv4.tcp_syn_retries": ("syn_retries", 1),
    "net.ipv4.tcp_synack_retries": ("syn_ack_retries", 1),
    "net.ipv4.tcp_retries2": ("retries2", 1),
    "net.ipv4.tcp_orphan_retries": ("orphan_retries", 1),
    "net.ipv4.tcp_fin_timeout": ("fin_wait_2", SECOND),
    "net.ipv4.tcp_keepalive_time": ("keep_idle", SECOND),
    "net.ipv4.tcp_keepalive_intvl": ("keep_interval", SECOND),
    "net.ipv4.tcp_keepalive_probes": ("keep_count", 1),
    "net.ipv4.tcp_mtu_probing": ("mtu_probing", 1),
    "net.ipv4.tcp_base_mss": ("base_mss", 1),
    "net.inet.tcp.sack.enable": ("sack", 0),
    "net.inet.tcp.delacktime": ("delayed_ack", MILLISECOND),
    "net.inet.tcp.keepinit": ("open_timeout", MILLISECOND),
    "net.inet.tcp.keepidle": ("keep_idle", MILLISECOND),
    "net.inet.tcp.keepintvl": ("keep_interval", MILLISECOND),
    "net.inet.tcp.keepcnt": ("keep_count", 1),
    "net.inet.tcp.rexmit_initial": ("initial_rto", MILLISECOND),
    "net.inet.tcp.ecn.maxretries": ("ecn_retries", 1),
    "net.inet.tcp.initcwnd_segments": ("initial_window", 1),
}
"""``sysctl``: the setting and its unit; 0: it is a switch."""
_FLAGS: Final[dict[str, str]] = {
    "net.inet.tcp.insecure_rst": "insecure_rst",
    "net.inet.tcp.insecure_syn": "insecure_syn",
    "net.ipv4.tcp_slow_start_after_idle": "slow_start_after_idle",
    "net.ipv4.tcp_rfc1337": "rfc1337",
    "net.ipv4.tcp_early_retrans": "tlp",
    "net.ipv4.tcp_recovery": "rack",
}


def _scale(most: int) -> int:
    """Return the window scale Linux chooses for buffers of ``most`` bytes (tcp_select_initial_window)."""
    scale = 0
    while most > 65535 and scale < 14:
        most >>= 1
        scale += 1
    return scale


def _scale_below(most: int) -> int:
    """Return the window scale FreeBSD chooses."""
    scale = 0
    while scale < 14 and 65535 << scale < most:
        scale += 1
    return scale


def _number(text: str, least: int, most: int) -> int:
    number = int(text)
    if not least <= number <= most:
        raise ValueError(f"{number} is not between {least} and {most}")
    return number
