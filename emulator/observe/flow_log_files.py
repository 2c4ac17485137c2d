"""Flow log files, named and laid out as AWS delivers them to a bucket.

One file per flow log and five minutes of windows, ``…_<flow log>_<yyyymmddThhmmZ>_<hash>.log.gz``:
a header line of field names, then one line per record, compressed; or Parquet.
The hash is the content's, and nothing depends on the day on which it is written.

AWS: VPC User Guide, "Flow log files"; "Available fields" has the types of Parquet's columns.
"""

from __future__ import annotations

import gzip
import hashlib
import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from emulator.model.flow_logs import DEFAULT_FORMAT, FileFormat
from emulator.observe.flow_fields import MISSING, line, values

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from emulator.model.flow_logs import FlowLog
    from emulator.observe.flow_records import FlowRecord

PERIOD: Final = 300
"""Seconds of windows that one file holds."""

_SUFFIXES: Final = {FileFormat.PLAIN_TEXT: "log.gz", FileFormat.PARQUET: "log.parquet"}
_INT_32: Final = ("version", "srcport", "dstport", "protocol", "tcp-flags", "traffic-path", "encryption-status")
_INT_64: Final = ("packets", "bytes", "start", "end")


class ParquetMissingError(OSError):
    """Parquet files were asked for and pyarrow is not installed."""


def clear(folder: Path, flow_log: FlowLog) -> None:
    """Remove the files of a flow log that an earlier run has left below a folder."""
    tail = f"{flow_log.flow_log_id}_????????T????Z_????????.log.*"
    for place in sorted(folder.glob("AWSLogs/*/vpcflowlogs/*/*/*/*")):
        account, _, region = place.parts[-6:-3]
        for old in sorted(place.glob(f"{account}_vpcflowlogs_{region}_{tail}")):
            old.unlink()


def write(folder: Path, flow_log: FlowLog, records: Iterable[FlowRecord]) -> list[Path]:
    """Write the records of a flow log below a folder, which stands for the bucket.

    Args:
        folder: The bucket.
        flow_log: Whose records they are; it says format and kind of file.
        records: In the order in which they are to be written.

    Returns:
        The files, oldest first.

    Raises:
        ParquetMissingError: if the flow log wants Parquet and pyarrow is not installed.
        OSError: if a file cannot be written.
    """
    files: dict[tuple[str, str, int], list[FlowRecord]] = {}
    for record in records:
        period = record.window // PERIOD * PERIOD
        files.setdefault((record.interface.account_id, record.interface.region, period), []).append(record)
    encode = _parquet if flow_log.file_format is FileFormat.PARQUET else _text
    contents = {key: encode(flow_log.log_format or DEFAULT_FORMAT, files[key]) for key in sorted(files)}
    return [_put(folder, flow_log, *key, content) for key, content in contents.items()]


def _put(folder: Path, flow_log: FlowLog, account: str, region: str, period: int, content: bytes) -> Path:
    """Write beside, then rename: a file that has its name is whole."""
    began = datetime.fromtimestamp(period, UTC)
    place = folder / "AWSLogs" / account / "vpcflowlogs" / region / f"{began:%Y}" / f"{began:%m}" / f"{began:%d}"
    place.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(content).hexdigest()[:8]
    name = f"{account}_vpcflowlogs_{region}_{flow_log.flow_log_id}_{began:%Y%m%dT%H%MZ}_{digest}"
    path = place / f"{name}.{_SUFFIXES[flow_log.file_format]}"
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(content)
    return partial.replace(path)


def _text(fields: tuple[str, ...], records: list[FlowRecord]) -> bytes:
    lines = [" ".join(fields), *(line(record, fields) for record in records)]
    return gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0)


def _parquet(fields: tuple[str, ...], records: list[FlowRecord]) -> bytes:
    """Return a Parquet file: hyphens are underscores in its columns' names; a missing number is null."""
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra, and slow to import
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError:
        text = "Parquet flow logs need pyarrow: install vpcemu[parquet], or set file_format: plain-text"
        raise ParquetMissingError(text) from None
    kinds: dict[str, Any] = dict.fromkeys(_INT_32, pa.int32()) | dict.fromkeys(_INT_64, pa.int64())
    rows = [values(record, fields) for record in records]
    columns = []
    for index, name in enumerate(fields):
        kind = kinds.get(name, pa.string())
        column = [row[index] for row in rows]
        if name not in kinds:
            column = [MISSING if value is None else value for value in column]
        columns.append(pa.array(column, kind))
    table = pa.Table.from_arrays(columns, names=[name.replace("-", "_") for name in fields])
    sink = io.BytesIO()
    parquet.write_table(table, sink, compression="gzip")
    return sink.getvalue()
