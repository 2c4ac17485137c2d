"""Folders as people have them, and as people should not have them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from emulator.importers import Import, NothingToImport, import_folder
from emulator.importers import folders as limits
from emulator.network.network import Network
from tests.importers.folder import codes, imported, notes, small, subnet, vpc

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, name: str, value: object) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
    return path


def file_notes(made: Import, file: str) -> list[str]:
    return [note.code for note in made.notes if note.file == file]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, value in small().items():
        write(tmp_path, name, value)
    return tmp_path


def test_regions_and_accounts_become_one_network(tmp_path: Path) -> None:
    west = {"VpcId": "vpc-2", "CidrBlock": "10.1.0.0/16"}
    write(
        tmp_path,
        "accounts/111122223333/us-east-1/Vpcs.json",
        {"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}]},
    )
    write(tmp_path, "accounts/444455556666/eu-west-1/Vpcs.json", {"Vpcs": [west]})
    write(tmp_path, "accounts/444455556666/eu-west-1/Subnets.json", {
        "Subnets": [subnet(SubnetId="subnet-2", VpcId="vpc-2", CidrBlock="10.1.1.0/24", AvailabilityZone="eu-west-1a")]
    })  # fmt: skip
    made = import_folder(tmp_path)
    places = {name: (entry["region"], entry["owner_id"]) for name, entry in made.data["vpcs"].items()}
    assert places == {"vpc-1": ("us-east-1", "111122223333"), "vpc-2": ("eu-west-1", "444455556666")}


def test_a_peering_between_two_regions_and_the_s3_of_each(tmp_path: Path) -> None:
    """Real list ids and blocks of other Regions stand in for the emulator's own."""
    peering = {
        "VpcPeeringConnectionId": "pcx-1",
        "Status": {"Code": "active"},
        "RequesterVpcInfo": {"VpcId": "vpc-1", "Region": "us-east-1"},
        "AccepterVpcInfo": {"VpcId": "vpc-2", "Region": "eu-west-1"},
    }
    through = {"VpcPeeringConnectionId": "pcx-1", "State": "active"}
    to_s3 = {"DestinationPrefixListId": "pl-eu", "GatewayId": "vpce-eu", "State": "active"}
    endpoint = {
        "VpcEndpointId": "vpce-eu",
        "VpcEndpointType": "Gateway",
        "VpcId": "vpc-2",
        "ServiceName": "com.amazonaws.eu-west-1.s3",
        "RouteTableIds": ["rtb-2"],
    }
    listed = {"PrefixListId": "pl-eu", "PrefixListName": "com.amazonaws.eu-west-1.s3", "Cidrs": ["52.218.0.0/17"]}
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    for number, region, other, more in ((1, "us-east-1", 2, []), (2, "eu-west-1", 1, [to_s3])):
        vpc_id, block, far = f"vpc-{number}", f"10.{number}", f"10.{other}"
        host = {
            "InstanceId": f"i-{number}",
            "SubnetId": f"subnet-{number}",
            "PrivateIpAddress": f"{block}.1.5",
            "SecurityGroups": [{"GroupId": f"sg-{number}"}],
        }
        routes = [{"DestinationCidrBlock": f"{far}.0.0/16", **through}, *more]
        table = {"RouteTableId": f"rtb-{number}", "VpcId": vpc_id, "Associations": [{"Main": True}], "Routes": routes}
        group = {
            "GroupId": f"sg-{number}",
            "VpcId": vpc_id,
            "IpPermissions": everything,
            "IpPermissionsEgress": everything,
        }
        here = subnet(
            SubnetId=f"subnet-{number}", VpcId=vpc_id, CidrBlock=f"{block}.1.0/24", AvailabilityZone=f"{region}a"
        )
        answer = {
            "Vpcs": [vpc(VpcId=vpc_id, CidrBlock=f"{block}.0.0/16")],
            "Subnets": [here],
            "RouteTables": [table],
            "SecurityGroups": [group],
            "Reservations": [{"Instances": [host]}],
            "VpcPeeringConnections": [peering],
            "VpcEndpoints": [endpoint] if more else [],
            "PrefixLists": [listed] if more else [],
        }
        write(tmp_path, f"{region}/all.json", answer)
    network = Network.load(tmp_path)
    assert network.trace("i-1", "10.2.1.5").reachable
    assert network.trace("i-2", "10.1.1.5").reachable
    assert network.trace("i-2", "52.218.0.9").reachable
    assert not network.trace("i-1", "52.218.0.9").reachable
    network.abandon()


def test_a_layout_with_regions_only(tmp_path: Path) -> None:
    write(tmp_path, "aws_configs/eu-west-1/Vpcs.json", {"Vpcs": [vpc()]})
    made = import_folder(tmp_path)
    assert made.data["region"] == "eu-west-1"
    assert made.data["vpcs"]["vpc-1"]["region"] == "eu-west-1"


def test_one_file_may_have_several_keys_and_one_key_several_files(tmp_path: Path) -> None:
    write(tmp_path, "one.json", {"Vpcs": [vpc()], "Subnets": [subnet()]})
    write(tmp_path, "two.json", {"Subnets": [subnet(SubnetId="subnet-2", CidrBlock="10.0.2.0/24")]})
    assert list(import_folder(tmp_path).data["subnets"]) == ["subnet-1", "subnet-2"]


