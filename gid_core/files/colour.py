"""What a file's numbers mean: curves and primaries -> linear light in sRGB primaries.

A profile is judged by its numbers and never by its name: one that amounts to sRGB changes nothing, bit for bit. Read
are profiles of curves and a matrix (ICC.1:2022, sections 8.3 and 10), grey ones, a PNG's gAMA and cHRM, and the
chromaticities of an EXR. Profiles that are tables are for the module that holds a colour engine.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = [
    "LINEAR",
    "REC709",
    "SRGB",
    "Encoding",
    "decode_srgb",
    "encode_srgb",
    "in_halves",
    "matrix_from",
    "of_adobe_rgb",
    "of_gamma",
    "of_profile",
]

# CIE xy of red, green, blue and white of Rec. 709, which are sRGB's: what our linear light is measured by.
REC709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
_ADOBE_RGB = (0.64, 0.33, 0.21, 0.71, 0.15, 0.06, 0.3127, 0.3290)  # Adobe RGB (1998), section 4.3.1
_GAMMAS = 0.1, 10.0  # what a file may say without being taken for damaged
_ADOBE_GAMMA = 563 / 256
# Cone responses by Bradford's matrix; a white is another one by scaling them (ICC.1:2022, annex E).
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_D50 = np.array([0.9642, 1.0, 0.8249])
# Curves and matrices of sRGB profiles differ by that much; a plain gamma of 2.2 differs from sRGB by twice as much.
_SAME = 2e-3
_MAX_ENTRIES = 65536


@dataclass(frozen=True)
class Encoding:
    """Curves from encoded 0..1 to light, one or three, and a matrix (3, 3) to sRGB primaries; None changes nothing."""

    curves: tuple[Callable[[np.ndarray], np.ndarray], ...]
    matrix: np.ndarray | None = None

    def light(self, levels: np.ndarray, top: int) -> np.ndarray:
        """float32 (H, W, 3) linear light of whole numbers 0..top; colours beyond sRGB are clipped to it."""
        table = np.arange(top + 1, dtype=np.float32) / np.float32(top)
        tables = [np.asarray(curve(table), np.float32) for curve in self.curves]
        if len(tables) == 1:
            light = tables[0][levels]
        else:
            light = np.stack([tables[i][levels[..., i]] for i in range(3)], -1)
        if self.matrix is None:
            return light
        return np.clip(light @ self.matrix.T.astype(np.float32), 0, 1)


def decode_srgb(encoded: np.ndarray) -> np.ndarray:
    """Linear light of sRGB-encoded values 0..1 (IEC 61966-2-1), float32, any shape."""
    encoded = np.asarray(encoded, np.float32)
    return np.where(
        encoded <= 0.04045, encoded / np.float32(12.92), ((np.maximum(encoded, 0) + 0.055) / 1.055) ** np.float32(2.4)
    ).astype(np.float32)


def encode_srgb(linear: np.ndarray) -> np.ndarray:
    """sRGB-encoded values of linear light (IEC 61966-2-1), float32, any shape; above 1 the curve goes on."""
    linear = np.asarray(linear, np.float32)
    curve = np.float32(1.055) * np.maximum(linear, np.float32(0.0031308)) ** np.float32(1 / 2.4) - np.float32(0.055)
    return np.where(linear <= 0.0031308, linear * np.float32(12.92), curve).astype(np.float32)


def in_halves(values: np.ndarray) -> np.ndarray:
    """Values rounded to half floats, float32, any shape; left as they are where one is beyond 65504.

    Light moves by at most 0.06 of 255 levels, and a .blend holds it in a third of the room.
    """
    if np.abs(values).max(initial=0) > np.finfo(np.float16).max:
        return values
    return values.astype(np.float16).astype(np.float32)


SRGB = Encoding((decode_srgb,))
LINEAR = Encoding((lambda encoded: encoded,))


def matrix_from(chromaticities: tuple[float, ...]) -> np.ndarray | None:
    """(3, 3) from linear RGB of these primaries to sRGB's, white to white; None when they are sRGB's.

    Args:
        chromaticities: CIE x and y of red, green, blue and white.
    Raises:
        ValueError: no colours can have them.
    """
    given = np.array(chromaticities, float)
    if given.shape != (8,) or not np.isfinite(given).all() or (given[1::2] == 0).any():
        raise ValueError(f"chromaticities {chromaticities}")
    if np.abs(given - REC709).max() < _SAME:
        return None
    return np.linalg.inv(_to_d50(REC709)) @ _to_d50(given)


def of_gamma(gamma: float, chromaticities: tuple[float, ...] | None) -> Encoding:
    """Light is the encoded value to the power of `gamma`, in these primaries, sRGB's if None.

    Raises:
        ValueError: no colours can have these primaries, or no picture that gamma.
    """
    if not _GAMMAS[0] <= gamma <= _GAMMAS[1]:
        raise ValueError(f"a gamma of {gamma:g}")
    matrix = None if chromaticities is None else matrix_from(chromaticities)
    if matrix is None and abs(gamma - 2.2) < 0.01:  # how a PNG's gAMA writes sRGB
        return SRGB
    return Encoding((lambda x: x**gamma,), matrix)


def of_adobe_rgb() -> Encoding:
    """Adobe RGB (1998), as cameras mean it that write "R03" into a photo's metadata and no profile (DCF 2.0)."""
    return of_gamma(_ADOBE_GAMMA, _ADOBE_RGB)


