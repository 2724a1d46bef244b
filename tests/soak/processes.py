"""Commands of ours as process groups of their own: started, killed, watched, and what they leave compared."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

__all__ = ["ROOT", "command", "differences", "held_bytes", "kill", "leftovers", "outlived", "session", "started"]

ROOT = Path(__file__).resolve().parents[2]
_GONE_S = 10.0  # a child that has lost its parent ends within two; this machine may be busy
# What no two runs write alike: figures of time in the report, addresses of memory in a file of Blender's.
_UNLIKE = {"report.json", "scene.blend"}
_PASSING = (".gid-", "gid-", "gid_")
_PASSING_END = (".partial", ".lock")


def command(module: str, *arguments) -> list[str]:
    """What starts a module of ours in this Python."""
    return [sys.executable, "-m", module, *map(str, arguments)]


def started(arguments: list[str], scratch, log, **options) -> subprocess.Popen:
    """A process in a session of its own. scratch: its temporary folder; log: takes all that it prints."""
    own = {**dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch)), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    environment = {**os.environ, **own, **options.pop("variables", {})}
    with open(log, "wb") as printed:
        return subprocess.Popen(
            arguments, env=environment, stdout=printed, stderr=subprocess.STDOUT, start_new_session=True, **options
        )


def kill(run: subprocess.Popen, with_children: bool) -> None:
    """At once, and with its children or leaving them to themselves; waits for it alone."""
    with contextlib.suppress(ProcessLookupError):
        (os.killpg if with_children else os.kill)(run.pid, signal.SIGKILL)
    run.wait()


def session(leader: int):
    """The ids of the processes that live in the session that a process leads."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(entry.name)) == leader and _state(entry) != "Z":
                yield int(entry.name)
        except OSError:
            continue


def _state(entry):
    return (entry / "stat").read_text().rpartition(")")[2].split()[0]


def outlived(leader: int) -> list[str]:
    """A fault if processes of a session are still there when they ought to have ended by themselves."""
    until = time.monotonic() + _GONE_S
    while list(session(leader)):
        if time.monotonic() > until:
            return [f"{len(list(session(leader)))} processes live on"]
        time.sleep(0.02)
    return []


def held_bytes(pid: int | str) -> int:
    """The memory that a process holds; 0 if it is gone. Linux alone tells."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def differences(whole: Path, other: Path) -> list[str]:
    """How two folders of results differ, a fault each; pictures by their pixels, since Blender stamps the day."""
    names, others = _names(whole), _names(other)
    found = [f"{name} is in one alone" for name in names ^ others]
    return found + [f"{name} differs" for name in names & others if not _alike(whole / name, other / name)]


def _names(folder):
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def _alike(one, other):
    if one.name in _UNLIKE or one.read_bytes() == other.read_bytes():
        return True
    if one.suffix != ".png":
        return False
    with Image.open(one) as a, Image.open(other) as b:
        return np.array_equal(np.asarray(a), np.asarray(b))


def leftovers(folder: Path) -> list[str]:
    """What is passing and still there, a fault each."""
    found = (path for path in folder.rglob("*") if path.name.startswith(_PASSING) or path.name.endswith(_PASSING_END))
    return [f"left behind: {path.relative_to(folder)}" for path in found]
