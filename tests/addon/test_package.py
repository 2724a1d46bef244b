"""The zip that a user installs: what it holds, what is refused, and that it works in an empty profile."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile

import numpy as np
import pytest
from gid_dev.blender_addon import package
from gid_dev.gid_core.files import image_io

PLATFORM = package.this_platform()


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return package.build(tmp_path_factory.mktemp("dist"), PLATFORM)


def rewritten(archive, path, changes):
    """A copy of the zip in which the files named in `changes` have other bytes, or are gone (None)."""
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(path, "w") as target:
        for name in dict.fromkeys([*source.namelist(), *changes]):
            data = changes[name] if name in changes else source.read(name)
            if data is not None:
                target.writestr(name, data)
    return path


def manifest_of(archive):
    with zipfile.ZipFile(archive) as opened:
        return opened.read("blender_manifest.toml").decode()


def test_zip_has_the_same_bytes_from_the_same_sources(archive, tmp_path):
    again = package.build(tmp_path, PLATFORM)
    assert again.read_bytes() == archive.read_bytes()


def test_zip_is_named_after_id_version_and_platform(archive):
    facts = tomllib.loads(manifest_of(archive))
    assert archive.name == f"image_dynamics-{facts['version']}-{PLATFORM.replace('-', '_')}.zip"


def test_zip_holds_the_wheels_of_one_platform_and_no_numpy(archive):
    facts = tomllib.loads(manifest_of(archive))
    assert facts["platforms"] == [PLATFORM]
    assert len(facts["wheels"]) == 2 * len(package.PYTHONS[PLATFORM])
    with zipfile.ZipFile(archive) as opened:
        assert not [n for n in opened.namelist() if "numpy" in n]
        assert opened.read("__init__.py").decode().splitlines()[0].startswith("from .blender_addon import register")
        assert len(opened.read("__init__.py").decode().splitlines()) == 1


def test_zip_holds_no_tests_no_training_and_not_the_packaging_code(archive):
    with zipfile.ZipFile(archive) as opened:
        tops = {n.split("/")[0] for n in opened.namelist()}
        assert "blender_addon/package.py" not in opened.namelist()
    ours = {"blender_addon", "gid_core", "models", "docs", "wheels"}
    assert tops <= {"__init__.py", "blender_manifest.toml", "LICENSE", *ours}


def test_every_platform_of_the_manifest_has_its_pinned_wheels():
    facts = tomllib.loads((package.ROOT / "blender_manifest.toml").read_text())
    assert sorted(facts["platforms"]) == sorted(package.PLATFORMS)
    of_gpus = {name for name in package.WHEEL_SHA256 if name.startswith(tuple(package.GPU_RUNTIMES.values()))}
    assert {w.removeprefix("./wheels/") for w in facts["wheels"]} == set(package.WHEEL_SHA256) - of_gpus
    for platform in package.PLATFORMS:
        text, wheels = package.cut_manifest((package.ROOT / "blender_manifest.toml").read_text(), platform)
        assert len(wheels) == 2 * len(package.PYTHONS[platform])
        assert tomllib.loads(text)["platforms"] == [platform]


def test_blenders_own_tool_accepts_the_zip(archive):
    package.validate(archive)


def test_blenders_own_tool_refuses_a_tagline_with_a_full_stop(archive, tmp_path):
    text = manifest_of(archive).replace('loop"', 'loop."', 1)
    with pytest.raises(package.PackageError, match="tagline"):
        package.validate(rewritten(archive, tmp_path / "x.zip", {"blender_manifest.toml": text}))


FAULTS = {
    "tag": ('"Animation"', '"Moving"', "Moving"),
    "platform": (f'["{PLATFORM}"]', '["amiga"]', "amiga"),
    "licence": ("SPDX:GPL-3.0-or-later", "Foo", "licence"),
    "key": ("type =", 'colour = "red"\ntype =', "colour"),
    "wheel not in the zip": ("wheels = [", 'wheels = [\n  "./wheels/six-1.0-py3-none-any.whl",', "six"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_our_check_refuses_what_blenders_tool_lets_pass(archive, tmp_path, fault):
    old, new, named = FAULTS[fault]
    text = manifest_of(archive)
    assert old in text
    broken = rewritten(archive, tmp_path / "x.zip", {"blender_manifest.toml": text.replace(old, new, 1)})
    with pytest.raises(package.PackageError, match=named):
        package.check(broken)


def test_our_check_refuses_an_altered_wheel(archive, tmp_path):
    name = tomllib.loads(manifest_of(archive))["wheels"][0].removeprefix("./")
    with pytest.raises(package.PackageError, match="not a wheel as published"):
        package.check(rewritten(archive, tmp_path / "x.zip", {name: b"something else"}))


def test_our_check_refuses_a_zip_that_grew_too_large(archive, monkeypatch):
    package.check(archive)
    monkeypatch.setattr(package, "LIMIT_BYTES", archive.stat().st_size - 1)
    with pytest.raises(package.PackageError, match="bytes are more than"):
        package.check(archive)


def test_our_check_refuses_a_zip_without_the_core(archive, tmp_path):
    with pytest.raises(package.PackageError, match=r"gid_core/__init__\.py is missing"):
        package.check(rewritten(archive, tmp_path / "x.zip", {"gid_core/__init__.py": None}))


def test_a_cached_wheel_with_another_hash_is_refused(tmp_path):
    name = next(n for n in package.WHEEL_SHA256 if n.endswith(package.PLATFORMS[PLATFORM]))
    for other in package.WHEEL_SHA256:
        (tmp_path / other).write_bytes(b"PK")
    with pytest.raises(package.PackageError, match="not the published wheel"):
        package.build(tmp_path / "out", PLATFORM, tmp_path)
    assert not list((tmp_path / "out").glob("*")), name


@pytest.mark.parametrize("platform", list(package.GPU_RUNTIMES))
def test_a_zip_for_the_gpu_holds_its_runtime_and_else_what_the_usual_one_does(tmp_path, monkeypatch, platform):
    """With stand-ins for the wheels: those of CUDA alone are half a gigabyte."""
    for name in package.WHEEL_SHA256:
        (tmp_path / name).write_bytes(b"PK")
    stand_in = hashlib.sha256(b"PK").hexdigest()
    monkeypatch.setattr(package, "WHEEL_SHA256", dict.fromkeys(package.WHEEL_SHA256, stand_in))
    monkeypatch.setattr(package, "LIMIT_BYTES", 0)  # of the others
    made = package.build(tmp_path / "out", platform, tmp_path, gpu=True)
    monkeypatch.undo()
    assert made.name.endswith(platform.replace("-", "_") + "-gpu.zip")
    facts = tomllib.loads(manifest_of(made))
    assert (facts["id"], facts["platforms"]) == ("image_dynamics", [platform])
    with zipfile.ZipFile(made) as opened:
        held = sorted(name.removeprefix("wheels/") for name in opened.namelist() if name.startswith("wheels/"))
    assert held == sorted(wheel.removeprefix("./wheels/") for wheel in facts["wheels"])
    projects = {(wheel.split("-")[0], wheel.split("-")[2]) for wheel in held}
    assert projects == {
        (project, python) for project in (package.GPU_RUNTIMES[platform], "pillow") for python in package.GPU_PYTHONS
    }
    assert all(wheel.endswith(package.PLATFORMS[platform]) for wheel in held)


def test_a_gpu_package_that_cannot_be_or_would_hide_another_is_refused(archive, tmp_path):
    with pytest.raises(package.PackageError, match="no package for the GPU of macos-arm64"):
        package.build(tmp_path, "macos-arm64", gpu=True)
    for name in (archive.name, archive.name.replace(".zip", "-gpu.zip")):
        shutil.copy(archive, tmp_path / name)
    with pytest.raises(package.PackageError, match="a repository of its own"):
        package.repository(tmp_path)


USE = """
import os, sys
import bpy, addon_utils
older, zip_path, photo, frames, answers = *sys.argv[1:4], int(sys.argv[4]), sys.argv[5:]
profile = os.path.realpath(os.environ["BLENDER_USER_RESOURCES"])
module = "bl_ext.user_default.image_dynamics"
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.preferences.addon_enable(module="bl_pkg")
folder = os.path.join(profile, "extensions", "user_default", "image_dynamics")
for path in (older, zip_path):
    bpy.ops.extensions.package_install_files(
        filepath=path, repo="user_default", enable_on_install=True, overwrite=True
    )
    assert addon_utils.check(module)[1] and hasattr(bpy.types.Scene, "gid"), "not enabled"
    assert os.path.exists(os.path.join(folder, "blender_addon", "gone.py")) == (path == older)
