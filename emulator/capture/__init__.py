"""Captures: what a person with a packet analyzer on that machine would have got (D10)."""

from __future__ import annotations

from emulator.capture.files import capture_path, safe_name
from emulator.capture.handle import Capture, packets
from emulator.capture.link_layer import LinkLayer, mac
from emulator.capture.tap import Tap

__all__ = ["Capture", "LinkLayer", "Tap", "capture_path", "mac", "packets", "safe_name"]
