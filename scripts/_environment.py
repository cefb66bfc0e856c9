"""Makes and keeps the environment in .venv that scripts/run and scripts/test start in. Standard library only.

python3 scripts/_environment.py            make or mend .venv for the tests and print its interpreter
python3 scripts/_environment.py --pythons  print the interpreters that were found, oldest first

Parsed by whatever `python3` is, so nothing here needs a newer Python than 3.6 until `main_python` has found one.
"""

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

OLDEST = (3, 11)
NEWER = ((3, 14), (3, 13), (3, 12), (3, 11))
ROOT = Path(__file__).resolve().parent.parent
RUN, TEST = "learners,plots", "dev"  # what scripts/run needs, and what everything needs: RUN is part of TEST
DOWNLOADS = {
    RUN: ("numpy, numba, scipy, h5py, jax, scikit-learn, matplotlib and what they need", 240),
    TEST: ("all extras but torch, and the tools of the tests", 340),
}  # extras -> what they are, and how many MB


def say(text):
    """Print one line for the person who is waiting."""
    print("fractalman: " + text, file=sys.stderr, flush=True)


def stop(text, status=2):
    """End with one line that says what was found and what to type; 2: cannot be met here, 3: failed half-way."""
    say(text)
    sys.exit(status)


class Heard:
    """What a command that is at work has printed so far, put into a few words."""

    def __init__(self, total=0):
        self.doing, self.fetched, self.total, self.packages = "", 0.0, total, 0

    def line(self, text):
        """Take one line of pip's output; lines that say nothing of how far it is are passed over."""
        words = text.split()
        size = re.search(r"\(([\d.]+) (kB|MB|GB)\)\s*$", text)
        if words[:1] == ["Collecting"] and len(words) > 1:
            self.doing = "looking for " + re.split(r"[\[<>=!~;( ]", words[1])[0]
        elif size and (words[0] == "Downloading" or words[:2] == ["Using", "cached"]) and ".metadata" not in text:
            self.fetched += float(size.group(1)) * {"kB": 1e-3, "MB": 1.0, "GB": 1e3}[size.group(2)]
            self.doing = words[-3].rpartition("/")[2].split("-")[0]
        elif words[:2] == ["Installing", "build"]:
            self.doing = "what builds this package"
        elif words[:2] == ["Installing", "collected"]:
            self.packages = text.count(",") + 1
            self.doing = f"unpacking {self.packages} packages"

    def words(self, seconds):
        """Return how long it has been at work, how much came of how much, and what is at hand."""
        parts = [f"{seconds:.0f} s"]
        if self.total and not self.packages and self.fetched:
            parts.append(f"{self.fetched:.0f} of about {max(self.fetched, self.total):.0f} MB")
        return ", ".join(parts + [self.doing] * bool(self.doing))


def call(command, what, heard):
    """Run a command and return its status; every two seconds a line says what is at work, in a terminal in place."""
    begun = time.time()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, universal_newlines=True)

    def listen():
        for line in process.stdout:
            heard.line(line)

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    in_place, width = sys.stderr.isatty(), 0
    try:
        while True:
            try:
                return process.wait(timeout=0.5 if in_place else 2.0)
            except subprocess.TimeoutExpired:
                text = f"fractalman: {what}: {heard.words(time.time() - begun)}"
                if in_place:
                    text = text[: shutil.get_terminal_size().columns - 1]
                sys.stderr.write("\r" + text.ljust(width) if in_place else text + "\n")
                sys.stderr.flush()
                width = len(text)
    except BaseException:
        process.kill()
        process.wait()
        raise
    finally:
        listener.join(2.0)  # what a child of the command holds open is left to the end of this program
        if not listener.is_alive():
            process.stdout.close()
        if in_place and width:
            sys.stderr.write("\r" + " " * width + "\r")
            sys.stderr.flush()


# ---------------------------------------------------------------------------------------------------- which Python


def search_path():
    """Return the folders that may hold interpreters: PATH, then where pyenv and uv keep theirs."""
    folders = os.environ.get("PATH", "").split(os.pathsep)
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 (Path.home raises without a home)
    pyenv = Path(os.environ.get("PYENV_ROOT") or home / ".pyenv")
    for versions in (pyenv / "versions", home / ".local" / "share" / "uv" / "python"):
        folders += [str(folder) for folder in sorted(versions.glob("*/bin"), reverse=True)]
    return folders


