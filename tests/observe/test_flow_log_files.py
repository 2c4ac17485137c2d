"""Flow log files: AWS's names and layout, the same bytes every time, and Parquet where pyarrow is."""

from __future__ import annotations

import gzip
import re
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from emulator.model.flow_logs import DEFAULT_FORMAT, FileFormat, FlowLog
from emulator.observe.flow_fields import line
from emulator.observe.flow_log_files import ParquetMissingError, clear, write
from emulator.wire.packet import icmp, tcp
from tests.observe.test_flow_records import CLIENT, HOST, LOG, Log

if TYPE_CHECKING:
    from pathlib import Path

    from emulator.observe.flow_records import FlowRecord

REGION = "us-east-1"


@pytest.fixture(scope="module")
def records() -> list[FlowRecord]:
    log = Log()
    for at in (1, 61, 299, 301):
        log.see(tcp(CLIENT, HOST, 40000, 443), outgoing=True, at=at)
    log.see(icmp(HOST, CLIENT, 8, 0), outgoing=False, accepted=False, at=302)
    return log.records()


def test_one_file_per_five_minutes_named_as_aws_names_them(tmp_path: Path, records: list[FlowRecord]) -> None:
    first, second = write(tmp_path, LOG, records)
    folder = tmp_path / "AWSLogs" / "123456789012" / "vpcflowlogs" / REGION / "2026" / "01" / "01"
    assert first.parent == second.parent == folder
    assert re.fullmatch(r"123456789012_vpcflowlogs_us-east-1_fl-1_20260101T0000Z_[0-9a-f]{8}\.log\.gz", first.name)
    assert re.fullmatch(r"123456789012_vpcflowlogs_us-east-1_fl-1_20260101T0005Z_[0-9a-f]{8}\.log\.gz", second.name)
    assert sorted(tmp_path.rglob("*.*")) == [first, second], "nothing partial is left"


@pytest.mark.fact("FLOW-2")
def test_a_header_line_and_a_line_per_record(tmp_path: Path, records: list[FlowRecord]) -> None:
    lines = [
        text
        for path in write(tmp_path, LOG, records)
        for text in gzip.decompress(path.read_bytes()).decode().splitlines()
    ]
    header = " ".join(DEFAULT_FORMAT)
    assert [text for text in lines if text != header] == [line(record) for record in records]
    assert lines[0] == header
    assert lines.count(header) == 2


def test_the_same_records_are_the_same_bytes(tmp_path: Path, records: list[FlowRecord]) -> None:
    once, again = (write(tmp_path / name, LOG, records) for name in ("once", "again"))
    assert [path.name for path in once] == [path.name for path in again]
    assert [path.read_bytes() for path in once] == [path.read_bytes() for path in again]


def test_clearing_takes_only_the_flow_logs_own_files(tmp_path: Path, records: list[FlowRecord]) -> None:
    own = write(tmp_path, LOG, records)
    other = write(tmp_path, replace(LOG, flow_log_id="x_fl-1"), records)
    note = own[0].with_name("note.txt")
    note.touch()
    clear(tmp_path, LOG)
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted([*other, note])


def test_parquet_has_awss_columns_and_types(tmp_path: Path, records: list[FlowRecord]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    fields = ("version", "interface-id", "srcport", "bytes", "start", "tcp-flags", "traffic-path", "action")
    flow_log = replace(LOG, log_format=fields, file_format=FileFormat.PARQUET)
    first, second = write(tmp_path, flow_log, records)
    assert first.name.endswith(".log.parquet")
    table = parquet.read_table(first)
    assert {field.name: str(field.type) for field in table.schema} == {
        "version": "int32",
        "interface_id": "string",
        "srcport": "int32",
        "bytes": "int64",
        "start": "int64",
        "tcp_flags": "int32",
        "traffic_path": "int32",
        "action": "string",
    }
    rows = table.to_pylist() + parquet.read_table(second).to_pylist()
    assert [row["tcp_flags"] for row in rows] == [2, 2, None, None, 2, 2, 0]
    assert [row["action"] for row in rows] == ["ACCEPT", "ACCEPT", "-", "-", "ACCEPT", "ACCEPT", "REJECT"]
    assert {row["traffic_path"] for row in rows} == {None}
    assert write(tmp_path / "again", flow_log, records)[0].read_bytes() == first.read_bytes()


def test_without_pyarrow_the_message_says_what_to_install(
    tmp_path: Path, records: list[FlowRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    flow_log = FlowLog("fl-1", "vpc-1", file_format=FileFormat.PARQUET)
    with pytest.raises(ParquetMissingError, match=r"vpcemu\[parquet\]"):
        write(tmp_path, flow_log, records)
    assert list(tmp_path.iterdir()) == []
