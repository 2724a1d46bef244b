"""Do predicted motions end where things end in the photo? At 1600 px, judged on frames and on the map of the motion.

  python3 build.py bench outlines                     drawn pictures: how far a wall follows what moves before it
  python3 build.py bench outlines --data PHOTOS       photographs: how the motion's edges lie on the photo's
  python3 build.py bench outlines --maps DIR          also leaves the photo beside the maps, before and now

*Before* reads phases and volume as 0.1.0 did, between objects and at every pixel's own place.
A wall's share: pixels 6 to 22 px beyond the farthest reach of a thing are compared with the still, and the motion
nearest to them in the thing, times this share, explains their change best (least squares over their gradients).
Edges: around places where neighbouring pixels move otherwise by more than .3 px (RMS over time) and the photo has an
edge within 8 px: how much of the change of the motion lies along the photo's gradient (1: all, .5: by chance), and how
much of the pixels within 8 px have a weaker gradient than the photo has there (.5: by chance; .83 and .90 by the true
motion of the scenes of `bench edges`). Both are means by the square of the change: gentle strain of a smooth surface is
no edge and hardly counts.
"""

import argparse
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from cases import cutouts
from cases.stills import photos_of
from edges import blurred, judged, near_mask
from gid_dev.gid_core.files import colour, image_io
from gid_dev.gid_core.frames.loop import Loop
from gid_dev.gid_core.motion.lookup import moves_of
from gid_dev.gid_core.motion.plan import plan_loop
from gid_dev.gid_core.motion.synth import mean_motion
from gid_dev.gid_core.prediction import predict

SIZE = 1600
MOST = 0.10  # bar of a wall's share
BEYOND_PX = (6, 22)
LOCAL_PX = 40  # the motion nearest to a wall's pixel is a mean so far around it
JUMP_PX = 0.3  # between neighbouring pixels: what counts as an edge of the motion
PHOTO_EDGE = 0.02  # change of the photo's sRGB grey a pixel that counts as one
AROUND_PX = 8
N_FRAMES, FRAMES = 60, (15, 40)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, metavar="DIR", help="photographs")
    parser.add_argument("--maps", type=Path, metavar="DIR", help="where pictures go")
    options = parser.parse_args()
    if options.maps is not None:
        options.maps.mkdir(parents=True, exist_ok=True)
    return walls(options.maps) if options.data is None else photographs(options.data, options.maps)


def both_of(still):
    """The predicted motion read as before and as now: two volumes."""
    motion = predict.predict(still, predict.Request())
    return replace(motion, members=None, lookup=None).volume(), motion.volume()


def walls(maps):
    print("share of a thing's motion that the wall beyond it follows; its motion (px)     before   now")
    bars = {}
    for name, still, mover in cutouts.pictures():
        volumes = both_of(still)
        (before, _), (now, moved_px) = (followed(still, volume, mover) for volume in volumes)
        print(f"  {name:30} {moved_px:8.2f} {before:38.3f} {now:6.3f}", flush=True)
        bars[f"{name}: {now:.2f} (bar: {MOST})"] = now <= MOST
        leave(maps, name, still, volumes)
    return judged(bars)


def followed(still, volume, mover):
    """The share, and how far the thing moves (px, mean over its pixels and the frames)."""
    renderer = Loop(still, volume, plan_loop(volume, N_FRAMES, Fraction(24))).renderer()
    fields = [renderer.displacement(number) for number in FRAMES]
    reach = int(np.ceil(max(np.hypot(*np.moveaxis(field, -1, 0))[mover].max() for field in fields)))
    first, last = (reach + px for px in BEYOND_PX)
    share = blurred(mover.astype(np.float64), LOCAL_PX)
    wall = near_mask(mover, last) & ~near_mask(mover, first) & (share > 0)
    change = expected = 0.0
    for number, field in zip(FRAMES, fields, strict=True):
        own = [blurred(field[..., axis] * mover, LOCAL_PX)[wall] / share[wall] for axis in (0, 1)]
        greys = [softened(picture) for picture in (still, renderer.frame(number))]
        down, across = (gradient[wall] for gradient in np.gradient(sum(greys) / 2))
        along = across * own[0] + down * own[1]
        change -= ((greys[1] - greys[0])[wall] * along).sum()
        expected += (along**2).sum()
    return change / expected, np.mean([np.hypot(*np.moveaxis(field, -1, 0))[mover].mean() for field in fields])


