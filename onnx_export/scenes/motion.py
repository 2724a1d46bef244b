"""The physics of a synthetic scene, in batches: modal maps -> envelope, a random draw of z, and its coupled start.

A map is (B, len(FIELDS), h, w): how each cell moves. Everything is closed form in the frequency domain, so each draw is
a new motion of the same picture at no cost. z is complex (B, K, 2, h, w) of unit variance along its axis; as reals
(B, K, 4, h, w) in the order xr, yr, xi, yi, each of variance 1 along the axis (gid_core.prediction.phases.to_reals).
"""

import math

import torch
import torch.nn.functional as F

from gid_core.model import contract
from gid_core.prediction import objects, phases

__all__ = [
    "AMPLITUDE",
    "FIELDS",
    "FREQUENCIES",
    "affinity_of",
    "affinity_truth",
    "coarse",
    "draw",
    "envelope",
    "mirrored",
    "object_axes",
    "pairs_inside",
    "pairs_moving",
    "pairs_of",
    "procedural",
    "shape_truth",
    "shifted",
    "start",
    "to_complex",
    "to_reals",
]

FREQUENCIES = tuple(k / 5 for k in range(1, 17))  # Hz
FIELDS = ("amplitude", "f0", "zeta", "dx", "dy", "anchor_x", "anchor_y", "object", "is_field", "f1", "share")
AMPLITUDE, F0, ZETA, DX, DY, ANCHOR_X, ANCHOR_Y, OBJECT, IS_FIELD, F1, SHARE = range(len(FIELDS))
_FORCING = 0.1  # the wind's amplitude falls as f^-0.1: the field's own loops hold more fast motion than a steady wind
_LULLS = 2.0  # energy of lulls at _LULLS_HZ, beside that of steady wind: real plants move 1.6 times as far there as at
_LULLS_HZ = 0.2  # 0.4 Hz (the mean of 818 films, evaluation/loops.py)
_AIR_DAMPING = 0.22  # of the air, beside a plant's own; it widens the resonance
_GUSTS = 0.15  # share of the energy that shivers in anything that moves
_FLUTTER_HZ = 0.9  # width of a second mode
_ROLL_OFF_HZ = 2.8  # what moves is too heavy to follow faster wind: loops of the field fall off before 3 Hz
_COMMON = 0.5  # part of the wind that all objects share at 0 Hz; the paper's own loops show neighbours that differ
_COMMON_HZ = 2.5  # the shared part decays with frequency
_EDDIES = 6  # plane waves that they are the sum of
_EDDY_PX = 220.0  # mean wavelength of the turbulence in a meadow or crown: coherent over some 35 px
_BLOCK_PX = 32.0  # a patch of a field whose mean phase the start knows


def _hz(frequencies):
    return torch.tensor(frequencies, dtype=torch.float32).view(1, -1, 1, 1)


def _energies(maps, frequencies):
    """Complex response of the sway and energy of the second mode, (B, K, h, w) each; energies sum to 1 over k."""
    hz = _hz(frequencies)
    x = hz / maps[:, F0 : F0 + 1].clamp(min=0.05)
    forcing = hz**-_FORCING * (1 + _LULLS * (_LULLS_HZ / hz) ** 3).sqrt()
    sway = forcing / torch.complex(1 - x * x, 2 * (maps[:, ZETA : ZETA + 1] + _AIR_DAMPING) * x)
    shiver = torch.exp(-(((hz - maps[:, F1 : F1 + 1]) / _FLUTTER_HZ) ** 2))
    fall = 1 / (1 + (hz / _ROLL_OFF_HZ) ** 8)  # of the energy
    sway, shiver = sway * fall.sqrt(), shiver * fall
    return sway / sway.abs().square().sum(1, keepdim=True).sqrt(), shiver / shiver.sum(1, keepdim=True)


def _transfer(maps, frequencies):
    """Complex response of both modes to the wind: (B, K, h, w), squares sum to 1 over k. The second mode's share of
    the energy is SHARE^2 / (1 + SHARE^2), on top of what gusts put there."""
    sway, shiver = _energies(maps, frequencies)
    share = maps[:, SHARE : SHARE + 1].square()
    part = _GUSTS + (1 - _GUSTS) * share / (1 + share)
    size = ((1 - part) * sway.abs().square() + part * shiver).sqrt()
    return torch.polar(size, sway.angle())


