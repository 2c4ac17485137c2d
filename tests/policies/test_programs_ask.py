"""An unmodified AWS client asks by its own access key, and hears what policies say."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from emulator.network.network import Network
from tests.policies.test_identities import TOPOLOGY

if TYPE_CHECKING:
    from pathlib import Path

aio_session = pytest.importorskip("aiobotocore.session", reason="aiobotocore is not installed")
aio_config = pytest.importorskip("aiobotocore.config")
exceptions = pytest.importorskip("botocore.exceptions")


async def read(access_key: str, keys: list[str]) -> list[str]:
    """Read some objects, and tell what came of each."""
    told = []
    session: Any = aio_session.get_session()
    session.set_config_variable("config_file", os.devnull)
    client = session.create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url="http://s3.us-east-1.amazonaws.com",
        aws_access_key_id=access_key,
        aws_secret_access_key="any",  # noqa: S106 - signatures are not verified
        config=aio_config.AioConfig(s3={"addressing_style": "path"}, proxies={}),
    )
    async with client as s3:
        for key in keys:
            try:
                answer = await s3.get_object(Bucket="b", Key=key)
                told.append(f"{len(await answer['Body'].read())} bytes")
            except exceptions.ClientError as error:
                told.append(f"{error.response['Error']['Code']}: {error.response['Error']['Message']}")
    return told


@pytest.mark.fact("POL-13", "POL-14")
def test_aiobotocore_asks_by_the_key_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    path = tmp_path / "topology.yaml"
    path.write_text(TOPOLOGY, "utf-8")
    with Network.load(path) as network:
        writer, ann, nobody = (
            network.run(read(key, ["open/x", "data/x"]), host="other")
            for key in ("ASIAWRITER0123456789", "AKIAANN0123456789012", "AKIANOBODY0123456789")
        )
    who = "User: arn:aws:sts::123456789012:assumed-role/writer/writer is not authorized to perform: s3:GetObject"
    why = 'on resource: "arn:aws:s3:::b/data/x" because no identity-based policy allows the s3:GetObject action'
    assert writer == ["3 bytes", f"AccessDenied: {who} {why}"]
    assert ann == ["3 bytes", "3 bytes"]
    assert nobody == ["InvalidAccessKeyId: The AWS Access Key Id you provided does not exist in our records."] * 2