def photographs(folder, maps):
    print("edges of the motion on edges of the photo: along them / share of weaker gradients   before        now")
    found = []
    for name, photo in photos_of(folder):
        still = image_io.fit(photo, SIZE)
        volumes = both_of(still)
        scores = alignments(still, volumes)
        told = ["none", "none"] if scores is None else ["{:.2f} / {:.2f}".format(*score) for score in scores]
        print(f"  {name:60} {told[0]:>30} {told[1]:>14}", flush=True)
        if scores is not None:
            found.append(scores)
        leave(maps, name, still, volumes)
    before, now = np.mean(found, 0)
    print(f"  {'mean':60} {before[0]:23.2f} / {before[1]:.2f} {now[0]:7.2f} / {now[1]:.2f}")
    return judged({"the motion's edges lie better on the photo's than before": bool((now > before).all())})


def alignments(still, volumes):
    """Of each volume (share of its change along the photo's gradient, share of weaker gradients of the photo around);
    None without any edge."""
    height, width = still.shape[:2]
    changes = [changes_of(volume, width, height) for volume in volumes]
    edge = np.any([change[0] + change[2] > JUMP_PX**2 for change in changes], 0)
    photo_down, photo_across = np.gradient(softened(still))
    strength = np.hypot(photo_down, photo_across)
    y, x = np.nonzero(near_mask(edge, AROUND_PX) & near_mask(strength > PHOTO_EDGE, AROUND_PX))
    if len(y) < width:
        return None
    offsets = [(dy, dx) for dy in range(-AROUND_PX, AROUND_PX + 1, 2) for dx in range(-AROUND_PX, AROUND_PX + 1, 2)]
    weaker = np.zeros(len(y))
    for dy, dx in offsets:
        other = strength[np.clip(y + dy, 0, height - 1), np.clip(x + dx, 0, width - 1)]
        weaker += (other < strength[y, x]) / len(offsets)
    down, across = (axis[y, x] / np.maximum(strength[y, x], 1e-12) for axis in (photo_down, photo_across))
    scores = []
    for change in changes:
        in_y, in_both, in_x = (part[y, x] for part in change)
        along = down**2 * in_y + 2 * down * across * in_both + across**2 * in_x
        total = (in_y + in_x).sum()
        scores.append([along.sum() / total, (weaker * (in_y + in_x)).sum() / total])
    return scores


def changes_of(volume, width, height):
    """How the motion changes from pixel to pixel, squares and product in y and x summed over time: (3, H, W), px^2."""
    moves, found = moves_of(volume, width), np.zeros((3, height, width))
    for channel in np.moveaxis(moves, -1, 0):
        down, across = np.gradient(volume.places(width, height).read(channel).astype(np.float64))
        found += down * down, down * across, across * across
    return found


def leave(maps, name, still, volumes):
    """The photo and the maps of the mean motion before and now, side by side."""
    if maps is None:
        return
    height, width = still.shape[:2]
    found = [mean_motion(volume, width, height) for volume in volumes]
    top = max(float(np.percentile(found[0], 99)), 1e-9)
    grey = [np.repeat(np.clip(motion / top, 0, 1)[..., None], 3, -1) for motion in found]
    shown = np.concatenate([still, *(colour.decode_srgb(picture) for picture in grey)], 1)
    image_io.save_png(maps / f"{name}.png", np.ascontiguousarray(shown, np.float32))


def softened(picture):
    """Grey, sRGB, as a lens out of focus by a pixel would show it: float64 (H, W)."""
    grey = colour.encode_srgb(np.clip(picture, 0, 1)).mean(-1)
    for _ in range(3):
        grey = blurred(grey, 1)
    return grey


if __name__ == "__main__":
    sys.exit(main())
