"""EC2's errors: one exception, with AWS's codes and texts.

The facts ERR-1 to ERR-26 list codes and texts; where AWS publishes no text the
sentence is ours, in the same shape.  What AWS has and the emulator does not
model is refused by name, with the code ``UnsupportedOperation`` and a text that
begins ``UNSUPPORTED_COMPONENT`` (D6).

AWS: EC2 API Reference, "Error codes for the Amazon EC2 API".
"""

from __future__ import annotations

from emulator.model.reasons import Reason


class Ec2Error(Exception):
    """A verb refused; nothing was changed.

    Attributes:
        code: AWS's error code.
        message: AWS's text.
        parameter: Name of the offending parameter in snake case; None where no single one is to blame.
        path: Steps inside the parameter's value: ``(1,)`` is its second element.
        operation: EC2's name of the verb, e.g. ``CreateVpc``; the verb itself fills it in.
    """

    def __init__(self, code: str, message: str, parameter: str | None = None, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(code, message, parameter, path)
        self.code = code
        self.message = message
        self.parameter = parameter
        self.path = path
        self.operation = ""

    def __str__(self) -> str:
        """The line boto would show."""
        return f"An error occurred ({self.code}) when calling the {self.operation} operation: {self.message}"


def unsupported(what: str, parameter: str | None = None, path: tuple[str | int, ...] = ()) -> Ec2Error:
    """Return the refusal of something that AWS has and the emulator does not model (D6)."""
    return Ec2Error("UnsupportedOperation", f"{Reason.UNSUPPORTED_COMPONENT}: {what}", parameter, path)


def invalid(message: str, parameter: str | None = None, path: tuple[str | int, ...] = ()) -> Ec2Error:
    """Return EC2's most common refusal, ``InvalidParameterValue``."""
    return Ec2Error("InvalidParameterValue", message, parameter, path)
