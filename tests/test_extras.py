"""Optional packages: found where they are, named with a line that installs them where they are not."""

from __future__ import annotations

import pytest

from fractalman._extras import load_extra
from fractalman.errors import MissingExtraError


def test_a_missing_package_is_named_with_a_line_that_installs_it() -> None:
    with pytest.raises(MissingExtraError, match=r"nothing needs no_such_package.*pip install no_such_package"):
        load_extra("no_such_package.inside", "nothing")
    assert load_extra("json", "x").dumps(1) == "1"


def test_a_package_that_breaks_on_its_own_is_not_called_missing(tmp_path, monkeypatch) -> None:
    (tmp_path / "broken_package.py").write_text("import another_missing_package\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="another_missing_package"):
        load_extra("broken_package", "this test")
