"""A volume without its motion gives one that moves alike and can be edited."""

import numpy as np
from gid_dev.gid_core.motion.edits import Edits, apply
from gid_dev.gid_core.motion.recovery import recovered
from gid_dev.gid_core.motion.volume import SpectralVolume

FLOAT32 = 3e-7  # two roundings: of E and of z


def volume():
    rng = np.random.default_rng(0)
    amplitudes = rng.normal(0, 3, (2, 16, 10, 14, 2)).astype(np.float32)
    amplitudes[:, :, :4] = 0
    amplitudes[:, 3] *= 1e-20
    return SpectralVolume(amplitudes[0] + 1j * amplitudes[1], np.arange(1, 17) / 5, {"source": "a file", "seed": 4})


def test_recovered_motion_moves_as_the_volume_does():
    given = volume()
    motion = recovered(given, np.zeros((10, 14, 3), np.uint8))
    again = motion.volume().amplitudes
    assert np.abs(again - given.amplitudes).max() <= FLOAT32 * np.abs(given.amplitudes).max()
    assert (again[:, :4] == 0).all()
    assert np.abs(again[3] - given.amplitudes[3]).max() <= FLOAT32 * np.abs(given.amplitudes[3]).max()
    assert motion.provenance == given.provenance


def test_recovered_motion_takes_edits():
    motion = recovered(volume(), np.full((10, 14, 3), 99, np.uint8))
    twice = apply(motion, Edits(amplitude=2.0)).amplitudes
    assert np.allclose(twice, 2 * motion.volume().amplitudes, rtol=1e-6)
