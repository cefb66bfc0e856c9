"""Every server that the project or its tests start is on loopback: nobody else on the network may reach it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import is_loopback

PACKAGE = Path(__file__).parent.parent / "fractalman"


def listening(processes: list[int]) -> list[str]:
    """Addresses at which processes and their children listen."""
    psutil = pytest.importorskip("psutil")
    found = []
    for number in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in (psutil.Process(number), *psutil.Process(number).children(recursive=True)):
                asked = getattr(process, "net_connections", None) or process.connections
                found += [entry.laddr.ip for entry in asked(kind="inet") if entry.status == psutil.CONN_LISTEN]
    return found


def test_a_server_on_all_interfaces_is_noticed() -> None:
    """The control: both ways of looking see it."""
    with socket.socket() as server, pytest.raises(RuntimeError, match="expected loopback"):
        server.bind(("0.0.0.0", 0))
    code = "import socket, sys; s = socket.socket(); s.bind(('0.0.0.0', 0)); s.listen(); print(); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert not all(map(is_loopback, listening([child.pid])))
        child.kill()


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_schedulers_and_workers_of_the_tests_listen_on_loopback(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    from tests.experiments.test_dask import Processes
    from tests.experiments.test_executors import wait_for

    with contextlib.closing(Processes(tmp_path)) as made:
        made.worker()
        numbers = [process.pid for process in made.running]
        wait_for(lambda: len(listening(numbers)) >= 2)  # the scheduler's, and the worker's
        assert all(map(is_loopback, listening(numbers)))


def test_the_package_and_its_scripts_start_no_server() -> None:
    """Nothing in them binds or listens: pages are files, the scheduler is somebody else's, a client only connects."""
    words = (
        *(".bind(", ".listen(", "http.server", "HTTPServer", "socketserver", "create_server", "start_server"),
        *("LocalCluster(", "multiprocessing.managers", "xmlrpc.server", "wsgiref", "uvicorn", "flask", "bokeh.server"),
    )
    for folder in (PACKAGE, PACKAGE.parent / "scripts"):
        for path in folder.rglob("*.py"):
            text = (
                path.read_text(encoding="utf-8")
                .replace("socket.AF_UNIX) as made:\n        made.bind(", "")
                .replace("signature.bind(", "")
            )
            assert not [word for word in words if word in text], path
    for path in PACKAGE.rglob("*.js"):  # and a page asks nobody: what it shows, it holds
        text = path.read_text(encoding="utf-8")
        assert not [word for word in ("fetch(", "XMLHttpRequest", "WebSocket", "EventSource") if word in text], path
