"""A motion as two pictures: all envelopes in one, all phases in another. Arrays, no datablocks.

Envelopes lie four to a tile, one in each channel, tiles below each other; phases lie a tile a frequency, its channels
Re x, Im x, Re y, Im y; the members of the texels are two bytes, and so is the lookup of a pixel. Nothing is scaled or
rounded, so what is read is what was written, bit for bit.
"""

import numpy as np

__all__ = [
    "chance_of",
    "chance_tiles",
    "envelope_of",
    "envelope_tiles",
    "lookup_of",
    "lookup_tile",
    "members_of",
    "members_tile",
]

_CHANNELS = 4


def envelope_tiles(envelope: np.ndarray) -> np.ndarray:
    """float32 (K, H, W) as (ceil(K / 4) H, W, 4); channels beyond K are 0."""
    n_freqs, height, width = envelope.shape
    padded = np.pad(envelope, ((0, -n_freqs % _CHANNELS), (0, 0), (0, 0)))
    tiles = padded.reshape(-1, _CHANNELS, height, width).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(tiles.reshape(-1, width, _CHANNELS), np.float32)


def envelope_of(tiles: np.ndarray, n_freqs: int) -> np.ndarray:
    """The inverse of `envelope_tiles`."""
    height = tiles.shape[0] // -(-n_freqs // _CHANNELS)
    split = tiles.reshape(-1, height, tiles.shape[1], _CHANNELS).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(split.reshape(-1, height, tiles.shape[1])[:n_freqs])


def chance_tiles(z: np.ndarray) -> np.ndarray:
    """complex64 (K, h, w, 2) as float32 (K h, w, 4)."""
    n_freqs, height, width, _ = z.shape
    return np.ascontiguousarray(z, np.complex64).view(np.float32).reshape(n_freqs * height, width, _CHANNELS)


def chance_of(tiles: np.ndarray, n_freqs: int) -> np.ndarray:
    """The inverse of `chance_tiles`."""
    width = tiles.shape[1]
    return np.ascontiguousarray(tiles, np.float32).view(np.complex64).reshape(n_freqs, -1, width, 2)


def members_tile(members: np.ndarray) -> np.ndarray:
    """uint16 (H, W) as float32 (H, W, 3), bytes in 0..1: the low one, the high one, 0."""
    low, high = members & np.uint16(255), members >> np.uint16(8)
    return np.stack([low, high, np.zeros_like(low)], -1).astype(np.float32) / np.float32(255)


def members_of(tile: np.ndarray) -> np.ndarray:
    """The inverse of `members_tile`."""
    low, high = np.moveaxis(np.rint(tile[..., :2] * 255).astype(np.uint16), -1, 0)
    return low | (high << np.uint16(8))


def lookup_tile(lookup: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 2) as float32 (H, W, 3), bytes in 0..1: x, y, 0."""
    return np.pad(lookup, ((0, 0), (0, 0), (0, 1))).astype(np.float32) / np.float32(255)


def lookup_of(tile: np.ndarray) -> np.ndarray:
    """The inverse of `lookup_tile`."""
    return np.ascontiguousarray(np.rint(tile[..., :2] * 255).astype(np.uint8))
