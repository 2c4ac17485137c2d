"""Security groups and network ACLs, judged by the Linux kernel (docs/kernel.md)."""

from __future__ import annotations

import pytest

from tests.kernel.comparison import Outcome, compare
from tests.kernel.namespaces import why_not

WORLDS = 7
PACKETS = 10_000


@pytest.mark.slow
@pytest.mark.fact("SG-1", "SG-3", "SG-9", "SG-11", "SG-13", "NACL-1", "NACL-2", "NACL-7", "NACL-9")
def test_the_kernel_and_the_emulator_agree_on_every_packet() -> None:
    reason = why_not()
    if reason is not None:
        pytest.skip(f"not judged by the kernel: {reason}")
    outcome = Outcome()
    for seed in range(WORLDS):
        compare(seed, outcome)
    assert not outcome.differences, "\n".join([str(outcome), *outcome.differences[:10]])
    assert outcome.packets >= PACKETS
    gates = ("delivered", "security_group_egress", "network_acl_egress", "route", "network_acl_ingress")
    for gate in (*gates, "security_group_ingress", "source_dest_check"):
        assert outcome.endings[gate] >= PACKETS // 1000, f"{outcome}: too little of {gate} to prove anything"
