"""The packet record, bytes and checksums, and the one border with scapy.  Knows nothing of AWS."""
