"""A packet-level emulator of AWS VPC networking around VPC endpoints."""