def test_a_list_that_goes_on_is_noted(folder: Path) -> None:
    write(folder, "more.json", {"Instances": [], "NextToken": "abc"})
    assert file_notes(import_folder(folder), "more.json") == ["EMU_INCOMPLETE"]


def test_an_id_twice_is_taken_once_and_noted_if_it_differs() -> None:
    same = imported(small() | {"again.json": {"Vpcs": [vpc()]}})
    assert "EMU_DUPLICATE_ID" not in codes(same, "vpc-1")
    other = imported(small() | {"again.json": {"Vpcs": [vpc(CidrBlock="10.9.0.0/16")]}})
    assert other.data["vpcs"]["vpc-1"]["cidr_blocks"] == ["10.9.0.0/16"]  # files in the order of their names
    assert "EMU_DUPLICATE_ID" in codes(other, "vpc-1")


def test_without_a_word_of_the_region_one_is_assumed_with_a_note() -> None:
    made = imported({"vpcs.json": {"Vpcs": [vpc()]}})
    assert made.data["region"] == "us-east-1"
    assert ("EMU_ASSUMED", "no file says its Region: us-east-1 is assumed") in notes(made, "vpc-1")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "EMU_FILE"),
        ("{", "EMU_FILE"),
        ("[" * 100_000, "EMU_FILE"),
        ('{"Vpcs": ' + "9" * 10_000 + "}", "EMU_FILE"),
        ('{"Vpcs": ' + "[" * 100 + "]" * 100 + "}", "EMU_FILE"),
        ('{"Vpcs": {"VpcId": "vpc-9"}}', "EMU_FILE"),
        ('{"Vpcs": [1, "vpc-9", null]}', "EMU_FILE"),
        ("[]", "EMU_UNKNOWN_KEY"),
        ("null", "EMU_UNKNOWN_KEY"),
        ("{}", "EMU_UNKNOWN_KEY"),
        ('{"Images": []}', "EMU_UNKNOWN_KEY"),
        ('{"Vpcs": [{"VpcId": "../../etc/passwd"}]}', "EMU_LEFT_OUT"),
        ('{"Vpcs": [{"VpcId": "vpc\\u0000"}, {"VpcId": 7}]}', "EMU_LEFT_OUT"),
    ],
)
def test_a_file_that_is_of_no_use_is_a_note(folder: Path, content: str, code: str) -> None:
    write(folder, "z.json", content)
    made = import_folder(folder)
    assert list(made.data["vpcs"]) == ["vpc-1"]
    assert set(file_notes(made, "z.json")) == {code}


def test_bytes_that_are_no_text_are_a_note(folder: Path) -> None:
    (folder / "z.json").write_bytes(b"\xff\xfe\x00")
    assert file_notes(import_folder(folder), "z.json") == ["EMU_FILE"]


def test_a_byte_order_mark_is_no_trouble(folder: Path) -> None:
    (folder / "z.json").write_bytes(b"\xef\xbb\xbf" + json.dumps({"InternetGateways": []}).encode())
    assert file_notes(import_folder(folder), "z.json") == []


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    outside = write(tmp_path, "outside/secret.json", {"Vpcs": [vpc(VpcId="vpc-secret")]})
    inside = tmp_path / "inside"
    kept = write(inside, "vpcs.json", {"Vpcs": [vpc()]})
    (inside / "link.json").symlink_to(outside)
    (inside / "folder").symlink_to(outside.parent)
    (inside / "loop").symlink_to(inside)
    (inside / "same.json").symlink_to(kept)
    made = import_folder(inside)
    assert list(made.data["vpcs"]) == ["vpc-1"]
    refused = [note.file for note in made.notes if note.code == "EMU_FILE"]
    assert refused == ["folder", "link.json", "loop"]


def test_limits_hold(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_FILE_BYTES", 2000)
    monkeypatch.setattr(limits, "MAX_FOLDERS_DEEP", 2)
    write(folder, "big.json", {"InternetGateways": ["x" * 3000]})
    write(folder, "a/b/c/deep.json", {"InternetGateways": []})
    made = import_folder(folder)
    assert file_notes(made, "big.json") == ["EMU_FILE"]
    assert file_notes(made, "a/b/c") == ["EMU_FILE"]
    monkeypatch.setattr(limits, "MAX_FILES", 1)
    with pytest.raises(NothingToImport):
        import_folder(folder)


def test_nothing_to_import(tmp_path: Path) -> None:
    for name in ("missing", "."):
        with pytest.raises(NothingToImport):
            import_folder(tmp_path / name)
    write(tmp_path, "subnets.json", {"Subnets": [subnet()]})
    with pytest.raises(NothingToImport, match="no VPC") as caught:
        import_folder(tmp_path)
    assert [note.code for note in caught.value.notes] == ["UNKNOWN_RESOURCE"]


def test_a_problem_points_at_the_file_and_line(folder: Path) -> None:
    (folder / "vpcs.json").write_text('{\n "Vpcs": [\n  {\n   "VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}]}', "utf-8")
    mark = import_folder(folder).document.mark(("vpcs", "vpc-1", "cidr_blocks"))
    assert (mark.file, mark.line) == (f"{folder}/vpcs.json", 4)