addon_utils.disable(module)
assert not hasattr(bpy.types.Object, "gid") and not hasattr(bpy.types.Scene, "gid")
addon_utils.enable(module)
assert not {"onnxruntime", "PIL"} & set(sys.modules), "heavy imports while enabling"
# Blender has no Pillow and no onnxruntime of its own, the Python of this test has: those of the zip go first.
sys.path.sort(key=lambda entry: not os.path.realpath(entry).startswith(profile))

bpy.ops.gid.open_still(filepath=photo)
settings = bpy.context.scene.gid
settings.length_unit, settings.n_frames = "FRAMES", frames
for answer in answers:
    settings.use_model = answer == "model"
    assert bpy.ops.gid.animate() == {"FINISHED"}
    plane = settings.loop
    assert plane.gid.n_frames == frames and plane.gid.scene is not None
    print("answered:", plane.gid.answered)
    import PIL
    places = [PIL.__file__]
    if settings.use_model:
        import onnxruntime
        places.append(onnxruntime.__file__)
    assert all(os.path.realpath(place).startswith(profile) for place in places), places
    assert bpy.ops.gid.remove() == {"FINISHED"}

repo = [r.module for r in bpy.context.preferences.extensions.repos].index("user_default")
bpy.ops.extensions.package_uninstall(repo_index=repo, pkg_id="image_dynamics")
assert not hasattr(bpy.types.Object, "gid") and not hasattr(bpy.types.Scene, "gid")
assert not os.path.exists(folder)
print("done", flush=True)
os._exit(0)
"""

ANSWERS = ["physics"]
if (package.ROOT / "models" / "card.json").exists():
    ANSWERS.append("model")


def test_zip_is_installed_over_an_older_one_used_and_removed(archive, tmp_path):
    """In an empty profile, as an artist has it before the first version."""
    facts = tomllib.loads(manifest_of(archive))
    manifest = manifest_of(archive).replace(f'version = "{facts["version"]}"', 'version = "0.0.1"', 1)
    changes = {"blender_manifest.toml": manifest, "blender_addon/gone.py": ""}
    older = rewritten(archive, tmp_path / "older.zip", changes)
    photo = tmp_path / "photo.png"
    image_io.save_png(photo, np.random.default_rng(1).random((64, 96, 3), dtype=np.float32))
    done = subprocess.run(
        [sys.executable, "-c", USE, str(older), str(archive), str(photo), "12", *ANSWERS],
        env={**os.environ, "BLENDER_USER_RESOURCES": str(tmp_path / "profile")},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("done")
    assert "Traceback" not in done.stderr
    card = package.ROOT / "models" / "card.json"
    for answer in ANSWERS:
        source = "physics prior" if answer == "physics" else json.loads(card.read_text())["name"]
        assert f"answered: Motion by {source}" in done.stdout


def test_command_prints_size_and_hash_of_each_file(archive, tmp_path, capsys):
    assert package.main(["--out", str(tmp_path), "--platform", PLATFORM]) == 0
    printed = capsys.readouterr().out
    assert hashlib.sha256(archive.read_bytes()).hexdigest() in printed
    with zipfile.ZipFile(archive) as opened:
        assert all(name in printed for name in opened.namelist())


def test_a_folder_of_zips_is_a_repository_that_states_their_hashes(archive, tmp_path):
    shutil.copy(archive, tmp_path)
    index = json.loads(package.repository(tmp_path).read_text())
    (entry,) = index["data"]
    assert (entry["id"], entry["version"]) == ("image_dynamics", tomllib.loads(manifest_of(archive))["version"])
    assert entry["archive_hash"] == "sha256:" + hashlib.sha256(archive.read_bytes()).hexdigest()
    assert entry["archive_size"] == archive.stat().st_size
    assert entry["platforms"] == [package.this_platform()]
    with pytest.raises(package.PackageError, match="there is no zip"):
        package.repository(tmp_path.parent / "nowhere")
