"""How much memory this process has needed at most, and how much is free."""

import sys
from pathlib import Path

if sys.platform != "win32":
    import resource

__all__ = ["available_bytes", "peak_bytes"]


def peak_bytes() -> int | None:
    """Largest resident size of this process so far in bytes; None where the system does not tell."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not getrusage: there a child starts with the peak of the process that made it.
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def available_bytes() -> int | None:
    """Memory that programs can still take without swapping, in bytes; None where the system does not tell."""
    table = Path("/proc/meminfo")
    if table.exists():
        for line in table.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None
