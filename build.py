#!/usr/bin/env python3
"""The one command line of this repository.

  python3 build.py animate [PHOTO] [--out DIR] [--blender 4.5|5.0|5.2|none] ...             photo -> seamless loop
  python3 build.py batch FOLDER [--out DIR] ...                                            a folder of photos -> loops
  python3 build.py job PHOTO|FOLDER [--out DIR] [--for openjd|deadline|flamenco] ...            the same on a farm
  python3 build.py check FILE.blend                                            what a farm would stumble over in a file
  python3 build.py test [lint|core|blender-4.5|blender-5.0|blender-5.2 ...]                set up and run every test
  python3 build.py bench [splat|steps|memory|playback|render ...] [--blender ...]          ratios measured in one run
  python3 build.py package [--platform ...] [--gpu]                                        the installable zip
  python3 build.py repository DIR | soak | audit          zips as a repository; thousands of mutations; known faults
  python3 build.py window [--shots DIR]                         the first loop in a real Blender window (Debian, root)
  python3 build.py docs [--out DIR]                                                        the documentation as a site
  python3 build.py train|export|evaluate|ablate ...                                       the motion model

It makes the environment that a verb needs (pinned, with hashes, outside the checkout) and hands over; the work of
each verb lives in the folder that it belongs to. Standard library only, so that any Python can start it.
"""

import argparse
import contextlib
import ctypes
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent
LOCKS = ROOT / "locks"
BLENDERS = {"4.5": "3.11", "5.0": "3.11", "5.2": "3.13"}  # Blender -> the Python that its module needs
DEFAULT_BLENDERS = ("4.5", "5.2")  # the first whose Python is there
# Environment -> the Pythons that it works with, the first that is found; and megabytes that it takes on the disk.
PYTHONS = {
    "run": ("3.11", "3.12", "3.13", "3.14"),
    **dict.fromkeys(("export", "lint", "docs", "farm", "audit"), ("3.11", "3.12", "3.13")),
    **{f"blender-{version}": (python,) for version, python in BLENDERS.items()},
}
SIZES_MB = {"run": 320, "export": 1600, "lint": 220, "docs": 260}  # those with a Blender: 1300

# Shared libraries that the Blender module opens, and the Debian/Ubuntu package that brings each.
SYSTEM_LIBRARIES = {
    "libX11.so.6": "libx11-6", "libXi.so.6": "libxi6",
    "libXfixes.so.3": "libxfixes3", "libXrender.so.1": "libxrender1",
    "libXext.so.6": "libxext6", "libxkbcommon.so.0": "libxkbcommon0",
    "libSM.so.6": "libsm6", "libICE.so.6": "libice6",
    "libGL.so.1": "libgl1", "libEGL.so.1": "libegl1",
}  # fmt: skip

# The checkout as a package, in the shape of the installed extension. _exit: 4.5 can dead-lock in its exit handlers.
BLENDER_DOOR = """
import os, sys, types
sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
package = types.ModuleType("image_dynamics")
package.__path__ = [sys.argv.pop(1)]
sys.modules["image_dynamics"] = package
from image_dynamics.blender_addon import cli
code = cli.main(sys.argv[1:])
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)
"""

CORE_DOOR = """
import importlib, os, sys
sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
sys.path.insert(0, sys.argv.pop(1))
sys.exit(importlib.import_module(sys.argv.pop(1)).main(sys.argv[1:]))
"""


class BuildError(Exception):
    """Something the user can put right; the message says how."""


class PythonMissing(BuildError):
    """No Python of a version that an environment needs."""