def of_profile(profile: bytes) -> Encoding | None:
    """The encoding of an ICC profile of curves and a matrix, or of grey. None: it is another kind, such as tables.

    Raises:
        ValueError: the profile is damaged.
    """
    try:
        return _of_tags(*_tags(profile))
    except (struct.error, IndexError, np.linalg.LinAlgError) as error:
        raise ValueError(f"a damaged colour profile ({error})") from error


def _of_tags(space, connection, tags):
    if b"A2B0" in tags:  # tables come before curves (ICC.1:2022, section 8.10)
        return None
    if space == b"GRAY" and b"kTRC" in tags:
        names: tuple[bytes, ...] = (b"kTRC",)
        matrix = None
    elif space == b"RGB " and connection == b"XYZ ":
        names = (b"rTRC", b"gTRC", b"bTRC")
        columns = (b"rXYZ", b"gXYZ", b"bXYZ")
        if not all(name in tags for name in names + columns):
            return None
        srgb = _to_d50(REC709)
        own = np.stack([np.array(struct.unpack_from(">3i", tags[name], 8)) / 65536 for name in columns], 1)
        matrix = None if np.abs(own - srgb).max() < _SAME else np.linalg.inv(srgb) @ own
    else:
        return None
    curves = tuple(_curve(tags[name]) for name in names)
    sample = np.linspace(0, 1, 1025, dtype=np.float32)
    curves = tuple(decode_srgb if np.abs(c(sample) - decode_srgb(sample)).max() < _SAME else c for c in curves)
    return SRGB if matrix is None and set(curves) == {decode_srgb} else Encoding(curves, matrix)


def _tags(profile):
    """Colour space, connection space and {name: bytes} of a profile (ICC.1:2022, section 7)."""
    if profile[36:40] != b"acsp":
        raise ValueError("not a colour profile")
    (count,) = struct.unpack_from(">I", profile, 128)
    tags = {}
    for i in range(min(count, 100)):
        name, offset, size = struct.unpack_from(">4sII", profile, 132 + 12 * i)
        tags[name] = profile[offset : offset + size]
    return profile[16:20], profile[20:24], tags


def _curve(tag):
    """The function that a curveType or a parametricCurveType states (ICC.1:2022, sections 10.6 and 10.18)."""
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        if count == 0:
            return lambda x: x
        if count == 1:
            gamma = struct.unpack_from(">H", tag, 12)[0] / 256
            return lambda x: x**gamma
        if count > _MAX_ENTRIES:
            raise ValueError("a curve without end")
        entries = np.array(struct.unpack_from(f">{count}H", tag, 12)) / 65535
        return lambda x: np.interp(x, np.linspace(0, 1, count), entries).astype(np.float32)
    if tag[:4] == b"para":
        (kind,) = struct.unpack_from(">H", tag, 8)
        numbers = [n / 65536 for n in struct.unpack_from(f">{(1, 3, 4, 5, 7)[kind]}i", tag, 12)]
        return _parametric(kind, *numbers)
    raise ValueError("a curve of an unknown kind")


def _parametric(kind, g, a=1.0, b=0.0, c=0.0, d=0.0, e=0.0, f=0.0):
    """ICC.1:2022, table 68: a power from x = `start` on, a straight line below."""
    if kind in (1, 2):
        start = -b / a if a else 0.0
        e, f, c = (c, c, 0.0) if kind == 2 else (0.0, 0.0, 0.0)
    else:
        start = d if kind else 0.0

    def curve(x):
        return np.where(x >= start, np.maximum(a * x + b, 0) ** g + e, c * x + f).astype(np.float32)

    return curve


def _to_d50(chromaticities):
    """(3, 3): linear RGB of these primaries to CIE XYZ under D50, the white of profiles."""
    xy = np.array(chromaticities, float).reshape(4, 2)
    xyz = np.stack([xy[:, 0] / xy[:, 1], np.ones(4), (1 - xy.sum(1)) / xy[:, 1]])  # columns R, G, B, W
    matrix = xyz[:, :3] * np.linalg.solve(xyz[:, :3], xyz[:, 3])
    scale = (_BRADFORD @ _D50) / (_BRADFORD @ xyz[:, 3])
    return np.linalg.inv(_BRADFORD) @ np.diag(scale) @ _BRADFORD @ matrix
