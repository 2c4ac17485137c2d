"""Certificates for services, issued on the spot by an authority that nobody should trust.

A service proves the very names it has, as AWS's do, so a client that asks for
another name meets the error it would meet there.  Names depend on Regions,
endpoints and buckets, so certificates cannot be files; they are made here: X.509 version
3, RSA with SHA-256.  RSA's signatures (PKCS #1 version 1.5) have no random part and one
length: the same names give the same bytes.

All keys are files beside this module, public and worthless; see the README there.

RFC 5280 (certificates), RFC 8017 section 8.2 (signatures), X.690 (DER).
"""

from __future__ import annotations

import base64
import hashlib
import socket
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

CERTIFICATES: Final = Path(__file__).parent / "certificates"
AUTHORITY: Final = CERTIFICATES / "authority.pem"
"""The authority's certificate: what clients have to trust (``verify=``, ``AWS_CA_BUNDLE``, ``cafile=``)."""
AUTHORITY_KEY: Final = CERTIFICATES / "authority.key"
SERVER_KEY: Final = CERTIFICATES / "server.key"
"""The private key of every certificate issued here."""
AUTHORITY_NAME: Final = "VPC emulator: worthless test authority"

_NOT_BEFORE: Final = (0x17, b"000101000000Z")
_NOT_AFTER: Final = (0x18, b"21000101000000Z")  # GeneralizedTime from 2050 on (RFC 5280, 4.1.2.5)
_LONGEST_COMMON_NAME: Final = 64

_SEQUENCE: Final = 0x30
_SET: Final = 0x31
_OCTETS: Final = 0x04
_BITS: Final = 0x03
_TRUE: Final = b"\x01\x01\xff"
_NULL: Final = b"\x05\x00"


class _Key(NamedTuple):
    """An RSA key: modulus, public and private exponent."""

    n: int
    e: int
    d: int


def issue(names: tuple[str, ...]) -> str:
    """Return the certificate (PEM) of a server that has these DNS names and IPv4 addresses.

    A name may begin with ``*.``, which stands for one label.

    Raises:
        ValueError: without a name.
    """
    if not names:
        raise ValueError("a certificate needs a name")
    alternatives = b"".join(_alternative(name) for name in names)
    extensions = (
        _extension("2.5.29.19", _tlv(_SEQUENCE), critical=True),  # basic constraints: no authority
        _extension("2.5.29.15", _tlv(_BITS, b"\x05\xa0"), critical=True),  # digital signature, key encipherment
        _extension("2.5.29.37", _tlv(_SEQUENCE, _oid("1.3.6.1.5.5.7.3.1"))),  # TLS server
        _extension("2.5.29.17", _tlv(_SEQUENCE, alternatives)),
    )
    common_name = names[0] if len(names[0]) <= _LONGEST_COMMON_NAME else "VPC emulator"
    return _certificate(common_name, _key(SERVER_KEY), extensions)


def authority() -> str:
    """Return the authority's own certificate (PEM), which is kept as the file ``AUTHORITY``."""
    extensions = (
        _extension("2.5.29.19", _tlv(_SEQUENCE, _TRUE), critical=True),
        _extension("2.5.29.15", _tlv(_BITS, b"\x01\x06"), critical=True),  # signs certificates and revocations
    )
    return _certificate(AUTHORITY_NAME, _key(AUTHORITY_KEY), extensions)


