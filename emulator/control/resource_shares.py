"""Sharing with other accounts by AWS Resource Access Manager: refused, in AWS's words or by name.

AWS: AWS RAM User Guide, "Shareable AWS resources".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from emulator.control.errors import Ec2Error, unsupported
from emulator.control.state import State, listed, verb

if TYPE_CHECKING:
    from collections.abc import Iterable

SHAREABLE: Final = ("subnet", "transit-gateway", "prefix-list", "security-group")
"""Types of the emulator's resources that AWS would share; endpoints of no kind are among them."""

_ARN = re.compile(r"arn:aws:[a-z0-9-]+:[a-z0-9-]*:[0-9]*:([a-z-]+)/.+", re.ASCII)


class ResourceShares(State):
    """The one verb of Resource Access Manager."""

    @verb
    def create_resource_share(self, resource_arns: str | Iterable[str]) -> None:
        """Share resources with other accounts; always refused.

        Raises:
            Ec2Error: ``InvalidParameterException`` for what AWS does not share, such as endpoints; for the rest
                ``UnsupportedOperation``, since here one control plane stands for all accounts.
        """
        arns = listed(resource_arns)
        for index, arn in enumerate(arns):
            match = _ARN.fullmatch(arn)
            if match is None:
                raise Ec2Error("MalformedArnException", f"'{arn}' is no ARN of a resource", "resource_arns", (index,))
            if match.group(1) not in SHAREABLE:
                text = "You cannot share the selected resource type"
                raise Ec2Error("InvalidParameterException", f"{text} ({match.group(1)})", "resource_arns", (index,))
        raise unsupported("sharing resources between accounts is not modelled", "resource_arns")
