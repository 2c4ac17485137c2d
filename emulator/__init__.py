"""A packet-level emulator of AWS VPC networking around VPC endpoints.

>>> from emulator import Network
>>> with Network.load("topologies/two-az-endpoints/topology.yaml") as network:
...     print(network.trace("web", "metering:80").reachable)
True

The names below are the public door.  They are fetched on first use, so that
importing one room of the house does not import all of it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emulator.capture import Capture as Capture
    from emulator.control import ControlPlane as ControlPlane
    from emulator.control import Ec2Error as Ec2Error
    from emulator.model.reasons import Outcome as Outcome
    from emulator.model.reasons import Reason as Reason
    from emulator.model.settings import Settings as Settings
    from emulator.model.traces import Trace as Trace
    from emulator.network.network import Network as Network
    from emulator.observe.explain import RoundTrip as RoundTrip
    from emulator.simulation.links import Fault as Fault
    from emulator.topology import TopologyError as TopologyError
    from emulator.wire.packet import Packet as Packet

_ROOMS = {
    "Capture": "emulator.capture",
    "ControlPlane": "emulator.control",
    "Ec2Error": "emulator.control",
    "Fault": "emulator.simulation.links",
    "Network": "emulator.network.network",
    "Outcome": "emulator.model.reasons",
    "Packet": "emulator.wire.packet",
    "Reason": "emulator.model.reasons",
    "RoundTrip": "emulator.observe.explain",
    "Settings": "emulator.model.settings",
    "TopologyError": "emulator.topology",
    "Trace": "emulator.model.traces",
}

__all__ = [
    "Capture",
    "ControlPlane",
    "Ec2Error",
    "Fault",
    "Network",
    "Outcome",
    "Packet",
    "Reason",
    "RoundTrip",
    "Settings",
    "TopologyError",
    "Trace",
]


def __getattr__(name: str) -> object:
    """Fetch a public name from its room."""
    if name not in _ROOMS:
        raise AttributeError(f"module 'emulator' has no attribute {name!r}")
    return getattr(import_module(_ROOMS[name]), name)


def __dir__() -> list[str]:
    """List the public names, for completion in a shell."""
    return __all__
