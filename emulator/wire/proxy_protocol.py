"""PROXY protocol version 2, as Network Load Balancers write it (SVC-10).

"The PROXY protocol", versions 1 and 2, section 2.2 (haproxy.org); the TLV of
AWS names the endpoint a connection came through.
"""

from __future__ import annotations

from typing import Final

SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
PP2_TYPE_AWS: Final = 0xEA
PP2_SUBTYPE_AWS_VPCE_ID: Final = 0x01


def proxy_header(src: int, dst: int, sport: int, dport: int, vpc_endpoint_id: str, *, datagram: bool = False) -> bytes:
    """Return the header that stands in front of a consumer's first byte.

    Args:
        src: The consumer's address, as an integer.
        dst: The address it connected to.
        sport: The consumer's port.
        dport: The port it connected to.
        vpc_endpoint_id: The endpoint; empty for none.
        datagram: UDP instead of TCP.
    """
    tlv = b""
    if vpc_endpoint_id:
        value = bytes((PP2_SUBTYPE_AWS_VPCE_ID,)) + vpc_endpoint_id.encode("ascii")
        tlv = bytes((PP2_TYPE_AWS,)) + len(value).to_bytes(2, "big") + value
    body = src.to_bytes(4, "big") + dst.to_bytes(4, "big") + sport.to_bytes(2, "big") + dport.to_bytes(2, "big") + tlv
    return SIGNATURE + bytes((0x21, 0x12 if datagram else 0x11)) + len(body).to_bytes(2, "big") + body
