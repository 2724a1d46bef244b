"""The door without Blender: `python -m gid_core.animate PHOTO --out DIR` leaves still, volume, preview and report.

Everything is written into a temporary folder beside DIR and moved at the end: whoever sees DIR sees all of it. The
same options and steps serve the command line inside Blender, which adds its frames and its scene through `finish`.
"""

import argparse
import importlib.metadata
import json
import platform
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from .errors import ImageError, SettingsError
from .files import image_io
from .files.memory import peak_bytes
from .files.progress import Meter, exit_code_of, publishing
from .files.storage import disk_errors
from .frames.preview import contact_sheet
from .frames.seam import seam_ratio
from .motion import synth, timeline
from .motion.plan import plan_loop
from .motion.volume import SpectralVolume
from .prediction import predict
from .version import __version__

__all__ = ["Prepared", "add_arguments", "joined", "main", "prepare", "run", "write_outputs"]

DEFAULT_SIZE = 640
_SIZES = (64, 8192)
_EXAMPLE = Path("docs") / "example.jpg"


@dataclass(frozen=True)
class Prepared:
    """A photo and its motion, ready to be written, rendered or built into a scene.

    photo: float32 (H, W, 3|4) at working size, linear, premultiplied. start: number of the first frame.
    report: JSON-ready; whoever adds to the output adds to it.
    """

    name: str
    photo: np.ndarray
    volume: SpectralVolume
    plan: timeline.LoopPlan
    fps: Fraction
    start: int
    request: predict.Request
    report: dict


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `animate`, the same through every door."""
    add = parser.add_argument
    add("photo", nargs="?", metavar="PHOTO", help="the still photo; without one the example is animated")
    add("--out", metavar="DIR", help="folder for the results (default: out/NAME)")
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
    add("--amplitude", type=float, default=1.0, help="how far things move; 0 stands still (default: %(default)s)")
    add("--steps", type=int, help="denoising steps (default: the model's)")
    add("--mask", metavar="PICTURE", help="what may move: white moves, black never does")
    add("--direction", metavar="DX,DY", help="where the wind blows: 1,0 is to the right, 0,1 is down")
    add("--model", default="auto", metavar="PATH|physics", help="a model folder, or the rules without a model")
    add("--no-render", action="store_true", help="stop after volume, preview and report")
    add("--blender", metavar="VERSION", help="which Blender renders; build.py reads it")


def joined(arguments: list[str]) -> list[str]:
    """Arguments with `--direction -1,0` written as one, since argparse takes a leading minus for an option."""
    result = []
    for argument in arguments:
        if result and result[-1] == "--direction":
            result[-1] += "=" + argument
        else:
            result.append(argument)
    return result


def prepare(options: argparse.Namespace, progress: Callable, cancelled: Callable | None = None) -> Prepared:
    """Read the photo, predict its motion, plan its loop. Writes nothing.

    progress: called with a phase's name and the fraction 0..1 of it that is done.

    Raises:
        GidError: what is asked for cannot be.
    """
    fps = timeline.parse_fps(options.fps)
    n_frames = timeline.frames_for(options.seconds, fps)
    if not _SIZES[0] <= options.size <= _SIZES[1]:
        raise SettingsError(f"the size is {options.size}: give {_SIZES[0]} to {_SIZES[1]} pixels")
    path = _photo_path(options.photo)
    progress("read the photo", 0.0)
    photo = image_io.load_photo(path)
    request = predict.Request(
        seed=options.seed,
        steps=options.steps,
        amplitude=options.amplitude,
        direction=_direction(options.direction),
        mask=None if options.mask is None else _mask(options.mask, photo.pixels.shape),
        model=options.model,
        photo_sha256=photo.sha256,
    )
    still = image_io.fit(photo.pixels, options.size)
    volume = predict.predict(still, request, progress=progress, cancelled=cancelled)
    progress("plan the loop", 0.0)
    plan = plan_loop(volume, n_frames, fps)
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
    return Prepared(path.stem, still, volume, plan, fps, options.start, request, report)


def write_outputs(prepared: Prepared, folder) -> None:
    """still.png, volume.npz, preview.png and report.json in an existing folder; the report lists every file in it.

    Raises:
        LimitError: the disk is full, read-only or otherwise unfit.
    """
    folder = Path(folder)
    image_io.save_png(folder / "still.png", prepared.photo)
    prepared.volume.save(folder / "volume.npz")
    image_io.save_png(folder / "preview.png", contact_sheet(prepared.photo, prepared.volume, prepared.plan))
    peak = peak_bytes()
    prepared.report["peak_memory_mb"] = None if peak is None else round(peak / 2**20)
    with disk_errors(folder):
        files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        prepared.report["files"] = sorted({*files, "report.json"})
        text = json.dumps(prepared.report, indent=2, ensure_ascii=False)
        (folder / "report.json").write_text(text + "\n", encoding="utf-8")


def run(options: argparse.Namespace, finish: Callable | None = None, cancelled: Callable | None = None) -> Path:
    """The whole command: prepare, let `finish(prepared, folder, progress)` add its files, write, and show the folder.

    Returns:
        The folder that `--out` names, complete.
    Raises:
        GidError: it cannot be; nothing was written then.
    """
    meter = Meter(sys.stderr)
    out = Path(options.out) if options.out else Path("out") / _photo_path(options.photo).stem
    with publishing(out) as folder:
        prepared = prepare(options, meter, cancelled)
        if finish is not None:
            finish(prepared, folder, meter)
        meter("write the results", 0.0)
        prepared.report["seconds"] = meter.seconds
        write_outputs(prepared, folder)
    meter.close()
    for note in prepared.report["photo"]["notes"]:
        print(f"gid: {note}", file=sys.stderr)
    if reason := prepared.volume.provenance.get("reason"):
        print(f"gid: the physics prior answered: {reason}", file=sys.stderr)
    print(f"{out}: {prepared.plan.n_frames} frames at {prepared.fps} fps, motion by {prepared.report['source']}")
    return out


def main(arguments: list[str] | None = None) -> int:
    """Exit code of `python -m gid_core.animate`: 0, 2 the user's mistake, 3 the model, 130 stopped."""
    parser = argparse.ArgumentParser(prog="animate", description="One still photo becomes a seamless loop.")
    add_arguments(parser)
    options = parser.parse_args(joined(sys.argv[1:] if arguments is None else arguments))
    # A farm stops a task by SIGTERM: the same as Ctrl-C, so that nothing half-written stays.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return exit_code_of(lambda: run(options))


