"""The volume: made from tracks, resized, normalised, saved and loaded; hostile files end in a sentence, soon."""

import errno
import io
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gid_core.errors import LimitError, VolumeError
from gid_core.files import storage
from gid_core.motion.volume import SpectralVolume, denormalise, normalise

SINGLE = 1e-6  # a few float32 operations


def random_volume(seed=0, height=6, width=8, n_freqs=16):
    rng = np.random.default_rng(seed)
    shape = (n_freqs, height, width, 2)
    amplitudes = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    return SpectralVolume(amplitudes, np.arange(1, n_freqs + 1) / 5, {"seed": seed, "model": "none"})


def smooth_volume(height=40, width=64, n_freqs=3):
    y, x = np.mgrid[0:height, 0:width] / [[[height]], [[width]]]
    fields = [
        [np.sin(5 * x + k + 2 * y) + 1j * np.cos(4 * y - k * x), np.cos(3 * x * y + k) - 1j * x] for k in range(n_freqs)
    ]
    return SpectralVolume(np.moveaxis(np.array(fields), 1, -1), np.arange(1, n_freqs + 1) / 5)


# --- the type


def test_arrays_take_the_types_that_all_else_relies_on():
    volume = SpectralVolume(np.ones((2, 3, 4, 2)), [0.2, 0.4])
    assert volume.amplitudes.dtype == np.complex64
    assert volume.frequencies.dtype == np.float64
    assert (volume.n_freqs, volume.height, volume.width) == (2, 3, 4)
    assert volume.amplitudes.view(np.float32).shape == (2, 3, 4, 4)


@pytest.mark.parametrize(
    ("amplitudes", "frequencies"),
    [
        (np.ones((2, 3, 4)), [0.2, 0.4]),
        (np.ones((2, 3, 4, 3)), [0.2, 0.4]),
        (np.ones((0, 3, 4, 2)), []),
        (np.ones((2, 0, 4, 2)), [0.2, 0.4]),
        (np.ones((2, 3, 4, 2)), [0.2]),
        (np.ones((2, 3, 4, 2)), [0.4, 0.2]),
        (np.ones((2, 3, 4, 2)), [0.0, 0.2]),
        (np.ones((2, 3, 4, 2)), [0.2, np.nan]),
        (np.full((2, 3, 4, 2), np.nan), [0.2, 0.4]),
        (np.full((2, 3, 4, 2), np.inf * 1j), [0.2, 0.4]),
    ],
)
def test_a_volume_that_makes_no_sense_is_refused(amplitudes, frequencies):
    with pytest.raises(VolumeError):
        SpectralVolume(amplitudes, frequencies)


# --- from tracks


def test_tracks_give_the_amplitudes_that_made_them():
    """Cosines around the clip's middle, which no ramp resembles."""
    time = np.arange(150) - 149 / 2
    rng = np.random.default_rng(0)
    strength = rng.standard_normal((4, 3, 2, 2))
    tracks = sum(strength[k - 1] * np.cos(2 * np.pi * k * time / 150)[:, None, None, None] for k in range(1, 5))
    volume = SpectralVolume.from_trajectories(tracks, 30)
    np.testing.assert_allclose(volume.frequencies, np.arange(1, 17) / 5)
    np.testing.assert_allclose(np.abs(volume.amplitudes[:4]), np.abs(strength), atol=SINGLE)
    np.testing.assert_allclose(volume.amplitudes[4:], 0, atol=SINGLE)
    turns = np.exp(2j * np.pi * volume.frequencies[:, None] * np.arange(150) / 30)
    motion = np.einsum("kt,kyxc->tyxc", turns, volume.amplitudes).real
    np.testing.assert_allclose(motion, tracks, atol=1e-5)


