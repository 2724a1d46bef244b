"""The checkout as one package, in the shape of the installed extension: `gid_dev.gid_core`, `gid_dev.blender_addon`."""

import signal
import sys
import types
from pathlib import Path

from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

gid_dev = types.ModuleType("gid_dev")
gid_dev.__path__ = [str(ROOT)]
sys.modules["gid_dev"] = gid_dev
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

settings.register_profile("untimed", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("untimed")

# A shell ignores Ctrl-C for what it runs in its background, nohup a hang-up, and children inherit that: here they are
# stopped by both.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
