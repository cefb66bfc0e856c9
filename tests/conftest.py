"""Settings that hold for every test; they must be in place before fractalman, jax or matplotlib is imported."""

from __future__ import annotations

import atexit
import contextlib
import gc
import ipaddress
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("JAX_PLATFORMS", "cpu")  # the bits of a run are promised for the CPU

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a background job of a shell; tests' children would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

import hypothesis
import numpy as np
import pytest
import sampled

hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
BEGUN = pytest.StashKey[float]()
PROFILE = "ci" if os.environ.get("CI") else "here"
hypothesis.settings.load_profile(PROFILE)

if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
    # Kernels run as plain Python: uint64 scalars wrap as compiled ones do, but NumPy says so, in this thread's setting.
    np.seterr(over="ignore")
    os.environ.setdefault("FRACTALMAN_THREADS", "1")


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine alone; "" and 0.0.0.0 are all of its interfaces."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _watch_servers(event: str, values: tuple[Any, ...]) -> None:
    """Let no test of this process open a socket to the network."""
    if event == "socket.bind":
        made, address = values
        if isinstance(address, tuple) and made.type & 0xF == socket.SOCK_STREAM and not is_loopback(str(address[0])):
            raise RuntimeError(f"a server is bound to {address[0]!r}: expected loopback; use 127.0.0.1")


sys.addaudithook(_watch_servers)


# Of two processes one begins with the first half of this list and the other with the second (pytest-xdist gives each
# half of the tests, and to who is done first some of the other's last ones), so that neither compiles what the other
# compiles at the same time: the kernels that make data on one side; theory, networks and fits on the other. What asks
# everything of everything, the tests in no folder, comes last, when all is compiled.
ORDER = ("random", "trees", "families", "catalogue", "cli", "datasets", "generation", "docs", "scripts", "report",
         "theory", "learners", "measure", "studies", "experiments", "prediction")  # fmt: skip


def place(item: pytest.Item) -> int:
    """Return where a test's folder stands in the order; those of the folder tests/ and of new ones come last."""
    folder = item.path.parent.name
    return ORDER.index(folder) if folder in ORDER else len(ORDER)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Two tiers: what is run at every change in minutes, and all that .ci/run runs before one lands."""
    parser.addoption("--all", action="store_true", help="also the tests marked slow, as .ci/run does")


def case(item: pytest.Item) -> str:
    """Return the name of a test's parameters, "" for a test without."""
    return str(item.callspec.id) if hasattr(item, "callspec") else ""


def is_slow(item: pytest.Item) -> bool:
    """Whether a test, or this case of it, waits for --all: ``only`` these cases, or all ``but`` these."""
    mark = item.get_closest_marker("slow")
    if mark is None:
        return False
    return case(item) in mark.kwargs["only"] if "only" in mark.kwargs else case(item) not in mark.kwargs.get("but", ())


def strangers(items: list[pytest.Item]) -> list[str]:
    """Return the cases that a mark names and that its test no longer has."""
    kept: dict[str, set[str]] = {}
    for item in items:
        mark = item.get_closest_marker("slow")
        if mark is not None:
            name = item.nodeid.partition("[")[0]
            named = {*mark.kwargs.get("but", ()), *mark.kwargs.get("only", ())}
            kept[name] = kept.get(name, named) - {case(item)}
    return [f"{name}[{left}]" for name, cases in kept.items() for left in sorted(cases)]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the tests in order; mark every comparison of a kernel with its slow reference: CI runs these three times.

    Tests marked slow are left to --all, unless they are asked for: by the mark, or one by one.
    """
    items.sort(key=place)
    for item in items:
        if "reference" in getattr(item, "originalname", item.name):
            item.add_marker(pytest.mark.reference)
    if any("::" in word for word in config.args):
        return
    if gone := strangers(items):
        raise pytest.UsageError(f"expected these cases, which marks of slow tests name: {', '.join(gone)}")
    if not config.getoption("--all") and "slow" not in config.option.markexpr:
        slow = [item for item in items if is_slow(item)]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not is_slow(item)]


def pytest_configure(config: pytest.Config) -> None:
    """Keep what is compiled beside pytest's own cache: sessions, both processes and those that tests start share it.

    A kernel is found by the text that it was made of and the compiler's settings (tests/test_kernel_sources.py), a
    network's program by JAX's own digest of it: the same programs as compiled anew, so no bit of a result moves.
    """
    if not config.getoption("--all"):
        sampled.limit = sampled.FAST  # of tests that say how many, too
        parent = hypothesis.settings.get_profile(PROFILE)
        hypothesis.settings.register_profile("fast", parent, max_examples=sampled.FAST)
        hypothesis.settings.load_profile("fast")
    kept = getattr(config, "cache", None)
    folder = os.environ.get("FRACTALMAN_CACHE", "")
    if not folder and kept is not None:
        with contextlib.suppress(OSError):
            folder = str(kept.mkdir("compiled"))
    if not folder:
        folder = tempfile.mkdtemp(prefix="fractalman-tests-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["FRACTALMAN_CACHE"] = folder
    # Python's own: else the tests' modules, and those of the package in every process that a test starts, are compiled
    # anew each time.
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if folder.lower() not in {"0", "off", "no"}:
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(folder) / "jax"))
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


def pytest_collection_finish() -> None:
    """Leave what was collected out of garbage collections, and have few of them: they took a thirtieth of the time."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Note when the tests began."""
    session.config.stash[BEGUN] = time.monotonic()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Keep how long all tests of a tier took, for scripts/test to say so the next time."""
    config = session.config
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not (
        config.option.keyword or config.option.markexpr or config.option.collectonly or config.option.maxfail
    )
    if whole and not hasattr(config, "workerinput") and getattr(config, "cache", None) is not None:
        tier = "all" if config.getoption("--all") else "fast"
        config.cache.set(f"fractalman/seconds-{tier}", time.monotonic() - config.stash[BEGUN])  # type: ignore[union-attr]


@pytest.fixture
def repository() -> Path:
    """The root of the clone that is being tested."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture
def sketched() -> Iterator[None]:
    """Let no figure be rendered: for tests about what stands around them (tests/helpers/sketches.py)."""
    pytest.importorskip("matplotlib")
    import sketches

    with sketches.sketched():
        yield


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    """Close what a test drew: with twenty figures open matplotlib warns, whichever tests a worker had before."""
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")
