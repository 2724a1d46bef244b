"""The installable zip of one platform: staged, checked, and the same bytes from the same sources.

Standard library only, and never imported by the add-on: it is left out of the zip. It knows nothing of Blender but
the rules that an extension's archive must keep. The idea: the manifest at the repository's root names every wheel of
every platform; a zip holds the add-on, the core and the models side by side under a one-line `__init__.py`, the wheels
of its platform alone, and a manifest cut to match.
"""

import argparse
import hashlib
import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

__all__ = [
    "GPU_RUNTIMES",
    "PLATFORMS",
    "WHEEL_SHA256",
    "PackageError",
    "build",
    "check",
    "main",
    "repository",
    "validate",
]

ROOT = Path(__file__).resolve().parent.parent
ROOT_INIT = "from .blender_addon import register, unregister  # noqa: F401\n"

# Blender's name of a platform -> how the wheels of that platform end.
PLATFORMS = {"linux-x64": "_x86_64.whl", "macos-arm64": "_arm64.whl", "windows-x64": "win_amd64.whl"}
# Pythons of the Blenders there: 3.11 of 4.5 and 5.0, 3.13 of 5.1 and 5.2; Debian builds its 5.2 with 3.14.
PYTHONS = {
    "linux-x64": ("cp311", "cp313", "cp314"),
    "macos-arm64": ("cp311", "cp313"),
    "windows-x64": ("cp311", "cp313"),
}

# As published on the package index. A file with any other hash is refused.
_PINS = """
onnxruntime-1.32.0-cp311-cp311-macosx_14_0_arm64.whl
    366b9e53d07812cc5c92822cecf7563b76a8a0f32ba3bb8dd232a206ac3bcb6c
onnxruntime-1.32.0-cp311-cp311-manylinux_2_28_x86_64.whl
    5a34fc4dfeb5a7b4a74c95dcba1e773d722abda720b474edf1b0c419dc6d163d
onnxruntime-1.32.0-cp311-cp311-win_amd64.whl
    d7e0c45cc5f456ad7805e6dd256a7662736cda9c2fd17becae194eb3c2f6df72
onnxruntime-1.32.0-cp313-cp313-macosx_14_0_arm64.whl
    27bf5dad46355a8a435c9c4e1556464d99ca834ea44e0f452909712068b8821b
onnxruntime-1.32.0-cp313-cp313-manylinux_2_28_x86_64.whl
    02ea12a28c069ea8510093d95a7f6ff8126bfd9fc5c0d3381c03b80fb2b424ba
onnxruntime-1.32.0-cp313-cp313-win_amd64.whl
    c7f9aa98036ba2a47aa041a4a8c6d0a1f7bfe1bde44c131dcd15ce334f2f148d
onnxruntime-1.32.0-cp314-cp314-manylinux_2_28_x86_64.whl
    48b878f9551d465aa79ee94ecaf49a1f6b5d27f2975efa775ded374db14d0af1
pillow-13.0.0-cp311-cp311-macosx_11_0_arm64.whl
    37290fbef0c73e2d51d594eb78fded7dc7170d1c3ad0a890269e6fd8c8c4e061
pillow-13.0.0-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl
    a625df9a2a5597fa5e5266e01aefc82604bb85d291e3547981e863560d75da6c
pillow-13.0.0-cp311-cp311-win_amd64.whl
    d7710eb676e9bb68965cb045be0d333b4c0d7f9dfbaa7fbf121385b1588683d3
pillow-13.0.0-cp313-cp313-macosx_11_0_arm64.whl
    f11a3c1358bb3c68012a7b1f41b223c3db9f7bfde90b481df028cfe1c3363313
pillow-13.0.0-cp313-cp313-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl
    5f56499c1a74d2b862beb0c33b8016f99d095858455df9d21583bbbc1c15b582
pillow-13.0.0-cp313-cp313-win_amd64.whl
    9dda0788a9932776a75d8bcc020076edc308ce2508b51f6739a45e3158b3fc42
pillow-13.0.0-cp314-cp314-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl
    e91c2b1cbeae768c98752e67e717e283d68dae45717b41f2d91eaee648e37b7d
"""
# For `--gpu`: they take the place of onnxruntime's own wheels, which on macOS know the GPU already (CoreML).
GPU_RUNTIMES = {"linux-x64": "onnxruntime_gpu", "windows-x64": "onnxruntime_directml"}
GPU_PYTHONS = ("cp311", "cp313")
_PINS += """
onnxruntime_directml-1.24.4-cp311-cp311-win_amd64.whl
    96642a787e5a6f33bf043521c0f06eb1eb663f6b830e5862a2026d03f9c90543
onnxruntime_directml-1.24.4-cp313-cp313-win_amd64.whl
    2f1031cb2281e5b27cca9efe0b9399317c7286e4d226f7a79d4ab79bbd94d19e
onnxruntime_gpu-1.31.1-cp311-cp311-manylinux_2_28_x86_64.whl
    e26c475fe361b2015f45b4b824bd13f0bb20204e59b62814e6f0acd5f3d491a6
onnxruntime_gpu-1.31.1-cp313-cp313-manylinux_2_28_x86_64.whl
    f659529e07c21ec6b6179fd1bfaf82ffb7c3dc9c0916e18f6f313f9a690891be
"""
WHEEL_SHA256 = dict(zip(*[iter(_PINS.split())] * 2, strict=True))

