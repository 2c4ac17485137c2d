"""Network namespaces without a name: they are gone when the process is, however it ends.

A namespace lives as long as something holds it; here that is one file
descriptor of this process, so that nothing is left behind by a failed, killed
or interrupted test, and no other process can meet it by a name.

Linux: network_namespaces(7), setns(2), unshare(2).
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CLONE_NEWNET = 0x40000000
SETTINGS = Path("/proc/sys/net")
PROBE = """
table ip probe {
    chain a {
        type filter hook prerouting priority raw
        notrack
        fib daddr . mark oif missing log prefix "x" group 1 drop
    }
    chain b {
        type filter hook forward priority filter
        ct status confirmed accept
    }
}
"""
"""A little of everything that the rules use."""

_libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """An empty network namespace of this process's own."""

    def __init__(self) -> None:
        home = _current()
        try:
            _check(_libc.unshare(CLONE_NEWNET), "unshare")
            try:
                self.fd = _current()
            finally:
                _check(_libc.setns(home, CLONE_NEWNET), "setns")
        finally:
            os.close(home)

    @property
    def path(self) -> str:
        """What iproute2 takes for its name."""
        return f"/proc/{os.getpid()}/fd/{self.fd}"

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Be inside: sockets made and programs started here belong to the namespace."""
        home = _current()
        try:
            _check(_libc.setns(self.fd, CLONE_NEWNET), "setns")
            try:
                yield
            finally:
                _check(_libc.setns(home, CLONE_NEWNET), "setns")
        finally:
            os.close(home)

    def run(self, *command: str, text: str = "") -> str:
        """Run a program inside, with ``text`` as its input; its output.

        Raises:
            RuntimeError: with what the program said, if it failed.
        """
        with self.entered():
            done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def ip(self, *lines: str) -> None:
        """Run lines of ``ip -batch``."""
        self.run("ip", "-batch", "-", text="\n".join(lines) + "\n")

    def nft(self, rules: str) -> None:
        """Load rules: all of them, or none (one transaction)."""
        self.run("nft", "-f", "-", text=rules)

    def settings(self, **values: int) -> None:
        """Write settings of the namespace; ``ipv4__ip_forward`` is ``net.ipv4.ip_forward``."""
        with self.entered():
            for name, value in values.items():
                (SETTINGS / name.replace("__", "/")).write_text(str(value))

    def close(self) -> None:
        """Let go; the kernel takes it apart."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def why_not() -> str | None:
    """Return what keeps this process from making namespaces with filters in them, or None."""
    for program, package in (("ip", "iproute2"), ("nft", "nftables")):
        if shutil.which(program) is None:
            return f"the program {program} (Debian: {package}) is not installed"
    try:
        space = Namespace()
    except OSError as error:
        return f"network namespaces cannot be made here: {error.strerror}"
    try:
        space.ip("link add a0 type veth peer name b0", "rule add fwmark 7 lookup 77")
        space.nft(PROBE)
        space.settings(netfilter__nf_conntrack_tcp_be_liberal=1, ipv4__ip_forward=1)
    except RuntimeError as error:
        return f"the kernel lacks something (veth, policy routing, nf_tables, conntrack, fib or nflog): {error}"
    except OSError as error:
        return f"the kernel's settings cannot be written: {error.filename}: {error.strerror}"
    finally:
        space.close()
    return None


def _current() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _check(result: int, call: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), call)
