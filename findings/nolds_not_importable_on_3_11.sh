#!/usr/bin/env bash
# nolds 0.6.3 installs on Python 3.11 and cannot be imported there; on 3.12 and later it can.
#
# Its metadata ask for no version of Python. At import it loads a data file by naming its own module, not a package, to
# importlib.resources, which takes that from 3.12 on only. Whoever pins nolds for Hurst exponents has no Python 3.11.
# Seen on 2026-11-28. Installs pinned packages into a temporary folder, and fails when the behaviour has changed.
set -euo pipefail
command -v python3.11 > /dev/null || { echo "expected python3.11 on the path"; exit 2; }
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check 'nolds==0.6.3' 'numpy==2.4.6'
"$folder/env/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import metadata

wanted = metadata("nolds").get("Requires-Python")
try:
    import nolds  # noqa: F401

    found = "imported"
except TypeError as error:
    found = f"TypeError: {error}"
print(f"nolds 0.6.3 on Python 3.11, Requires-Python {wanted}: {found}")
assert wanted is None and found.startswith("TypeError")
PYTHON
