"""Built-in services over TLS: on 443 beside 80, with a certificate for the names they have at that moment."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from emulator import Network
from emulator.network.scenario import Scenario
from emulator.services import endpoint_names
from emulator.services.tls import client_context

TOPOLOGY = Path(__file__).parents[2] / "topologies" / "two-az-endpoints" / "topology.yaml"
S3 = "s3.us-east-1.amazonaws.com"


async def get(url: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, verify=client_context()) as client:
        return await client.get(url, headers=headers)


@pytest.fixture
def network():
    with Network.load(TOPOLOGY, seed=1) as network:
        yield network


@pytest.mark.parametrize(
    "url",
    [
        f"https://{S3}/training/big.bin",
        f"https://training.{S3}/big.bin",
        "https://training.s3.dualstack.us-east-1.amazonaws.com/big.bin",
    ],
)
def test_s3_proves_every_name_it_has(network: Network, url: str) -> None:
    assert len(network.run(get(url), host="web").content) == 10_000_000
    assert [ruling.request.provenance.secure for ruling in network.rulings] == [True]


def test_an_interface_endpoint_is_asked_by_its_own_names_and_by_the_service_s(network: Network) -> None:
    zones = ("us-east-1a", "us-east-1b")
    own = endpoint_names(network.ec2.vpc_endpoints["metering"], "us-east-1", zones)
    names = ("metering.us-east-1.amazonaws.com", own.regional, *(name for _, name in own.zonal))
    network.ec2.authorize_security_group_ingress(
        "metering", ip_protocol="tcp", from_port=443, to_port=443, cidr_ip="10.0.0.0/16"
    )
    for name in names:
        answer = network.run(get(f"https://{name}/"), host="web").json()
        assert (answer["host"], answer["vpc_endpoint_id"]) == (name, "metering")


def test_a_name_that_comes_later_is_proved_too(network: Network) -> None:
    network.run(get(f"https://{S3}/training/big.bin", Range="bytes=0-9"), host="web")
    network.ec2.create_vpc_endpoint(
        "vpc-main",
        "com.amazonaws.us-east-1.s3",
        vpc_endpoint_type="Interface",
        subnet_ids=["endpoints-a"],
        vpc_endpoint_id="s3-private",
    )
    network.ec2.authorize_security_group_ingress(
        "sg-default-vpc-main", ip_protocol="tcp", from_port=443, to_port=443, cidr_ip="10.0.0.0/16"
    )
    regional = endpoint_names(network.ec2.vpc_endpoints["s3-private"], "us-east-1", ()).regional
    answer = network.run(get(f"https://bucket.{regional}/training/big.bin", Range="bytes=0-9"), host="web")
    assert answer.status_code == 206
    assert network.rulings[-1].vpc_endpoint_id == "s3-private"


def test_a_client_that_asks_for_another_name_is_told_so(network: Network) -> None:
    with pytest.raises(httpx.ConnectError, match="IP address mismatch"):
        network.run(get("https://54.231.0.10/training/big.bin"), host="web")


def test_a_denial_is_an_answer_over_tls_too(network: Network) -> None:
    """POL-13."""
    assert network.run(get(f"https://{S3}/training/secret.bin"), host="web").status_code == 403


def test_who_listens_on_443_by_option_does_so_in_plain_text(tmp_path: Path) -> None:
    text = TOPOLOGY.read_text().replace(
        "application: s3\n    options:", "application: s3\n    options:\n      port: 443"
    )
    assert "port: 443" in text
    (tmp_path / "topology.yaml").write_text(text)
    with Network.load(tmp_path / "topology.yaml", seed=1) as network:
        assert network.run(get(f"http://{S3}:443/training/big.bin"), host="web").status_code == 200
        with pytest.raises(httpx.ConnectError):
            network.run(get(f"https://{S3}/training/big.bin"), host="web")


def test_a_scenario_asks_over_https(tmp_path: Path) -> None:
    (tmp_path / "scenario.yaml").write_text(
        f"topology: {TOPOLOGY}\nseed: 1\nsteps:\n"
        f"  - {{what: one, host: web, get: 'https://{S3}/training/big.bin', expect: 200}}\n"
        f"  - {{what: two, host: web, get: 'https://{S3}/training/secret.bin', expect: 403}}\n"
        f"  - {{what: three, host: web, get: 'https://54.231.0.10/training/big.bin'}}\n"
    )
    report = Scenario(tmp_path / "scenario.yaml").run(tmp_path / "out")
    assert [(row.verdict, row.reason, row.rule) for row in report.rows[:2]] == [
        ("delivered", "HTTP 200", "Training"),
        ("denied", "HTTP 403 AccessDenied", "NoSecrets (VPC endpoint policy)"),
    ]
    assert "ConnectError" in report.rows[2].reason + report.rows[2].verdict
