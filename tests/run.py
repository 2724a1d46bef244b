"""The work of `build.py test`, `bench`, `soak` and `audit`: suites, each in its environment, side by side.

Standard library only: it is loaded by whatever Python started `build.py`, which is handed over as `build`.
"""

import argparse
import concurrent.futures
import os
import re
import shlex
import shutil
import tempfile
from pathlib import Path

__all__ = ["audit", "bench", "soak", "test"]

STEP_LIMIT_S = 45 * 60  # a hung Blender must not hang the whole run

# What a suite runs. Rooms of the core whose numbers depend on numpy run by the oldest and the newest: Blender 5.0 has
# the one of 4.5, and the core's own lies between, so they are left out there where both of these run. Its processes and
# its model run in every Blender anyway, where tests/addon predicts.
_NUMBERS = [f"tests/core/{room}" for room in ("files", "frames", "motion", "prediction")]
# Each list is a process, the longest first: a Blender that has run a thousand tests can die in its next render, and
# would take the rest of the suite with it.
_ADDON = (["tests/addon", "--ignore=tests/addon/shot"], ["tests/addon/shot"])
_FOLDERS = {
    "core": [["tests/core", "tests/export", "tests/cli", "tests/window"]],
    "blender-4.5": [*_ADDON, _NUMBERS],
    "blender-5.0": [*_ADDON],
    "blender-5.2": [*_ADDON, _NUMBERS],
}
_BOTH_ENDS = {"blender-4.5", "blender-5.2"}
# Suites run side by side. Threads of BLAS and OpenMP that find no processor free wait for each other without sleeping.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_NO_TESTS = 5  # pytest's exit code
_CLOSING = re.compile(r"^.*\d+ (?:passed|failed|error).* in \d.*$", re.MULTILINE)  # of a run of pytest


def test(arguments, build):
    parser = argparse.ArgumentParser(prog="build.py test", description="Sets up and runs the tests")
    parser.add_argument(
        "suites", nargs="*", metavar="SUITE", help="lint, core, blender-4.5, blender-5.0, blender-5.2; default: all"
    )
    parser.add_argument("--pytest", default="", help="further options for pytest, one string: --pytest='-x -k rig'")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="processes at a time; default: one a processor"
    )
    chosen = parser.parse_args(arguments)
    known = ["lint", "core", *("blender-" + v for v in build.BLENDERS)]
    for suite in chosen.suites:
        if suite not in known:
            raise build.BuildError("there is no suite {!r}: choose from {}".format(suite, ", ".join(known)))
    jobs = max(1, chosen.jobs or 1)
    suites = {suite: "export" if suite == "core" else suite for suite in chosen.suites or known}
    blenders = ["blender-" + version for version in build.BLENDERS]
    others = [*blenders * any(suite in blenders for suite in suites), *["farm"] * ("core" in suites)]
    made = _environments(build, list(dict.fromkeys([*suites.values(), *others])), jobs)
    missing = {suite: made[name] for suite, name in suites.items() if isinstance(made[name], build.PythonMissing)}
    if missing and chosen.suites:
        raise next(iter(missing.values()))
    pythons = {suite: made[name] for suite, name in suites.items() if suite not in missing}
    scratch = Path(tempfile.mkdtemp(prefix="gid_test_"))
    variables = {
        "PYTHONDONTWRITEBYTECODE": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(scratch / "hypothesis"),
        "GID_OTHER_PYTHONS": os.pathsep.join(made[name] for name in blenders if isinstance(made.get(name), str)),
        **_ONE_THREAD,
    }
    options = shlex.split(chosen.pytest)
    try:
        both = pythons.keys() >= _BOTH_ENDS
        parts = {suite: _parts(suite, both) for suite in pythons}
        if len(pythons) == 1:  # its output as it comes
            ((suite, python),) = pythons.items()
            codes = [_run_part(build, suite, part, python, options, variables) for part in parts[suite]]
            results = {suite: (_worst(codes), "")}
        else:
            results = _run_suites(build, pythons, parts, options, variables, scratch, jobs)
    finally:
        shutil.rmtree(str(scratch), ignore_errors=True)
    print()
    for suite, (code, closing) in results.items():
        said = {0: "passed", _NO_TESTS: "no test of it was asked for"}.get(code, f"FAILED (exit code {code})")
        print(f"{suite:12} {said}  {closing}".rstrip())
    for suite, error in missing.items():
        print(f"{suite:12} not run: {error}")
    return 1 if _worst([code for code, _ in results.values()]) else 0


def _environments(build, names, jobs):
    """{name: its Python, or the PythonMissing}, `jobs` made at a time: one is fetched while another is unpacked."""

    def one(name):
        try:
            return build.environment(name)
        except build.PythonMissing as error:
            return error

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        return dict(zip(names, pool.map(one, names), strict=True))


