"""Motions to try edits on: some that anything may be true of."""

import numpy as np

from gid_core.motion.motion import Motion

HEIGHT, WIDTH = 24, 32
FREQUENCIES = np.arange(1, 17) / 5


def some_motion(seed=0, source="model", strength=0.4, n_freqs=16):
    """A plant on the right that sways farther towards its top; the left half is exactly still."""
    rng = np.random.default_rng(seed)
    reach = np.zeros((HEIGHT, WIDTH), np.float32)
    reach[:, WIDTH // 2 :] = np.linspace(1, 0.1, HEIGHT)[:, None]
    envelope = strength * reach / np.arange(1, n_freqs + 1, dtype=np.float32)[:, None, None] ** 0.7
    parts = rng.standard_normal((2, n_freqs, 4, 4, 2)) * np.array([1.0, 0.4])
    picture = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    picture[:, WIDTH // 2 :] = (60, 130, 40)
    return Motion(
        envelope, parts[0] + 1j * parts[1], FREQUENCIES[:n_freqs], (3.0, 4.0), picture, {"source": source, "seed": seed}
    )
