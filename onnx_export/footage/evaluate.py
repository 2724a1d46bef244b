"""How well the trackers track: `python -m onnx_export.footage.evaluate --data DIR [--still FILE]`

One table, a row a method. Middlebury pairs (DIR/NAME/frame10.png, frame11.png, flow10.npz with key flow, NaN unknown)
give the end-point error on real pictures; made-up clips that sway by a formula give what is left of a sway and how much
is added to it, which the end-point error does not say: half a pixel of motion tracked as a quarter is a small error and
a model that learns half the wind.
"""

import argparse
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from gid_core.errors import GidError, ImageError
from gid_core.files.clips import Clip
from gid_core.footage.spectrum import fit_volume
from gid_core.footage.tracks import Tracks, track
from gid_core.footage.warp import bicubic
from gid_core.motion.volume import SpectralVolume

from .made_clips import made_clip, patch_sway, truth
from .optical_flow import METHODS, default_method, estimate, has_opencv

__all__ = ["main", "middlebury_errors", "sway_errors", "sway_of_still", "volume_errors"]

SWAYS_PX = (0.2, 0.5, 1.0, 1.5)
SWAYS_HZ = (0.4, 3.0)
_SIZE, _FPS = (128, 80), 30
_PHOTO_SIZE = (256, 160)  # what `pairs` tracks
_PHOTO_FRAMES = 21
_NOISE = 2.0  # grey levels of 255
_FRAMES = 41  # a sway shows in so many; the volume takes 150
_MOVES = 0.5  # of the largest sway: what is counted as moving


def middlebury_errors(folder, method: str):
    """End-point error of a method on each pair, over known pixels.

    Returns:
        names; means px (N,); medians px (N,); seconds of processor time a megapixel.
    Raises:
        ImageError: there are no such pairs.
    """
    names = sorted(p.parent.name for p in Path(folder).glob("*/flow10.npz"))
    if not names:
        raise ImageError(f"{folder} holds no NAME/flow10.npz: give the Middlebury folder")
    means, medians, seconds, pixels = [], [], 0.0, 0
    for name in names:
        first, second = (_picture(Path(folder) / name / f"frame{i}.png") for i in (10, 11))
        with np.load(Path(folder) / name / "flow10.npz", allow_pickle=False) as arrays:
            true = arrays["flow"]
        started = time.process_time()
        found = estimate(first, second, method)
        seconds += time.process_time() - started
        pixels += true.shape[0] * true.shape[1]
        error = np.sqrt(((found - true) ** 2).sum(-1))
        error = error[np.isfinite(error)]
        means.append(error.mean())
        medians.append(np.median(error))
    return names, np.array(means), np.array(medians), seconds / pixels * 1e6


def sway_errors(method: str, amplitude_px: float, frequency_hz: float, noise: float = _NOISE):
    """A patch that sways by a sine.

    Returns:
        the share of the sway that is recovered (1 is right), and the end-point error over the patch, px.
    """
    displacement = patch_sway(lambda t: amplitude_px * np.sin(2 * np.pi * frequency_hz * t), _SIZE, reach=0.3)
    clip = made_clip(displacement, _FRAMES, _FPS, _SIZE, noise=noise)
    return _recovered(
        track(clip, partial(estimate, method=method)).displacement, truth(displacement, clip), amplitude_px
    )


def sway_of_still(picture: np.ndarray, method: str, amplitude_px: float, noise: float = _NOISE, seed: int = 0):
    """As `sway_errors`, for a photograph (H, W, 3) uint8 in which a patch sways at 1 Hz; bicubic."""
    height, width = picture.shape[:2]
    displacement = patch_sway(lambda t: amplitude_px * np.sin(2 * np.pi * t), (width, height), direction=(0.8, 0.6))
    grey = picture.astype(np.float32).mean(-1)
    clip = made_clip(
        displacement,
        _PHOTO_FRAMES,
        _FPS,
        (width, height),
        texture=lambda x, y: bicubic(grey, x, y),
        noise=noise,
        seed=seed,
    )
    return _recovered(
        track(clip, partial(estimate, method=method)).displacement, truth(displacement, clip), amplitude_px
    )


