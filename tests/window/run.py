"""`build.py window`: what an artist does, by mouse and keys in a real Blender window; does one see it, and move?

No other test sees what an artist sees: they compare our parts with each other. This one unpacks Debian's Blender (5.2
LTS, Python 3.14) into a folder of its own, installs the zip into an empty profile, and plays scripts under a virtual
screen: the README's first loop, of which checks.py judges the screenshots, or those that --play names. It needs Debian
and root, 1.3 GB of disk, once 300 MB of download.
"""

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from checks import judge
from PIL import Image

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.append(str(ROOT))

import clips  # noqa: E402  # it reads gid_core

PACKAGES = (
    "blender,python3-numpy,python3-requests,python3-cattr,python3-zstandard,libgl1-mesa-dri,libgl1,libegl1,"
    "xvfb,xdotool,scrot,ca-certificates"
)
SIZE, TIMEOUT_S = "1600x900", 1800
SCRIPTS = ("first_loop", "takes", "edits", "clip", "shot", "mishaps", "freezes")


class WindowError(Exception):
    """The window cannot be had here; the message says why and what to do."""


def prepare(root):
    """Debian's Blender in the folder `root`, unpacked when it is not there yet."""
    if (root / "usr/bin/blender").exists():
        return
    if shutil.which("mmdebstrap") is None:
        raise WindowError("mmdebstrap is missing: apt-get install mmdebstrap")
    print(f"unpacking Debian's Blender into {root} (once) ...", flush=True)
    partial = root.with_name(root.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.parent.mkdir(parents=True, exist_ok=True)
    # Mirrors of sid lag behind, hence no check of dates; signatures are checked.
    command = ["mmdebstrap", "--mode=root", "--variant=minbase", "--quiet", f"--include={PACKAGES}"]
    for option in ('Acquire::Retries "3"', 'Acquire::Check-Valid-Until "false"', 'APT::Sandbox::User "root"'):
        command += ["--aptopt=" + option]
    for path in ("man", "doc", "locale"):
        command += [f"--dpkgopt=path-exclude=/usr/share/{path}/*"]
    if subprocess.run([*command, "sid", str(partial), f"deb {mirror()} sid main"]).returncode:
        raise WindowError("Debian's Blender could not be unpacked: check the network and the disk space")
    (partial / "etc/mtab").unlink(missing_ok=True)
    (partial / "etc/mtab").symlink_to("/proc/mounts")
    partial.rename(root)


def mirror():
    """The Debian mirror that this machine uses."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages"],
        capture_output=True,
        text=True,
    ).stdout
    found = [line.split()[1] for line in listed.splitlines() if line.startswith("Debian ")]
    if not found:
        raise WindowError("this machine's apt knows no Debian mirror: run apt-get update, on Debian")
    return found[0]


def package_module():
    """blender_addon/package.py, which is no part of the add-on."""
    spec = importlib.util.spec_from_file_location("package", ROOT / "blender_addon" / "package.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def play(root, run, played):
    """Play inside.sh with a script in Debian's Blender: own mounts, processes and network, a read-only system."""
    script = """
        set -euo pipefail
        mount --bind "$1" "$1"
        mount -t proc proc "$1/proc"; mount --rbind /dev "$1/dev"; mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"
        mkdir "$1/tmp/run" "$1/tmp/shaders"; mount --bind "$2" "$1/tmp/run"; mount --bind "$6" "$1/tmp/shaders"
        mount -o remount,bind,ro "$1"
        exec chroot "$1" /bin/bash /tmp/run/inside.sh "$3" "$4" "$5"
    """
    shaders = root.with_name(root.name + "-shaders")  # compiled by the processor: once is enough
    shaders.mkdir(exist_ok=True)
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--net", "bash", "-c", script, "window"]
    return subprocess.run([*command, str(root), str(run), SIZE, str(TIMEOUT_S), played, str(shaders)]).returncode


def _played(root, run, name, shots):
    """Play one script; its screenshots and facts go into a folder of its name. Returns what is wrong."""
    for file in ("inside.sh", f"{name}.py", "hands.py", "stage.py"):
        shutil.copy(HERE / file, run)
    shutil.copy(ROOT / "docs" / "example.jpg", run / "photo.jpg")
    if name == "clip":
        clips.make(run / "photo.jpg", run / "clips")
    (run / "shots").mkdir()
    code = play(root, run, f"{name}.py")
    kept = shots / name
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(run / "shots", kept)
    for log in run.glob("*.log"):
        shutil.copy(log, kept)
    for left in run.iterdir():
        if left.name != "addon.zip":
            shutil.rmtree(left) if left.is_dir() else left.unlink()
    if not (kept / "facts.json").exists():
        return [f"{name}: Blender ended with code {code} before it was over: see {kept}/blender.log"]
    print(f"{name}: look at the screenshots in {kept}")
    return [f"{name}: {fault}" for fault in faults_of(kept, _read(ROOT / "docs" / "example.jpg"))]


def faults_of(shots, photo):
    """What is wrong with what the window showed; empty if nothing is."""
    facts = json.loads((shots / "facts.json").read_text())
    if facts["error"]:
        return [f"a step failed: {facts['error']} (see error.png)"]
    for name, figure in facts.get("figures", {}).items():
        bar = "" if figure["bar"] is None else f" (bar: {figure['bar']})"
        note = f", {figure['note']}" if figure.get("note") else ""
        print(f"{name}: {figure['value']:.2f} {figure['unit']}{bar}{note}")
    faults = facts["faults"]  # what the script saw by itself
    if "view" not in facts:
        return faults
    if facts["scene"] != facts["scene_of_loop"]:
        faults.append(f"the window shows the scene '{facts['scene']}', not the loop's")
    if len(set(facts["frames"])) < 2:
        faults.append(f"nothing plays: the frame stays {facts['frames'][0]}")
    left, top, right, bottom = facts["view"]
    views = [_read(shots / f"{name}.png")[top:bottom, left:right] for name in ("4_playing", "5_later", "6_later_still")]
    moving = 1 - _read(shots / "static.png")[..., 0]
    findings = [judge(views[0], later, photo, moving) for later in views[1:]]
    return faults + min(findings, key=len)  # the loop may have come back to where it was


def _read(path):
    return np.asarray(Image.open(path).convert("RGB"), np.float64) / 255


def main(arguments):
    parser = argparse.ArgumentParser(prog="build.py window", description=__doc__.split("\n")[0])
    parser.add_argument("--root", type=Path, help="folder of Debian's Blender; default: in the user's cache")
    parser.add_argument(
        "--shots", type=Path, default=Path("window"), help="folder for the screenshots; default: window"
    )
    parser.add_argument(
        "--play", nargs="+", choices=SCRIPTS, default=["first_loop"], help="what is played; default: first_loop"
    )
    options = parser.parse_args(arguments)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "image_dynamics"
    try:
        if sys.platform != "linux" or os.geteuid() or not Path("/etc/debian_version").exists():
            raise WindowError("this needs Debian and root: it unpacks Debian's Blender and mounts folders")
        root = (options.root or cache / "window-root").resolve()
        prepare(root)
        with tempfile.TemporaryDirectory(prefix="gid-window-") as folder:
            run = Path(folder)
            package_module().build(run, "linux-x64").rename(run / "addon.zip")
            faults = [fault for name in options.play for fault in _played(root, run, name, options.shots)]
    except WindowError as error:
        print(f"gid: error: {error}", file=sys.stderr)
        return 2
    for fault in faults:
        print(f"FAILED: {fault}")
    print("failed" if faults else "passed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
