"""Fixtures of the control plane's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.control.planes import small_plane

if TYPE_CHECKING:
    from emulator.control import ControlPlane


@pytest.fixture
def plane() -> ControlPlane:
    return small_plane()