def _run_suites(build, pythons, parts, options, variables, logs, jobs):
    """{suite: (exit code, the closing lines of its runs)}: `jobs` processes at a time, a suite's output as it ends."""

    def logged(suite, number):
        path = logs / f"{suite}.{number}.txt"
        with open(path, "w", encoding="utf-8") as log:
            code = _run_part(build, suite, parts[suite][number], pythons[suite], options, variables, log)
        return code, path.read_text(encoding="utf-8", errors="replace").rstrip()

    results = {}
    print("running {}, {} at a time".format(", ".join(pythons), jobs), flush=True)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        # The longest of each suite first, and short ones at the end: no processor is idle for long then.
        queue = [(suite, number) for suite in reversed(pythons) for number in range(len(parts[suite]))]
        running = {pool.submit(logged, *part): part for part in sorted(queue, key=lambda part: part[1])}
        ended = {suite: {} for suite in pythons}
        for done in concurrent.futures.as_completed(running):
            suite, number = running[done]
            ended[suite][number] = done.result()
            if len(ended[suite]) == len(parts[suite]):
                codes, texts = zip(*(ended[suite][number] for number in sorted(ended[suite])), strict=True)
                written = "\n\n".join(texts)
                print(f"\n=== {suite}\n{written}", flush=True)
                closing = "; ".join(_CLOSING.findall(written)) or written[written.rfind("\n") + 1 :]
                results[suite] = _worst(codes), closing
    return {suite: results[suite] for suite in pythons}


def _parts(suite, both_ends):
    """What a suite runs, a process each. both_ends: of the numpys run beside it."""
    parts = _FOLDERS.get(suite, [[]])  # lint has no folders
    if suite == "core" and both_ends:
        parts = [[*part, *("--ignore=" + room for room in _NUMBERS)] for part in parts]
    return parts


def _run_part(build, suite, folders, python, options, variables, log=None):
    """Exit code of a part of a suite. log: where its output goes; None: where ours goes."""
    if suite == "lint":
        return _lint(build, python, log)
    pytest = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *folders, *options]
    return build._run(pytest, cwd=build.ROOT, variables=variables, limit=STEP_LIMIT_S, output=log)


def _worst(codes):
    """Of a few tests that were asked for, some parts or suites have none; if all have none, nothing was tested."""
    return max([code for code in codes if code != _NO_TESTS] or codes)


def _lint(build, python, log):
    """Style by ruff, types by mypy, which sees the checkout as the package that it is when installed."""
    worst = 0
    for check in (["check", "--no-cache", "."], ["format", "--no-cache", "--check", "."]):
        worst = max(worst, build._run([python, "-m", "ruff", *check], cwd=build.ROOT, output=log))
    with tempfile.TemporaryDirectory(prefix="gid_lint_") as parent:
        os.symlink(build.ROOT, os.path.join(parent, "image_dynamics"))
        mypy = [python, "-m", "mypy", "--cache-dir", str(build.cache_folder() / "mypy")]
        return max(worst, build._run(mypy, cwd=build.ROOT, variables={"MYPYPATH": parent}, output=log))


def bench(arguments, build):
    parser = argparse.ArgumentParser(
        prog="build.py bench", description="Benchmarks; each prints ratios measured in one run"
    )
    parser.add_argument(
        "names", nargs="*", help="files of tests/bench; default: all; further options go to a single one"
    )
    parser.add_argument("--blender", choices=sorted(build.BLENDERS), help="only this Blender; default: all three")
    chosen, further = parser.parse_known_args(arguments)
    if further and len(chosen.names) != 1:
        parser.error(f"{further[0]} is for one benchmark: name it first")
    in_blender = {"determinism", "footprint", "frames", "playback", "render"}
    if "--through" in further:  # an engine of Blender's
        in_blender.update(chosen.names)
    folder = build.ROOT / "tests" / "bench"
    known = sorted(p.stem for p in folder.glob("*.py"))
    worst = 0
    for name in chosen.names or known:
        if name not in known:
            raise build.BuildError("there is no benchmark {!r}: choose from {}".format(name, ", ".join(known)))
        versions = [chosen.blender] if chosen.blender else list(build.BLENDERS)
        for env in ["blender-" + v for v in versions] if name in in_blender else ["export"]:
            print(f"\n=== bench {name} ({env})", flush=True)
            worst |= build._run([build.environment(env), str(folder / (name + ".py")), *further], cwd=build.ROOT)
    return worst


def soak(arguments, build):
    """Thousands of cases of what the tests try a few of; `tests/soak` says what. `blend` runs inside a Blender."""
    parser = argparse.ArgumentParser(prog="build.py soak", description="What could go wrong, thousands of times")
    parts = ("loaders", "blend", "kills", "disks", "predict", "large")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(parts)}; default: all")
    parser.add_argument("--blender", choices=sorted(build.BLENDERS), default="5.2", help="default: %(default)s")
    chosen, further = parser.parse_known_args(arguments)
    if unknown := set(chosen.names) - set(parts):
        parser.error(f"there is no part {sorted(unknown)[0]!r}: choose from {', '.join(parts)}")
    blender, worst = build.environment("blender-" + chosen.blender), 0
    for name in chosen.names or parts:
        python = blender if name == "blend" else build.environment("export")
        command = [python, str(build.ROOT / "tests" / "soak"), name, *further]
        worst = max(worst, build._run(command, variables={"GID_BLENDER_PYTHON": blender}))
    return worst


def audit(arguments, build):
    """Asks pip-audit about every lock: known faults in what we use. It needs the network.

    What cannot be asked about fails, too: silence is no answer.
    """
    parser = argparse.ArgumentParser(prog="build.py audit", description="Known faults in the locked packages")
    parser.parse_args(arguments)
    worst, python = 0, build.environment("audit")
    for lock in sorted(build.LOCKS.glob("*.txt")):
        print(f"=== {lock.stem}", flush=True)
        asked = [
            "--require-hashes",
            "--disable-pip",
            "--strict",
            "--progress-spinner",
            "off",
            "--requirement",
            str(lock),
        ]
        worst = max(worst, build._run([python, "-m", "pip_audit", *asked]))
    return worst
