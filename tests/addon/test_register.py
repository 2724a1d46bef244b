"""The add-on comes and goes without a trace."""

import subprocess
import sys
import time

import bpy
import gid_dev.blender_addon as addon
import numpy as np
import pytest
from gid_dev.blender_addon import operators, preferences
from gid_dev.blender_addon.panels import loop, menus
from gid_dev.gid_core import worker
from gid_dev.gid_core.prediction.request import Request


@pytest.fixture
def unregistered():
    """Whatever the other fixtures registered is out of the way, and back afterwards."""
    addon.unregister()
    yield
    addon.register()


def test_it_registers_and_unregisters_three_times(unregistered):
    for _ in range(3):
        addon.register()
        assert hasattr(bpy.types.Object, "gid")
        assert hasattr(bpy.types.Scene, "gid")
        assert bpy.ops.gid.animate.get_rna_type()
        addon.unregister()
        assert not hasattr(bpy.types.Object, "gid")
        assert not hasattr(bpy.types.Scene, "gid")
        assert not hasattr(bpy.types, "GID_OT_animate")
        assert not hasattr(bpy.types, "GID_PT_loop")


def test_unregistering_leaves_no_menu_entry_no_timer_and_no_handler(unregistered):
    def entries():
        return [f.__module__ for f in bpy.types.NODE_MT_compositor_node_add_all._dyn_ui_initialize()]

    def handlers():
        lists = (getattr(bpy.app.handlers, name) for name in dir(bpy.app.handlers))
        return [f for listed in lists if isinstance(listed, list) for f in listed if "gid_dev" in f.__module__]

    addon.register()
    assert menus.__name__ in entries()
    addon.unregister()
    assert menus.__name__ not in entries()
    assert handlers() == []


def test_the_child_that_predicts_goes_with_the_add_on(unregistered):
    addon.register()
    task = worker.start_worker(np.full((32, 32, 3), 0.3, np.float32), Request(model="physics"))
    deadline = time.monotonic() + 60
    while task.result() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert worker.live().pid is not None
    addon.unregister()
    assert worker.live().pid is None


def test_a_module_that_fails_rolls_the_others_back(unregistered, monkeypatch):
    def fail():
        raise RuntimeError("made to fail")

    monkeypatch.setattr(loop, "register", fail)
    with pytest.raises(RuntimeError, match="made to fail"):
        addon.register()
    assert not hasattr(bpy.types.Object, "gid")
    assert not hasattr(bpy.types, "GID_OT_animate")


def test_every_class_keeps_the_naming_rules():
    for cls in operators.CLASSES:
        assert cls.__name__ == "GID_OT_" + cls.bl_idname.removeprefix("gid.")
        assert cls.bl_idname.startswith("gid.")
        assert cls.__doc__.strip(), cls
        assert not cls.__doc__.endswith("."), cls
        assert "\n" not in cls.__doc__, cls
        assert cls.bl_options & {"REGISTER", "INTERNAL"}, cls
    assert preferences.GidPreferences.bl_idname == "gid_dev"


def test_importing_and_registering_loads_no_runtime_and_no_pillow():
    code = """
import sys, types, os
package = types.ModuleType("image_dynamics")
package.__path__ = [sys.argv[1]]
sys.modules["image_dynamics"] = package
import image_dynamics.blender_addon as addon
addon.register()
print(sorted({"onnxruntime", "PIL", "torch"} & set(sys.modules)), flush=True)
os._exit(0)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(addon.__path__[0] + "/..")], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines()[-1:] == ["[]"], done.stdout + done.stderr
