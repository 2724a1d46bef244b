#!/usr/bin/env python3
"""The one command line of this repository.

  python3 build.py animate [PHOTO] [--out DIR] [--blender 4.5|5.0|5.2|none] ...             photo -> seamless loop
  python3 build.py batch FOLDER [--out DIR] ...                                            a folder of photos -> loops
  python3 build.py test [lint|core|blender-4.5|blender-5.0|blender-5.2 ...]                set up and run every test
  python3 build.py bench [splat|steps|memory|playback|render ...] [--blender ...]          ratios measured in one run
  python3 build.py package [--platform ...]                                                the installable zip
  python3 build.py window [--shots DIR]                         the first loop in a real Blender window (Debian, root)
  python3 build.py docs [--out DIR]                                                        the documentation as a site
  python3 build.py train|export|evaluate|ablate ...                                       the motion model

It makes the environment that a verb needs (pinned, with hashes, outside the checkout) and hands over; the work of
each verb lives in the folder that it belongs to. Standard library only, so that any Python can start it.
"""

import argparse
import concurrent.futures
import ctypes
import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent
LOCKS = ROOT / "locks"
BLENDERS = {"4.5": "3.11", "5.0": "3.11", "5.2": "3.13"}  # Blender -> the Python that its module needs
DEFAULT_BLENDER = "4.5"
PYTHONS = dict.fromkeys(("run", "export", "lint", "docs"), "3.11") | {f"blender-{v}": p for v, p in BLENDERS.items()}
STEP_LIMIT_S = 45 * 60  # a hung Blender must not hang the whole run

# Shared libraries that the Blender module opens, and the Debian/Ubuntu package that brings each.
SYSTEM_LIBRARIES = {
    "libX11.so.6": "libx11-6",
    "libXi.so.6": "libxi6",
    "libXfixes.so.3": "libxfixes3",
    "libXrender.so.1": "libxrender1",
    "libXext.so.6": "libxext6",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libSM.so.6": "libsm6",
    "libICE.so.6": "libice6",
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
}

# What a suite runs. The core's tests run once for each numpy and Python: Blender 5.0 has those of 4.5.
_FOLDERS = {
    "core": ["tests/core", "tests/export", "tests/cli", "tests/window"],
    "blender-4.5": ["tests/core", "tests/addon"],
    "blender-5.0": ["tests/addon"],
    "blender-5.2": ["tests/core", "tests/addon"],
}

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


def find_python(version):
    """Command of an interpreter of `version`: this one, the PATH, pyenv, uv, the Windows launcher."""
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT", str(home / ".pyenv"))) / "versions"
    data = Path(os.environ.get("XDG_DATA_HOME", str(home / ".local" / "share")))
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR", str(data / "uv" / "python")))
    candidates = [[sys.executable], ["python" + version], ["python3"], ["python"]]
    candidates += [[str(p / "bin" / "python")] for p in sorted(pyenv.glob(version + "*"), reverse=True)]
    candidates += [[str(p / "bin" / "python3")] for p in sorted(uv.glob(f"cpython-{version}*"), reverse=True)]
    if os.name == "nt":
        candidates.append(["py", "-" + version])
    for command in candidates:
        if _answers_as(command, version):
            return command
    raise BuildError(
        f"Python {version} was not found: install it (`uv python install {version}`, `pyenv install {version}`, "
        f"or the packages python{version} and python{version}-venv) and run this again"
    )


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "image_dynamics"


