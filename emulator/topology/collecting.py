"""No garbage collection while much is built that stays.

CPython looks through everything young after every 700 new objects, and now and
then through everything there is.  A large document becomes millions of objects,
none of which is garbage: looking for some was two thirds of the time of reading
it.  Documents are limited in size, so what is put off is limited too.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def no_collections() -> Iterator[None]:
    """Put collections off, unless somebody has done so already."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
