"""How much of the still's fine detail every frame of a loop keeps: sharpened tents beside plain ones.

  python3 build.py bench sharpness --data DIR

RMS Laplacian of the sRGB grey over the pixels that move (mean motion above .5 px), as a part of the still's. Exits 1
if a frame of sharpened tents lies outside 0.95..1.05, a loop's median outside 0.97..1.03, or frame 2 below 0.95.
"""

import argparse
import sys

from cases import stills
from cases.detail import Detail, told


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    stills.add_arguments(parser, [640])
    parser.add_argument("--every", type=int, default=4, metavar="N", help="measure each N-th frame, and frame 2")
    options = parser.parse_args()
    n_held = n_measured = 0
    for name, size, loop in stills.loops(options):
        numbers = sorted({1, *range(options.every, loop.plan.n_frames, options.every)})
        detail = Detail(loop.still, loop.volume)
        if not detail.moving.any():
            print(f"{name}, {size} px: nothing moves", flush=True)
            continue
        lines = {}
        for kind, made in (("sharp", loop.renderer()), ("plain", stills.plain(loop))):
            lines[kind] = [detail.kept(made.frame(number)) for number in numbers]
        line, is_held = told(lines["sharp"])
        n_measured += 1
        n_held += is_held
        print(f"{name}, {size} px, {detail.moving.mean():.0%} moving: {line}{'' if is_held else '  MISSED'}")
        print(f"    plain tents: {told(lines['plain'])[0]}", flush=True)
    print(f"{n_held} of {n_measured} loops hold the bars")
    return 0 if n_held == n_measured else 1


if __name__ == "__main__":
    sys.exit(main())
"""How much of the still's fine detail each frame of a loop holds, and what the sharpening costs.

  python tests/bench/sharpness.py [PHOTO ...]      default: docs/example.jpg

Sharpness is the RMS of the Laplacian of sRGB grey over pixels that move by more than half a pixel, as a part of the
still's. Plain and sharpened splats take turns in one run. Exits 1 if a frame of a photo is softer than the bar.
"""

import importlib
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
BAR = 0.95
LONG_SIDE = 640
N_FRAMES, SHOWN = 120, (2, 8, 21, 34, 51, 91)
MOVES_PX = 0.5
TURNS = 5


def main(photos):
    sys.path.insert(0, str(ROOT))
    worst = 1.0
    for path in photos or [ROOT / "docs" / "example.jpg"]:
        worst = min(worst, measured(Path(path)))
    return 0 if worst >= BAR else 1


def measured(path):
    """The softest frame of one photo's loop; prints the rest."""
    image_io, renderer, splat, plan, predict, synth = (
        importlib.import_module("gid_core." + name)
        for name in (
            "files.image_io",
            "frames.renderer",
            "frames.splat",
            "motion.plan",
            "prediction.predict",
            "motion.synth",
        )
    )
    photo = image_io.load_photo(path).pixels[..., :3]
    scale = min(1.0, LONG_SIDE / max(photo.shape[:2]))
    height, width = (round(side * scale) for side in photo.shape[:2])
    still = image_io.resize(photo, width, height)
    volume = predict.predict(still, predict.Request(seed=1)).volume()
    loop = renderer.LoopRenderer(still, volume, plan.plan_loop(volume, N_FRAMES, Fraction(24)))
    moving = synth.mean_motion(volume, width, height) > MOVES_PX
    if not moving.any():
        print(f"{path.name}: nothing moves")
        return 1.0
    weight = splat.weight_of(loop.front)
    splats = {
        "plain": splat.Splatter(still, weight, beyond=True),
        "sharp": splat.Splatter(still, weight, kin=loop.kin, beyond=True),
    }
    found, seconds = {name: [] for name in splats}, {name: [] for name in splats}
    reference = detail(still, moving, image_io.encode_srgb)
    for frame in SHOWN:
        displacement = loop.displacement(frame - 1)
        for name, splatter in splats.items():
            for _ in range(TURNS):
                begin = time.process_time()
                sums = splatter(displacement)
                seconds[name].append(time.process_time() - begin)
            picture = splat.finish(*sums, loop.plate)
            found[name].append(detail(picture, moving, image_io.encode_srgb) / reference)
    ratio = min(seconds["sharp"]) / min(seconds["plain"])
    print(f"{path.name}, {width} x {height}, {moving.mean():.0%} moves")
    print("  frame " + " ".join(f"{frame:6}" for frame in SHOWN))
    for name, parts in found.items():
        print(f"  {name} " + " ".join(f"{part:6.3f}" for part in parts))
    print(f"  the sharp splat takes {ratio:.2f} times as long as the plain one")
    return min(found["sharp"])


def detail(picture, moving, encode_srgb):
    """RMS of the Laplacian of sRGB grey where `moving`."""
    grey = encode_srgb(np.clip(picture, 0, 1)).mean(-1)
    laplacian = np.zeros_like(grey)
    inner = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * grey[1:-1, 1:-1]
    laplacian[1:-1, 1:-1] = inner
    return float(np.sqrt((laplacian[moving] ** 2).mean()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
