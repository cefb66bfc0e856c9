"""What counts as left over: files that nobody holds, and not those between two steps of a living writer."""

from __future__ import annotations

import os
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


def test_a_folder_is_left_over_when_its_writer_is_gone_and_not_by_its_age(tmp_path: Path) -> None:
    """A quickstart of hours is at work in its folder; one killed a minute ago is not."""
    target = tmp_path / "quickstart"
    partial = _files.partial_path(target)
    with _files.filling(partial):
        old = time.time() - 2 * _leftovers.STALE_SECONDS
        os.utime(partial, (old, old))
        assert _leftovers.leftovers(target) == []
    os.utime(partial)
    assert _leftovers.leftovers(target) == [partial]
