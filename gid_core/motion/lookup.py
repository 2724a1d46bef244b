"""The lookup of a still: where each pixel reads its volume, so that motion ends at the photo's edge.

A texel of the volume is several pixels wide. Where neighbouring texels move otherwise, the texels between are mixtures
and so is all that is read there. Around each such texel a window of the grid is split into two sides by how it moves;
the colours of both sides, at the photo's full resolution, say to which of them each pixel belongs, and the pixel then
reads the nearest texel that is all of its side. Where motion fades slowly, or colours do not tell the sides apart, or
pass gently into each other, pixels read at their own place.

Only texels near a border are looked at, so time and memory go with the length of the outlines.
"""

import numpy as np

from .edges import edges
from .places import OWN, STEPS

__all__ = ["lookup", "moves_of"]

STEP_PX = 0.3  # between neighbouring texels, px of the picture: what moves apart by more tears visibly
_REACH = 2  # texels that a pixel steps aside at most
_WINDOW = 3  # texels to each side of which sides and their colours are learned: 7 x 7
_NEAR = 2.0  # texels: how fast the window's texels count less
# Share of a window's differences that lies between its two sides: 1 for a clean cut, 3/4 for an even ramp.
_CUT = (0.76, 0.86)
_APART = (1.0, 2.0)  # how many standard deviations lie between the colours of both sides
_PURE = 0.3  # how far from its side's end a texel may move and still give colours, of the way between both
_NOISE = 1e-4  # variance of sRGB values 0..1 that no two colours are told apart by
_SURE = 4.0  # log odds that one pixel's colour, or where it lies, counts for at most
_ALIKE = 0.1  # sRGB distance by which neighbouring pixels vote for each other's side
_VOTE = 1  # pixels to each side that vote
# What moves farther takes the pixels around it along in which so much of its colour is mixed with what is behind: left
# there, they would draw its old outline.
_RIM = 1
_RIM_SHARE = 0.1
_GRAIN = 1.5  # and of what is behind, standard deviations, so that its grain is not taken for a mixture
_MARGIN = _VOTE + _RIM  # pixels around a block that are looked at
_TOLERATED_PX, _MIXED_PX = 0.03, 0.2  # what a texel may move otherwise than its side; how much of it weighs as a...
_FAR = 0.03  # ...step of a texel's square root of this
_HALFWAY_PX = 0.03  # what is read halfway between two texels' places may move otherwise than their mean
_CHUNK = 1024  # texels looked at together: 20 MB at 4K
_BYTE = np.float32(1 / 255)


def moves_of(volume, width: int) -> np.ndarray:
    """How the texels of a volume move: float32 (h, w, d), px of a picture so wide.

    The distance between two texels' vectors is the RMS over time by which they move otherwise: displacements at four
    moments, each mode at a phase that looks like chance.
    """
    n_moments = 4
    turns = np.outer(np.arange(1, n_moments + 1), np.arange(1, volume.n_freqs + 1)) * ((5**0.5 - 1) / 2)
    basis = np.concatenate([np.cos(2 * np.pi * turns), -np.sin(2 * np.pi * turns)], 1).astype(np.float32)
    parts = np.concatenate([volume.amplitudes.real, volume.amplitudes.imag]).reshape(2 * volume.n_freqs, -1)
    moved = (basis @ parts).reshape(n_moments, volume.height, volume.width, 2)
    moved *= np.float32(width / volume.width / n_moments**0.5)
    return np.ascontiguousarray(moved.transpose(1, 2, 0, 3)).reshape(volume.height, volume.width, -1)


