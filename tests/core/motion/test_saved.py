"""volume.npz: format 2 keeps motion and edits beside what format 1 held; hostile files end in a sentence."""

import errno
from dataclasses import replace

import numpy as np
import pytest
from gid_dev.gid_core.errors import LimitError, VolumeError
from gid_dev.gid_core.motion import saved, synth
from gid_dev.gid_core.motion.edits import Edits, Pull, apply
from gid_dev.gid_core.motion.motion import Motion
from gid_dev.gid_core.motion.volume import SpectralVolume
from hypothesis import given, settings
from hypothesis import strategies as st

from .. import hostile


def motion_of(n_freqs=2, height=6, width=8):
    rng = np.random.default_rng(0)
    z = rng.standard_normal((2, n_freqs, 2, 3, 2))
    return Motion(
        rng.random((n_freqs, height, width), np.float32) + 1,
        z[0] + 1j * z[1],
        np.arange(1, n_freqs + 1) / 5,
        (1.5, 2.25),
        rng.integers(0, 256, (height, width, 3), np.uint8),
        {"source": "a model", "seed": 3},
    )


def all_edits():
    mask = np.ones((12, 16), np.float32)
    mask[:4] = 0
    strength = np.linspace(0, 4, 20, dtype=np.float32).reshape(4, 5)
    return Edits(
        mask, strength, 0.5, 0.3, 2.0, 1.0, 0.25, 0.1, 0.125, (Pull(0.5, 0.25, 0.1, -0.05, 1.5), Pull(1, 0, 0, 1))
    )


def same(ours, theirs):
    return all(
        np.asarray(getattr(ours, name)).tobytes() == np.asarray(getattr(theirs, name)).tobytes()
        for name in ("envelope", "z", "frequencies", "cells", "picture")
    ) and dict(ours.provenance) == dict(theirs.provenance)


@pytest.mark.parametrize("edits", [Edits(), all_edits()], ids=["no edits", "all edits"])
def test_motion_and_edits_come_back_bit_for_bit(tmp_path, edits):
    saved.save(tmp_path / "volume.npz", motion_of(), edits)
    found = saved.load(tmp_path / "volume.npz")
    assert same(found.motion, motion_of())
    assert found.edits.told() == edits.told()
    asked = apply(motion_of(), edits)
    assert found.volume.amplitudes.tobytes() == asked.amplitudes.tobytes()
    assert found.volume.provenance == asked.provenance
    assert (found.volume.mask is None) == (edits.mask is None)
    assert [p.name for p in tmp_path.iterdir()] == ["volume.npz"]


def test_an_edit_can_be_taken_back_from_a_file(tmp_path):
    saved.save(tmp_path / "volume.npz", motion_of(), all_edits())
    found = saved.load(tmp_path / "volume.npz")
    assert apply(found.motion, Edits()).amplitudes.tobytes() == motion_of().volume().amplitudes.tobytes()


def test_what_else_is_told_belongs_to_the_volume_and_not_to_the_motion(tmp_path):
    saved.save(tmp_path / "volume.npz", motion_of(), Edits(), {"direction": [1.0, 0.0]})
    found = saved.load(tmp_path / "volume.npz")
    assert found.volume.provenance["direction"] == [1.0, 0.0]
    assert found.motion.provenance == motion_of().provenance


def test_the_same_motion_gives_the_same_file(tmp_path):
    for name in ("a.npz", "b.npz"):
        saved.save(tmp_path / name, motion_of(), all_edits())
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def as_format_1_reads(path):
    """What a reader of format 1 looks at, and nothing else."""
    with np.load(path, allow_pickle=False) as file:
        return SpectralVolume(file["amplitudes"], file["frequencies"])


def test_a_reader_of_format_1_sees_the_motion_that_was_asked_for(tmp_path):
    edits = all_edits()
    saved.save(tmp_path / "volume.npz", motion_of(), edits)
    old = as_format_1_reads(tmp_path / "volume.npz")
    assert old.amplitudes.tobytes() == apply(motion_of(), edits).folded().amplitudes.tobytes()
    assert SpectralVolume.load(tmp_path / "volume.npz").amplitudes.tobytes() == old.amplitudes.tobytes()
    moved = synth.upsample(synth.displacement(old, np.ones(2)), 16, 12)
    assert not moved[:4].any()
    assert moved.any()


def test_a_file_of_format_1_is_a_volume_of_which_no_motion_is_known(tmp_path):
    amplitudes = np.ones((2, 4, 6, 2), np.complex64)
    content = hostile.npz(
        amplitudes=amplitudes, frequencies=np.array([0.2, 0.4]), provenance=np.array('{"seed": 1, "mask": null}')
    )
    (tmp_path / "volume.npz").write_bytes(content)
    found = saved.load(tmp_path / "volume.npz")
    assert found.volume.amplitudes.tobytes() == amplitudes.tobytes()
    assert found.volume.provenance == {"seed": 1, "mask": None}
    assert found.motion is None
    assert found.edits is None


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "volume.npz"
    saved.save(path, motion_of())
    before = path.read_bytes()

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(LimitError, match="disk is full: free some space"):
        saved.save(path, motion_of(), Edits(amplitude=2))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["volume.npz"]


MOTIONS = hostile.hostile_motions()


@pytest.mark.parametrize("name", {**hostile.hostile_volumes(), **MOTIONS})
def test_a_hostile_file_is_refused_with_a_sentence(tmp_path, name):
    (tmp_path / "volume.npz").write_bytes({**hostile.hostile_volumes(), **MOTIONS}[name])
    with pytest.raises(VolumeError, match=r"\w+ \w+ \w+"):
        saved.load(tmp_path / "volume.npz")


def test_the_generator_makes_good_motions_too(tmp_path):
    (tmp_path / "volume.npz").write_bytes(hostile.npz(**hostile.good_motion()))
    found = saved.load(tmp_path / "volume.npz")
    assert found.motion.n_freqs == 2
    assert found.edits.mask is not None


@settings(max_examples=100)
@given(st.integers(0, 10**9), st.binary(min_size=1, max_size=6))
def test_damage_anywhere_ends_in_a_sentence_or_a_sound_motion(tmp_path_factory, position, scrap):
    folder = tmp_path_factory.getbasetemp() / "damaged motions"
    folder.mkdir(exist_ok=True)
    path = folder / "volume.npz"
    saved.save(path, motion_of(), replace(all_edits(), plucks=()))
    content = bytearray(path.read_bytes())
    position %= len(content)
    content[position : position + len(scrap)] = scrap
    path.write_bytes(content)
    try:
        found = saved.load(path)
    except VolumeError:
        return
    assert np.isfinite(found.volume.amplitudes).all()
