"""The door without Blender: `python -m gid_core.animate PHOTO --out DIR` leaves frames, a movie and what made them.

Everything is written into a temporary folder beside DIR and moved at the end: whoever sees DIR sees all of it. The
same options and steps serve the command line inside Blender, which adds its scene.
"""

import argparse
import importlib.metadata
import json
import platform
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from . import console, delivery, source
from .errors import ImageError, SettingsError
from .files import colour, image_io, resample
from .files.memory import peak_bytes
from .files.progress import STOPPING, exit_code_of, meter_of, publishing
from .files.storage import disk_errors
from .footage.filmed import filmed
from .frames.preview import contact_sheet
from .frames.seam import seam_ratio
from .motion import comb, saved, synth, timeline
from .motion import edits as edit
from .motion.motion import Motion
from .motion.plan import plan_loop
from .motion.volume import SpectralVolume
from .prediction import predict
from .version import __version__

__all__ = [
    "Prepared",
    "add_arguments",
    "add_options",
    "checked_output",
    "joined",
    "main",
    "prepare",
    "run",
    "run_command",
    "write_outputs",
    "write_report",
]

DEFAULT_SIZE = 1920
_SIZES = (64, 8192)
_MAY_BE_NEGATIVE = ("--direction", "--gains")
_COUNTS = {2: "two", 3: "three"}
_LEVELS = 65535  # a picture's values are told from each other as finely as a 16-bit file does


