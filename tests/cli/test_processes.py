"""Commands as processes: signals, pipes that close, streams that are closed, full or cannot spell."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import fractalman as fm
from fractalman import cli
from tests.cli.test_cli import SMALL, Shell, shell

__all__ = ["shell"]  # a fixture
RESULTS = "generate cascade-plain --dry-run"
"""A command that prints results and is soon done."""


def start(folder: Path, *words: str, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "fractalman", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    path = os.pathsep.join(filter(None, [str(Path(fm.__file__).parent.parent), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        command, cwd=folder, text=True, env={**os.environ, "PYTHONPATH": path}, **{**pipes, **options}
    )


def test_a_closed_pipe_is_no_error(shell: Shell) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = start(shell.folder, *RESULTS.split(), stdout=writer)
    os.close(writer)
    assert process.communicate(timeout=300)[1] == ""
    assert process.returncode == 0


@pytest.mark.slow(reason="a file of 800 MB is begun", but=["2-130"])
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, cli.INTERRUPTED), (signal.SIGTERM, cli.TERMINATED)])
def test_an_interrupted_generate_leaves_nothing(shell: Shell, number: int, status: int) -> None:
    (shell.folder / "large.toml").write_text(SMALL.replace("300", "1500000").replace("= 4", "= 128"))
    process = start(shell.folder, "generate", "large.toml", "-o", "large.h5")
    deadline = time.monotonic() + 240
    while not any("partial" in name for name in shell.names()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(number)
    err = process.communicate(timeout=300)[1]
    assert process.returncode == status
    assert "Traceback" not in err
    assert shell.names() == ["large.toml", "small.toml"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.skipif(os.name != "posix", reason="redirections of a shell")
@pytest.mark.slow(reason="processes of the command line", only=["generate cascade-plain --dry-run-2>&-"])
@pytest.mark.parametrize(
    ("words", "redirection"),
    [
        (RESULTS, ">&-"),
        (RESULTS, "2>&-"),
        ("list --json", "<&- >&- 2>&-"),
        ("predict cascade-plain --learner nobody", "<&- >&- 2>&-"),
    ],
)
def test_closed_streams_are_no_error_of_ours(tmp_path: Path, redirection: str, words: str) -> None:
    command = f"{shlex.quote(sys.executable)} -m fractalman {words} {redirection}"
    status = subprocess.run(["sh", "-c", command], cwd=tmp_path, check=False, capture_output=True)
    assert status.returncode == (2 if "nobody" in words else 0)
    assert b"unexpected" not in status.stderr
    assert b"Traceback" not in status.stderr


def test_closed_streams_swallow_names_that_no_encoding_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    status = cli.main(["info", "nowhere-\udcff.h5"])
    for stream in (sys.stdout, sys.stderr):  # what stands in for them
        stream.close()
    assert status == cli.WRONG


@pytest.mark.usefixtures("sketched")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("how", ["full", "reader gone"])
def test_messages_that_cannot_be_written_stop_no_work(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log on a full disk, or a pipe that nobody reads: progress is lost, and the work is not."""
    if how == "full":
        descriptor = os.open("/dev/full", os.O_WRONLY)
    else:
        read, descriptor = os.pipe()
        os.close(read)
    (tmp_path / "sweep.toml").write_text(
        '[recipe]\nfamily = "cascade"\nn_points = 64\n[sweep]\nlearners = ["1-nn"]\ntrain_sizes = [8, 16, 32]\n'
        "seeds = 2\ntest_size = 8\n",
        encoding="utf-8",
    )
    with os.fdopen(descriptor, "w", buffering=1) as stream:  # as stderr is
        monkeypatch.setattr(sys, "stderr", stream)
        assert cli.main(["confirm", str(tmp_path / "sweep.toml"), "-o", str(tmp_path / "run")]) == cli.DONE
        assert cli.main(["info", "nowhere.h5"]) == cli.WRONG
    assert (tmp_path / "run" / "report.html").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("words", [["--help"], ["--version"], ["list", "--help"]])
def test_help_that_cannot_be_printed(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Python itself would end with status 120 and words of its own."""
    read, write = os.pipe()
    os.close(read)
    for descriptor, status in ((write, cli.DONE), (os.open("/dev/full", os.O_WRONLY), cli.FAILED)):
        with os.fdopen(descriptor, "w") as stream:
            monkeypatch.setattr(sys, "stdout", stream)
            assert cli.main(words) == status


@pytest.mark.skipif(os.name != "posix", reason="pipes that do not wait")
def test_a_pipe_that_does_not_wait_gets_everything(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python drops what does not fit into it, without an error."""
    assert (
        cli.main(["list", "cascade-plain"]) == cli.DONE
    )  # everything is imported: the next one is quicker than its reader
    expected = capsys.readouterr().out
    read, write = os.pipe()
    os.set_blocking(write, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(write, b" " * 4096)  # until it is full
    heard: list[bytes] = []

    def listen() -> None:
        time.sleep(0.5)
        with os.fdopen(read, "rb") as stream:
            heard.append(stream.read())

    listener = threading.Thread(target=listen)
    listener.start()
    with os.fdopen(write, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert cli.main(["list", "cascade-plain"]) == cli.DONE
    listener.join()
    assert heard[0].decode().lstrip() == expected


def test_results_that_cannot_be_printed_are_a_failure(shell: Shell) -> None:
    with Path("/dev/full").open("w") as full:
        process = start(shell.folder, *RESULTS.split(), stdout=full)
        err = process.communicate(timeout=300)[1]
    assert process.returncode == cli.FAILED
    assert err == "fractalman: No space left on device\n"
