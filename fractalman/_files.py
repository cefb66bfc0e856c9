"""Files that are whole or not there: written beside their target, forced to the disk, renamed.

A file is written as ``.NAME.<hex>.partial`` beside its target and renamed when it is complete, so a name that does not
end in ``.partial`` never holds half a file. Whoever writes a partial file holds a lock on it; a partial file without
its writer is what a killed run left (`_leftovers.py`).
"""

from __future__ import annotations

import contextlib
import difflib
import errno
import hashlib
import itertools
import os
import re
import shutil
import stat
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from fractalman.errors import FileFormatError, RecipeError

fcntl: Any
try:
    import fcntl
except ImportError:  # no such locks on this platform: age alone tells
    fcntl = None

SUFFIX = ".partial"
MOST_NAME_BYTES = 255
"""Of one name in a path, on every usual file system."""


# ---------------------------------------------------------------------------------------------------- input


def at_home(path: str) -> str:
    """Return a path with the home folder in the place of "~" at its beginning, as a shell does for "~/data.h5".

    In TOML, in Python and behind the "=" of an option no shell sees it. Of other people's homes, and files whose names
    begin so ("~data.h5"), nothing changes; "./~/data.h5" lies in a folder of that name.

    Examples
    --------
    >>> at_home("~/data.h5") == os.path.join(os.path.expanduser("~"), "data.h5"), at_home("~data.h5")
    (True, '~data.h5')
    """
    return os.path.expanduser(path) if path == "~" or path.startswith(("~/", f"~{os.sep}")) else path  # noqa: PTH111


def as_path(path: str | os.PathLike[str], what: str = "a file") -> Path:
    """Return ``path`` as one, "~" expanded; RecipeError for what no path can be made of."""
    try:
        found = Path(at_home(os.fspath(Path(path))))
    except TypeError:
        raise RecipeError(f"found {type(path).__name__}: expected text or a path; use the path of {what}") from None
    try:
        unusable = b"\0" in os.fsencode(found)
    except ValueError:
        unusable = True
    if unusable:
        raise RecipeError(f"{str(found)[:80]!r} is no path: use another file name")
    longest = max((len(os.fsencode(part)) for part in found.parts), default=0)
    if longest > MOST_NAME_BYTES:
        raise RecipeError(
            f"{str(found)[:40]!r}… is no path: a name in it has {longest} bytes, expected {MOST_NAME_BYTES} at most; "
            "use a shorter file name"
        )
    return found


def refuse_source(target: str | os.PathLike[str], source: object) -> None:
    """Refuse to write what is made of a file over that file, which would be lost.

    Parameters
    ----------
    target : str or path
        What is to be written.
    source : object
        What it is made of; anything that is no path, or an open file's object with ``path``, is none.

    Raises
    ------
    RecipeError
        Where both are one file, under whatever names.
    """
    found, same = getattr(source, "path", source), False
    if isinstance(found, str | os.PathLike) and isinstance(target, str | os.PathLike):
        with contextlib.suppress(OSError, ValueError):
            same = Path(found).samefile(target)
    if same:
        raise RecipeError(f"{os.fspath(target)} is the file that is read: expected another one; use another name")


_OTHER_DATA = (
    ".npy", ".npz", ".csv", ".tsv", ".txt", ".dat", ".json", ".jsonl", ".parquet", ".feather", ".xlsx", ".h5ad",
    ".zarr", ".mat", ".pkl", ".pickle", ".pt", ".pth", ".safetensors",
)  # fmt: skip


OWN_DATA = (
    "points of your own are read by fractalman measure, study-data and predict --data, losses by measure --scaling, in "
    "Python both by fm.measure"
)
"""What reads other people's files, for messages of what does not."""


def other_data(path: str | os.PathLike[str]) -> str:
    """Return the ending of a path that says that it holds data of another kind than ours; "" for any other path.

    Examples
    --------
    >>> other_data("points.NPY"), other_data("losses.csv.gz"), other_data("cluster.h5")
    ('.npy', '.csv', '')
    """
    name = Path(path)
    if name.suffix.lower() in (".gz", ".bz2", ".xz"):
        name = name.with_suffix("")
    ending = name.suffix.lower()
    return ending if ending in _OTHER_DATA else ""


_MOST_SIBLINGS = 2000


def nearby(path: str | os.PathLike[str]) -> str:
    """Return "; did you mean 'x'?" for the file beside a path that is not there whose name is nearly its name.

    Examples
    --------
    >>> Path("recipe.toml").touch()
    >>> nearby("recipes.tml"), nearby("nothing.like")
    ("; did you mean 'recipe.toml'?", '')
    """
    try:
        missing = Path(path)
        with os.scandir(missing.parent) as entries:
            siblings = (entry.name for entry in itertools.islice(entries, _MOST_SIBLINGS))
            names = [name for name in siblings if name[:1] != "." and name != missing.name]  # which a dead link has
    except (OSError, ValueError):
        return ""
    found = difflib.get_close_matches(missing.name[:MOST_NAME_BYTES], names, n=1, cutoff=0.75)
    return f"; did you mean {str(missing.with_name(found[0]))!r}?" if found else ""


