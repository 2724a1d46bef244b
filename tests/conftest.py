"""The checkout as one package, in the shape of the installed extension: `gid_dev.gid_core`, `gid_dev.blender_addon`."""

import sys
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

gid_dev = types.ModuleType("gid_dev")
gid_dev.__path__ = [str(ROOT)]
sys.modules["gid_dev"] = gid_dev
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))