def environment(name):
    """Python of the environment `name`, made from locks/NAME.txt when it is not there yet."""
    lock = LOCKS / (name + ".txt")
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    folder = cache_folder() / "envs" / (f"{name}-{digest}")
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ready = folder / "ready"  # written last: an interrupted set-up is made again
    if not ready.exists():
        print(f"setting up {name} (once) ...", file=sys.stderr, flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        interpreter = find_python(PYTHONS[name])
        _check(
            [*interpreter, "-m", "venv", str(folder)],
            f"install the venv module of Python {PYTHONS[name]} (python{PYTHONS[name]}-venv)",
        )
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _check([*pip, "--require-hashes", "-r", str(lock)], "check the network and the disk space, then run this again")
        if name == "export":
            _check([*pip, "torch==2.13.0"], "torch did not install: check the network and the disk space")
        ready.touch()
    if name.startswith("blender-"):
        _check_system_libraries()
    return str(python)


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
    version = chosen.blender or DEFAULT_BLENDER
    try:
        python = environment("blender-" + version)
    except BuildError as error:
        if chosen.blender or chosen.render in ("cycles", "eevee"):
            raise
        print(f"gid: without Blender, so without scene.blend: {error}", file=sys.stderr)
        return _run_core("gid_core." + verb, arguments)
    return _run([python, "-I", "-c", BLENDER_DOOR, str(ROOT), verb, *arguments])


def test(arguments):
    parser = argparse.ArgumentParser(prog="build.py test", description="Sets up and runs the tests")
    parser.add_argument(
        "suites", nargs="*", metavar="SUITE", help="lint, core, blender-4.5, blender-5.0, blender-5.2; default: all"
    )
    parser.add_argument("--pytest", default="", help="further options for pytest, one string")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="suites at a time; default: one a processor")
    chosen = parser.parse_args(arguments)
    known = ["lint", "core", *("blender-" + v for v in BLENDERS)]
    for suite in chosen.suites:
        if suite not in known:
            raise BuildError("there is no suite {!r}: choose from {}".format(suite, ", ".join(known)))
    suites = chosen.suites or known
    pythons = {suite: environment("export" if suite == "core" else suite) for suite in suites}
    scratch = Path(tempfile.mkdtemp(prefix="gid_test_"))
    variables = {
        "PYTHONDONTWRITEBYTECODE": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(scratch / "hypothesis"),
        "GID_OTHER_PYTHONS": os.pathsep.join(environment("blender-" + v) for v in BLENDERS),
        "GID_RUN_PYTHON": environment("run"),
    }
    options = shlex.split(chosen.pytest)
    try:
        if len(suites) == 1:  # its output as it comes
            results = {suites[0]: (_run_suite(suites[0], pythons[suites[0]], options, variables), "")}
        else:
            results = _run_suites(pythons, options, variables, scratch, max(1, chosen.jobs or 1))
    finally:
        shutil.rmtree(str(scratch), ignore_errors=True)
    print()
    for suite, (code, closing) in results.items():
        print(f"{suite:12} {'passed' if code == 0 else f'FAILED (exit code {code})'}  {closing}".rstrip())
    return 1 if any(code for code, _ in results.values()) else 0


def _run_suites(pythons, options, variables, logs, jobs):
    """{suite: (exit code, the last line it wrote)}: `jobs` suites at a time, the output of each as it ends."""

    def logged(suite):
        path = logs / (suite + ".txt")
        with open(path, "w", encoding="utf-8") as log:
            code = _run_suite(suite, pythons[suite], options, variables, log)
        return code, path.read_text(encoding="utf-8", errors="replace").rstrip()

    results = {}
    print("running {}, {} at a time".format(", ".join(pythons), min(jobs, len(pythons))), flush=True)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        # The last is the longest: begun first, it leaves no processor idle at the end.
        running = {pool.submit(logged, suite): suite for suite in reversed(pythons)}
        for done in concurrent.futures.as_completed(running):
            code, written = done.result()
            print(f"\n=== {running[done]}\n{written}", flush=True)
            results[running[done]] = code, written[written.rfind("\n") + 1 :]
    return {suite: results[suite] for suite in pythons}


def _run_suite(suite, python, options, variables, log=None):
    """Exit code of a suite. log: where its output goes; None: where ours goes."""
    if suite == "lint":
        return _lint(python, log)
    pytest = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *_FOLDERS[suite], *options]
    return _run(pytest, cwd=ROOT, variables=variables, limit=STEP_LIMIT_S, output=log)