def _answers_as(command, version):
    """True if `command` starts a Python of that version (a pyenv shim may exist and refuse)."""
    try:
        found = subprocess.run(
            [*command, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True,
            text=True,
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return found.returncode == 0 and found.stdout.strip() == version


def find_python(versions):
    """Command of an interpreter of the first of `versions` that is there, fetched by uv where uv is there."""
    for version in versions:
        command = installed_python(version)
        if command:
            return command
    version, uv = versions[0], shutil.which("uv")
    if uv:
        print(f"fetching Python {version} by uv (once) ...", file=sys.stderr, flush=True)
        subprocess.run([uv, "python", "install", version])
        found = subprocess.run([uv, "python", "find", version], capture_output=True, text=True).stdout.strip()
        if found and _answers_as([found], version):
            return [found]
    raise PythonMissing(
        f"Python {' or '.join(versions)} was not found: install it (`uv python install {version}`, "
        f"`pyenv install {version}`, or the packages python{version} and python{version}-venv) and run this again"
    )


def installed_python(version):
    """Command of an interpreter of `version`: this one, the PATH, pyenv, uv, the Windows launcher; None if none is."""
    home = _home()
    pyenv = Path(os.environ.get("PYENV_ROOT", str(home / ".pyenv"))) / "versions"
    data = Path(os.environ.get("XDG_DATA_HOME", str(home / ".local" / "share")))
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR", str(data / "uv" / "python")))
    candidates = [[sys.executable], ["python" + version], ["python3"], ["python"]]
    candidates += [[str(p / "bin" / "python")] for p in _matching(pyenv, version + "*")]
    candidates += [[str(p / "bin" / "python3")] for p in _matching(uv, f"cpython-{version}*")]
    if os.name == "nt":
        candidates.append(["py", "-" + version])
    return next((command for command in candidates if _answers_as(command, version)), None)


def _matching(folder, pattern):
    """The folders inside that fit, newest first; none where we may not look."""
    try:
        return sorted(folder.glob(pattern), reverse=True)
    except OSError:
        return []


def _home():
    """The user's folder; one of the system's for passing files where the user has none (no passwd entry)."""
    with contextlib.suppress(RuntimeError):
        if Path.home().is_dir():
            return Path.home()
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"image_dynamics-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != user:  # a place that others may write to could hold what they would have us run
        raise BuildError(f"{folder} belongs to somebody else: set XDG_CACHE_HOME to a folder of yours")
    return folder


def cache_folder():
    """Where environments and wheels are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or str(_home() / ".cache")
    return Path(base) / "image_dynamics"


def environment(name):
    """Python of the environment `name`, made from locks/NAME.txt when it is not there yet."""
    folder = _folder_of(name)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not is_ready(name):
        try:
            folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with _alone(folder):
                if not is_ready(name):  # another run may have made it meanwhile
                    _make(name, folder, python)
        except OSError as error:
            raise BuildError(
                f"cannot make an environment in {folder.parent} ({error.strerror or error}): "
                "set XDG_CACHE_HOME to a folder that you may write to"
            ) from error
    if name.startswith("blender-"):
        _check_system_libraries()
    return str(python)


def _folder_of(name):
    digest = hashlib.sha256((LOCKS / (name + ".txt")).read_bytes()).hexdigest()[:12]
    return cache_folder() / "envs" / f"{name}-{digest}"


def is_ready(name):
    """True if the environment `name` is there; its mark is written last, so an interrupted one is made again."""
    return (_folder_of(name) / "ready").exists()


@contextlib.contextmanager
def _alone(folder):
    """Two first runs make one environment: the second waits for the first, and goes on with what that made."""
    with open(str(folder) + ".lock", "a", encoding="utf-8") as file:
        if not _lock(file, wait=False):
            print(f"another run is setting up {folder.name}: waiting for it ...", file=sys.stderr, flush=True)
            _lock(file, wait=True)
        yield


def _lock(file, wait):
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _make(name, folder, python):
    interpreter = find_python(PYTHONS[name])
    told = f"setting up {name} (once): downloads, then {SIZES_MB.get(name, 1300)} MB on the disk in {folder}"
    print(told + "; a minute or a few ...", file=sys.stderr, flush=True)
    shutil.rmtree(str(folder), ignore_errors=True)
    _check([*interpreter, "-m", "venv", str(folder)], "install the venv module of that Python (python3-venv)")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    lock = str(LOCKS / (name + ".txt"))
    _check([*pip, "--require-hashes", "-r", lock], "check the network and the disk space, then run this again")
    if name == "export":
        _check([*pip, "torch==2.13.0"], "torch did not install: check the network and the disk space")
    (folder / "ready").touch()


def _check(command, remedy):
    if subprocess.run(command).returncode:
        raise BuildError("`{}` failed: {}".format(" ".join(command[:6]), remedy))


def _check_system_libraries():
    if not sys.platform.startswith("linux"):
        return
    missing = []
    for library, package in SYSTEM_LIBRARIES.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            missing.append(package)
    if missing:
        raise BuildError("Blender needs system libraries that are missing here: apt install " + " ".join(missing))


def animate(arguments, verb="animate"):
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--blender", choices=[*sorted(BLENDERS), "none"])
    parser.add_argument("--no-render", action="store_true")
    parser.add_argument("--render")
    chosen, _ = parser.parse_known_args(arguments)
    needs_none = chosen.no_render or chosen.render == "none" or chosen.blender == "none"
    if needs_none or "-h" in arguments or "--help" in arguments:
        return _run_core("gid_core." + verb, arguments)
    version = chosen.blender or _default_blender()
    try:
        python = environment("blender-" + version)
    except BuildError as error:
        if chosen.blender or chosen.render in ("cycles", "eevee"):
            raise
        print(f"gid: without Blender, so without scene.blend: {error}", file=sys.stderr)
        return _run_core("gid_core." + verb, arguments)
    return _run([python, "-I", "-c", BLENDER_DOOR, str(ROOT), verb, *arguments])


def check(arguments):
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--blender", choices=sorted(BLENDERS))
    chosen, _ = parser.parse_known_args(arguments)
    newest_first = sorted(BLENDERS, reverse=True)  # whatever saved the file, this one reads it
    version = chosen.blender or next((v for v in newest_first if is_ready("blender-" + v)), _default_blender())
    return _run([environment("blender-" + version), "-I", "-c", BLENDER_DOOR, str(ROOT), "check", *arguments])


def _default_blender():
    """The Blender whose environment, or whose Python, is there."""
    for version in DEFAULT_BLENDERS:
        if is_ready("blender-" + version):
            return version
    return next((v for v in DEFAULT_BLENDERS if installed_python(BLENDERS[v])), DEFAULT_BLENDERS[0])


def _tool(path):
    """A script of this repository as a module, without any change to where modules are looked for."""
    name = path.rpartition("/")[2].removesuffix(".py")
    spec = importlib.util.spec_from_file_location("gid_" + name, ROOT / path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def package(arguments):
    python = environment("blender-" + _default_blender())  # any will do: its tool checks the zip
    return _run([python, str(ROOT / "blender_addon" / "package.py"), *arguments])


def tool_verb(path, name):
    """A function of a script of this repository that is given this module as well, for environments and processes."""
    return lambda arguments: getattr(_tool(path), name)(arguments, sys.modules[__name__])


def model_verb(module):
    """`python -m module` from the checkout, in the caller's folder so that relative paths mean what they say."""

    def run(arguments):
        return _run(
            [environment("export"), "-m", "onnx_export." + module, *arguments], variables={"PYTHONPATH": str(ROOT)}
        )

    return run


def _run_core(module, arguments):
    """Our own command outside Blender. -I: neither PYTHONPATH nor a module beside the photo gets in."""
    return _run([environment("run"), "-I", "-c", CORE_DOOR, str(ROOT), module, *arguments])


def _run(command, cwd=None, variables=None, limit=None, output=None):
    """Exit code of `command`; Ctrl-C is the child's to handle, and its code is ours.

    The child's temporary folder is its own and goes with it: a Blender that was ended at once leaves one behind.
    """
    scratch = tempfile.mkdtemp(prefix="gid_run_")
    own = {"TMPDIR": scratch, "TEMP": scratch, "TMP": scratch}
    try:
        environ = {**os.environ, **own, **(variables or {})}
        with subprocess.Popen(command, cwd=cwd, env=environ, stdout=output, stderr=output) as child:
            _children.add(child)
            code = _waited(child, limit)
            _children.discard(child)
            return code if code >= 0 else 128 - code
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


_children = set()


def _waited(child, limit):
    while True:
        try:
            return child.wait(limit)
        except KeyboardInterrupt:
            continue
        except subprocess.TimeoutExpired:
            child.kill()
            print(f"stopped after {limit // 60} minutes", file=sys.stderr)


def _pass_on(number, _frame):
    """A farm ends us by SIGTERM: so do we the children, which tidy up; without one there is nothing to end in order."""
    if not _children:
        sys.exit(128 + number)
    for child in list(_children):
        child.send_signal(number)


VERBS = {
    "animate": animate,
    "batch": lambda arguments: animate(arguments, "batch"),
    "job": lambda arguments: _run_core("gid_core.farm.submit", arguments),
    "check": check,
    "task": lambda arguments: _run_core("gid_core.farm.task", arguments),
    "test": tool_verb("tests/run.py", "test"),
    "bench": tool_verb("tests/run.py", "bench"),
    "package": package,
    "repository": lambda arguments: package(["--index", *arguments]),
    "soak": tool_verb("tests/run.py", "soak"),
    "window": lambda arguments: _run([environment("export"), str(ROOT / "tests" / "window" / "run.py"), *arguments]),
    "docs": tool_verb("docs/site/make.py", "make"),
    "audit": tool_verb("tests/run.py", "audit"),
    "train": model_verb("fitting.train"),
    "export": model_verb("export.export"),
    "evaluate": model_verb("evaluation.evaluate"),
    "ablate": model_verb("experiments.ablation"),
}


def main(arguments):
    _tool("gid_core/console.py").settle()
    if not arguments or arguments[0] not in VERBS:
        print(__doc__)
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, _pass_on)
    try:
        return VERBS[arguments[0]](arguments[1:])
    except BuildError as error:
        print(f"gid: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
