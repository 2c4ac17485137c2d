"""The control plane: the only way to change a network (D5).  Knows neither packets nor time."""

from emulator.control.errors import Ec2Error
from emulator.control.plane import ControlPlane, verbs

__all__ = ["ControlPlane", "Ec2Error", "verbs"]
