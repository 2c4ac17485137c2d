"""Today's captures are the accepted ones, to the byte (D3, D10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import golden
from tests.network import tshark

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("golden")
    golden.make(folder)
    return folder


@pytest.mark.parametrize("name", golden.NAMES)
def test_a_golden_capture_is_made_again_byte_for_byte(made: Path, name: str) -> None:
    if (made / name).read_bytes() != (golden.GOLDEN / name).read_bytes():
        # One line per packet says more than a byte offset; equal lines mean that payload or blocks differ.
        assert golden.lines(made / name) == golden.lines(golden.GOLDEN / name)
        pytest.fail("the packets read alike, the files differ: compare them with tshark -x, or run make golden")


@tshark.needed
@pytest.mark.parametrize("name", golden.NAMES)
def test_tshark_accepts_what_is_kept(name: str) -> None:
    frames = tshark.frames(golden.GOLDEN / name)
    assert len(frames) > 20
    assert not [frame for frame in frames if frame["_ws.malformed"] or frame["tcp.checksum.status"] == "0"]


@tshark.needed
def test_every_loss_is_named_and_every_retransmission_has_one(made: Path) -> None:
    frames = tshark.frames(made / "s3.pcapng")
    lost = [frame for frame in frames if frame["frame.comment"].startswith("EMU_FAULT at s3->eni-web (loss)")]
    again = [frame for frame in frames if frame["tcp.analysis.retransmission"]]
    assert len(lost) >= 3
    assert len(again) >= len(lost) > 0