def ordinary_file(path: str | os.PathLike[str], what: str = "a file") -> Path:
    """Return ``path`` if it is an ordinary file that may be read, without opening it: a pipe would wait for ever.

    Parameters
    ----------
    path : str or path
        Links are followed.
    what : str
        What is expected, for messages.

    Returns
    -------
    Path
        The path as it was given.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, PermissionError
        In one line each; OSError for a loop of links, FileFormatError for a pipe, socket or device.
    """
    found = as_path(path, what)
    try:
        mode = found.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        dangling = " (a link to nothing)" if found.is_symlink() else ""
        raise FileNotFoundError(f"{path} does not exist{dangling}: use the path of {what}{nearby(path)}") from None
    except PermissionError:
        raise PermissionError(f"{path} is in a folder that cannot be read: use the path of {what}") from None
    except ValueError:
        raise FileNotFoundError(f"{str(path)[:80]!r} is no path: use the path of {what}") from None
    except OSError as error:  # a loop of links, a name that is too long
        raise OSError(error.errno, f"{path}: {error.strerror}: use the path of {what}") from None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(f"{path} is a directory: use the path of {what}")
    if not stat.S_ISREG(mode):
        raise FileFormatError(f"{path} is not an ordinary file but {_kind(mode)}: use the path of {what}")
    if not os.access(found, os.R_OK):
        raise PermissionError(f"{path} is not readable: change its permissions or use another path")
    return found


def digest_of_bytes(path: str | os.PathLike[str], what: str = "a file") -> str:
    """Return the SHA-256 of a file's bytes; of a folder, as Zarr's, that of its files' names and bytes in their order.

    Parameters
    ----------
    path : str or path
        A file or a folder.
    what : str
        What is expected, for messages.

    Raises
    ------
    OSError, FileFormatError
        As `ordinary_file`, of any file in it.
    """
    found = as_path(path, what)
    if not found.is_dir():
        with ordinary_file(found, what).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    whole = hashlib.sha256()
    for file in sorted(entry for entry in found.rglob("*") if not entry.is_dir()):
        whole.update(f"{file.relative_to(found).as_posix()} {digest_of_bytes(file, what)}\n".encode())
    return whole.hexdigest()


def size_on_disk(entry: Path) -> int:
    """Return the bytes of a file, or of all files in a folder, without following links."""
    inside = entry.rglob("*") if entry.is_dir() and not entry.is_symlink() else (entry,)
    total = 0
    for file in inside:
        with contextlib.suppress(OSError):  # gone meanwhile
            state = file.lstat()
            total += state.st_size if stat.S_ISREG(state.st_mode) else 0
    return total


def _kind(mode: int) -> str:
    kinds = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}
    return kinds.get(stat.S_IFMT(mode), "something else")


# ---------------------------------------------------------------------------------------------------- output


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def full_disk_named(path: Path, written: Iterable[Path] = (), needed: int | None = None) -> Iterator[None]:
    """Name the target, and bytes, in the error of a disk, quota or limit of file size that is full within the block.

    Parameters
    ----------
    path : Path
        What people asked for.
    written : iterable of Path, default ()
        What holds its bytes meanwhile.
    needed : int or None, default None
        Bytes of the whole, where they are known.

    Raises
    ------
    OSError
        Of the same number, with the target as its file.

    Examples
    --------
    >>> with full_disk_named(Path("a.html"), needed=70_000):
    ...     raise OSError(errno.EFBIG, "File too large")
    Traceback (most recent call last):
    OSError: [Errno 27] File too large: 70,000 bytes are needed, a file may not grow so far (ulimit -f): 'a.html'
    """
    try:
        yield
    except OSError as error:
        number = _full_disk(error)
        if number is None:
            raise
        plain, said = os.strerror(number), error.strerror or ""
        if said == plain or not said.startswith(plain):  # else who knew more has said it
            done = sum(map(size_on_disk, written))
            size = f"{done:,} bytes were written" if needed is None else f"{needed:,} bytes are needed"
            said = f"{plain}: {size}, {_room(path, number)}"
        raise OSError(number, said, str(path)) from None


def _full_disk(error: OSError) -> int | None:
    """The number of an error that says that nothing more fits; libraries say it in their text alone."""
    found = re.search(r"errno(?: =)? (\d+)", str(error), re.IGNORECASE)
    number = error.errno or (int(found[1]) if found else None)
    return number if number in _FULL else None


def _room(path: Path, number: int) -> str:
    if number == errno.EFBIG:
        return "a file may not grow so far (ulimit -f)"
    try:
        free = shutil.disk_usage(path.parent).free
    except OSError:
        return "and no space is left for more"
    return f"{free:,} are free"


