"""Frozen nouns in AWS's vocabulary: resources, reasons, traces.  Imports nothing of the house."""
