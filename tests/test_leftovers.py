"""What counts as left over: files that nobody holds, and not those between two steps of a living writer."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from fractalman import _files, _leftovers


@pytest.mark.parametrize("step", ["locks it", "renames it", "is gone"])
def test_a_living_writer_between_two_steps_is_not_named(tmp_path: Path, step: str) -> None:
    target = tmp_path / "data.h5"
    partial = _files.partial_path(target)
    stream = partial.open("xb")  # made, and not yet locked

    def go_on() -> None:
        time.sleep(0.05)
        if step == "locks it":
            assert _files.lock(stream.fileno())
        elif step == "renames it":
            partial.rename(target)

    writer = threading.Thread(target=go_on)
    writer.start()
    try:
        found = _leftovers.leftovers(target)
    finally:
        writer.join()
        stream.close()
    assert found == ([partial] if step == "is gone" else [])  # the control: nobody comes back to it