# What Blender's own `validate` lets pass and a repository of extensions refuses.
MANIFEST_KEYS = {
    "schema_version", "id", "version", "name", "tagline", "maintainer", "type", "tags", "blender_version_min",
    "blender_version_max", "license", "copyright", "website", "platforms", "wheels", "permissions",
}  # fmt: skip
TAGS = {
    "3D View", "Animation", "Camera", "Compositing", "Geometry Nodes", "Import-Export", "Node", "Physics", "Pipeline",
    "Render", "Sequencer", "Tracking",
}  # fmt: skip
LICENCE = "SPDX:GPL-3.0-or-later"
LIMIT_BYTES = 125_000_000
ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can state: the same sources give the same bytes on any day
_LIST = r"(?m)^{} = \[[^\]]*\]"


class PackageError(Exception):
    """The zip cannot be made or is not fit to be given away; the message says why."""


def build(out_dir, platform, wheels_dir=None, gpu=False):
    """Path of the new zip `<id>-<version>-<platform>.zip` in `out_dir`; `...-gpu.zip` with `gpu`.

    Args:
        platform: a key of PLATFORMS.
        gpu: with the onnxruntime that knows CUDA (Linux) or DirectML (Windows); it is the same extension otherwise.
        wheels_dir: folder that keeps downloaded wheels; default: the user's cache. What is missing is downloaded.
    Raises:
        PackageError: unknown platform, or one without a package for the GPU; a wheel that cannot be had or is not the
            published one; a bad manifest.
    """
    if platform not in PLATFORMS:
        raise PackageError(f"unknown platform {platform!r}: choose from {', '.join(PLATFORMS)}")
    if gpu and platform not in GPU_RUNTIMES:
        raise PackageError(f"there is no package for the GPU of {platform}: the usual one uses it, where it is faster")
    manifest, wheels = cut_manifest((ROOT / "blender_manifest.toml").read_text("utf-8"), platform, gpu)
    facts = tomllib.loads(manifest)
    files = {"__init__.py": ROOT_INIT.encode(), "blender_manifest.toml": manifest.encode()}
    files["LICENSE"] = (ROOT / "LICENSE").read_bytes()
    for folder in ("blender_addon", "gid_core", "models"):
        files.update({p.relative_to(ROOT).as_posix(): p.read_bytes() for p in _sources(ROOT / folder)})
    wheels_dir = Path(wheels_dir) if wheels_dir else cache_folder()
    for folder in ("docs/tasks", "docs/reference"):  # the pages that F1 opens
        files.update({p.relative_to(ROOT).as_posix(): p.read_bytes() for p in (ROOT / folder).glob("*.md")})
    for name in wheels:
        files["wheels/" + name] = _wheel(name, wheels_dir).read_bytes()
    path = Path(out_dir) / f"{facts['id']}-{facts['version']}-{platform.replace('-', '_')}{'-gpu' * gpu}.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(_zip(files))
    check(partial)
    os.replace(partial, path)
    return path


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "image_dynamics" / "wheels"