def test_drift_and_offset_of_the_tracks_change_nothing():
    rng = np.random.default_rng(0)
    tracks = rng.standard_normal((60, 2, 3, 2))
    drift = rng.standard_normal((2, 3, 2)) * np.arange(60)[:, None, None, None] + rng.standard_normal((2, 3, 2)) * 9
    still = SpectralVolume.from_trajectories(tracks, 30)
    drifting = SpectralVolume.from_trajectories(tracks + drift, 30)
    np.testing.assert_allclose(drifting.amplitudes, still.amplitudes, atol=1e-5)


def test_a_clip_that_is_too_short_is_refused():
    with pytest.raises(VolumeError, match="33 frames or more, the clip has 32"):
        SpectralVolume.from_trajectories(np.zeros((32, 2, 2, 2)), 30)


# --- another size, another strength


def test_scaling_is_exact():
    volume = random_volume()
    assert not volume.scaled(0).amplitudes.any()
    np.testing.assert_array_equal(volume.scaled(2).amplitudes, volume.amplitudes * 2)
    assert volume.scaled(2).provenance == volume.provenance


def test_resizing_there_and_back_keeps_the_motion():
    volume = smooth_volume()
    back = volume.resized(160, 100).resized(64, 40)
    error = np.linalg.norm(back.amplitudes - volume.amplitudes) / np.linalg.norm(volume.amplitudes)
    assert error < 0.01


def test_resizing_scales_displacements_with_the_grid():
    volume = SpectralVolume(np.ones((1, 4, 5, 2)) * [1, 1j], [0.2])
    resized = volume.resized(15, 8)
    assert resized.amplitudes.shape == (1, 8, 15, 2)
    np.testing.assert_allclose(resized.amplitudes[..., 0], 3, atol=SINGLE)
    np.testing.assert_allclose(resized.amplitudes[..., 1], 2j, atol=SINGLE)


def test_resizing_to_the_same_size_changes_nothing():
    volume = random_volume()
    np.testing.assert_allclose(volume.resized(8, 6).amplitudes, volume.amplitudes, atol=SINGLE)


def test_resizing_commutes_with_a_mirror():
    volume = random_volume()
    mirror = np.array([-1, 1], np.complex64)
    mirrored = SpectralVolume(volume.amplitudes[:, :, ::-1] * mirror, volume.frequencies)
    found = mirrored.resized(13, 9).amplitudes
    np.testing.assert_allclose(found[:, :, ::-1] * mirror, volume.resized(13, 9).amplitudes, atol=5e-6)


# --- normalisation


def test_normalising_there_and_back_changes_nothing():
    amplitudes = random_volume().amplitudes
    scales = np.linspace(2, 0.1, 16)
    back = denormalise(normalise(amplitudes, scales), scales)
    np.testing.assert_allclose(back, amplitudes, rtol=1e-5, atol=SINGLE)


def test_normalised_length_is_the_root_of_the_share():
    amplitudes = random_volume().amplitudes
    scales = np.linspace(2, 0.1, 16)
    length = np.linalg.norm(normalise(amplitudes, scales), axis=-1)
    expected = np.sqrt(np.linalg.norm(amplitudes, axis=-1) / scales[:, None, None])
    np.testing.assert_allclose(length, expected, rtol=1e-5)


@settings(max_examples=30)
@given(st.floats(0, 7))
def test_normalising_commutes_with_a_change_of_phase(angle):
    amplitudes = random_volume().amplitudes
    turn, scales = np.complex64(np.exp(1j * angle)), np.linspace(2, 0.1, 16)
    turned = normalise(amplitudes * turn, scales)
    np.testing.assert_allclose(turned, normalise(amplitudes, scales) * turn, atol=1e-5)


def test_normalising_stillness_gives_stillness():
    zeros = np.zeros((2, 3, 3, 2), np.complex64)
    assert not normalise(zeros, [1, 1]).any()
    assert not denormalise(zeros, [1, 1]).any()


# --- files


