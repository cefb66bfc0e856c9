"""Packages that need another numpy than ours: asked in a Python of their own, named by an environment variable.

    python3.11 -m venv dadapy-env && dadapy-env/bin/pip install dadapy==0.3.4
    REFEREE_DADAPY=dadapy-env/bin/python .venv/bin/python scripts/referee dimension -o referee-runs

One process a package answers as long as it is asked: points go in as .npy, a line of JSON comes back. One that ends
without an answer is a failure of the method asked, and the next is asked of a new one.
"""

from __future__ import annotations

import atexit
import io
import json
import os
import subprocess
from functools import cache
from typing import Any

import numpy as np

PYTHONS = {"dadapy": "REFEREE_DADAPY"}
_ANSWERS = """
import io, json, sys, time, contextlib
import numpy as np
from dadapy import Data
while size := sys.stdin.buffer.read(8):
    method, points = json.loads(sys.stdin.buffer.readline()), np.load(io.BytesIO(sys.stdin.buffer.read(int(size, 16))))
    begun = time.process_time()
    try:
        with contextlib.redirect_stdout(sys.stderr):
            data = Data(points)
            data.compute_distances(maxk=min(100, len(points) - 1))
            if method == "2NN":
                value, error, _ = data.compute_id_2NN()
            else:
                values, errors, _ = data.return_id_scaling_gride(range_max=64)
                value, error = values[-1], errors[-1]
        said = {"value": float(value), "error": float(error)}
    except Exception as error:
        said = {"raised": f"{type(error).__name__}: {error}"}
    print(json.dumps(said | {"seconds": time.process_time() - begun}), flush=True)
"""


@cache
def version_elsewhere(package: str) -> str:
    """Return the version of a package in its own environment, "absent" where none is named."""
    python = os.environ.get(PYTHONS.get(package, ""), "")
    if not python:
        return "absent"
    asked = f"from importlib.metadata import version; print(version({package!r}))"
    return subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True).stdout.strip()


@cache
def _process(package: str) -> subprocess.Popen[bytes]:
    python = os.environ[PYTHONS[package]]
    started = subprocess.Popen(
        [python, "-W", "ignore", "-c", _ANSWERS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    atexit.register(started.kill)
    return started


def asked(package: str, method: str, points: np.ndarray) -> dict[str, Any]:
    """Return what a package says of points: value, error (0 where it has none) and seconds, or what it raised."""
    process, held = _process(package), io.BytesIO()
    np.save(held, points)
    raw = held.getvalue()
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the other process has no pipes")
    try:
        process.stdin.write(f"{len(raw):08x}".encode() + json.dumps(method).encode() + b"\n" + raw)
        process.stdin.flush()
        line = process.stdout.readline()
    except BrokenPipeError:
        line = b""
    if not line:
        _process.cache_clear()
        process.stdout.close()
        raise RuntimeError(f"the process of {package} ended with status {process.wait()}")
    return dict(json.loads(line))
