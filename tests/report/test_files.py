"""Tables of results and their digests: at every moment they fit together, or the digest is not there."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from fractalman.errors import CorruptFileError
from fractalman.report import files


@pytest.mark.parametrize("stop", range(4))
def test_a_table_written_anew_is_never_taken_for_damaged(
    stop: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever ends the process between the table and its digest: the next run refuses nothing."""
    files.publish(tmp_path / "points.csv", "1")
    files.publish(tmp_path / "other.csv", "2")
    written = 0
    whole = files.write_whole

    def ended(path: Path, content: bytes | str) -> None:
        nonlocal written
        if written == stop:
            raise KeyboardInterrupt
        written += 1
        whole(path, content)

    monkeypatch.setattr(files, "write_whole", ended)
    with contextlib.suppress(KeyboardInterrupt):
        files.publish(tmp_path / "points.csv", "3")
    assert (tmp_path / "points.csv").read_text() == ("3" if stop > 1 else "1")
    files.refuse_changed_tables(tmp_path)
    assert "other.csv" in files.stated_digests(tmp_path)
    assert ("points.csv" in files.stated_digests(tmp_path)) == (stop in (0, 3))
    (tmp_path / "other.csv").write_text("4")
    with pytest.raises(CorruptFileError, match=r"other\.csv is not what was written"):
        files.refuse_changed_tables(tmp_path)
