"""The header: the first 512 bytes of a file, text that names its format, its length and the digest of all other bytes.

HDF5 calls this place the user block and leaves it alone. Reading the header and checking the digest need no HDF5, so a
damaged file is recognised before the library follows a single address in it.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import xxhash

from fractalman._files import OWN_DATA, other_data
from fractalman.datasets.spec import FORMAT_NAME, HEADER_BYTES, MAJOR, MINOR, Problem
from fractalman.errors import CorruptFileError, FileFormatError, IncompleteFileError, TooNewError, TooOldError
from fractalman.progress import Progress

READ_BYTES = 1 << 20
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
DIGEST = "xxh128"
"""XXH3-128, as for blocks: ten times as fast as SHA-256, so that a whole file is checked at about the rate at which it
is read. It guards against accidents, not against forgers, who could as well write a digest of their own."""


@dataclass(frozen=True)
class Header:
    """What a file's first bytes say.

    Args:
        size: bytes behind the header.
        digest: XXH3-128 of them, 32 hexadecimal digits.
        format: (major, minor).
    """

    size: int
    digest: str
    format: tuple[int, int] = (MAJOR, MINOR)

    def to_bytes(self) -> bytes:
        """Return the header as it stands in the file, 512 bytes of ASCII."""
        text = (
            f"{FORMAT_NAME} {self.format[0]}.{self.format[1]}\n"
            f"size {self.size}\n"
            f"{DIGEST} {self.digest}\n"
            f"Behind these {HEADER_BYTES} bytes this file is HDF5: open it with fractalman, h5py or h5dump.\n"
            f"It is intact if so many bytes follow with this digest (tail -c +{HEADER_BYTES + 1} FILE | xxh128sum);\n"
            "fractalman verify FILE checks this and everything else, fractalman info FILE says what it holds.\n"
        )
        return (text.ljust(HEADER_BYTES - 1) + "\n").encode("ascii")


_TEXT = re.compile(
    rb"%s (\d{1,9})\.(\d{1,9})\n(?:size (\d{1,19})\n%s ([0-9a-f]{32})\n)?" % (FORMAT_NAME.encode(), DIGEST.encode())
)


def has_header(path: Path) -> bool:
    """Return whether a file begins as a dataset file of this package, damaged or not."""
    with path.open("rb") as file:
        return file.read(len(FORMAT_NAME)) == FORMAT_NAME.encode("ascii")


def read_header(path: Path) -> Header:
    """Return the header of a file after comparing the file's length with it.

    Errors, one line each: FileFormatError (not a fractalman file), TooNewError, TooOldError, IncompleteFileError (never
        finished), CorruptFileError (the header is damaged, or the length is another); OSError when the disk fails.
    """
    with path.open("rb", buffering=0) as file:
        return _read_header(file, path)


def _read_header(file: FileIO, path: Path) -> Header:
    size = os.fstat(file.fileno()).st_size
    block = file.read(HEADER_BYTES)
    follows = file.read(len(HDF5_SIGNATURE))
    if size == 0:
        raise IncompleteFileError(f"{path} is empty (0 bytes): make it anew with --force")
    if not block.startswith(FORMAT_NAME.encode("ascii")):
        if follows == HDF5_SIGNATURE and not any(block):
            raise IncompleteFileError(f"{path} was never finished: the run that wrote it has died or is at work")
        if HDF5_SIGNATURE in (block[: len(HDF5_SIGNATURE)], follows):
            raise FileFormatError(f"{path} is an HDF5 file but not a fractalman file: it does not begin with its name")
        other = f"; {OWN_DATA}" if other_data(path) else ""
        if path.suffix.lower() == ".toml":
            other = "; a recipe becomes data by fractalman generate, in Python by fm.generate"
        raise FileFormatError(f"{path} is not a fractalman file: it does not begin with the words {FORMAT_NAME}{other}")
    found = _TEXT.match(block)
    if not found:
        raise CorruptFileError(f"{path} is damaged or cut short: its first {HEADER_BYTES} bytes are no header")
    refuse_other_majors(path, int(found[1]), int(found[2]))
    header = Header(int(found[3] or 0), (found[4] or b"").decode("ascii"), (int(found[1]), int(found[2])))
    if header.to_bytes() != block:
        raise CorruptFileError(f"{path} is damaged or cut short: its first {HEADER_BYTES} bytes are no header")
    if size != HEADER_BYTES + header.size:
        what = "cut short" if size < HEADER_BYTES + header.size else "longer than it was"
        raise CorruptFileError(f"{path} is {what}: it has {size} bytes, expected {HEADER_BYTES + header.size}")
    return header


def refuse_other_majors(path: Path, major: int, minor: int) -> None:
    """Raise TooNewError or TooOldError for a format of another major version."""
    if major > MAJOR:
        raise TooNewError(
            f"{path} has format {major}.{minor}: this version reads {MAJOR}.x; install a newer fractalman"
        )
    if major < MAJOR:
        raise TooOldError(
            f"{path} has format {major}.{minor}: this version reads {MAJOR}.x; make it anew from its recipe"
        )


def body_digest(descriptor: int, progress: Progress | None = None) -> tuple[int, str]:
    """Return the number of bytes behind the header and their XXH3-128, in one sequential read.

    Args:
        descriptor: of the open file; its position is moved.
        progress: called as progress("digest", bytes done, bytes in all).
    """
    total = max(0, os.fstat(descriptor).st_size - HEADER_BYTES)
    digest, done = xxhash.xxh3_128(), 0
    buffer = memoryview(bytearray(READ_BYTES))
    with os.fdopen(descriptor, "rb", buffering=0, closefd=False) as file:
        file.seek(HEADER_BYTES)
        while size := file.readinto(buffer):
            digest.update(buffer[:size])
            done += size
            if progress:
                progress("digest", done, max(done, total))
    return done, digest.hexdigest()


def write_header(descriptor: int) -> None:
    """Write the header of a finished file in its place; nothing behind it may change afterwards."""
    text = Header(*body_digest(descriptor)).to_bytes()
    os.lseek(descriptor, 0, os.SEEK_SET)
    while text:
        text = text[os.write(descriptor, text) :]


def header_problem(path: Path, progress: Progress | None = None) -> Problem | None:
    """Return what is wrong with a file according to its header, or None; the HDF5 library is not asked.

    Errors: TooNewError, TooOldError, FileFormatError, IncompleteFileError as in `read_header`; OSError from the disk.
    """
    with path.open("rb", buffering=0) as file:  # once: a new version may be published under the name meanwhile
        try:
            header = _read_header(file, path)
        except CorruptFileError as error:
            return Problem("/", str(error))
        size, digest = body_digest(file.fileno(), progress)
    if (size, digest) != (header.size, header.digest):
        return Problem("/", f"bytes {HEADER_BYTES} to the end have {DIGEST} {digest}: the header says {header.digest}")
    return None