def test_saving_and_loading_changes_nothing(tmp_path):
    volume = random_volume()
    volume.save(tmp_path / "volume.npz")
    loaded = SpectralVolume.load(tmp_path / "volume.npz")
    assert loaded.amplitudes.tobytes() == volume.amplitudes.tobytes()
    assert loaded.frequencies.tobytes() == volume.frequencies.tobytes()
    assert loaded.provenance == volume.provenance
    assert [p.name for p in tmp_path.iterdir()] == ["volume.npz"]


def test_the_same_volume_gives_the_same_file(tmp_path):
    for name in ("a.npz", "b.npz"):
        random_volume().save(tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "volume.npz"
    random_volume(1).save(path)
    before = path.read_bytes()

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(LimitError, match="disk is full: free some space"):
        random_volume(2).save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["volume.npz"]


def test_a_folder_that_takes_no_files_is_named(tmp_path, monkeypatch):
    def read_only(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(storage.tempfile, "mkstemp", read_only)
    with pytest.raises(LimitError, match=r"volume\.npz: it lies on a read-only disk"):
        random_volume().save(tmp_path / "volume.npz")


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(LimitError, match="choose another folder"):
        random_volume().save(tmp_path / "missing" / "volume.npz")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(VolumeError, match="there is no volume at"):
        SpectralVolume.load(tmp_path / "missing.npz")
    with pytest.raises(VolumeError, match="is not a spectral volume"):
        SpectralVolume.load(tmp_path)


def npz(compression, **members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def npy(array, shape):
    file = io.BytesIO()
    header = {"descr": np.dtype(array.dtype).str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + array.tobytes()


def claims_more_than_the_file_holds():
    """A header of 2 GiB, a directory that agrees, and a file of a few bytes."""
    shape = (16, 4096, 2048, 2)
    size = 16 * 4096 * 2048 * 2 * 8
    content = npz(zipfile.ZIP_STORED, amplitudes=npy(np.zeros(4, np.complex64), shape))
    header = len(npy(np.zeros(0, np.complex64), shape))
    short, long = (n.to_bytes(4, "little") for n in (header + 32, header + size))
    assert content.count(short + short) == 2
    return content.replace(short + short, long + long)


BOMB_CELLS = 64 * 1024 * 1024  # 512 MiB of zeros in half a megabyte


def bomb():
    zeros = np.broadcast_to(np.complex64(0), (1, 64, BOMB_CELLS // 128, 2))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("amplitudes.npy", "w", force_zip64=True) as stream:
            stream.write(npy(np.zeros(0, np.complex64), zeros.shape))
            for _ in range(64):
                stream.write(bytes(8 * BOMB_CELLS // 64))
        archive.writestr("frequencies.npy", npy(np.array([0.2]), (1,)))
        archive.writestr("provenance.npy", npy(np.array("{}"), ()))
    return file.getvalue()


@pytest.mark.parametrize("make", [claims_more_than_the_file_holds, bomb])
def test_a_file_that_claims_more_than_it_holds_is_refused_without_the_memory(tmp_path, make):
    path = tmp_path / "volume.npz"
    path.write_bytes(make())
    tracemalloc.start()
    with pytest.raises(VolumeError, match="make it again"):
        SpectralVolume.load(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16e6


@settings(max_examples=150)
@given(st.integers(0, 10**9), st.binary(min_size=1, max_size=6))
def test_damage_anywhere_ends_in_a_sentence_or_a_sound_volume(tmp_path_factory, position, scrap):
    folder = tmp_path_factory.getbasetemp() / "damage"
    folder.mkdir(exist_ok=True)
    path = folder / "volume.npz"
    random_volume(height=2, width=2, n_freqs=2).save(path)
    content = bytearray(path.read_bytes())
    position %= len(content)
    content[position : position + len(scrap)] = scrap
    path.write_bytes(content)
    try:
        volume = SpectralVolume.load(path)
    except VolumeError:
        return
    assert np.isfinite(volume.amplitudes).all()