def volume_errors(method: str, noise: float = _NOISE):
    """A clip of 5 s that sways in six harmonics, tracked and fitted: share of the volume recovered, relative error."""
    rng = np.random.default_rng(5)
    phases = rng.uniform(0, 2 * np.pi, 6)
    parts = [(k, 0.8 / k) for k in (1, 2, 3, 5, 8, 13)]

    def signal(t):
        return sum(a * np.sin(2 * np.pi * k / 5 * t + p) for (k, a), p in zip(parts, phases, strict=True))

    displacement = patch_sway(signal, _SIZE, direction=(0.9, 0.3), reach=0.3)
    clip = made_clip(displacement, 5 * _FPS, _FPS, _SIZE, noise=noise)
    true = fit_volume(_perfect(displacement, clip)).volume
    found = fit_volume(track(clip, partial(estimate, method=method))).volume
    return _difference(found, true)


def main(arguments: list[str] | None = None) -> int:
    """The command. Exit code 0; 2 for a mistake that can be put right."""
    parser = argparse.ArgumentParser(prog="python -m onnx_export.footage.evaluate", description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of Middlebury pairs")
    parser.add_argument("--still", type=Path, help="a photograph to sway, beside the made-up texture")
    parser.add_argument("--methods", nargs="+", choices=sorted(METHODS), help="default: all that can run here")
    options = parser.parse_args(arguments)
    try:
        _table(options)
    except GidError as error:
        print(f"gid: error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _table(options):
    methods = options.methods or [m for m in METHODS if has_opencv() or not m.startswith("dis")]
    still = _picture(options.still, _PHOTO_SIZE) if options.still else None
    names = middlebury_errors(options.data, default_method())[0]
    print(f"end-point error, px, on {', '.join(names)}; sway: share recovered / end-point error, px,")
    print(f"{_SIZE[0]} x {_SIZE[1]}, noise {_NOISE:g}/255; volume: share recovered / relative error; s/Mpx: processor")
    sways = [f"{a:g} px {f:g} Hz" for a in SWAYS_PX for f in SWAYS_HZ]
    photo = [f"photo {a:g} px" for a in SWAYS_PX] if still is not None else []
    print(f"| method | {' | '.join(names)} | mean | median | s/Mpx | {' | '.join([*sways, *photo])} | volume |")
    print("|" + " --- |" * (len(names) + len(sways) + len(photo) + 5))
    for method in methods:
        _, means, medians, speed = middlebury_errors(options.data, method)
        cells = [f"{m:.2f}" for m in means] + [f"**{means.mean():.3f}**", f"{medians.mean():.3f}", f"{speed:.2f}"]
        cells += ["{:.2f} / {:.3f}".format(*sway_errors(method, a, f)) for a in SWAYS_PX for f in SWAYS_HZ]
        if still is not None:
            cells += ["{:.2f} / {:.3f}".format(*sway_of_still(still, method, a)) for a in SWAYS_PX]
        share, error = volume_errors(method)
        print(f"| {method} | {' | '.join([*cells, f'{share:.2f} / {error:.3f}'])} |", flush=True)


def _recovered(found, true, amplitude_px):
    moving = np.sqrt((true**2).sum(-1)).max(0) > _MOVES * amplitude_px
    found, true = found[:, moving], true[:, moving]
    return float((found * true).sum() / (true * true).sum()), float(np.sqrt(((found - true) ** 2).sum(-1)).mean())


def _difference(found: SpectralVolume, true: SpectralVolume):
    a, b = found.amplitudes, true.amplitudes
    power = (np.abs(b) ** 2).sum()
    return float((a * b.conj()).sum().real / power), float(np.sqrt((np.abs(a - b) ** 2).sum() / power))


def _perfect(displacement, clip: Clip):
    tracks = truth(displacement, clip)
    return Tracks(tracks, np.ones(tracks.shape[:3], bool), clip.times, clip.rest)


def _picture(path, size=None):
    try:
        with Image.open(path) as picture:
            picture = picture.convert("RGB")
    except OSError as error:
        raise ImageError(f"{path} cannot be read ({error}): check the path") from error
    return np.asarray(picture.resize(size, Image.Resampling.LANCZOS) if size else picture)


if __name__ == "__main__":
    sys.exit(main())