def lookup(picture: np.ndarray, moves: np.ndarray) -> np.ndarray | None:
    """Where the picture's pixels read: uint8 (H, W, 2) of `places`; None if all read at their own place.

    Args:
        picture: uint8 (H, W, 3), sRGB, the still.
        moves: float32 (h, w, d), px of the picture: the distance between two texels' vectors says how differently they
            move (`moves_of`).
    """
    texels = _Texels(picture.shape[:2], moves.shape[:2])
    if min(texels.per_texel) < 1:
        return None  # a picture smaller than the grid has no finer edges
    rows, columns = np.nonzero(_steep(moves))
    if not len(rows):
        return None
    sums = texels.colour_sums(picture)
    borders = _borders(sums[..., 1:4] / sums[..., :1])
    found = [
        _Sides(rows[part], columns[part], moves, sums, borders)
        for part in (slice(first, first + _CHUNK) for first in range(0, len(rows), _CHUNK))
    ]
    places = np.moveaxis(np.indices(moves.shape[:2], np.float32), 0, -1)[:, :, None].repeat(2, 2)
    for sides in found:
        places[sides.rows, sides.columns] += sides.steps
    motion = moves[tuple(places.astype(np.intp).transpose(3, 0, 1, 2))]
    steps = np.full((*picture.shape[:2], 2), OWN, np.uint8)
    around = (_MARGIN, texels.block + _MARGIN)
    padded = np.pad(picture, (around, around, (0, 0)), mode="edge")
    for sides in found:
        _write(steps, sides, texels, padded, places, motion, moves)
    return steps if (steps != OWN).any() else None


class _Texels:
    """Which pixels belong to which texel."""

    def __init__(self, size, grid):
        self.size, self.grid = size, grid
        self.per_texel = tuple(n / m for n, m in zip(size, grid, strict=True))
        self.first = [np.ceil(np.arange(m) * n / m - 0.5).astype(int) for n, m in zip(size, grid, strict=True)]
        self.count = [np.diff(np.append(first, n)) for first, n in zip(self.first, size, strict=True)]
        self.block = int(max(count.max() for count in self.count))

    def colour_sums(self, picture):
        """Of each texel the sums of 1, r, g, b, rr, rg, rb, gg, gb, bb: float32 (h, w, 10)."""
        sums = np.empty((*self.grid, 10), np.float32)
        for first in range(0, self.grid[0], 8):
            last = min(first + 8, self.grid[0])
            top, bottom = self.first[0][first], (self.first[0][last] if last < self.grid[0] else self.size[0])
            strip = picture[top:bottom] * _BYTE
            red, green, blue = np.moveaxis(strip, -1, 0)
            first_order = np.ones_like(red), red, green, blue
            second_order = red * red, red * green, red * blue, green * green, green * blue, blue * blue
            for index, channel in enumerate((*first_order, *second_order)):
                lines = np.add.reduceat(channel, self.first[0][first:last] - top, axis=0)
                sums[first:last, :, index] = np.add.reduceat(lines, self.first[1], axis=1)
        return sums

    def offsets(self, axis, index, margin):
        """Where the pixels of blocks lie, in texels from the block's own: float32 (N, block + 2 margin)."""
        pixel = self.first[axis][index][:, None] + np.arange(-margin, self.block + margin)
        return ((pixel + 0.5) * self.grid[axis] / self.size[axis] - 0.5 - index[:, None]).astype(np.float32)


def _borders(colours):
    """Whether the photo has an edge below each texel and beside it: bool (h, w, 2)."""
    below, beside = edges(colours)
    return np.stack([np.pad(below, ((0, 1), (0, 0))), np.pad(beside, ((0, 0), (0, 1)))], -1)


def _steep(moves):
    """Texels within reach of two neighbours that move otherwise: bool (h, w)."""
    steep = np.zeros(moves.shape[:2], bool)
    for axis in (0, 1):
        apart = np.asarray((np.diff(moves, axis=axis) ** 2).sum(-1) > STEP_PX**2)
        steep |= np.insert(apart, 0, False, axis)
        steep |= np.insert(apart, apart.shape[axis], False, axis)
    for axis in (0, 1):
        wide = np.pad(steep, [(_REACH, _REACH) if a == axis else (0, 0) for a in (0, 1)])
        steep = np.asarray(np.lib.stride_tricks.sliding_window_view(wide, 2 * _REACH + 1, axis).any(-1))
    return steep


