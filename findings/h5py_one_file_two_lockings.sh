#!/usr/bin/env bash
# h5py 3.16 (HDF5 2.0): a file that is open with locking=False cannot be opened a second time without it, in one process.
#
# Both are readers, of one file, in one process; the second open is an OSError about flag values. A library that turns
# locking off for network file systems and a script that does not cannot read one dataset at the same time. With the
# same setting twice it works, and so it does after the first is closed.
# Seen on 2026-11-28. Installs pinned packages into a temporary folder, and fails when the behaviour has changed.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check 'h5py==3.16.0' 'numpy==2.4.6'
FILE="$folder/a.h5" "$folder/env/bin/python" - <<'PYTHON'
import os

import h5py

path, found = os.environ["FILE"], {}
with h5py.File(path, "w") as file:
    file["x"] = [1.0, 2.0]


def second(first, other):
    with h5py.File(path, "r", **first):
        try:
            with h5py.File(path, "r", **other):
                return "opened"
        except OSError as error:
            return f"OSError: {str(error)[-60:]}"


off = {"locking": False}
found = {"off, off": second(off, off), "off, default": second(off, {}), "default, default": second({}, {})}
print(f"h5py {h5py.__version__}, HDF5 {h5py.version.hdf5_version}: {found}")
assert found["off, off"] == found["default, default"] == "opened" and found["off, default"].startswith("OSError")
PYTHON
