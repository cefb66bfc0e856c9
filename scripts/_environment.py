"""Makes and keeps the environment in .venv that scripts/run and scripts/test start in. Standard library only.

Parsed by whatever `python3` is, so nothing here needs a newer Python than 3.6 until `main_python` has found one.
"""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

OLDEST = (3, 11)
NEWER = ("python3.14", "python3.13", "python3.12", "python3.11")
ROOT = Path(__file__).resolve().parent.parent
EXTRAS = "dev"


def say(text):
    """Print one line for the person who is waiting."""
    print("fractalman: " + text, file=sys.stderr, flush=True)


def stop(text, status=2):
    """End with one line that says what was found and what to type; 2: cannot be met here, 3: failed half-way."""
    say(text)
    sys.exit(status)


# ---------------------------------------------------------------------------------------------------- which Python


def newer_python():
    """Return the path of a Python that is new enough and really starts, or None."""
    for name in NEWER:
        path = shutil.which(name)
        if path is None:
            continue
        code = "import sys; sys.exit(0 if sys.version_info >= {!r} else 1)".format(OLDEST)  # noqa: UP032 (old Python)
        quiet = subprocess.DEVNULL
        try:
            if subprocess.call([path, "-c", code], stdin=quiet, stdout=quiet, stderr=quiet) == 0:
                return path
        except OSError:
            continue
    return None


def main_python():
    """Start the same command again under a newer Python if this one is too old."""
    if sys.version_info >= OLDEST:
        return
    path = newer_python()
    if path is None:
        found = "{}.{}".format(*sys.version_info[:2])
        stop("found Python " + found + ", needed is 3.11 or newer; install one, e.g. type: apt install python3.11-venv")
    os.execv(path, [path, *sys.argv])


# ---------------------------------------------------------------------------------------------------- the environment


def environment_python(folder):
    """Return the path of the environment's interpreter."""
    return folder / "Scripts" / "python.exe" if os.name == "nt" else folder / "bin" / "python"


def fingerprint(root):
    """Return what the environment depends on: a change of the first two needs a new one, of the third an update."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "constraints.txt"):
        digest.update((root / name).read_bytes() + b"\0")
    for line in (root / "fractalman" / "__init__.py").read_text(encoding="utf-8").splitlines():
        if line.startswith("__version__"):
            digest.update(line.encode())
    return {"python": sys.version, "clone": str(root), "requirements": digest.hexdigest(), "extras": EXTRAS}


def read_stamp(path):
    """Return the stamp of a finished environment, or None."""
    try:
        stamp = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return stamp if isinstance(stamp, dict) else None


@contextmanager
def alone(root):
    """Let one script at a time work on the environment of one clone."""
    try:
        import fcntl
    except ImportError:  # not on this platform
        yield
        return
    handle = os.open(str(root), os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("another start is preparing .venv: waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def make(folder, ours):
    """Make an empty environment; the mark goes in first, so that a half-made one is known as ours."""
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        package = "python{}.{}-venv".format(*sys.version_info[:2])
        stop("this Python has no ensurepip, which .venv needs; on Debian or Ubuntu type: apt install " + package)
    shutil.rmtree(str(folder), ignore_errors=True)
    folder.mkdir()
    ours.write_text("made by scripts/_environment.py, which may delete and remake this folder\n", encoding="utf-8")
    if subprocess.call([sys.executable, "-m", "venv", str(folder)], stdin=subprocess.DEVNULL) != 0:
        stop("making the environment .venv failed, see above; type the same command to try again", status=3)


def install(root, folder):
    """Install this clone, editable, with the exact versions of constraints.txt."""
    command = [str(environment_python(folder)), "-m", "pip", "install", "-qq", "--no-input"]
    command += ["--disable-pip-version-check", "-c", str(root / "constraints.txt")]
    command += ["-e", str(root) + "[" + EXTRAS + "]"]
    if subprocess.call(command, stdin=subprocess.DEVNULL) != 0:
        stop("installing into .venv failed, see above; type the same command to try again", status=3)


def ensure(root=ROOT):
    """Return the interpreter of a finished environment in ``root``/.venv, making or mending it first."""
    folder = root / ".venv"
    ours, stamp = folder / "made-by-fractalman-scripts", folder / "fractalman-stamp.json"
    python = environment_python(folder)
    wanted = fingerprint(root)
    if read_stamp(stamp) == wanted and python.exists():
        return python
    with alone(root):
        found = read_stamp(stamp)
        if found == wanted and python.exists():  # another start finished it meanwhile
            return python
        if folder.exists() and not ours.exists():  # somebody's own: used, never deleted
            if not python.exists():
                stop(".venv holds no Python and was not made by this script; move it away, then type the same command")
            say("installing into the .venv that is already here")
        elif found is None or any(found.get(k) != wanted[k] for k in ("python", "clone")) or not python.exists():
            say("making .venv with everything that is needed (about a minute, once)")
            make(folder, ours)
        else:
            say("the requirements changed: updating .venv")
        if stamp.exists():
            stamp.unlink()
        install(root, folder)
        stamp.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")
    return python


def start(*arguments):
    """Replace this process by the environment's Python with ``arguments``."""
    python = str(ensure())
    sys.stdout.flush()
    if os.name == "nt":
        sys.exit(subprocess.call([python, *arguments]))
    os.execv(python, [python, *arguments])


def guarded(work):
    """Run ``work`` under a Python that is new enough; Ctrl-C ends with 130 and without a traceback."""
    try:
        main_python()
        work()
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(130)


if __name__ == "__main__":
    guarded(lambda: print(ensure()))
