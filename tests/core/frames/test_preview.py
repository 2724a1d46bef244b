"""The contact sheet: whatever the photo, a picture of numbers that can be saved."""

from dataclasses import replace

import numpy as np
import pytest
from gid_dev.gid_core.frames import preview
from gid_dev.gid_core.motion.plan import plan_loop
from gid_dev.gid_core.motion.volume import SpectralVolume


def moving(height, width, gain=1.0, n_freqs=3):
    rng = np.random.default_rng(0)
    amplitudes = np.zeros((n_freqs, height, width, 2), np.complex64)
    half = width // 2
    amplitudes[:, :, :half] = gain * np.exp(2j * np.pi * rng.random((n_freqs, 1, 1, 1)))
    return SpectralVolume(amplitudes, np.arange(1, n_freqs + 1) / 5)


@pytest.mark.parametrize(("height", "width", "channels"), [(40, 64, 3), (64, 30, 4), (64, 64, 3), (3, 64, 3)])
def test_every_aspect_has_a_sheet(height, width, channels):
    still = np.random.default_rng(1).random((height * 2, width * 2, channels)).astype(np.float32)
    volume = moving(height, width)
    sheet = preview.contact_sheet(still, volume, plan_loop(volume, 24, 24))
    assert sheet.dtype == np.float32
    assert sheet.shape[2] == 3
    assert np.isfinite(sheet).all()


def test_motion_shows_and_stillness_does_not():
    still = np.full((40, 64, 3), 0.2, np.float32)
    still[:, ::4] = 0.8
    volume = moving(40, 64, gain=2.0)
    plan = plan_loop(volume, 24, 24)
    found = preview._slice(still, volume, plan, 20)
    assert found.shape == (24, 64, 3)
    np.testing.assert_allclose(found[:, 40:], np.broadcast_to(still[20, 40:], (24, 24, 3)), atol=1e-6)
    assert np.ptp(found[:, 8:24], axis=0).max() > 0.3


def test_what_is_masked_out_shows_as_still():
    still = np.random.default_rng(1).random((80, 128, 3)).astype(np.float32)
    volume = moving(40, 64, gain=2.0)
    plan = plan_loop(volume, 24, 24)
    mask = np.ones((80, 128), np.float32)
    mask[:, :68] = 0  # a cell of the sheet feels two pixels beyond its own
    stopped, none = replace(volume, mask=mask), moving(40, 64, gain=0.0)
    np.testing.assert_array_equal(preview.contact_sheet(still, stopped, plan), preview.contact_sheet(still, none, plan))
    assert (preview.contact_sheet(still, volume, plan) != preview.contact_sheet(still, none, plan)).any()


@pytest.mark.parametrize("n_freqs", [1, 2])
def test_nothing_moving_and_few_modes_are_fine(n_freqs):
    volume = moving(16, 24, gain=0.0, n_freqs=n_freqs)
    sheet = preview.contact_sheet(np.full((16, 24, 3), 0.5, np.float32), volume, plan_loop(volume, 12, 12))
    assert np.isfinite(sheet).all()
