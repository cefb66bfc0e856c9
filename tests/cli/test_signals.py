"""Signals that a command would not hear: swallowed by a package's import, or by whatever takes an object away."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from typing import Any

import pytest

from fractalman import cli


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, cli.INTERRUPTED), (signal.SIGTERM, cli.TERMINATED)])
def test_a_signal_that_a_package_turns_into_an_error_of_its_own_is_a_signal(
    number: int, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def command(_: Any) -> int:
        try:
            os.kill(os.getpid(), number)
            time.sleep(10)
        except BaseException:  # as NumPy's compiled part does while it is imported
            raise ImportError("reinstall everything") from None
        return 0

    before = signal.getsignal(number)
    monkeypatch.setattr(cli, "parse", lambda _: argparse.Namespace(run=command))
    assert cli.main(["list"]) == status
    assert capsys.readouterr().err == "fractalman: interrupted\n"
    assert signal.getsignal(number) is before
    monkeypatch.setattr(cli, "parse", lambda _: argparse.Namespace(run=lambda _: 1 // 0))
    assert cli.main(["list"]) == cli.FAILED  # the signal of another command is over
    assert "unexpected ZeroDivisionError" in capsys.readouterr().err


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, cli.INTERRUPTED), (signal.SIGTERM, cli.TERMINATED)])
def test_a_signal_that_comes_while_an_object_is_taken_away_is_a_signal(
    number: int, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Last:
        def __del__(self) -> None:  # whatever is raised in here goes nowhere
            os.kill(os.getpid(), number)
            time.sleep(0.01)

    def command(_: Any) -> int:
        Last()
        time.sleep(100)  # and it is heard in its sleep
        return 0

    before = sys.unraisablehook
    monkeypatch.setattr(cli, "parse", lambda _: argparse.Namespace(run=command))
    try:
        found = cli.main(["list"])
    except SystemExit as ended:
        found = ended.code
    assert found == status
    assert "ignored" not in capsys.readouterr().err
    assert sys.unraisablehook is before
