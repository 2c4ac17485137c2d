"""The certificates of services: real ones, for the names a service has, by an authority nobody should trust."""

from __future__ import annotations

import shutil
import ssl
import subprocess

import pytest

from emulator.services import x509
from emulator.services.tls import AUTHORITY, client_context, server_context

NAMES = ("s3.us-east-1.amazonaws.com", "*.s3.us-east-1.amazonaws.com", "10.0.0.5")


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> ssl.SSLObject:
    """Let two ends of OpenSSL talk to each other with no network between."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=name)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for end in (ours, theirs):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return ours


@pytest.mark.parametrize("name", [NAMES[0], "bucket.s3.us-east-1.amazonaws.com", "10.0.0.5"])
def test_a_client_that_trusts_the_authority_accepts_each_name(name):
    session = shake_hands(server_context(*NAMES), client_context(), name)
    assert session.getpeercert()["subject"] == ((("commonName", NAMES[0]),),)


@pytest.mark.parametrize(
    "name", ["s3.eu-west-1.amazonaws.com", "a.b.s3.us-east-1.amazonaws.com", "s3.internal.example", "10.0.0.6"]
)
def test_a_name_that_the_service_does_not_have_is_refused(name):
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        shake_hands(server_context(*NAMES), client_context(), name)


def test_nobody_else_trusts_the_authority():
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer certificate"):
        shake_hands(server_context(*NAMES), ssl.create_default_context(), NAMES[0])


def test_the_strictest_client_accepts_it_too():
    client = client_context()
    client.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on
    assert shake_hands(server_context(*NAMES), client, NAMES[0]).version() == "TLSv1.3"


def test_the_same_names_give_the_same_certificate():
    x509._certificate.cache_clear()
    first = x509.issue(NAMES)
    x509._certificate.cache_clear()
    assert x509.issue(NAMES) == first
    assert x509.issue(NAMES[:1]) != first


def test_the_authoritys_certificate_is_the_one_its_key_signs():
    assert AUTHORITY.read_text("ascii") == x509.authority()


def test_a_name_too_long_for_a_common_name_is_an_alternative_name_all_the_same():
    name = "vpce-0123456789abcdef0-abcdefgh.execute-api.ap-southeast-2.vpce.amazonaws.com"
    session = shake_hands(server_context(name), client_context(), name)
    assert session.getpeercert()["subjectAltName"] == (("DNS", name),)


def test_a_certificate_without_a_name_is_refused():
    with pytest.raises(ValueError, match="needs a name"):
        server_context()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_openssl_finds_nothing_wrong_with_it(tmp_path):
    leaf = tmp_path / "leaf.pem"
    leaf.write_text(x509.issue(NAMES))
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", AUTHORITY, leaf]
    assert subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip().endswith(": OK")
