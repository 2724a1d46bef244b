"""A fresh Python process that runs one module of ours: the same interpreter and sys.path, none of the parent's modules.

It is told things as lines of JSON on its standard input, the first of which says what to run, and answers on its
standard output. It never runs the parent's main module, so that it works inside Blender as well, and it knows no bpy
unless it is a Blender of its own.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["LOG_TAIL", "give_way", "start", "tell", "told"]

LOG_TAIL = 4000  # characters of what a process printed before it broke down that are worth showing

_NICER = 10  # steps of priority below ours: enough that a window is drawn in time beside work on all cores
_gives_way = False

# The child sees this package under another name, so that no parent package (in Blender: the add-on) is imported.
_BOOT = """
import importlib, json, sys, types
start = json.loads(sys.stdin.buffer.readline())
if start["is_blender"]:
    import bpy  # first: as a module of Python it brings another "bpy", for its own use, further on in the path
else:
    sys.modules["bpy"] = None
sys.path[:] = start["path"]
sys.dont_write_bytecode = start["dont_write_bytecode"]
package = types.ModuleType("gid_child")
package.__path__ = [start["root"]]
sys.modules["gid_child"] = package
importlib.import_module("gid_child." + start["module"]).serve(start["order"])
"""


def give_way() -> None:
    """Let all processes that are started from now on leave the processor to this one: somebody works in its window."""
    global _gives_way
    _gives_way = True


def start(
    module: str,
    order: dict,
    log: Path,
    environment: Mapping[str, str] | None = None,
    blender: Sequence[str] | None = None,
) -> subprocess.Popen:
    """A process that runs `serve(order)` of a module of ours.

    Args:
        module: dotted, such as "gid_core.frames.frame_worker".
        order: JSON-ready.
        log: file for what it prints beside its answers.
        environment: variables that it has beside ours.
        blender: command of a Blender that runs the Python text behind it; None: this Python, without Blender.
    Raises:
        OSError: none can be started.
    """
    if not sys.executable:
        raise OSError("this Blender does not say where its Python is")
    introduction = {
        "order": order,
        "path": [os.path.abspath(entry) for entry in sys.path if entry],  # "" is the caller's folder: no place for code
        "dont_write_bytecode": sys.dont_write_bytecode,
        "root": str(Path(__file__).resolve().parent.parent),
        "module": module,
        "is_blender": blender is not None,
    }
    with log.open("wb") as printed:
        process = subprocess.Popen(
            # -I: neither the environment nor the current folder decides what the child imports
            [*(blender or (sys.executable, "-I", "-c")), _BOOT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=printed,
            env={**os.environ, **(environment or {})},
            creationflags=_flags(),
        )
    if _gives_way and hasattr(os, "setpriority"):
        with contextlib.suppress(OSError):  # it is gone already, or the system has other rules
            os.setpriority(os.PRIO_PROCESS, process.pid, os.getpriority(os.PRIO_PROCESS, 0) + _NICER)
    tell(process, introduction)
    return process


def _flags():
    """Of a new process, on Windows; elsewhere there are none."""
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    return flags | getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0) if _gives_way else flags


def tell(process: subprocess.Popen, message: dict) -> None:
    """One line to a process; that one is gone shows by the end of what it says."""
    assert process.stdin is not None  # `start` made a pipe
    with contextlib.suppress(OSError, ValueError):
        process.stdin.write(json.dumps(message).encode() + b"\n")
        process.stdin.flush()


def told(process: subprocess.Popen):
    """The messages of a process, dicts, as they come, until it ends. What is no message came from a breakdown."""
    assert process.stdout is not None  # `start` made a pipe
    with process.stdout as lines:
        for line in lines:
            try:
                message = json.loads(line)
            except ValueError:
                continue
            yield message