def _lint(python, log):
    """Style by ruff, types by mypy, which sees the checkout as the package that it is when installed."""
    worst = 0
    for check in (["check", "--no-cache", "."], ["format", "--no-cache", "--check", "."]):
        worst = max(worst, _run([python, "-m", "ruff", *check], cwd=ROOT, output=log))
    with tempfile.TemporaryDirectory(prefix="gid_lint_") as parent:
        os.symlink(ROOT, os.path.join(parent, "image_dynamics"))
        mypy = [python, "-m", "mypy", "--cache-dir", str(cache_folder() / "mypy")]
        return max(worst, _run(mypy, cwd=ROOT, variables={"MYPYPATH": parent}, output=log))


def bench(arguments):
    parser = argparse.ArgumentParser(
        prog="build.py bench", description="Benchmarks; each prints ratios measured in one run"
    )
    parser.add_argument(
        "names", nargs="*", help="files of tests/bench; default: all; further options go to a single one"
    )
    parser.add_argument("--blender", choices=sorted(BLENDERS), help="only this Blender; default: all three")
    chosen, further = parser.parse_known_args(arguments)
    if further and len(chosen.names) != 1:
        parser.error(f"{further[0]} is for one benchmark: name it first")
    in_blender = {"footprint", "frames", "playback", "render", "sharpness_exr"}
    known = sorted(p.stem for p in (ROOT / "tests" / "bench").glob("*.py"))
    worst = 0
    for name in chosen.names or known:
        if name not in known:
            raise BuildError("there is no benchmark {!r}: choose from {}".format(name, ", ".join(known)))
        versions = [chosen.blender] if chosen.blender else list(BLENDERS)
        for env in ["blender-" + v for v in versions] if name in in_blender else ["export"]:
            print(f"\n=== bench {name} ({env})", flush=True)
            worst |= _run([environment(env), str(ROOT / "tests" / "bench" / (name + ".py")), *further], cwd=ROOT)
    return worst


def package(arguments):
    return _run([environment("blender-4.5"), str(ROOT / "blender_addon" / "package.py"), *arguments])


def window(arguments):
    return _run([environment("export"), str(ROOT / "tests" / "window" / "run.py"), *arguments])


def docs(arguments):
    parser = argparse.ArgumentParser(
        prog="build.py docs", description="The pages of docs/ and the API reference as a site; a broken link fails"
    )
    parser.add_argument("--out", metavar="DIR", default=str(ROOT / "dist" / "docs"), help="default: dist/docs")
    out = Path(parser.parse_args(arguments).out).absolute()
    # Not --quiet: it would also silence the warnings that --strict counts.
    mkdocs = [environment("docs"), "-m", "mkdocs", "build", "--strict", "--site-dir", str(out)]
    variables = {"PYTHONDONTWRITEBYTECODE": "1", "NO_MKDOCS_2_WARNING": "1"}  # an advertisement, on every call
    worst = _run([*mkdocs, "--config-file", str(ROOT / "docs" / "site" / "mkdocs.yml")], variables=variables)
    if worst == 0:
        print(out / "index.html")
    return worst


def model_verb(module):
    return lambda arguments: _run_module("export", "onnx_export." + module, arguments)


def _run_module(env, module, arguments):
    """`python -m module` from the checkout, in the caller's folder so that relative paths mean what they say."""
    return _run([environment(env), "-m", module, *arguments], variables={"PYTHONPATH": str(ROOT)})


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
    "test": test,
    "bench": bench,
    "package": package,
    "window": window,
    "docs": docs,
    "train": model_verb("fitting.train"),
    "export": model_verb("export.export"),
    "evaluate": model_verb("evaluation.evaluate"),
    "ablate": model_verb("experiments.ablation"),
}


def main(arguments):
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