@dataclass(frozen=True)
class Prepared:
    """A photo and its motion, ready to be written, rendered or built into a scene.

    photo: float32 (H, W, 3|4) at working size, linear, premultiplied. motion: raw; volume: with the edits applied.
    start: number of the first frame. report: JSON-ready; whoever adds to the output adds to it.
    """

    name: str
    photo: np.ndarray
    motion: Motion
    edits: edit.Edits
    volume: SpectralVolume
    plan: timeline.LoopPlan
    fps: Fraction
    start: int
    request: predict.Request
    report: dict


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `animate`, the same through every door."""
    source.add_arguments(parser)
    add_options(parser, "DIR", "folder for the results")


def add_options(parser: argparse.ArgumentParser, place: str, purpose: str) -> None:
    """All that can be asked of a loop, and `--out`: a `place` with a `purpose`."""
    add = parser.add_argument
    add("--out", metavar=place, help=f"{purpose} (default: out/NAME)")
    add("--seconds", type=float, default=5.0, help="length of the loop (default: %(default)s)")
    add("--fps", default="24", help="frames a second: 24, 23.976 or 24000/1001 (default: %(default)s)")
    add("--start", type=int, default=1, metavar="FRAME", help="number of the first frame (default: %(default)s)")
    add("--seed", type=int, default=0, help="another number gives another motion (default: %(default)s)")
    add(
        "--size",
        type=int,
        default=DEFAULT_SIZE,
        metavar="PIXELS",
        help="long side of the frames; a smaller photo keeps its size (default: %(default)s)",
    )
    add("--layer", metavar="NAME", help="of an EXR that holds several layers, the one to animate")
    add("--amplitude", type=float, default=1.0, help="how far things move; 0 stands still (default: %(default)s)")
    add("--steps", type=int, help="denoising steps (default: the model's)")
    add(
        "--mask",
        metavar="PICTURE",
        help="what may move: white moves, black never does, grey less; a soft edge bends what a hard one cuts",
    )
    add(
        "--strength",
        metavar="PICTURE",
        help="how far each place moves: mid grey as predicted, black not at all, white twice as far",
    )
    add("--direction", metavar="DX,DY", help="the axis that things move along: 1,0 is to the right, 0,1 is down")
    add(
        "--one-axis",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="0 as predicted, 1 along the main axis of the motion alone, or along --direction (default: %(default)s)",
    )
    add(
        "--comb",
        metavar="STROKES",
        help='strokes that things move along, place by place: "0.2,0.5 0.4,0.4; 0.6,0.5 0.8,0.5" are two',
    )
    add(
        "--reach",
        type=float,
        default=0.1,
        help="how far beside a stroke it is felt, in parts of the long side (default: %(default)s)",
    )
    add("--rate", type=float, default=1.0, help="how fast things move; 0.5 is slow motion (default: %(default)s)")
    add(
        "--wander",
        type=int,
        default=0,
        help="a number from 1 on: a long loop does not repeat itself (default: 0)",
    )
    add("--gains", metavar="LOW,MID,HIGH", help="how much of slow, middle and fast motion (default: 1,1,1)")
    add("--model", default="auto", metavar="PATH|physics", help="a model folder, or the rules without a model")
    add("--blender", metavar="VERSION", help="which Blender makes the scene; build.py reads it")
    add("--openjd", action="store_true", help="tell progress as Open Job Description wants it, on the standard output")
    delivery.add_arguments(parser)


def joined(arguments: list[str]) -> list[str]:
    """Arguments with `--direction -1,0` and the like written as one: argparse takes a leading minus for an option."""
    result: list[str] = []
    for argument in arguments:
        if result and result[-1] in _MAY_BE_NEGATIVE:
            result[-1] += "=" + argument
        else:
            result.append(argument)
    return result


def prepare(
    options: argparse.Namespace,
    progress: Callable,
    cancelled: Callable | None = None,
    blender: delivery.Blender | None = None,
) -> Prepared:
    """Read the photo, predict its motion or take that of a clip, plan its loop. Writes nothing.

    progress: called with a phase's name and the fraction 0..1 of it that is done. blender: reads what we cannot.

    Raises:
        GidError: what is asked for cannot be.
    """
    fps = timeline.parse_fps(options.fps)
    n_frames = timeline.frames_for(options.seconds, fps)
    path = source.path_of(options)
    photo, clip = source.read(options, progress, cancelled, blender)
    request = predict.Request(
        seed=options.seed,
        steps=options.steps,
        model=options.model,
        photo_sha256=photo.sha256,
    )
    still = image_io.fit(photo.pixels, options.size)
    direction = None if options.direction is None else _numbers(options.direction, "direction", "1,0 or -0.5,0.2")
    if direction is not None:
        edit.checked_direction(direction)
    edits = _edits(options, photo.pixels.shape, still.shape)
    if clip is None:
        motion = predict.predict(still, request, progress=progress, cancelled=cancelled)
    else:
        motion = filmed(clip, still, progress=progress, cancelled=cancelled)
    progress("plan the loop", 0.0)
    if direction is not None:
        edits = replace(edits, turn=edit.turn_towards(motion, direction, edits))
    volume = edit.apply(motion, edits)
    volume = replace(volume, provenance={**volume.provenance, "direction": direction and list(direction)})
    plan = plan_loop(volume, n_frames, fps, phase=edits.phase)
    report = {
        "photo": {"file": path.name, "sha256": photo.sha256, "notes": list(photo.notes)},
        "width": still.shape[1],
        "height": still.shape[0],
        "n_frames": n_frames,
        "fps": str(fps),
        "start": options.start,
        "asked": {key: value for key, value in sorted(vars(options).items()) if _is_plain(value)},
        "motion": volume.provenance,
        "source": volume.provenance["source"],
        "provider": volume.provenance.get("provider", "none"),
        "provider_notes": volume.provenance.get("provider_notes", []),
        "seed": options.seed,
        "model": volume.provenance.get("model"),
        "moving_share": float((~synth.static_mask(volume, volume.width, volume.height)).mean()),
        "seam_ratio": seam_ratio(volume, plan),
        "versions": _versions(),
    }
    name = path.stem.encode("utf-8", "replace").decode()  # Blender takes no bytes for names
    return Prepared(name, still, motion, edits, volume, plan, fps, options.start, request, report)


def checked_output(options: argparse.Namespace) -> delivery.Output:
    """What is to be made. Every number that can be judged without the photo is judged here.

    Raises:
        SettingsError: one cannot be.
    """
    output = delivery.Output.read(options)
    output.check_range(timeline.frames_for(options.seconds, timeline.parse_fps(options.fps)))
    if not _SIZES[0] <= options.size <= _SIZES[1]:
        raise SettingsError(f"the size is {options.size}: give {_SIZES[0]} to {_SIZES[1]} pixels")
    return output


def write_outputs(prepared: Prepared, folder) -> None:
    """still.png, volume.npz, preview.png and report.json in an existing folder; the report lists every file in it.

    Raises:
        LimitError: the disk is full, read-only or otherwise unfit.
    """
    folder = Path(folder)
    image_io.save_png(folder / "still.png", prepared.photo)
    saved.save(folder / "volume.npz", prepared.motion, prepared.edits, prepared.volume.provenance)
    image_io.save_png(folder / "preview.png", contact_sheet(prepared.photo, prepared.volume, prepared.plan))
    peak = peak_bytes()
    prepared.report["peak_memory_mb"] = None if peak is None else round(peak / 2**20)
    write_report(prepared.report, folder)


def write_report(report: dict, folder) -> None:
    """Write report.json into a folder, with the names of all files there.

    Raises:
        LimitError: the disk is full, read-only or otherwise unfit.
    """
    folder = Path(folder)
    with disk_errors(folder):
        files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if _is_result(path))
        text = json.dumps({**report, "files": sorted({*files, "report.json"})}, indent=2, ensure_ascii=False)
        # Names need not be text: JSON takes their bytes by numbers.
        (folder / "report.json").write_bytes((text + "\n").encode("utf-8", "backslashreplace"))


def run(
    options: argparse.Namespace,
    blender: delivery.Blender | None = None,
    cancelled: Callable | None = None,
    progress: Callable | None = None,
) -> Path:
    """The whole command: prepare, deliver, write, and show the folder.

    blender: what adds the scene, if there is a Blender.
    progress: called with a phase's name and the fraction 0..1 of it that is done, beside what the terminal shows.

    Returns:
        The folder that `--out` names, complete.
    Raises:
        GidError: it cannot be; nothing was written then.
    """
    output = checked_output(options)
    output.check_libraries(has_blender=blender is not None)
    meter = meter_of(options.openjd)

    def told(phase, fraction):
        meter(phase, fraction)
        if progress is not None:
            progress(phase, fraction)

    out = Path(options.out) if options.out else Path("out") / source.path_of(options).stem
    with publishing(out, delivery.resumed(output)) as folder:
        prepared = prepare(options, told, cancelled, blender)
        if output.render != "none":
            delivery.deliver(prepared, output, folder, told, cancelled or (lambda: False), blender)
        told("write the results", 0.0)
        prepared.report["seconds"] = meter.seconds
        write_outputs(prepared, folder)
    meter.close()
    for note in (*prepared.report["photo"]["notes"], *prepared.motion.provenance.get("notes", ())):
        console.say(f"gid: {note}", sys.stderr)
    if reason := prepared.volume.provenance.get("reason"):
        console.say(f"gid: the physics prior answered: {reason}", sys.stderr)
    console.say(f"{out}: {prepared.plan.n_frames} frames at {prepared.fps} fps, motion by {prepared.report['source']}")
    return out


def main(arguments: list[str] | None = None) -> int:
    """Exit code of `python -m gid_core.animate`: 0, 2 the user's mistake, 3 the model, 130 stopped."""
    parser = argparse.ArgumentParser(prog="animate", description="One still photo becomes a seamless loop.")
    add_arguments(parser)
    return run_command(parser, run, arguments)


