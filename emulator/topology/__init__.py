"""Topology documents: YAML ⇄ control-plane calls, every problem with file, line and column."""

from emulator.topology.load import TopologyError, apply_override, check, load, load_document
from emulator.topology.problems import DocumentError, Problem

__all__ = ["DocumentError", "Problem", "TopologyError", "apply_override", "check", "load", "load_document"]
