"""What comes in over the border of the frame where motion leaves it, over a whole loop.

  python3 build.py bench borders --data DIR
  python3 build.py bench borders --data DIR --every 30 --through cycles eevee --blender 5.2       in Blender's EXR, too

A pixel of the two outermost rows and columns is foreign if it differs by more than 20/255 in a channel from all that
can have come there: the range of the still's colours whose reach of motion touches the pixel. With and without the
overscan, and by 0.1.0's plain tents. Counts stills that move at their edges; exits 1 if one has a foreign pixel,
whoever drew it.
"""

import argparse
import os
import sys

import numpy as np
from cases import stills
from gid_dev.gid_core.files.colour import encode_srgb
from gid_dev.gid_core.frames.renderer import LoopRenderer
from gid_dev.gid_core.frames.splat import Splatter, weight_of

FOREIGN = 20 / 255
RIM_PX = 2
MOVES_PX, MOVING_SHARE = 0.5, 0.05  # a still moves at its edges if that part of its rim goes so far


class Bare(LoopRenderer):
    """Sharpened tents, but nothing beyond the frame."""

    @property
    def _splatter(self):
        return Splatter(self.still, weight_of(self.front), kin=self.kin)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    stills.add_arguments(parser, [640])
    parser.add_argument("--every", type=int, default=1, metavar="N", help="look at each N-th frame")
    stills.add_through(parser)
    options = parser.parse_args()
    n_stills = n_held = 0
    for name, size, loop in stills.loops(options):
        numbers = range(0, loop.plan.n_frames, options.every)
        now = loop.renderer()
        reach = np.max([np.hypot(*np.moveaxis(now.displacement(n), -1, 0)) for n in numbers], 0)
        share = np.mean(reach[rim_of(reach.shape)] > MOVES_PX)
        if share < MOVING_SHARE:
            print(f"{name}, {size} px: {share:.0%} of the rim moves: not counted", flush=True)
            continue
        bounds = ranges(encoded(loop.still), reach)
        print(f"{name}, {size} px, {share:.0%} of the rim moves; foreign pixels:", flush=True)
        is_held = True
        for who, frames in stills.drawn(options, loop, numbers):
            is_held &= tell(who, frames, bounds) == 0
        for who, renderer in (("no overscan", Bare(loop.still, loop.volume, loop.plan)), ("0.1.0", stills.plain(loop))):
            tell(who, map(renderer.frame, numbers), bounds)
        n_stills += 1
        n_held += is_held
    print(f"{n_held} of {n_stills} stills that move at their edges have no foreign pixel")
    return 0 if n_held == n_stills else 1


def tell(who, frames, bounds):
    """Print what is foreign in some frames; in how many pixels of all of them."""
    counts, farthest = zip(*(foreign(frame, bounds) for frame in frames), strict=True)
    print(
        f"    {who:12} {max(counts)} in the worst frame, {sum(counts)} in all, by {255 * max(farthest):.0f}", flush=True
    )
    return sum(counts)


def foreign(frame, bounds):
    """How many pixels of the rim lie outside their range, and by how much at most (0..1)."""
    low, high = bounds
    rim = encoded(frame)[rim_of(frame.shape)]
    beyond = np.maximum(low - rim, rim - high).max(-1)
    return int((beyond > FOREIGN).sum()), max(0.0, float(beyond.max()))


def ranges(still, reach):
    """Least and greatest colour (N, 3) of what can come to each pixel of the rim.

    reach: float32 (H, W), px, how far each pixel of the still goes at most; a tent is one pixel wider.
    """
    height, width = reach.shape
    row, column = np.nonzero(rim_of(reach.shape))
    low, high = still[row, column].copy(), still[row, column].copy()
    farthest = int(np.ceil(reach.max())) + 1
    for down in range(-farthest, farthest + 1):
        for across in range(-farthest, farthest + 1):
            y, x = np.clip(row + down, 0, height - 1), np.clip(column + across, 0, width - 1)
            comes = np.hypot(across, down) <= reach[y, x] + 1.5
            colours = still[y, x]
            np.minimum(low, colours, out=low, where=comes[:, None])
            np.maximum(high, colours, out=high, where=comes[:, None])
    return low, high


def rim_of(shape):
    rim = np.ones(shape[:2], bool)
    rim[RIM_PX:-RIM_PX, RIM_PX:-RIM_PX] = False
    return rim


def encoded(picture):
    return encode_srgb(np.clip(picture[..., :3], 0, 1))


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # 4.5 can dead-lock in its exit handlers
