"""The best frames that gid_core makes: the mean of two ways, whose faults differ. Slower, and unknown to Blender.

One way is the sharpened splat of `renderer`. The other splats the way back, -F, and takes the still's colour from
where it leads: nothing is blurred but the way, and silhouettes are cut, not frayed. Occlusion is softer in both than
in the splat alone, so that neither jumps where motions nearly tie. Through holes shows, beside the plate, the still
where it would have come from by the motion of what left: ground with its texture, from beside the old silhouette.
"""

from functools import cached_property

import numpy as np

from .renderer import LoopRenderer
from .splat import PLATE_WEIGHT, SHARPNESS, Splatter, finish

__all__ = ["BestRenderer"]

_SHARPNESS = 6.0  # of the occlusion weights
_THIN = 512  # times the plate's weight: where more than this has landed, the plate does not show
_BAND_PIXELS = 65536  # sampled at a time: a few MB


class BestRenderer(LoopRenderer):
    """Renders one loop; takes what `LoopRenderer` takes, keeps what it promises.

    A plate that is given shows in holes as it is, and nothing else does.
    """

    def __init__(self, still, volume, plan, *, plate=None, **options):
        super().__init__(still, volume, plan, plate=plate, **options)
        self._is_plate_given = plate is not None and plate is not False

    @cached_property
    def weights(self) -> np.ndarray:
        """Of the splats: float32 (H, W)."""
        # What rests weighs as much as in the sharp splat: the plate's weight is a share of that.
        r = np.asarray(self.front, np.float32)
        return np.exp(np.float32(_SHARPNESS) * r - np.float32(SHARPNESS / 2))

    @cached_property
    def _splatter(self):
        return Splatter(self.still, self.weights, kin=self.kin, beyond=True)

    @cached_property
    def _light_beyond_alpha(self):
        """How much brighter than its alpha each pixel is; None where nothing is."""
        if self.still.shape[2] != 4:
            return None
        more = np.maximum(self.still[..., :3] - self.still[..., 3:], 0)
        return more if more.any() else None

    def frame(self, frame) -> np.ndarray:
        """The picture at one frame: float32 (H, W, C); the still, bit for bit, when nothing is displaced at all."""
        displacement = self.displacement(frame)
        return self.drawn(displacement)[0] if displacement.any() else self.still.copy()

    def drawn(self, displacement):
        """The picture of a displacement (H, W, 2), the way back from each of its pixels (H, W, 2), px, and how much
        landed there (H, W), in units of `weights`."""
        numerator, coverage = self._splatter(displacement)
        back, _ = Splatter(displacement, self.weights, beyond=True)(displacement)
        back /= -np.maximum(coverage, np.finfo(np.float32).tiny)[..., None]
        taken = self._taken(back, back.any(-1)) * coverage[..., None]
        ground = self._ground(displacement, coverage)
        behind = ground if ground is None else (self.plate + ground) / 2
        picture = (np.maximum(finish(numerator, coverage, behind), 0) + finish(taken, coverage, behind)) / 2
        return picture, back, coverage

    def _taken(self, offset, where):
        """The still, at the pixels q `where` at q + offset(q): float32 (H, W, C), not below 0."""
        found = np.maximum(_sampled(self.still, offset, where), 0)
        if self.still.shape[2] == 4:
            alpha = np.minimum(found[..., 3:], 1, out=found[..., 3:])
            more = self._light_beyond_alpha
            limit = alpha if more is None else alpha + np.maximum(_sampled(more, offset, where), 0)
            np.minimum(found[..., :3], limit, out=found[..., :3])
        return found

    def _ground(self, displacement, coverage):
        """What shows through holes: the still at q - F(q) if that lay behind, else the plate; None: nothing."""
        if self.plate is None or self._is_plate_given:
            return self.plate
        where = displacement.any(-1) & (coverage < _THIN * PLATE_WEIGHT)
        where[where] = self._is_behind(np.nonzero(where), displacement[where])
        return np.where(where[..., None], self._taken(-displacement, where), self.plate)

    def _is_behind(self, places, displacement):
        """Whether the pixels from which one would come to `places` lie behind these: bool (n,)."""
        there = tuple(
            np.clip(np.rint(index - step), 0, size - 1).astype(np.intp)
            for index, step, size in zip(places, displacement.T[::-1], self.front.shape, strict=True)
        )
        return self.front[there] < self.front[places]


def _sampled(picture, offset, where):
    """A copy of a picture (H, W, C) that holds at the pixels q `where` the picture at q + offset(q), by Catmull-Rom.

    Beyond the frame its border goes on. Source: Keys, Cubic Convolution Interpolation (1981), a = -1/2.
    """
    height, width = picture.shape[:2]
    flat = np.ascontiguousarray(picture, np.float32).reshape(height * width, -1)
    found = flat.copy()
    places = np.flatnonzero(where)
    offset = offset.reshape(-1, 2)
    for first in range(0, len(places), _BAND_PIXELS):
        part = places[first : first + _BAND_PIXELS]
        row, column = np.divmod(part, width)
        rows, down = _taps(row, offset[part, 1], height)
        columns, across = _taps(column, offset[part, 0], width)
        total = np.zeros((len(part), flat.shape[1]), np.float32)
        for y, share in zip(rows, down, strict=True):
            line = sum(flat[y * width + x] * part_x[:, None] for x, part_x in zip(columns, across, strict=True))
            total += share[:, None] * line
        found[part] = total
    return found.reshape(picture.shape)


def _taps(index, offset, size):
    """Indices (4, n) of the samples around index + offset, and their shares (4, n)."""
    floor = np.floor(offset)
    f = offset - floor  # before the index is added: the same offset is sampled alike everywhere
    first = np.clip(floor, -size - 2, size + 2).astype(np.intp) + index
    shares = (
        ((-0.5 * f + 1) * f - 0.5) * f,
        (1.5 * f - 2.5) * f * f + 1,
        ((-1.5 * f + 2) * f + 0.5) * f,
        (0.5 * f - 0.5) * f * f,
    )
    return [np.clip(first + step, 0, size - 1) for step in (-1, 0, 1, 2)], shares
