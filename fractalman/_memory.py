"""How much memory there is, and the refusal of what would not fit: before anything is allocated."""

from __future__ import annotations

from pathlib import Path

from fractalman.errors import ResourceError


def available_bytes() -> int:
    """Return the memory that this process may still take: the machine's, or its control group's if less.

    Returns
    -------
    int
        Bytes.
    """
    limits = []
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                limits.append(int(line.split()[1]) * 1024)
        group = Path("/sys/fs/cgroup")
        most = (group / "memory.max").read_text().strip()
        if most.isdigit():
            limits.append(int(most) - int((group / "memory.current").read_text()))
    except (OSError, ValueError):
        pass
    return min(limits) if limits else 1 << 62


def check_bytes(need: int, what: str, advice: str) -> None:
    """Raise ResourceError when ``need`` bytes at once are more than there are.

    Parameters
    ----------
    need : int
        Bytes.
    what : str
        What needs them, as a subject in the plural: "the features of 3 latents".
    advice : str
        What needs less: "use top = 100".

    Raises
    ------
    ResourceError
        Naming what is needed, what there is, and the advice.
    """
    limit = available_bytes()
    if need > limit:
        raise ResourceError(f"{what} need {need:,} bytes at once and {limit:,} are available: expected less; {advice}")
