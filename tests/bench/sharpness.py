"""How much of the still's fine detail every frame of a loop keeps: sharpened tents beside plain ones.

  python3 build.py bench sharpness --data DIR
  python3 build.py bench sharpness --data DIR --every 30 --through cycles eevee --blender 5.2     in Blender's EXR, too

RMS Laplacian of the sRGB grey over the pixels that move (mean motion above .5 px), as a part of the still's. Exits 1
if a frame of sharpened tents, whoever drew it, lies outside 0.95..1.05, a loop's median outside 0.97..1.03, or frame 2
below 0.95.
"""

import argparse
import os
import sys

from cases import stills
from cases.detail import Detail, told


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    stills.add_arguments(parser, [640])
    parser.add_argument("--every", type=int, default=4, metavar="N", help="measure each N-th frame, and frame 2")
    stills.add_through(parser)
    options = parser.parse_args()
    n_held = n_measured = 0
    for name, size, loop in stills.loops(options):
        numbers = sorted({1, *range(options.every, loop.plan.n_frames, options.every)})
        detail = Detail(loop.still, loop.volume)
        if not detail.moving.any():
            print(f"{name}, {size} px: nothing moves", flush=True)
            continue
        print(f"{name}, {size} px, {detail.moving.mean():.0%} moving", flush=True)
        held, plain = [], map(stills.plain(loop).frame, numbers)
        for who, frames in stills.drawn(options, loop, numbers):
            line, is_held = told([detail.kept(frame) for frame in frames])
            held.append(is_held)
            print(f"    {who:12} {line}{'' if is_held else '  MISSED'}", flush=True)
        print(f"    plain tents  {told([detail.kept(frame) for frame in plain])[0]}", flush=True)
        n_measured += 1
        n_held += all(held)
    print(f"{n_held} of {n_measured} loops hold the bars")
    return 0 if n_held == n_measured else 1


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # 4.5 can dead-lock in its exit handlers