def partial_path(path: Path) -> Path:
    """Return a fresh name for the unfinished form of ``path``, beside it and within 255 bytes."""
    return path.with_name(f".{written_stem(path.name)}.{uuid.uuid4().hex}{SUFFIX}")


def written_stem(name: str) -> str:
    """The target's name, shortened where the partial name would become too long for the file system."""
    longest = MOST_NAME_BYTES - len(f"..{'0' * 32}{SUFFIX}")
    coded = os.fsencode(name)
    if len(coded) <= longest:
        return name
    digest = hashlib.blake2b(coded, digest_size=8).hexdigest()
    return f"{coded[: longest - 17].decode('utf-8', 'ignore')}-{digest}"


@contextlib.contextmanager
def replacing(path: Path, overwrite: bool = True, needed: int | None = None) -> Iterator[Path]:
    """Yield the name of a partial file; after the block it becomes ``path`` at once, after an exception it is gone.

    Parameters
    ----------
    path : Path
        The target; untouched until the block is over.
    overwrite : bool
        Replace an existing file; else FileExistsError, also when another run was faster.
    needed : int or None
        Bytes that will be written, where they are known.

    Yields
    ------
    Path
        Where the block writes; it must have forced its bytes to the disk.
    """
    partial = partial_path(path)
    try:
        with full_disk_named(path, [partial], needed):
            yield partial
            take_place(partial, path, overwrite)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
    sync_folder(path.parent)


def take_place(partial: Path, path: Path, overwrite: bool) -> None:
    """Give a complete partial file its name, at once; FileExistsError where one is there that may not be replaced."""
    if overwrite:
        os.replace(partial, path)  # noqa: PTH105 (the plain call: nothing between the old file and the new one)
    else:
        _link_without_overwriting(partial, path)


@contextlib.contextmanager
def writing(path: Path, overwrite: bool = True, needed: int | None = None) -> Iterator[IO[bytes]]:
    """Yield a binary stream whose bytes become ``path`` at once when the block is over, on the disk by then.

    Parameters
    ----------
    path : Path
        The target; untouched until the block is over, and for good after an exception.
    overwrite, needed
        As in `replacing`.

    Yields
    ------
    IO[bytes]
        Open for writing.
    """
    with replacing(path, overwrite, needed) as partial, partial.open("xb") as stream:
        lock(stream.fileno())
        yield stream
        stream.flush()
        os.fsync(stream.fileno())


def write_whole(path: Path, content: str | bytes) -> Path:
    """Write ``content`` (text as UTF-8) so that ``path`` is always whole, the old content or the new; return it."""
    coded = content.encode("utf-8") if isinstance(content, str) else content
    with writing(path, needed=len(coded)) as stream:
        stream.write(coded)
    return path


@contextlib.contextmanager
def filling(folder: Path) -> Iterator[None]:
    """Make a folder, and mark it as being filled by this process until the block is over, under whatever name."""
    folder.mkdir()
    with _marked(folder, must=False):
        yield


@contextlib.contextmanager
def taken_over(folder: Path) -> Iterator[None]:
    """Mark a folder that a writer left as being filled by this process; OSError where it is gone or being filled."""
    with _marked(folder, must=True):
        yield


@contextlib.contextmanager
def _marked(folder: Path, must: bool) -> Iterator[None]:
    """Hold a folder's lock; ``must``: OSError where another process has it."""
    if must and not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder))
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # folders cannot be opened on this platform
        yield
        return
    try:
        if not lock(descriptor) and must:
            raise BlockingIOError(errno.EWOULDBLOCK, os.strerror(errno.EWOULDBLOCK), str(folder))
        yield
    finally:
        os.close(descriptor)


def replace_folder(new: Path, old: Path) -> None:
    """Put folder ``new`` in the place of ``old``, which is kept until that is done and put back if it fails."""
    if not old.exists():
        new.rename(old)
        return
    aside = partial_path(old)
    old.rename(aside)
    try:
        new.rename(old)
    except BaseException:
        aside.rename(old)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _link_without_overwriting(partial: Path, path: Path) -> None:
    """Rename in a way that fails when another writer published the same name in the meantime."""
    try:
        os.link(partial, path)
    except FileExistsError:
        raise FileExistsError(
            f"{path} was published by another run meanwhile: use --force (in Python: overwrite=True) or another name"
        ) from None
    except OSError:  # a file system without hard links: looking first is all there is
        if path.exists():
            raise FileExistsError(f"{path} exists: use --force (in Python: overwrite=True) or another name") from None
        os.replace(partial, path)  # noqa: PTH105
    else:
        partial.unlink()


def sync_folder(folder: Path) -> None:
    """Force a folder's list of names to the disk, where the platform can."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # folders cannot be opened on this platform
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lock(descriptor: int) -> bool:
    """Mark an open file as being written by this process, until it is closed; whether it could be marked."""
    if fcntl is None:
        return True
    for _ in range(10):  # who looks for leftovers holds it for a moment
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.01)
        except OSError:  # a file system without locks
            return False
        else:
            return True
    return False
