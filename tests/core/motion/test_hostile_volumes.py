"""Volume files from outside: each ends in its sentence, and what is good still loads."""

import numpy as np
import pytest
from gid_dev.gid_core.errors import VolumeError
from gid_dev.gid_core.motion.volume import SpectralVolume

from .. import hostile

VOLUMES = hostile.hostile_volumes()


@pytest.mark.parametrize("name", VOLUMES)
def test_a_hostile_volume_is_refused_with_a_sentence(tmp_path, name):
    (tmp_path / "volume.npz").write_bytes(VOLUMES[name])
    with pytest.raises(VolumeError, match=r"\w+ \w+ \w+"):
        SpectralVolume.load(tmp_path / "volume.npz")


def test_the_generator_makes_good_volumes_too(tmp_path):
    amplitudes = np.ones((1, 2, 3, 2), np.complex64)
    content = hostile.npz(amplitudes=amplitudes, frequencies=np.array([0.2]), provenance=np.array('{"seed": 1}'))
    (tmp_path / "volume.npz").write_bytes(content)
    volume = SpectralVolume.load(tmp_path / "volume.npz")
    np.testing.assert_array_equal(volume.amplitudes, amplitudes)
    assert volume.provenance == {"seed": 1}