class _Sides:
    """The two sides of each of N texels: how they move, what colours they have, which texels are theirs alone.

    The second side is the one that moves farther.

    Texels that lie at no border, or whose sides colours cannot tell apart, are left out.

    rows, columns: int (n,). share: float32 (n, 7, 7), 0..1 from one side to the other. span: (n,) px between them.
    slope (n, 3), offset (n,): log odds of the second side are colour @ slope + offset. apart: (n,) standard deviations
    between the colours of both sides. grain: (n,) the first side's own standard deviation, of the way to the second.
    steps: int (n, 2, 2), to the texel that either side reads, down and right. trust: (n,) in 0..1.
    """

    def __init__(self, rows, columns, moves, sums, borders):
        width = 2 * _WINDOW + 1
        window = _windows(moves, rows, columns, "edge").reshape(len(rows), moves.shape[2], -1)
        y, x = (axis.ravel() - _WINDOW for axis in np.mgrid[:width, :width])
        inside = (_inside(y, rows, moves.shape[0]) & _inside(x, columns, moves.shape[1])).astype(np.float32)
        weight = np.exp(-(y * y + x * x) / np.float32(2 * _NEAR**2)).astype(np.float32) * inside
        weight /= weight.sum(1, keepdims=True)
        along = _main_axis(window, weight, inside)
        farther = ((window**2).sum(1) * along * weight).sum(1) - ((window**2).sum(1) * weight).sum(1) * (
            along * weight
        ).sum(1)
        along *= np.where(farther < 0, -1, 1)[:, None]
        reached = (inside > 0) & (np.maximum(abs(y), abs(x)) <= _REACH)
        low, high = np.where(reached, along, np.inf).min(1), np.where(reached, along, -np.inf).max(1)
        self.span = high - low
        share = np.clip((along - low[:, None]) / np.maximum(self.span, 1e-9)[:, None], 0, 1)
        cut = _eased(_between(along, share, weight), _CUT)
        kept = np.flatnonzero(cut > 0)
        rows, columns, share, along, reached = rows[kept], columns[kept], share[kept], along[kept], reached[kept]
        apart, slope, offset, grain = _colours(share, weight[kept], _windows(sums, rows, columns, "constant"))
        is_seen = _is_seen(share, _windows(borders, rows, columns, "constant"))
        self.trust = cut[kept] * _eased(apart, _APART) * is_seen
        told = np.flatnonzero(self.trust > 0)
        self.rows, self.columns, self.span = rows[told], columns[told], self.span[kept][told]
        self.trust, self.slope, self.offset = self.trust[told], slope[told], offset[told]
        self.apart, self.grain = apart[told], grain[told]
        self.share = share[told].reshape(-1, width, width)
        self.steps = np.stack(
            [_pure(along[told], share[told], reached[told], inside[kept][told], side, y, x) for side in (0, 1)], 1
        )


def _inside(steps, index, size):
    place = index[:, None] + steps
    return (place >= 0) & (place < size)


def _windows(field, rows, columns, mode):
    """The 7 x 7 texels around some: (N, C, 7, 7) of (h, w, C)."""
    padded = np.pad(field, ((_WINDOW, _WINDOW), (_WINDOW, _WINDOW), (0, 0)), mode=mode)
    return np.lib.stride_tricks.sliding_window_view(padded, (2 * _WINDOW + 1,) * 2, (0, 1))[rows, columns]


def _main_axis(window, weight, inside):
    """Where the texels of windows (N, d, 49) lie on the line along which their motion differs most: (N, 49)."""
    centred = window - np.einsum("ndk,nk->nd", window, weight)[..., None]
    spread = np.einsum("ndk,nek->nde", centred * weight[:, None], centred, optimize=True)
    farthest = np.argmax((centred**2).sum(1) * inside, 1)
    axis = np.take_along_axis(centred, farthest[:, None, None], 2)[..., 0]
    for _ in range(6):  # power iteration
        axis = np.einsum("nde,ne->nd", spread, axis)
        axis /= np.maximum(np.sqrt((axis**2).sum(1, keepdims=True)), 1e-12)
    return np.einsum("ndk,nd->nk", centred, axis)


def _between(along, share, weight):
    """Share of the variance that lies between both sides: (N,)."""
    second = weight * (share > 0.5)
    mean, part, total = ((along * w).sum(1) for w in (weight, second, weight * along))
    n = second.sum(1)
    between = (part - n * mean) ** 2 / np.maximum(n * (1 - n), 1e-6)
    return between / np.maximum(total - mean**2, 1e-12)


def _is_seen(share, borders):
    """Whether the border between both sides of windows (N, 49) is an edge of the photo (N, 2, 7, 7) anywhere: (N,)."""
    second = share.reshape(-1, *borders.shape[2:]) > 0.5
    below = (second[:, 1:] != second[:, :-1]) & borders[:, 0, :-1]
    beside = (second[:, :, 1:] != second[:, :, :-1]) & borders[:, 1, :, :-1]
    return below.any((1, 2)) | beside.any((1, 2))