def _photo_path(asked):
    if asked is not None:
        return Path(asked)
    example = Path(__file__).resolve().parent.parent / _EXAMPLE
    if not example.exists():
        raise SettingsError("there is no example photo here: name a PHOTO")
    return example


def _direction(text):
    if text is None:
        return None
    try:
        dx, dy = (float(part) for part in text.split(","))
    except ValueError:
        raise SettingsError(f"the direction is {text!r}: give two numbers such as 1,0 or -0.5,0.2") from None
    return dx, dy


def _mask(path, shape):
    """The mask file as float32 (H, W): its encoded grey values."""
    mask = image_io.load_photo(path)
    if abs(mask.width * shape[0] - mask.height * shape[1]) > 0.02 * mask.width * shape[0]:
        raise ImageError(
            f"the mask has {mask.width} x {mask.height} pixels, the photo {shape[1]} x {shape[0]}: use the same aspect"
        )
    return np.clip(image_io.encode_srgb(mask.pixels[..., :3].mean(-1)), 0, 1)


def _is_plain(value):
    return value is None or isinstance(value, (bool, int, float, str))


def _versions():
    found = {"image_dynamics": __version__, "python": platform.python_version(), "numpy": np.__version__}
    for package in ("pillow", "onnxruntime"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = None
    return found


if __name__ == "__main__":
    sys.exit(main())
