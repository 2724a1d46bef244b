"""The tasks of a job, each a command of its own: preflight, predict, render, encode, page.

What passes from one to the next lies in OUT/.work/N, N being the photo's number, and appears there whole. So a task
that is killed and run again changes nothing, chunks of frames may run anywhere in any order, and only the last one
shows OUT/NAME. Every division gives the same bytes: a frame depends on the loop and its number alone.
"""

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

from .. import animate, batch, console, delivery
from ..errors import GidError, ImageError, SettingsError
from ..files import integrity, movie
from ..files.image_io import load_photo
from ..files.progress import meter_of, publishing
from ..files.storage import PASSING, disk_errors
from ..frames.bake import Baking, Encoding, wait
from ..frames.frame_worker import Sheet
from ..frames.loop import QUALITIES, Loop
from .job import Job, sha256_of

__all__ = ["add_arguments", "main", "run"]

WORK = ".work"
_LOOP, _FACTS, _SCENE = "loop", "facts.json", "scene.blend"
_JUMP = 2.0  # times the usual step between frames: the loop's end shows
_RANGE = re.compile(r"(-?\d+)(?:-(-?\d+))?")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `task`."""
    parser.add_argument("kind", choices=tuple(_TASKS), help="what to do")
    parser.add_argument("job", metavar="JOB", help="the folder that `job` wrote")
    parser.add_argument("--out", metavar="DIR", required=True, help="folder for the results, the same for all tasks")
    parser.add_argument("--photo", type=int, default=0, metavar="N", help="number of the photo, from 0")
    parser.add_argument("--frames", metavar="RANGE", help="numbers of the frames to render, such as 1-40")
    parser.add_argument("--openjd", action="store_true", help="progress as Open Job Description wants it")


def run(
    options: argparse.Namespace, blender: delivery.Blender | None = None, cancelled: Callable | None = None
) -> None:
    """Do one task.

    Raises:
        GidError: it cannot be; what was there stays as it was.
    """
    job, out = Job.load(options.job), Path(options.out)
    meter = meter_of(options.openjd)
    _TASKS[options.kind](job, out, options, meter, blender, cancelled or (lambda: False))
    meter.close()


def main(arguments: list[str] | None = None) -> int:
    """Exit code of `python -m gid_core.farm.task`."""
    parser = argparse.ArgumentParser(prog="task", description="One task of a farm's job.")
    add_arguments(parser)
    return animate.run_command(parser, run, arguments)


def _preflight(job, out, options, meter, blender, cancelled):
    """All that can be judged before any work: options, photos as they were, a place to write."""
    for index, item in enumerate(job.photos):
        meter("check the photos", index / len(job.photos))
        asked = job.options(index)
        output = animate.checked_output(asked)
        output.check_libraries(has_blender=False)
        if asked.photo is not None:
            load_photo(asked.photo, layer=asked.layer)
        for path in filter(None, (asked.photo, asked.motion_from)):
            if sha256_of(path) != item.sha256[Path(path).name]:
                raise ImageError(f"{Path(path).name} is not the file that the job was made with: write the job anew")
    with disk_errors(out):
        (out / WORK).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out / WORK):
            pass
    console.say(f"{len(job.photos)} photos are ready")


def _predict(job, out, options, meter, blender, cancelled):
    asked = job.options(options.photo)
    output = animate.checked_output(asked)
    prepared = animate.prepare(asked, meter, cancelled, blender)
    item = job.photos[options.photo]
    prepared.report["asked"] |= {"photo": item.photo, "motion_from": item.clip}  # not where this machine has them
    place = _work(out, options.photo)
    with disk_errors(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        passing = Path(tempfile.mkdtemp(prefix=PASSING, dir=place.parent))
    try:
        with disk_errors(place):
            (passing / _LOOP).mkdir()
            Loop.of(prepared, output.render if output.render in QUALITIES else "core").save(passing / _LOOP)
            facts = {"sheet": asdict(output.sheet), "fps": str(prepared.fps), "n_frames": prepared.plan.n_frames}
            (passing / _FACTS).write_text(json.dumps(facts), encoding="utf-8")
            (passing / "frames").mkdir()
        if blender is not None:
            meter("build the scene", 0.0)
            engine = output.render if output.render in delivery.ENGINES else None
            blender.build(prepared, engine, passing / _SCENE)
            prepared.report["versions"]["blender"] = blender.version
        animate.write_outputs(prepared, passing)
        with disk_errors(place):
            if place.exists() and (place / _FACTS).exists():  # it was run before: the same, with frames perhaps
                shutil.rmtree(passing, ignore_errors=True)
            else:
                passing.rename(place)
    finally:
        shutil.rmtree(passing, ignore_errors=True)
    console.say(f"{item.name}: motion by {prepared.report['source']}")


def _render(job, out, options, meter, blender, cancelled):
    """Frames by the core into the photo's folder, each as soon as it is whole."""
    place, sheet, facts = _predicted(out, options.photo)
    first, last = _range(options.frames, sheet, facts["n_frames"], job.options(options.photo).handles)
    missing = [frame for frame in range(first, last + 1) if not _has(place, sheet, frame)]
    if missing:
        with disk_errors(place):
            passing = Path(tempfile.mkdtemp(prefix=PASSING, dir=place))
        try:
            wait(Baking(Loop.load(place / _LOOP), passing, missing, sheet), meter, cancelled)
            with disk_errors(place):
                for name in (name for frame in missing for name in sheet.files(frame).values()):
                    (place / name).parent.mkdir(exist_ok=True)
                    os.replace(passing / name, place / name)
        finally:
            shutil.rmtree(passing, ignore_errors=True)
    console.say(f"frames {first} to {last} are there")


