"""Quotas that bound each other: what settings may be together.

Each quota is checked by the verb that could exceed it, with its own code; here
is only what AWS says of quotas themselves.

AWS: VPC User Guide, "Amazon VPC quotas" (SG-6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.control.errors import invalid

if TYPE_CHECKING:
    from emulator.model.settings import Settings


def check_quotas(settings: Settings) -> None:
    """Refuse quotas that AWS would not grant together.

    Raises:
        Ec2Error: if groups per interface times rules per group is more than an interface's rules (SG-6).
    """
    product = settings.groups_per_interface * settings.rules_per_group
    if product > settings.rules_per_interface:
        text = f"groups_per_interface times rules_per_group is {product}, more than {settings.rules_per_interface}"
        raise invalid(f"{text}, the most rules of an interface", "rules_per_group")