def run_command(parser: argparse.ArgumentParser, work: Callable, arguments: list[str] | None = None) -> int:
    """Exit code of `work(options)`, ended in order by whatever asks a command to stop. Shared by the verbs."""
    console.settle()
    options = parser.parse_args(joined(sys.argv[1:] if arguments is None else arguments))
    for number in STOPPING:  # all the same as Ctrl-C, so that nothing half-written stays
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, signal.default_int_handler)
    code = exit_code_of(lambda: work(options), getattr(options, "openjd", False))
    console.let_go()
    return code


def _edits(options, photo_shape, still_shape):
    """What the options ask of the motion, but for the direction, which needs the motion itself."""
    gains = (1.0, 1.0, 1.0) if options.gains is None else _numbers(options.gains, "gains", "1,1,0.5", 3)
    pictures = {}
    for name in ("mask", "strength"):
        path = getattr(options, name)
        if path is not None:
            values = _grey(path, name, photo_shape)
            values = values if name == "mask" else edit.strength_of_grey(values)
            pictures[name] = resample.fitted(values, still_shape[1], still_shape[0])
    return edit.Edits(
        mask=pictures.get("mask"),
        strength=pictures.get("strength"),
        amplitude=options.amplitude,
        low=gains[0],
        mid=gains[1],
        high=gains[2],
        strokes=() if options.comb is None else comb.strokes_of(options.comb, options.reach),
        rate=options.rate,
        wander=options.wander,
        one_axis=options.one_axis,
    )


def _numbers(text, name, example, count=2):
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != count:
        raise SettingsError(f"the {name} is {text!r}: give {_COUNTS[count]} numbers such as {example}")
    return numbers


def _grey(path, name, shape):
    """A picture file as float64 (H, W): its encoded grey values in 0..1."""
    picture = image_io.load_photo(path)
    if abs(picture.width * shape[0] - picture.height * shape[1]) > 0.02 * picture.width * shape[0]:
        raise ImageError(
            f"the {name} has {picture.width} x {picture.height} pixels, the photo {shape[1]} x {shape[0]}: "
            "use the same aspect"
        )
    grey = np.clip(colour.encode_srgb(picture.pixels[..., :3].mean(-1)), 0, 1).astype(np.float64)
    return np.rint(grey * _LEVELS) / _LEVELS


def _is_result(path):
    return path.is_file() and not path.name.startswith(".")  # the lock of the folder is none


def _is_plain(value):
    return value is None or isinstance(value, (bool, int, float, str))


def _versions():
    found: dict[str, str | None] = {
        "image_dynamics": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
    for package in ("pillow", "onnxruntime"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = None
    return found


if __name__ == "__main__":
    sys.exit(main())