@lru_cache(maxsize=256)
def _certificate(common_name: str, subject_key: _Key, extensions: tuple[bytes, ...]) -> str:
    signer = _key(AUTHORITY_KEY)
    algorithm = _tlv(_SEQUENCE, _oid("1.2.840.113549.1.1.11"), _NULL)  # sha256WithRSAEncryption
    key_ids = (
        _extension("2.5.29.14", _tlv(_OCTETS, _key_id(subject_key))),
        _extension("2.5.29.35", _tlv(_SEQUENCE, _tlv(0x80, _key_id(signer)))),
    )
    serial = hashlib.sha256(b"\x00".join([common_name.encode(), *extensions])).digest()[:16]
    to_be_signed = _tlv(
        _SEQUENCE,
        _tlv(0xA0, _integer(2)),  # version 3
        _integer(int.from_bytes(serial, "big") >> 1 | 1),
        algorithm,
        _name(AUTHORITY_NAME),
        _tlv(_SEQUENCE, _tlv(*_NOT_BEFORE), _tlv(*_NOT_AFTER)),
        _name(common_name),
        _public_key_info(subject_key),
        _tlv(0xA3, _tlv(_SEQUENCE, *extensions, *key_ids)),
    )
    signature = _sign(to_be_signed, signer)
    return _pem("CERTIFICATE", _tlv(_SEQUENCE, to_be_signed, algorithm, _tlv(_BITS, b"\x00", signature)))


def _sign(message: bytes, key: _Key) -> bytes:
    """Return RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, 8.2.1 and 9.2)."""
    size = (key.n.bit_length() + 7) // 8
    sha256 = _tlv(_SEQUENCE, _oid("2.16.840.1.101.3.4.2.1"), _NULL)
    digest = _tlv(_SEQUENCE, sha256, _tlv(_OCTETS, hashlib.sha256(message).digest()))
    padded = b"\x00\x01".ljust(size - len(digest) - 1, b"\xff") + b"\x00" + digest
    return pow(int.from_bytes(padded, "big"), key.d, key.n).to_bytes(size, "big")


def _public_key_info(key: _Key) -> bytes:
    algorithm = _tlv(_SEQUENCE, _oid("1.2.840.113549.1.1.1"), _NULL)  # rsaEncryption
    return _tlv(_SEQUENCE, algorithm, _tlv(_BITS, b"\x00", _public_key(key)))


def _public_key(key: _Key) -> bytes:
    return _tlv(_SEQUENCE, _integer(key.n), _integer(key.e))


def _key_id(key: _Key) -> bytes:
    return hashlib.sha1(_public_key(key), usedforsecurity=False).digest()  # RFC 5280, 4.2.1.2, method (1)


def _alternative(name: str) -> bytes:
    """Return one subject alternative name."""
    try:
        return _tlv(0x87, socket.inet_pton(socket.AF_INET, name))
    except OSError:
        return _tlv(0x82, name.encode("ascii"))


def _name(common_name: str) -> bytes:
    return _tlv(_SEQUENCE, _tlv(_SET, _tlv(_SEQUENCE, _oid("2.5.4.3"), _tlv(0x0C, common_name.encode()))))


def _extension(oid: str, value: bytes, *, critical: bool = False) -> bytes:
    return _tlv(_SEQUENCE, _oid(oid), _TRUE if critical else b"", _tlv(_OCTETS, value))


def _integer(value: int) -> bytes:
    return _tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    content = bytearray()
    for number in (first * 40 + second, *rest):
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.append(number & 0x7F | 0x80)
        content += bytes(reversed(groups))
    return _tlv(0x06, bytes(content))


def _tlv(tag: int, *contents: bytes) -> bytes:
    """Return one element of DER: tag, length, contents."""
    content = b"".join(contents)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def _pem(label: str, der: bytes) -> str:
    text = base64.b64encode(der).decode("ascii")
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


@lru_cache(maxsize=2)
def _key(path: Path) -> _Key:
    """Read a private key in the form of PKCS #1 (RFC 8017, appendix A.1.2)."""
    body = [line for line in path.read_text("ascii").splitlines() if not line.startswith("-----")]
    der = base64.b64decode("".join(body))
    numbers: list[int] = []
    at = _header(der, 0)[0]
    while at < len(der) and len(numbers) < 4:  # version, n, e, d
        start, end = _header(der, at)
        numbers.append(int.from_bytes(der[start:end], "big"))
        at = end
    return _Key(*numbers[1:])


def _header(der: bytes, at: int) -> tuple[int, int]:
    """Return where the contents of the element at ``at`` begin and end."""
    size = der[at + 1]
    start = at + 2
    if size & 0x80:
        start += size & 0x7F
        size = int.from_bytes(der[at + 2 : start], "big")
    return start, start + size