def _encode(job, out, options, meter, blender, cancelled):
    """Check that every frame is there and whole, that the loop closes; encode; show the results under their name."""
    name, asked = job.photos[options.photo].name, job.options(options.photo)
    if not _work(out, options.photo).exists() and (out / name / "report.json").exists():
        console.say(f"{out / name} is complete")  # it was run before
        return
    place, sheet, facts = _predicted(out, options.photo)
    output = animate.checked_output(asked)
    own = range(sheet.start, sheet.start + facts["n_frames"])
    whole = range(own.start - output.handles, own.stop + output.handles)
    lost = [frame for frame in whole if not _has(place, sheet, frame)]
    if lost:
        raise SettingsError(f"{len(lost)} frames are missing, {_told(lost)}: run their render tasks again")
    report = json.loads((place / "report.json").read_text(encoding="utf-8"))
    with publishing(out / name) as folder:
        with disk_errors(folder):
            for file in sorted(_results(place)):
                target = folder / file.relative_to(place)
                target.parent.mkdir(parents=True, exist_ok=True)
                _link(file, target)
        assert sheet.format is not None  # frames are what a job is for
        files = [folder / sheet.files(frame)["frames"] for frame in own]
        kind = None if output.movie == "none" else output.movie
        encoding = Encoding(
            files, folder / ("loop" + (movie.suffix_of(kind) if kind else "")), kind, Fraction(facts["fps"]),
            sheet.format, measures=True, repeats=output.repeats, hold=output.hold,
        )  # fmt: skip
        wait(encoding, meter, cancelled)
        if encoding.seam is not None and encoding.seam > _JUMP:
            raise SettingsError(
                f"{name}: the loop jumps where it ends, {encoding.seam:.1f} times the usual step: "
                "run its render tasks again"
            )
        report["picture_seam_ratio"] = encoding.seam
        report["render"] = {"by": output.render}
        animate.write_report(report, folder)
    shutil.rmtree(place, ignore_errors=True)
    console.say(f"{out / name}: {facts['n_frames']} frames at {facts['fps']} fps")


def _page(job, out, options, meter, blender, cancelled):
    """The page that shows all loops; the passing folder goes."""
    batch.write_page(out, job.folder.name, [(one.source(out).title, out / one.name) for one in job.photos])
    shutil.rmtree(out / WORK, ignore_errors=True)
    console.say(str(out / batch.INDEX))


_TASKS = {"preflight": _preflight, "predict": _predict, "render": _render, "encode": _encode, "page": _page}


def _work(out, photo):
    return Path(out) / WORK / str(photo)


def _predicted(out, photo):
    """(folder, sheet, facts) of a photo whose motion is there."""
    place = _work(out, photo)
    try:
        facts = json.loads((place / _FACTS).read_text(encoding="utf-8"))
        return place, Sheet(**facts["sheet"]), facts
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            f"the motion of photo {photo} is not in {place.parent}: run its predict task first"
        ) from error
    except GidError as error:
        raise SettingsError(f"{place / _FACTS} does not make sense ({error}): run the predict task again") from error


def _range(text, sheet, n_frames, handles):
    """(first, last) of what --frames says; all of the loop and its handles by default."""
    first, last = sheet.start - handles, sheet.start + n_frames - 1 + handles
    if text is None:
        return first, last
    found = _RANGE.fullmatch(text.strip())
    if not found:
        raise SettingsError(f"--frames {text}: give a range such as 1-40")
    asked = int(found[1]), int(found[2] or found[1])
    if not first <= asked[0] <= asked[1] <= last:
        raise SettingsError(f"--frames {text}: the loop has frames {first} to {last}")
    return asked


def _has(place, sheet, frame):
    return all(integrity.is_whole(place / name) for name in sheet.files(frame).values())


def _told(frames):
    """Frame numbers in runs: 3 to 7, 9."""
    runs: list[list[int]] = []
    for frame in frames:
        if runs and frame == runs[-1][-1] + 1:
            runs[-1].append(frame)
        else:
            runs.append([frame])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs[:6])


def _results(place):
    """Files of a photo's folder that its owner wants."""
    for path in place.rglob("*"):
        parts = path.relative_to(place).parts
        is_passing = any(part.startswith(PASSING) for part in parts)
        if path.is_file() and not is_passing and parts[0] not in (_LOOP, _FACTS, "report.json"):
            yield path


def _link(source, target):
    """The same file under another name, or a copy where the disk has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


if __name__ == "__main__":
    sys.exit(main())
