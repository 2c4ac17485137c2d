"""From an account made with moto to a trace: by a folder, and live."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

boto3 = pytest.importorskip("boto3")
moto = pytest.importorskip("moto")

from emulator.importers import import_folder, import_snapshot  # noqa: E402
from emulator.importers import live as live_module  # noqa: E402
from emulator.importers.live import CALLS, CannotConnect, read_account  # noqa: E402
from emulator.importers.writing import yaml_of  # noqa: E402
from tests.importers.moto_account import KEYS, REACHABLE, REGION, cli, export, make, traces  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, str], Path]]:
    """Ids by what they are, and the folder of describe-JSON; the account stays up."""
    folder = tmp_path_factory.mktemp("describe")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in KEYS.items():
            patch.setenv(name, value)
        patch.delenv("AWS_PROFILE", raising=False)
        with moto.mock_aws():
            ec2 = boto3.client("ec2", region_name=REGION)
            ids = make(ec2)
            export(ec2, folder)
            yield ids, folder


def test_a_folder_of_motos_answers_to_a_trace_in_two_commands(
    account: tuple[dict[str, str], Path], tmp_path: Path
) -> None:
    ids, folder = account
    cli("import", folder, "-o", tmp_path / "topology.yaml")
    done = cli("trace", tmp_path / "topology.yaml", "--from", ids["web"], "--to", "10.30.2.10:5432")
    assert "reachable" in done.stdout.splitlines()[-1]
    assert ids["acl"] in done.stdout
    blocked = cli("trace", folder, "--from", ids["web"], "--to", "10.30.2.10:22", status=1)
    assert f"not reachable: SUBNET_ACL_RESTRICTION at {ids['acl']}" in blocked.stdout
    assert cli("validate", folder, tmp_path / "topology.yaml").stdout == "2 files: 0 problems\n"


def test_the_folder_and_its_yaml_give_the_same_traces(account: tuple[dict[str, str], Path], tmp_path: Path) -> None:
    ids, folder = account
    written = tmp_path / "topology.yaml"
    written.write_text(yaml_of(import_folder(folder)), "utf-8")
    by_folder = traces(folder, ids)
    assert by_folder == traces(written, ids)
    assert [answer["reachable"] for answer in by_folder] == REACHABLE


def test_a_live_account_is_what_its_answers_in_files_are(account: tuple[dict[str, str], Path]) -> None:
    ids, folder = account
    live, read = import_snapshot(read_account(regions=(REGION,)), "live"), import_folder(folder)
    for section, entries in read.data.items():
        assert live.data[section] == entries, section
    assert live.data["instances"][ids["web"]]["private_ip_address"] == "10.20.2.10"


def test_only_what_describes_is_called() -> None:
    heads = ("describe_", "get_transit_gateway_", "get_managed_prefix_list_entries", "search_transit_gateway_routes")
    assert all(call.operation.startswith(heads) for call in CALLS)
    for call in CALLS:
        client = boto3.client(call.service, region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x")  # noqa: S106
        operation = client.meta.method_to_api_mapping[call.operation]
        known = client.meta.service_model.operation_model(operation)
        assert call.key in known.output_shape.members or call.key.startswith("EnableDns")
        assert {call.parameter, *call.more} - {""} <= set(known.input_shape.members)


def test_a_denied_call_is_a_note(account: tuple[dict[str, str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import ClientError

    pages = live_module._pages

    def denied(client: Any, operation: str, parameters: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if operation == "describe_network_acls":
            answer = {"Error": {"Code": "UnauthorizedOperation", "Message": "You are not authorized"}}
            raise ClientError(answer, "DescribeNetworkAcls")
        return pages(client, operation, parameters)

    monkeypatch.setattr(live_module, "_pages", denied)
    made = import_snapshot(read_account(regions=(REGION,)), "live")
    about = [note for note in made.notes if note.code == "EMU_INCOMPLETE" and "network-acls" in note.file]
    assert [note.sentence.split(":")[0] for note in about] == ["UnauthorizedOperation"]
    assert "network_acls" not in made.data


# -- when there is nothing to read ---------------------------------------------------------


def test_without_boto3_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(CannotConnect, match=r"pip install 'vpcemu\[aws\]'"):
        read_account(regions=(REGION,))


@pytest.mark.parametrize(
    ("regions", "profile", "text"),
    [
        ((), None, "no Region is known"),
        (("mars",), None, "--region mars"),
        ((REGION,), None, "no credentials are known"),
        ((REGION,), "missing", "profile .missing. could not be found"),
    ],
)
def test_without_region_or_credentials_it_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, regions: tuple[str, ...], profile: str | None, text: str
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with pytest.raises(CannotConnect, match=text):
        read_account(profile, regions)


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**KEYS, "AWS_MAX_ATTEMPTS": "1"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(CannotConnect, match="Could not connect"):
        read_account(regions=(REGION,), endpoint_url="http://127.0.0.1:9")
