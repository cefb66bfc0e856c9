#!/usr/bin/env bash
# threadpoolctl 3.8.0: a limit that one thread has set keeps every other thread from setting one, silently, until it ends.
#
# NumPy and SciPy come with OpenBLAS whose number of threads is the process's. Up to 3.7.0 any thread could set it. In
# 3.8.0 the first thread that sets one owns the number from then on: limit(limits=1) in another thread returns as ever,
# and matrix products there go on with all threads. A `with` block gives the number back at its end; a call without one
# (`limit()` or `threadpool_limits()` as a function, then `restore_original_limits()`, both documented) never does, also
# not after everything was restored: only the end of that thread, or OpenBLASController.clear_controlling_thread(), does.
# A program that counts its own users of a limit, and whose first and last user are different threads, then runs without.
# Nothing in the returned object says so; info() of the same controller does.
# Seen on 2026-11-30. Installs pinned packages into a temporary folder, and fails when the behaviour has changed.
set -euo pipefail
command -v python3.11 > /dev/null || { echo "expected python3.11 on the path"; exit 2; }
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/env"
for version in 3.7.0 3.8.0; do
    "$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check "threadpoolctl==$version" 'numpy==2.4.6'
    OPENBLAS_NUM_THREADS=2 "$folder/env/bin/python" - <<'PYTHON'
import threading
from importlib.metadata import version

import numpy  # noqa: F401  (brings OpenBLAS)
import threadpoolctl

blas = threadpoolctl.ThreadpoolController().select(internal_api="openblas")
(kind,) = {library["threading_layer"] for library in blas.info()}
assert kind == "pthreads", kind


def number():
    return max(library["num_threads"] for library in blas.info())


def elsewhere():
    """Set a limit of 1 in a thread of its own and return what holds there."""
    seen = []

    def work():
        limit = blas.limit(limits=1)
        seen.append(number())
        limit.restore_original_limits()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return seen[0]


name, start = f"threadpoolctl {version('threadpoolctl')}", number()
assert start == 2, start
found = {"before anything was set": elsewhere()}
blas.limit(limits=1).restore_original_limits()
assert number() == 2  # the main thread has set a limit, and taken it back
found["after the main thread has set a limit and taken it back"] = elsewhere()
clear = getattr(threadpoolctl.OpenBLASController, "clear_controlling_thread", lambda: None)
clear()
found["after the main thread has let go"] = elsewhere()
with blas.limit(limits=1):
    pass
found["after a with block of the main thread"] = elsewhere()
for when, threads in found.items():
    print(f"{name}: a limit of 1 set in another thread {when}: {threads} of {start} threads")
silent = version("threadpoolctl") == "3.8.0"
assert list(found.values()) == [1, 2 if silent else 1, 1, 1], found
PYTHON
done
