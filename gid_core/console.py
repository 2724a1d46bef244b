"""Standard streams as commands meet them: closed, of an old code page, or gone before the end.

A name that a code page lacks, or a reader who left, must not turn a finished result into a traceback.
"""

import contextlib
import os
import sys

__all__ = ["let_go", "say", "settle"]


def settle() -> None:
    """Give this process three streams: what is closed leads nowhere, what a code page lacks is written by its number.

    Without it the next file that is opened takes a closed stream's number, and what a library prints goes into it.
    """
    with contextlib.suppress(OSError):
        number = os.open(os.devnull, os.O_RDWR)
        while number <= 2:
            number = os.open(os.devnull, os.O_RDWR)
        os.close(number)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115  # for as long as we run
        elif mode == "w" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def let_go() -> None:
    """Write what is still held; a stream that takes nothing more, its reader gone or its disk full, is left alone."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            # Python would try again as it ends, and complain.
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def say(text: str, stream=None) -> None:
    """Print a line, and go on if nobody can be told."""
    with contextlib.suppress(OSError, ValueError):
        print(text, file=stream or sys.stdout, flush=True)
