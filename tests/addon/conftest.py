"""Blender without the user's own files, the add-on registered, an empty file for every test, and small pictures.

Scenes that cost seconds are rendered once per module, into arrays: datablocks do not outlive the test that made them.
"""

import os
import shutil
import sys
import tempfile
import types
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

# Before Blender starts: an extension installed in the user's profile would shadow the checkout, and a Blender that ends
# at once leaves its temporary folder behind. pytest's own folders stay where they were, to be looked at.
os.environ["TMPDIR"] = tempfile.mkdtemp(prefix="gid-tests-")
os.environ["TEMP"] = os.environ["TMPDIR"]
os.environ["BLENDER_USER_RESOURCES"] = os.path.join(os.environ["TMPDIR"], "profile")

import bpy
import gid_dev.blender_addon as addon
import numpy as np
import pytest
from gid_dev.blender_addon.loop import build, images
from gid_dev.blender_addon.nodes import builder, rig
from gid_dev.blender_addon.output.frames import render_frames
from gid_dev.gid_core.files import colour, image_io
from gid_dev.gid_core.motion.edits import Edits, apply
from gid_dev.gid_core.motion.motion import Motion
from gid_dev.gid_core.motion.plan import plan_loop
from gid_dev.gid_core.motion.recovery import recovered
from gid_dev.gid_core.motion.volume import SpectralVolume
from gid_dev.gid_core.prediction import encodings, predict, prior

_exit_code = None


def pytest_sessionfinish(session, exitstatus):
    global _exit_code
    _exit_code = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
    if _exit_code is not None:  # 4.5 can dead-lock in its exit handlers
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_exit_code)


@pytest.fixture(scope="session", autouse=True)
def registered():
    """The whole add-on, as Blender registers it. What was seen in a photo is kept, as the prediction's process does.

    Most tests animate the same one, and to look at it is half of what its loop costs.
    """
    kept = encodings.Encodings()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predict, "Encodings", lambda: kept)
        addon.register()
        yield
        addon.unregister()


@pytest.fixture(autouse=True)
def empty_file(registered):
    """Every test starts from an empty file with factory settings."""
    bpy.ops.wm.read_factory_settings(use_empty=True)