def envelope(maps, frequencies=FREQUENCIES):
    """RMS envelope (B, K, h, w) in px of a 256-wide frame: sum over k of E^2 is the squared amplitude."""
    return maps[:, :1] * _transfer(maps, frequencies).abs()


def coarse(maps):
    """Envelope grid -> flow grid: the parameters of the strongest of 2 x 2 cells, amplitude their mean."""
    b, c, h, w = maps.shape
    cells = maps.view(b, c, h // 2, 2, w // 2, 2).permute(0, 1, 2, 4, 3, 5).flatten(4)
    strongest = cells[:, :1].argmax(4, keepdim=True).expand(-1, c, -1, -1, 1)
    found = torch.gather(cells, 4, strongest)[..., 0]
    found[:, 0] = cells[:, 0].mean(-1)
    return found


def affinity_truth(maps):
    """1 where both cells of a pair are one object: (B, len(contract.PAIRS), h, w); 0 where the second is outside."""
    return affinity_of(maps[:, OBJECT])


def affinity_of(names):
    """`affinity_truth` of the objects (B, h, w) alone."""
    return torch.stack([(names == other).float() for other in _partners(names)], 1)


def pairs_moving(maps):
    """1 where both cells of a pair move: (B, len(contract.PAIRS), h, w)."""
    return pairs_of((maps[:, AMPLITUDE] > 0.1).float())


def pairs_of(moves):
    """`pairs_moving` of what moves, 0 or 1 (B, h, w), alone."""
    return torch.stack([moves * other.clamp(min=0) for other in _partners(moves)], 1)


def pairs_inside(h, w):
    """1 where the second cell of a pair lies in the picture: (len(contract.PAIRS), h, w)."""
    return torch.stack([(other > 0).float()[0] for other in _partners(torch.ones(1, h, w))])


def _partners(field):
    """The values (B, h, w) of the second cells, -1 outside, for each of the PAIRS."""
    _, h, w = field.shape
    far = max(max(down, right) for down, right in contract.PAIRS)
    wide = F.pad(field, (far, far, 0, far), value=-1)
    return [wide[:, down : down + h, far + right : far + right + w] for down, right in contract.PAIRS]


def shifted(field, down, right):
    """(the cells `down` and `right` of others, those others) of a field (..., h, w), where both are in the picture."""
    h, w = field.shape[-2:]
    return field[..., down:, right:], field[..., : h - down, : w - right]


def shape_truth(maps):
    """Of each cell's object: (B, 5, h, w), steps right and down to its middle in 8 cells, ln of its cells / 4, and the
    cell's axis of sway as cos and sin of the doubled angle."""
    b, _, h, w = maps.shape
    index, count = _members(maps[:, OBJECT].long())
    size = count.clamp(min=1)
    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    places = torch.stack([x, y]).float().expand(b, 2, h, w)
    steps = (_mean(places, index, size) - places) / 8
    dx, dy = maps[:, DX : DX + 1], maps[:, DY : DY + 1]
    axis = torch.cat([dx * dx - dy * dy, 2 * dx * dy], 1)
    return torch.cat([steps, size[index].view(b, 1, h, w).log() / 4, axis], 1)


def _normal(*shape, generator):
    real = torch.randn(*shape, generator=generator)
    return torch.complex(real, torch.randn(*shape, generator=generator)) / math.sqrt(2)


def _carrier(x, y, wind, frequencies):
    """Phase of a gust that travels: (B, K, ...) for positions (B, ...) in px; wind (B, 3) = dx, dy, px a second."""
    shape = (-1,) + (1,) * (x.dim() - 1)
    delay_s = (x * wind[:, 0].view(shape) + y * wind[:, 1].view(shape)) / wind[:, 2].view(shape)
    hz = torch.tensor(frequencies, dtype=torch.float32).view(1, -1, *(1,) * (x.dim() - 1))
    angle = -2 * math.pi * hz * delay_s[:, None]
    return torch.polar(torch.ones_like(angle), angle)


def draw(maps, wind, generator, frequencies=FREQUENCIES):
    """One random motion on the flow grid: the signal along the axis, complex (B, K, h, w) of unit variance.

    Multiply by the axis (maps DX, DY) for z. Each object follows the gust that passes its root, partly common to all,
    partly its own; a field (grass, crown, cloth) follows the gust at each place and has eddies inside. They are its own
    too: a tree before a meadow touches it in the picture alone.
    """
    b, _, h, w = maps.shape
    n = len(frequencies)
    common = _normal(b, n, 1, 1, generator=generator)
    name = maps[:, OBJECT].long()
    table = _normal(b, n * (1 + _EDDIES), int(name.max()) + 1, generator=generator)
    drawn = torch.gather(table, 2, name.view(b, 1, -1).expand(-1, table.shape[1], -1)).view(b, n, -1, h, w)
    own, strengths = drawn[:, :, 0], drawn[:, :, 1:]
    waves = torch.randn(b, n, _EDDIES, 2, generator=generator) * 2 * math.pi / _EDDY_PX
    angle = torch.einsum("bkjc,bchw->bkjhw", waves, maps[:, ANCHOR_X : ANCHOR_Y + 1])
    eddies = (strengths * torch.polar(torch.ones_like(angle), angle)).sum(2) / _EDDIES**0.5
    local = torch.where(maps[:, IS_FIELD : IS_FIELD + 1] > 0.5, eddies, own)
    shared = _COMMON * torch.exp(-_hz(frequencies) / _COMMON_HZ)
    signal = shared * common + (1 - shared**2).sqrt() * local
    turn = _transfer(maps, frequencies)
    carrier = _carrier(maps[:, ANCHOR_X], maps[:, ANCHOR_Y], wind, frequencies)
    return signal * turn / turn.abs().clamp(min=1e-6) * carrier


def _cell_positions(maps):
    b, _, h, w = maps.shape
    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    cell = phases.CELL_PX
    return (x * cell).float().expand(b, h, w), (y * cell).float().expand(b, h, w)


def _members(labels):
    """labels int (B, h, w), per picture from 0 -> (index (B h w,) of the batch's objects, their sizes)."""
    count = int(labels.max()) + 1
    index = (labels + torch.arange(len(labels)).view(-1, 1, 1) * count).flatten()
    return index, torch.bincount(index, minlength=len(labels) * count)


def _mean(values, index, count):
    """(B, n, h, w) -> the mean over each cell's group."""
    b, n, h, w = values.shape
    flat = values.transpose(0, 1).reshape(n, -1)
    sums = torch.zeros(n, len(count), dtype=flat.dtype).index_add_(1, index, flat)
    return (sums / count)[:, index].view(n, b, h, w).transpose(0, 1)


def object_axes(volume, labels):
    """The axis along which most of each object's energy lies: complex (B, K, 2, h, w), int (B, h, w) -> unit vectors
    (B, 2, h, w), x >= 0."""
    index, count = _members(labels)
    x, y = volume[:, :, 0], volume[:, :, 1]
    energies = torch.stack([(x.abs().square() - y.abs().square()).sum(1), 2 * (x * y.conj()).real.sum(1)], 1)
    angle = _mean(energies, index, count.clamp(min=1))
    angle = torch.atan2(angle[:, 1], angle[:, 0]) / 2
    return torch.stack([angle.cos(), angle.sin()], 1)


def _spread(field, labels):
    """gid_core.prediction.objects.spread inside the objects of a batch: field real (B, n, h, w)."""
    right = objects.RATE * (labels[:, None, :, :-1] == labels[:, None, :, 1:])
    down = objects.RATE * (labels[:, None, :-1] == labels[:, None, 1:])
    for _ in range(objects.EDDY_STEPS):
        across = right * (field[..., 1:] - field[..., :-1])
        along = down * (field[:, :, 1:] - field[:, :, :-1])
        flow = F.pad(across, (0, 1)) - F.pad(across, (1, 0))
        field = field + flow + F.pad(along, (0, 0, 0, 1)) - F.pad(along, (0, 0, 1, 0))
    return field


def _unit(local):
    return local / (local.abs().square().mean(1, keepdim=True).sqrt() + 1e-12)


def procedural(noise, axis_noise, labels, maps, wind, frequencies=FREQUENCIES, parts=None):
    """gid_core.prediction.phases.procedural for a batch and given noise.

    noise complex (B, K, h, w) with variance 2, axis_noise (B, 2, h, w), labels and parts int (B, h, w) as
    objects.group finds them -> z complex (B, K, 2, h, w).
    """
    n = noise.shape[1]
    index, count = _members(labels)
    size = count[index].view(labels.shape)[:, None]
    part = size / (size + objects.FIELD_CELLS)
    fields = _spread(torch.cat([noise.real, noise.imag], 1), labels)
    eddies = _unit(torch.complex(fields[:, :n], fields[:, n:]))
    whole = _unit(_mean(noise, index, count.clamp(min=1)))
    if parts is not None:
        among, number = _members(parts)
        own = _unit(_mean(noise, among, number.clamp(min=1)))
        whole = _unit(math.sqrt(1 - phases.PARTS_SHARE) * whole + math.sqrt(phases.PARTS_SHARE) * own)
    local = _unit((1 - part).sqrt() * whole + part.sqrt() * eddies)
    x, y = _cell_positions(maps)
    places = torch.stack([x, y], 1)
    middle = _mean(places, index, count.clamp(min=1))
    places = middle + part * (places - middle)
    free = _mean(axis_noise, index, count.clamp(min=1))
    free = phases.AXIS_FREEDOM * free / (free.square().sum(1, keepdim=True).sqrt() + 1e-12)
    double = 2 * torch.atan2(wind[:, 1], wind[:, 0])[:, None, None]
    angle = torch.atan2(double.sin() + free[:, 1], double.cos() + free[:, 0]) / 2
    axis = torch.stack([angle.cos(), angle.sin()], 1)  # (B, 2, h, w)
    along_wind = (axis * wind[:, :2, None, None]).sum(1, keepdim=True)
    axis = torch.where(along_wind < 0, -axis, axis)
    return (local * _carrier(places[:, 0], places[:, 1], wind, frequencies))[:, :, None] * axis[:, None]


def start(signal, labels, maps, wind, generator, frequencies=FREQUENCIES, parts=None):
    """A procedural z whose noise knows the draw: complex (B, K, 2, h, w).

    White noise has a mean over each object; here that mean is the draw's own signal, scaled so that the noise stays
    white. So the flow need not guess which phase each object will have: it learns to make the motion of the start
    right (whole objects, their true axes, the gust at the root) and keeps its chance.

    labels, parts: int (B, h, w), what objects.group finds in the predicted affinities.
    Source: Albergo et al., Stochastic Interpolants with Data-Dependent Couplings (ICML 2024).
    """
    b, n, h, w = signal.shape
    noise = torch.complex(torch.randn(b, n, h, w, generator=generator), torch.randn(b, n, h, w, generator=generator))
    x, y = _cell_positions(maps)
    is_field = maps[:, IS_FIELD] > 0.5
    block = (x // _BLOCK_PX) + 64 * (y // _BLOCK_PX)
    key = maps[:, OBJECT] * 8192 + torch.where(is_field, block, torch.zeros_like(block))
    key = key + torch.arange(b).view(b, 1, 1) * 2**22
    groups, index = key.long().flatten().unique(return_inverse=True)
    count = torch.bincount(index, minlength=len(groups))
    centre = _mean(torch.stack([x, y], 1), index, count)
    at_x, at_y = torch.where(is_field, x, centre[:, 0]), torch.where(is_field, y, centre[:, 1])
    known = _mean(signal * _carrier(at_x, at_y, wind, frequencies).conj(), index, count)
    known = known * math.sqrt(2) / count[index].view(b, 1, h, w).sqrt()
    noise = noise - _mean(noise, index, count) + known
    return procedural(noise, torch.randn(b, 2, h, w, generator=generator), labels, maps, wind, frequencies, parts)


def to_reals(z):
    """complex (..., 2, h, w) -> (..., 4, h, w)."""
    return torch.cat([z.real, z.imag], -3) * math.sqrt(2)


def to_complex(reals):
    """The inverse of `to_reals`."""
    return torch.complex(reals[..., :2, :, :], reals[..., 2:, :, :]) / math.sqrt(2)


def mirrored(maps, wind, width):
    """Left and right exchanged: maps (B, fields, h, w) and wind (B, 3)."""
    maps, wind = maps.flip(-1), wind.clone()
    maps[:, DX] *= -1
    maps[:, ANCHOR_X] = width - maps[:, ANCHOR_X]
    wind[:, 0] *= -1
    return maps, wind