def cut_manifest(text, platform, gpu=False):
    """The manifest for one platform, and its wheels' file names."""
    full = tomllib.loads(text)
    wheels = [Path(w).name for w in full["wheels"] if w.endswith(PLATFORMS[platform])]
    if gpu:
        kept = [name for name in wheels if name.startswith("pillow-") and name.split("-")[2] in GPU_PYTHONS]
        runtime = GPU_RUNTIMES[platform] + "-"
        wheels = [*(name for name in WHEEL_SHA256 if name.startswith(runtime)), *kept]
    lines = "".join(f'  "./wheels/{name}",\n' for name in wheels)
    text, n_wheels = re.subn(_LIST.format("wheels"), lambda _: f"wheels = [\n{lines}]", text)
    text, n_platforms = re.subn(_LIST.format("platforms"), lambda _: f'platforms = ["{platform}"]', text)
    expected = {**full, "platforms": [platform], "wheels": ["./wheels/" + name for name in wheels]}
    if (n_wheels, n_platforms) != (1, 1) or tomllib.loads(text) != expected:
        raise PackageError("blender_manifest.toml: write `platforms` and `wheels` as one plain list each")
    return text, wheels


def _sources(folder):
    """Files of `folder` that belong into the zip, sorted."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        hidden = any(p.startswith(".") or p == "__pycache__" for p in parts)
        if path.is_file() and not hidden and path.resolve() != Path(__file__).resolve():
            yield path


def _wheel(name, folder):
    """Path of the published wheel `name`, downloaded into `folder` when it is not there."""
    if name not in WHEEL_SHA256:
        raise PackageError(
            f"{name} is in the manifest and has no hash: add the published one to blender_addon/package.py"
        )
    path = folder / name
    if not path.exists():
        _download(name, folder)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != WHEEL_SHA256[name]:
        raise PackageError(f"{path} is not the published wheel (SHA-256 {found}): delete it and run this again")
    return path


def _download(name, folder):
    project, version, python, abi, tags = name.removesuffix(".whl").split("-")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--implementation", "cp", "--python-version", python[2] + "." + python[3:]]
    command += ["--abi", abi]
    for tag in tags.split("."):
        command += ["--platform", tag]
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:  # moved when complete: two builds may share the folder
        done = subprocess.run([*command, "--dest", scratch, f"{project}=={version}"], capture_output=True, text=True)
        if done.returncode or not (Path(scratch) / name).exists():
            last = (done.stderr.strip().splitlines() or ["nothing was downloaded"])[-1]
            raise PackageError(f"{name} could not be downloaded ({last}): check the network, or put it into {folder}")
        shutil.move(Path(scratch) / name, folder / name)


def _zip(files):
    """Bytes of a zip that depend on names and contents alone."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, ZIP_DATE)
            entry.create_system = 3  # Unix, whatever machine builds it
            entry.external_attr = 0o644 << 16
            packed = name.endswith(".whl")  # by itself: packing it again costs seconds and saves nothing
            entry.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name])
    return buffer.getvalue()


def check(path):
    """Refuses a zip that Blender's tool lets pass and a user or a repository would stumble over.

    Raises:
        PackageError: names every fault found.
    """
    faults = []
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        manifest = tomllib.loads(archive.read("blender_manifest.toml").decode())
        held = sorted(n for n in names if n.startswith("wheels/"))
        for name in held:
            if hashlib.sha256(archive.read(name)).hexdigest() != WHEEL_SHA256.get(Path(name).name):
                faults.append(f"{name} is not a wheel as published")
    if unknown := set(manifest) - MANIFEST_KEYS:
        faults.append(f"unknown manifest keys {sorted(unknown)}")
    if unknown := set(manifest.get("tags", ())) - TAGS:
        faults.append(f"unknown tags {sorted(unknown)}")
    platforms = manifest.get("platforms", [])
    if len(platforms) != 1 or platforms[0] not in PLATFORMS:
        faults.append(f"platforms {platforms} is not exactly one of {sorted(PLATFORMS)}")
    if manifest.get("license") != [LICENCE]:
        faults.append(f"licence {manifest.get('license')} is not {LICENCE}")
    listed = sorted(w.removeprefix("./") for w in manifest.get("wheels", ()))
    if listed != held:
        faults.append(f"the manifest lists the wheels {listed}, the zip holds {held}")
    is_gpu = any(Path(name).name.startswith(tuple(GPU_RUNTIMES.values())) for name in held)
    for platform in PLATFORMS.keys() & set(platforms):
        runtime, pythons = "onnxruntime", PYTHONS[platform]
        if is_gpu:
            runtime, pythons = GPU_RUNTIMES.get(platform, "onnxruntime"), GPU_PYTHONS
        wanted = {(project, python) for project in (runtime, "pillow") for python in pythons}
        fitting = [Path(n).name.split("-") for n in held if n.endswith(PLATFORMS[platform])]
        if {(parts[0], parts[2]) for parts in fitting} != wanted or len(held) != len(wanted):
            faults.append(f"{platform} needs one wheel for each of {sorted(wanted)}")
    for needed in ("__init__.py", "LICENSE", "blender_addon/__init__.py", "gid_core/__init__.py"):
        if needed not in names:
            faults.append(f"{needed} is missing")
    for name in names:
        if name == "blender_addon/package.py" or "__pycache__" in name or name.startswith(("tests/", "onnx_export/")):
            faults.append(f"{name} does not belong into the zip")
    if (size := Path(path).stat().st_size) > LIMIT_BYTES and not is_gpu:  # CUDA's kernels alone are more
        faults.append(f"{size:,} bytes are more than the {LIMIT_BYTES:,} that a package may have")
    if faults:
        raise PackageError(f"{Path(path).name}: " + "; ".join(faults))


