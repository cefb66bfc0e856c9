"""How much memory there is."""

from __future__ import annotations

from pathlib import Path


def available_bytes() -> int:
    """Return the memory that this process may still take, in bytes: the machine's, or its control group's if less."""
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