def _colours(share, weight, sums):
    """Of both sides' colours: how many standard deviations they are apart (N,), log odds of the second, grain (N,).

    The grain is the first side's standard deviation towards the second, of the way between both.
    Two normal distributions of one covariance, the mean of both sides' (linear discriminant analysis).
    """
    sums = sums.reshape(*sums.shape[:2], share.shape[1])
    means, spreads = [], []
    for side in (0, 1):
        belongs = np.maximum(1 - abs(share - side) / _PURE, 0) * np.sqrt(weight)
        found = np.einsum("nck,nk->nc", sums, belongs)
        found = found[:, 1:] / np.maximum(found[:, :1], 1e-9)
        mean = found[:, :3]
        means.append(mean)
        second = found[:, 3:][:, [0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(-1, 3, 3)
        spreads.append(second - mean[:, :, None] * mean[:, None])
    noise = np.float32(_NOISE) * np.eye(3, dtype=np.float32)
    spread = (spreads[0] + spreads[1]) / 2 + noise
    apart = means[1] - means[0]
    slope = np.linalg.solve(spread, apart[..., None])[..., 0]
    offset = -((means[0] + means[1]) / 2 * slope).sum(1)
    squared = np.maximum((apart * slope).sum(1), 0)
    along = np.einsum("nc,ncd,nd->n", slope, spreads[0] + noise, slope)
    return np.sqrt(squared), slope, offset, np.sqrt(np.maximum(along, 0)) / np.maximum(squared, 1e-9)


def _pure(along, share, reached, inside, side, y, x):
    """Steps (N, 2), down and right, to the nearest texel that moves as its side does: as the median of the side."""
    own = (inside > 0) & ((share > 0.5) == bool(side))
    ordered = np.sort(np.where(own, along, np.inf), 1)
    middle = ordered[np.arange(len(along)), np.maximum(own.sum(1) - 1, 0) // 2]
    mixed = np.maximum(abs(along - middle[:, None]) - _TOLERATED_PX, 0) / _MIXED_PX
    best = np.argmin(np.where(reached, mixed**2 + _FAR * (y * y + x * x), np.inf), 1)
    return np.stack([y[best], x[best]], -1)


def _write(steps, sides, texels, padded, places, motion, moves):
    """The steps of the pixels of some texels, into the lookup."""
    if not len(sides.rows):
        return
    own, block = texels.block, texels.block + 2 * _MARGIN
    rows, columns = sides.rows, sides.columns
    first_row, first_column = texels.first[0][rows], texels.first[1][columns]
    patches = np.lib.stride_tricks.sliding_window_view(padded, (block, block), (0, 1))[first_row, first_column]
    patches = patches * _BYTE
    odds = np.einsum("ncij,nc->nij", patches, sides.slope) + sides.offset[:, None, None]
    mixed = (odds / (sides.apart**2)[:, None, None] + 0.5)[:, _MARGIN : _MARGIN + own, _MARGIN : _MARGIN + own]
    odds = np.clip(odds, -_SURE, _SURE) + _SURE * (2 * _share_at(sides, texels) - 1)
    is_second = _voted(odds, patches) > 0
    inner = is_second[:, _RIM : _RIM + own, _RIM : _RIM + own]
    is_second = inner | (_widened(is_second) & (mixed > np.maximum(_RIM_SHARE, _GRAIN * sides.grain)[:, None, None]))
    down, right = (texels.offsets(axis, index, 0) for axis, index in ((0, rows), (1, columns)))
    places = _places_of(sides, places, motion, moves, down, right)
    there = np.where(is_second[..., None], places[:, 1], places[:, 0])
    aside = there - np.stack(np.broadcast_arrays(down[:, :, None], right[:, None]), -1)
    aside *= sides.trust[:, None, None, None]
    coded = np.clip(np.rint(aside * STEPS) + OWN, 0, 255).astype(np.uint8)
    y, x = np.mgrid[:own, :own]
    valid = (y < texels.count[0][rows][:, None, None]) & (x < texels.count[1][columns][:, None, None])
    n, y, x = np.nonzero(valid)
    steps[first_row[n] + y, first_column[n] + x] = coded[n, y, x][:, ::-1]


def _share_at(sides, texels):
    """How much of the second side's motion the pixels of blocks would read at their own place: (N, B, B)."""
    taps = []
    for axis, index in ((0, sides.rows), (1, sides.columns)):
        offset = texels.offsets(axis, index, _MARGIN)
        texel = np.arange(-_WINDOW, _WINDOW + 1, dtype=np.float32)
        taps.append(np.maximum(1 - abs(np.clip(offset, -_WINDOW, _WINDOW)[..., None] - texel), 0))
    return np.matmul(np.matmul(taps[0], sides.share), taps[1].transpose(0, 2, 1))


def _voted(odds, patches):
    """Means (N, b, b) over neighbours of like colour, of (N, b + 2, b + 2)."""
    size = odds.shape[1] - 2 * _VOTE
    centre = patches[:, :, _VOTE : _VOTE + size, _VOTE : _VOTE + size]
    total = np.zeros((len(odds), size, size), np.float32)
    weights = np.zeros_like(total)
    for y in range(2 * _VOTE + 1):
        for x in range(2 * _VOTE + 1):
            near = np.s_[..., y : y + size, x : x + size]
            weight = np.exp(((patches[near] - centre) ** 2).sum(1) * np.float32(-1 / (2 * _ALIKE**2)))
            total += weight * odds[near]
            weights += weight
    return total / weights


def _widened(is_second):
    """The second side with its rim: bool (N, b, b) of (N, b + 2, b + 2)."""
    size = is_second.shape[1] - 2 * _RIM
    wide = np.zeros((len(is_second), size, size), bool)
    for y, x in ((_RIM, _RIM), (0, _RIM), (2 * _RIM, _RIM), (_RIM, 0), (_RIM, 2 * _RIM)):
        wide |= is_second[:, y : y + size, x : x + size]
    return wide


def _places_of(sides, places, motion, moves, down, right):
    """Where either side of blocks is read, in texels from the block's own: (N, 2, B, B, 2).

    Bilinear between the places of the 3 x 3 texels around, of those of them that have the same side and with no other
    motion on the way, as the inside of a bend has.
    """
    rows, columns = sides.rows, sides.columns
    here = np.stack([rows, columns], -1)[:, None].astype(np.float32)
    own, place = motion[rows, columns], places[rows, columns]  # (N, 2, d), (N, 2, 2)
    around = np.zeros((len(rows), 2, 3, 3, 2), np.float32)
    known = np.zeros((len(rows), 2, 3, 3), np.float32)
    for i, j in np.ndindex(3, 3):
        row = np.clip(rows + i - 1, 0, places.shape[0] - 1)
        column = np.clip(columns + j - 1, 0, places.shape[1] - 1)
        apart = ((motion[row, column][:, None] - own[:, :, None]) ** 2).sum(-1)  # (N, own side, the other's side)
        nearest = np.argmin(apart, 2)[..., None]
        there = np.take_along_axis(places[row, column], nearest, 1)
        around[:, :, i, j] = there - here
        mean = (own + np.take_along_axis(motion[row, column], nearest, 1)) / 2
        strange = ((_halfway(moves, place, there) - mean) ** 2).sum(-1)
        is_same = np.take_along_axis(apart, nearest, 2)[..., 0] <= (sides.span[:, None] / 2) ** 2
        known[:, :, i, j] = is_same & (strange <= _HALFWAY_PX**2)
    tents = [np.stack([np.maximum(-f, 0), 1 - abs(f), np.maximum(f, 0)], -1) for f in (down, right)]
    total = np.einsum("nai,nsijc,nbj->nsabc", tents[0], around * known[..., None], tents[1], optimize=True)
    weight = np.einsum("nai,nsij,nbj->nsab", tents[0], known, tents[1], optimize=True)
    return total / np.maximum(weight, np.float32(1e-6))[..., None]


def _halfway(moves, place, other):
    """What is read in the middle between whole texels (..., 2): (..., d)."""
    (top, left), (bottom, right) = (
        np.moveaxis(rounded((place + other) / 2).astype(np.intp), -1, 0) for rounded in (np.floor, np.ceil)
    )
    return (moves[top, left] + moves[top, right] + moves[bottom, left] + moves[bottom, right]) / 4


def _eased(values, ends):
    t = np.clip((values - ends[0]) / (ends[1] - ends[0]), 0, 1)
    return t * t * (3 - 2 * t)