def validate(path):
    """Runs Blender's own validation of an extension on the zip.

    Raises:
        PackageError: this Python has no bpy module, or the tool refuses the zip.
    """
    tool = _blenders_tool()
    tags = tool.parents[3] / "modules" / "_bpy_internal" / "extensions" / "tags.py"
    command = [sys.executable, str(tool), "validate", "--valid-tags", str(tags), str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise PackageError(f"Blender refuses {Path(path).name}: {(done.stdout + done.stderr).strip()}")


def _blenders_tool():
    """Blender's own script for extensions; it lies in the bpy module."""
    found = importlib.util.find_spec("bpy")
    tools = list(Path(found.origin).parent.glob("*/scripts")) if found and found.origin else []
    if not tools:
        raise PackageError(
            "Blender's tool for extensions comes with the bpy module: run this with the Python of a Blender environment"
        )
    return tools[0] / "addons_core" / "bl_pkg" / "cli" / "blender_ext.py"


def repository(folder):
    """Path of `index.json`: the zips in `folder` as a repository of extensions, which Blender subscribes to.

    A folder that a web server shows, or a `file://` address, is enough; nothing runs there.

    Raises:
        PackageError: there is no zip of ours, one is not fit to be given away, or Blender's tool refuses.
    """
    zips = sorted(Path(folder).glob("*.zip"))
    if not zips:
        raise PackageError(f"there is no zip in {folder}: make some by `package --platform all --out {folder}`")
    for path in zips:
        if path.name.endswith("-gpu.zip") and path.with_name(path.name.replace("-gpu.zip", ".zip")) in zips:
            raise PackageError(
                f"{path.name} is the same extension as the zip beside it: give it a repository of its own"
            )
    for path in zips:
        check(path)
    command = [sys.executable, str(_blenders_tool()), "server-generate", "--repo-dir", str(folder), "--html"]
    done = subprocess.run(command, capture_output=True, text=True)
    index = Path(folder) / "index.json"
    if done.returncode or not index.exists():
        raise PackageError(f"Blender's tool made no index: {(done.stdout + done.stderr).strip()}")
    return index


def this_platform():
    return {"linux": "linux-x64", "darwin": "macos-arm64", "win32": "windows-x64"}.get(sys.platform, "")


def main(argv):
    parser = argparse.ArgumentParser(prog="build.py package", description="Makes the installable zip of a platform")
    parser.add_argument("--out", type=Path, default=Path("dist"), help="folder of the zip; default: dist")
    choices = [*PLATFORMS, "all"]
    parser.add_argument("--platform", choices=choices, default=this_platform(), help="default: this machine's")
    parser.add_argument(
        "--wheels", type=Path, help="folder that keeps the downloaded wheels; default: the user's cache"
    )
    parser.add_argument("--gpu", action="store_true", help="with CUDA on Linux, with DirectML on Windows")
    parser.add_argument("--index", type=Path, metavar="DIR", help="only index the zips there, as a repository")
    options = parser.parse_args(argv)
    try:
        if options.index is not None:
            print(repository(options.index))
            return 0
        every = GPU_RUNTIMES if options.gpu else PLATFORMS
        for platform in every if options.platform == "all" else [options.platform]:
            path = build(options.out, platform, options.wheels, options.gpu)
            validate(path)
            with zipfile.ZipFile(path) as archive:
                for entry in archive.infolist():
                    digest = hashlib.sha256(archive.read(entry)).hexdigest()
                    print(f"{entry.file_size:>10} {digest[:16]} {entry.filename}")
            print(f"{path.stat().st_size:>10} {hashlib.sha256(path.read_bytes()).hexdigest()} {path}")
    except (PackageError, OSError) as error:
        print(f"gid: error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
