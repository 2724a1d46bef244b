"""Layered scenes of which everything is known: textured cut-outs that move before a textured background at rest.

Each layer moves by an affine field, whose inverse is exact: true frames are drawn, not splatted. Drawn at twice the
size and averaged down, so that silhouettes are as soft as a lens makes them. A photo stands for a texture if given.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from gid_core.files import colour, image_io
from gid_core.files.resample import resample
from gid_core.footage.warp import bicubic
from gid_core.motion.lookup import lookup, moves_of
from gid_core.motion.plan import plan_loop
from gid_core.motion.timeline import LoopPlan
from gid_core.motion.volume import SpectralVolume

from .clouds import texture

__all__ = ["FREQUENCIES", "N_FRAMES", "REACH", "SIZE", "TEXELS", "Layer", "Scene", "looked_up"]

SIZE = (1600, 1000)
TEXELS = (256, 160)  # the grid of 0.1.0's volumes
N_FRAMES = 24
_TWICE = 2
FREQUENCIES = (1.0, 2.0)  # Hz: harmonics of a loop of 24 frames
REACH = (0.003, 0.006, 0.009)  # of the long side, by layer: what is nearer moves farther
_STRAIN = 0.02  # px a px, at most, of each mode


_BLADES = (0.3, 0.0015, 0.005)  # of the long side: their length, half their width from .. to


@dataclass(frozen=True)
class Layer:
    """A cut-out: its centre and radius in shares of the long side, the outline's ripples, its texture and its motion.

    swings: complex (K, 2), shares of the long side; strains: complex (K, 2, 2).
    """

    centre: tuple[float, float]
    radius: float
    ripples: tuple[tuple[int, float, float], ...]
    colours: np.ndarray
    swings: np.ndarray
    strains: np.ndarray

    @property
    def extent(self):
        """How far from its centre it reaches at most, with its motion."""
        return 1.5 * self.radius * 1.5

    def alpha(self, x, y, pixel):
        """Coverage at places in shares of the long side; `pixel`: over which length the edge is soft."""
        x, y = x - self.centre[0], y - self.centre[1]
        angle = np.arctan2(y, x)
        outline = self.radius * (1 + sum(size * np.cos(n * angle + turn) for n, size, turn in self.ripples))
        return np.clip((outline - np.hypot(x, y)) / pixel + 0.5, 0, 1).astype(np.float32)

    def field(self, x, y):
        """Complex displacement of each mode (K, H, W, 2) at places, all in shares of the long side."""
        away = np.stack([x - self.centre[0], y - self.centre[1]], -1)
        return self.swings[:, None, None] + np.einsum("kij,hwj->khwi", self.strains, away)

    def origin(self, x, y, scalars):
        """From where the layer comes to the places x, y at one instant."""
        shift = np.real(scalars @ self.swings)
        strain = np.real(np.tensordot(scalars, self.strains, 1))
        back = np.linalg.inv(np.eye(2) + strain)
        away = np.stack([x - self.centre[0] - shift[0], y - self.centre[1] - shift[1]], -1) @ back.T
        return away[..., 0] + self.centre[0], away[..., 1] + self.centre[1]


class _Blade(Layer):
    """A straight thin thing; ripples: its one angle and half its width at the middle, from where it tapers."""

    def alpha(self, x, y, pixel):
        angle, half, _ = self.ripples[0]
        x, y = x - self.centre[0], y - self.centre[1]
        along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        width = half * np.clip(1 - abs(along) / self.radius, 0, 1)
        return np.clip((width - abs(across)) / pixel + 0.5, 0, 1) * (abs(along) < self.radius).astype(np.float32)


class Scene:
    """A still with its motion and its true frames.

    Args:
        photos: float32 (h, w, 3), linear; without them clouds.
        texels: (width, height) of the coarse volume.
        reach: of each layer's motion, in shares of the long side; it grows by the layers where near things move more.
        n_blades: thin things, which lie in front of all and go as far as the last layer.

    Attributes:
        still: float32 (H, W, 3), linear. labels: int (H, W), 0 for the background, layers upwards.
        volume: at every pixel of the still. texels: the same seen through `TEXELS`. plan: of both.
    """

    def __init__(self, seed: int, photos=(), size=SIZE, texels=TEXELS, reach=REACH, n_blades=0):
        self._rng = np.random.default_rng(seed)
        self.size, self._reach = size, reach
        fine = tuple(_TWICE * side for side in size)
        pictures = [self._texture(fine, photos, index) for index in range(1 + len(reach))]
        self._background = pictures[0]
        self.layers = [self._layer(index, picture) for index, picture in enumerate(pictures[1:])]
        self.layers += [self._blade(picture) for picture in (pictures * n_blades)[:n_blades]]
        self.still, self.labels = self._drawn(np.zeros(len(FREQUENCIES)))
        self.volume = self._volume()
        amplitudes = resample(self.volume.amplitudes, *texels) * np.float32(texels[0] / size[0])
        self.texels = SpectralVolume(amplitudes, self.volume.frequencies)
        self.plan: LoopPlan = plan_loop(self.texels, N_FRAMES, Fraction(24))

    def frame(self, number):
        """The true picture (H, W, 3) and what is in front in it (H, W)."""
        return self._drawn(self.plan.scalars(number))

    def _texture(self, size, photos, index):
        if photos:
            photo = photos[(index + self._rng.integers(len(photos))) % len(photos)]
            scale = max(size[0] / photo.shape[1], size[1] / photo.shape[0])
            grown = image_io.resize(photo, *(round(side * scale) for side in photo.shape[1::-1]))
            return np.ascontiguousarray(grown[: size[1], : size[0], :3])
        encoded = colour.encode_srgb(texture(*size, seed=self._rng.integers(1 << 30), psf_px=_TWICE * 0.5))
        tint = self._rng.uniform(-0.25, 0.25, 3).astype(np.float32)
        return colour.decode_srgb((0.7 * encoded + 0.15 + tint).clip(0, 1))

    def _layer(self, index, colours):
        rng = self._rng
        height = self.size[1] / self.size[0]
        centre = ((index + 0.5) / len(self._reach) + rng.uniform(-0.06, 0.06), height * rng.uniform(0.35, 0.65))
        ripples = tuple((n, rng.uniform(0, 0.5 / n), rng.uniform(0, 2 * np.pi)) for n in (2, 3, 5, 8, 13))
        swings, strains = self._motion(self._reach[index])
        radius = rng.uniform(0.11, 0.15)
        return Layer(centre, radius, ripples, colours, swings, strains)

    def _blade(self, colours):
        rng = self._rng
        centre = (rng.uniform(0.05, 0.95), self.size[1] / self.size[0] * rng.uniform(0.2, 0.8))
        length, *halves = _BLADES
        shape = ((rng.uniform(0, np.pi), rng.uniform(*halves), 0.0),)
        return _Blade(centre, length * rng.uniform(0.3, 1), shape, colours, *self._motion(self._reach[-1]))

    def _motion(self, reach):
        """Swings and strains of a layer."""
        rng = self._rng
        turns = np.exp(2j * np.pi * rng.random((len(FREQUENCIES), 2)))
        shares = np.array([[0.7, 0.7], [0.3, 0.3]])
        strains = _STRAIN * rng.uniform(-1, 1, (2, 2, 2)) * np.exp(2j * np.pi * rng.random((2, 1, 1)))
        return reach * shares * turns, strains

    def _places(self, fine):
        scale = fine * self.size[0]
        y, x = np.mgrid[: fine * self.size[1], : fine * self.size[0]]
        return (x + 0.5) / scale, (y + 0.5) / scale, 1 / scale

    def _drawn(self, scalars):
        x, y, pixel = self._places(_TWICE)
        picture = self._background.copy()
        labels = np.zeros(picture.shape[:2], np.int8)
        for number, layer in enumerate(self.layers, 1):
            near = (abs(x - layer.centre[0]) < layer.extent) & (abs(y - layer.centre[1]) < layer.extent)
            rows, columns = np.flatnonzero(near.any(1)), np.flatnonzero(near.any(0))
            part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            from_x, from_y = layer.origin(x[part], y[part], scalars)
            alpha = layer.alpha(from_x, from_y, _TWICE * pixel)
            colours = layer.colours[part]
            if scalars.any():
                colours = bicubic(layer.colours, from_x / pixel - 0.5, from_y / pixel - 0.5)
            picture[part] += alpha[..., None] * (colours - picture[part])
            labels[part][alpha > 0.5] = number
        height, width = self.size[1], self.size[0]
        halved = picture.reshape(height, _TWICE, width, _TWICE, 3).mean((1, 3))
        return halved.astype(np.float32), labels[::_TWICE, ::_TWICE].astype(int)

    def _volume(self):
        x, y, pixel = self._places(1)
        amplitudes = np.zeros((len(FREQUENCIES), *x.shape, 2), np.complex64)
        for number, layer in enumerate(self.layers, 1):
            inside = self.labels == number
            amplitudes[:, inside] = layer.field(x, y)[:, inside] / pixel
        return SpectralVolume(amplitudes, np.array(FREQUENCIES))


def looked_up(scene: Scene) -> SpectralVolume:
    """The scene's motion as the product reads it from texels: through the lookup of its still."""
    shown = np.rint(255 * np.clip(colour.encode_srgb(scene.still), 0, 1)).astype(np.uint8)
    return replace(scene.texels, lookup=lookup(shown, moves_of(scene.texels, scene.still.shape[1])))