def _picture(width, height, seed=0):
    """Waves, checks and grain: float32 (height, width, 3), linear."""
    y, x = np.mgrid[:height, :width].astype(np.float32) + np.float32(0.5)
    x, y = x * (256 / width), y * (160 / height)
    checks = (x // 16 + y // 16) % 2
    waves = [0.5 + 0.4 * np.sin(x / 7) * np.cos(y / 9), 0.5 + 0.45 * np.sin((x + y) / 11), 0.3 + 0.3 * checks]
    grain = np.random.default_rng(seed).normal(0, 0.02, (height, width, 3))
    return (np.stack(waves, -1) + grain).clip(0, 1).astype(np.float32)


def _occluding_volume(width, height, reach_px=24.0, n_freqs=16):
    """A hard-edged disc that swings before a background of which one half sways the other way."""
    y, x = np.mgrid[:height, :width] + 0.5
    disc = np.hypot(x / width - 0.5, (y / height - 0.5) * height / width) < 0.16
    turn = np.exp(2j * np.pi * np.random.default_rng(1).random((n_freqs, 1, 1, 2)))
    fall = 1 / np.arange(1, n_freqs + 1)[:, None, None, None]
    sway = np.clip(x / width - 0.55, 0, 1) * np.sin(2 * np.pi * y / height)
    foreground = disc[None, ..., None] * turn * [1, 0.4]
    background = 0.1 * np.where(disc, 0, sway)[None, ..., None] * np.conj(turn)
    return SpectralVolume(
        (reach_px / 1.5 * width / 256) * fall * (foreground + background),
        np.arange(1, n_freqs + 1) / 5,
        {"model": "a disc", "seed": 1},
    )


def _jumping_lookup(width, height, seed=0):
    """Offsets that jump from block to block and, in the upper third, from pixel to pixel; some rest."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (height // 9 + 1, width // 7 + 1, 2), np.uint8)
    lookup = blocks.repeat(9, 0).repeat(7, 1)[:height, :width]
    lookup[: height // 3] = rng.integers(0, 256, lookup[: height // 3].shape, np.uint8)
    lookup[-(height // 4) :, : width // 2] = 128
    return lookup


@pytest.fixture(scope="session")
def picture():
    return _picture


@pytest.fixture(scope="session")
def occluding_volume():
    return _occluding_volume


@pytest.fixture(scope="session")
def jumping_lookup():
    return _jumping_lookup


def _motion_of(volume, still):
    """The motion of a volume over a still."""
    encoded = colour.encode_srgb(image_io.resize(still, volume.width, volume.height)[..., :3])
    return recovered(volume, np.rint(encoded.clip(0, 1) * 255).astype(np.uint8))


def _drawn_motion(still, seed=0, n_freqs=16, grid=(24, 16), cells=(4, 6)):
    """A motion as a model gives it, phases on coarser cells than envelopes: `grid` and `cells` are (width, height).

    Motions of even seeds have a lookup.
    """
    rng = np.random.default_rng(seed)
    width, height = grid
    envelope = rng.gamma(1.0, 0.4, (n_freqs, height, width)).astype(np.float32)
    envelope[:, :, : width // 4] = 0  # something stands still
    parts = rng.normal(0, 0.7, (2, n_freqs, cells[1] + 1, cells[0], 2)).astype(np.float32)
    picture = np.rint(colour.encode_srgb(image_io.resize(still, width, height)[..., :3]).clip(0, 1) * 255)
    return Motion(
        envelope,
        parts[0] + 1j * parts[1],
        np.arange(1, n_freqs + 1) / 5,
        (cells[1] + 0.5, cells[0]),
        picture.astype(np.uint8),
        {"source": "a drawing", "seed": seed},
        None if seed % 2 else _jumping_lookup(still.shape[1], still.shape[0], seed),
    )


@pytest.fixture(scope="session")
def drawn_motion():
    return _drawn_motion


_rigs: dict[int, str] = {}  # number of modes -> a file with the rig's node groups


@contextmanager
def _lent_rig(n_modes):
    """What is built inside finds the rig's node groups in the file, as a second loop does.

    They are those that the session's first loop built, appended: of the .7 s that a loop takes they are .6.
    """
    before, key = set(bpy.data.node_groups), f"GID Rig {n_modes}"
    if n_modes in _rigs and not any(group.get(builder.GROUP_KEY) == key for group in before):
        with bpy.data.libraries.load(_rigs[n_modes]) as (_, wanted):
            wanted.node_groups = ["GID Rig"]
        bpy.data.libraries.remove(bpy.data.libraries[os.path.basename(_rigs[n_modes])])
    try:
        yield
    except BaseException:
        for group in set(bpy.data.node_groups) - before:
            bpy.data.node_groups.remove(group)
        raise
    if n_modes not in _rigs:
        _rigs[n_modes] = os.path.join(os.environ["TMPDIR"], f"rig_{n_modes}.blend")
        bpy.data.libraries.write(_rigs[n_modes], {g for g in bpy.data.node_groups if g.get(builder.GROUP_KEY) == key})


@pytest.fixture(scope="session")
def lent_rig():
    """lent_rig(n_modes): a context, or a decorator, in which a loop is built quickly; see `_lent_rig`."""
    return _lent_rig


def _make_loop(
    width=64, height=40, *, name="Test", volume=None, n_frames=24, fps=Fraction(24), anchored=True, **options
):
    """A loop of the test picture; its motion is that of `volume`, or `motion` itself.

    amount: what the rig multiplies it by; further options are those of LoopSpec.
    """
    still = options.pop("still", None)
    still = _picture(width, height) if still is None else still
    motion = options.pop("motion", None)
    if motion is None:
        motion = _motion_of(_occluding_volume(width, height) if volume is None else volume, still)
    edits, amount = options.pop("edits", Edits()), options.pop("amount", None)
    plan = plan_loop(apply(motion, edits), n_frames, fps, anchored=anchored, phase=edits.phase)
    with _lent_rig(motion.n_freqs):
        plane = build.build_loop(build.LoopSpec(name, still, motion, plan, fps, edits=edits, **options))
    if amount is not None:
        rig.set_inputs(plane, {"Amount": amount})
    return plane


@pytest.fixture(scope="session")
def make_loop():
    """Builds a loop of the test picture; see `_make_loop`."""
    return _make_loop


def _read_exr(path):
    image = bpy.data.images.load(str(path), check_existing=False)
    image.colorspace_settings.name, image.alpha_mode = "Non-Color", "CHANNEL_PACKED"
    pixels = images.pixels_of(image)
    bpy.data.images.remove(image)
    return pixels


@pytest.fixture(scope="session")
def read_exr():
    """Pixels of a file as stored: float32 (H, W, 4), row 0 on top."""
    return _read_exr


@pytest.fixture(scope="session")
def rendered(tmp_path_factory):
    """rendered(plane, frames) -> their pixels as rendered to 32-bit EXR: float32 (H, W, 4) each."""

    def render_them(plane, frames):
        folder = tmp_path_factory.mktemp("frames")
        return [_read_exr(file) for file in render_frames(plane, folder, frames, "exr")]

    return render_them


@pytest.fixture(scope="session")
def psnr():
    """Decibels of two arrays whose peak is 1."""

    def decibels(a, b):
        error = np.mean((np.asarray(a, np.float64) - b) ** 2)
        return 10 * np.log10(1 / max(error, 1e-30))

    return decibels


@pytest.fixture(scope="session")
def other_pythons():
    """The interpreters of all Blender versions to try a file with; this one where build.py names no others."""
    named = [p for p in os.environ.get("GID_OTHER_PYTHONS", "").split(os.pathsep) if p]
    return [_interpreter(p) for p in named] or [sys.executable]


def _interpreter(path):
    path = Path(path)
    return str(path / "bin" / "python") if path.is_dir() else str(path)


@pytest.fixture
def photo(tmp_path):
    """A small PNG file."""
    path = tmp_path / "photo.png"
    image_io.save_png(path, _picture(48, 32))
    return path


@pytest.fixture
def still(photo):
    """The photo as the still of the scene, with settings that answer quickly."""
    settings = bpy.context.scene.gid
    settings.still = images.open_photo(photo)
    settings.length_unit, settings.n_frames, settings.use_model = "FRAMES", 12, False
    return settings.still


@pytest.fixture
def small_loop(still):
    """The loop that the physics prior makes of the still, 12 frames long."""
    with _lent_rig(len(prior.FREQUENCIES)):
        bpy.ops.gid.animate()
    return bpy.context.scene.gid.loop


class _Layout:
    """Stands in for Blender's UILayout, which exists while a window draws: checks each call, keeps what was shown."""

    def __init__(self, shown):
        self.shown = shown

    def row(self, **_options):
        return _Layout(self.shown)

    column = box = split = grid_flow = row

    def prop(self, data, name, **_options):
        assert name in data.bl_rna.properties, name
        self.shown.append(name)

    def template_ID(self, data, name, **options):
        self.prop(data, name)
        for way in ("new", "open"):
            if way in options:
                self.operator(options[way])

    def template_list(self, kind, _identifier, data, collection, active, name, **_options):
        assert hasattr(bpy.types, kind)
        self.prop(data, collection)
        self.prop(active, name)

    def template_icon(self, icon_value, **_options):
        self.shown.append(f"icon {icon_value}")

    def operator(self, idname, **options):
        module, name = idname.split(".")
        getattr(getattr(bpy.ops, module), name).get_rna_type()  # KeyError: there is no such operator
        self.shown += [idname, options["text"]] if options.get("text") else [idname]
        return types.SimpleNamespace()  # takes the operator's properties

    def operator_menu_enum(self, idname, _name, **options):
        return self.operator(idname, **options)

    def menu(self, idname, **_options):
        assert hasattr(bpy.types, idname)
        self.shown.append(idname)

    def label(self, text="", **_options):
        self.shown.append(text)

    def progress(self, factor, text, **_options):
        self.shown.append((factor, text))

    def separator(self, **_options):
        pass


@pytest.fixture(scope="session")
def drawn():
    """drawn(part) -> what a part of the panel shows in the context: names of properties, operators, and texts.

    It takes a function that draws a menu's entry, too.
    """

    def draw(part):
        layout = _Layout([])
        if isinstance(part, type):
            one = part.__new__(part)
            one.layout = layout
            one.draw(bpy.context)
        else:
            part(types.SimpleNamespace(layout=layout), bpy.context)
        return layout.shown

    return draw