def works(path, version):
    """Tell whether an interpreter really starts, is of that version and can make environments."""
    code = "import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != {!r})".format(version)  # noqa: UP032 (old Python)
    quiet = subprocess.DEVNULL
    try:
        return subprocess.call([path, "-c", code], stdin=quiet, stdout=quiet, stderr=quiet) == 0
    except OSError:
        return False


def pythons():
    """Yield the path of one interpreter of each version, newest first; shims that do not start are passed over."""
    folders = search_path()
    for version in NEWER:
        for folder in folders:
            path = shutil.which("python{}.{}".format(*version), path=folder) if folder else None
            if path is not None and works(path, version):
                yield path
                break


def main_python():
    """Start the same command again under a newer Python if this one is too old."""
    if sys.version_info >= OLDEST:
        return
    path = next(pythons(), None)
    if path is None:
        found = "{}.{}".format(*sys.version_info[:2])
        stop("found Python " + found + ", needed is 3.11 or newer; install one, e.g. type: apt install python3.11-venv")
    os.execv(path, [path, *sys.argv])


# ---------------------------------------------------------------------------------------------------- the environment


def environment_python(folder):
    """Return the path of the environment's interpreter."""
    return folder / "Scripts" / "python.exe" if os.name == "nt" else folder / "bin" / "python"


def fingerprint(root, extras):
    """Return what the environment depends on: a change of the first two needs a new one, of the others an update."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "constraints.txt"):
        digest.update((root / name).read_bytes() + b"\0")
    for line in (root / "fractalman" / "_version.py").read_text(encoding="utf-8").splitlines():
        if line.startswith("__version__"):
            digest.update(line.encode())
    return {"python": sys.version, "clone": str(root), "requirements": digest.hexdigest(), "extras": extras}


def enough(stamp, wanted):
    """Tell whether a finished environment serves; one for the tests serves a run, too."""
    return stamp in (wanted, dict(wanted, extras=TEST))


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
    if call([sys.executable, "-m", "venv", str(folder)], "making .venv", Heard()) != 0:
        stop("making the environment .venv failed, see above; run the same command to try again", status=3)


def install(root, folder, extras):
    """Install this clone, editable, with the exact versions of constraints.txt."""
    what, size = DOWNLOADS[extras]
    say(f"downloading what is not in pip's cache of {what}: about {size} MB")
    command = [str(environment_python(folder)), "-m", "pip", "install", "--no-input", "--progress-bar", "off"]
    command += ["--disable-pip-version-check", "-c", str(root / "constraints.txt")]
    command += ["-e", str(root) + "[" + extras + "]"]
    if call(command, "installing", Heard(size)) != 0:
        stop("installing into .venv failed, see above; run the same command to try again", status=3)


def ensure(root=ROOT, extras=TEST):
    """Return the interpreter of a finished environment in ``root``/.venv, making or mending it first."""
    folder = root / ".venv"
    ours, stamp = folder / "made-by-fractalman-scripts", folder / "fractalman-stamp.json"
    python = environment_python(folder)
    wanted = fingerprint(root, extras)
    if enough(read_stamp(stamp), wanted) and python.exists():
        return python
    with alone(root):
        found = read_stamp(stamp)
        if enough(found, wanted) and python.exists():  # another start finished it meanwhile
            return python
        if found is not None and found.get("extras") == TEST:  # what is there already stays and is updated
            wanted["extras"] = TEST
        if folder.exists() and not ours.exists():  # somebody's own: used, never deleted
            if not python.exists():
                stop(".venv holds no Python and was not made by this script; move it away, then run the same command")
            say("installing into the .venv that is already here")
        elif found is None or any(found.get(k) != wanted[k] for k in ("python", "clone")) or not python.exists():
            say("making .venv (about a minute, once)")
            make(folder, ours)
        else:
            say("the requirements changed or more is needed: updating .venv")
        if stamp.exists():
            stamp.unlink()
        install(root, folder, wanted["extras"])
        stamp.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")
    return python


def start(extras, *arguments):
    """Replace this process by the environment's Python with ``arguments``."""
    python = str(ensure(extras=extras))
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
    if sys.argv[1:] == ["--pythons"]:
        for path in reversed(list(pythons())):
            print(path)
    else:
        guarded(lambda: print(ensure()))
