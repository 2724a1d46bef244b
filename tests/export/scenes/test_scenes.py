"""Synthetic scenes: the same from a seed, their motion closed, mirrored and grouped as painted."""

import numpy as np
import pytest
import torch
from gid_dev.gid_core.model import contract
from gid_dev.gid_core.prediction import objects, phases
from gid_dev.gid_core.prediction.request import generator
from gid_dev.gid_core.prediction.wind import Wind

from onnx_export.scenes import motion, painting

MOVING_SEEDS = (1, 2, 6, 9)


@pytest.fixture(params=MOVING_SEEDS, ids=lambda seed: f"scene{seed}")
def scene(request):
    return painting.paint(request.param)


def test_the_scenes_of_these_tests_move():
    for seed in MOVING_SEEDS:
        assert (painting.paint(seed).maps[motion.AMPLITUDE] > 0.3).sum() > 60


def drawn(scene, seed=3):
    maps, wind = motion.coarse(torch.from_numpy(scene.maps)[None]), torch.from_numpy(scene.wind)[None]
    return maps, wind, motion.draw(maps, wind, torch.Generator().manual_seed(seed))


def test_a_seed_is_a_scene():
    first, again, other = painting.paint(1), painting.paint(1), painting.paint(2)
    assert np.array_equal(again.image, first.image)
    assert np.array_equal(again.maps, first.maps)
    assert np.array_equal(again.wind, first.wind)
    assert not np.array_equal(first.image, other.image)


def test_the_exact_motion_closes_after_five_seconds(scene):
    maps, _, signal = drawn(scene)
    volume = motion.envelope(maps) * signal
    frequencies = torch.tensor(motion.FREQUENCIES, dtype=torch.float64)[None, :, None, None]

    def at(seconds):
        return (volume.to(torch.complex128) * torch.exp(2j * torch.pi * frequencies * seconds)).real.sum(1)

    assert (at(0.0) - at(5.0)).abs().max() < 1e-9
    assert (at(0.0) - at(1.7)).abs().max() > 0.1


def test_the_envelope_carries_the_painted_amplitude(scene):
    maps = torch.from_numpy(scene.maps)[None]
    total = motion.envelope(maps).square().sum(1).sqrt()
    assert torch.allclose(total, maps[:, motion.AMPLITUDE], atol=1e-4)


def test_the_drawn_signal_has_unit_variance(scene):
    maps, wind, _ = drawn(scene)
    alive = maps[0, motion.AMPLITUDE] > 0.3
    power = [motion.draw(maps, wind, torch.Generator().manual_seed(s))[0][:, alive].abs().square() for s in range(40)]
    assert 0.85 < torch.stack(power).mean() < 1.15


def test_a_rigid_object_moves_as_one(scene):
    maps, _, signal = drawn(scene)
    name, is_field = maps[0, motion.OBJECT], maps[0, motion.IS_FIELD] > 0.5
    same_mode = (maps[0, motion.SHARE][:, 1:] == maps[0, motion.SHARE][:, :-1]) & (
        maps[0, motion.F1][:, 1:] == maps[0, motion.F1][:, :-1]
    )
    pairs = (name[:, 1:] == name[:, :-1]) & (name[:, 1:] > 0) & ~is_field[:, 1:] & same_mode
    difference = (signal[0][:, :, 1:] - signal[0][:, :, :-1])[:, pairs].abs()
    assert not (difference > 1e-4).any()


def test_two_mirrors_are_none(scene):
    maps, wind = torch.from_numpy(scene.maps)[None], torch.from_numpy(scene.wind)[None]
    back = motion.mirrored(*motion.mirrored(maps, wind, 256), 256)
    assert torch.allclose(back[0], maps, atol=1e-4)
    assert torch.equal(back[1], wind)


@pytest.mark.parametrize("parts_share", [0.0, phases.PARTS_SHARE])
def test_the_batched_procedural_start_is_the_one_of_the_core(scene, parts_share):
    maps, wind, _ = drawn(scene)
    doubtful = torch.rand(maps.shape[2:], generator=torch.Generator().manual_seed(4)) < 0.3
    affinity = (motion.affinity_truth(maps) * torch.where(doubtful, 0.7, 0.9))[0].numpy()
    groups = objects.group(affinity)
    labels, parts = (torch.from_numpy(found)[None] for found in (groups.objects, groups.parts))
    assert parts.max() > labels.max()
    told = Wind(*(float(x) for x in wind[0]))
    rng = generator(5, "motion")
    expected = phases.procedural(groups, motion.FREQUENCIES, told, rng, parts_share=parts_share)
    again = generator(5, "motion")  # the same numbers in the order in which the core draws them
    noise = again.standard_normal((2, 16, *maps.shape[2:]))
    axis = again.standard_normal((2, *maps.shape[2:]))
    noise = torch.from_numpy(noise[0] + 1j * noise[1])[None].to(torch.complex64)
    axis = torch.from_numpy(axis)[None].float()
    found = motion.procedural(noise, axis, labels, maps, wind, parts=parts if parts_share else None)
    assert np.abs(np.moveaxis(found[0].numpy(), 1, -1) - expected).max() < 2e-3  # float32 against float64


def test_pairs_are_one_object_or_not():
    maps = torch.zeros(1, len(motion.FIELDS), 5, 7)
    maps[0, motion.OBJECT, :, 3:] = 1
    truth, inside = motion.affinity_truth(maps)[0], motion.pairs_inside(5, 7)
    for index, (down, right) in enumerate(contract.PAIRS):
        for y, x in np.ndindex(5, 7):
            is_inside = y + down < 5 and 0 <= x + right < 7
            assert inside[index, y, x] == is_inside
            assert truth[index, y, x] == (is_inside and (x >= 3) == (x + right >= 3))


def test_the_shape_of_an_object_is_its_middle_its_size_and_its_axis():
    maps = torch.zeros(1, len(motion.FIELDS), 6, 10)
    maps[0, motion.DX], maps[0, motion.DY] = -0.6, -0.8
    maps[0, motion.OBJECT, 2:5, 3:8] = 1
    right, down, size, cos, sin = motion.shape_truth(maps)[0]
    assert float(cos[0, 0]) == pytest.approx(0.36 - 0.64)
    assert float(sin[0, 0]) == pytest.approx(0.96)
    assert float(right[3, 5]) == float(down[3, 5]) == 0
    assert float(right[2, 3]) == pytest.approx(2 / 8)
    assert float(down[4, 7]) == pytest.approx(-1 / 8)
    assert float(size[3, 5]) == pytest.approx(np.log(15) / 4)


def test_the_coupled_start_knows_the_draw():
    known, unknown = [], []
    for seed in MOVING_SEEDS:
        maps, wind, signal = drawn(painting.paint(seed))
        target = signal[:, :, None] * maps[:, None, motion.DX : motion.DY + 1]
        alive = maps[0, motion.AMPLITUDE] > 0.3
        for told, kept in ((signal, known), (signal.roll(1, 1), unknown)):
            labels = torch.from_numpy(objects.group(motion.affinity_truth(maps)[0].numpy()).objects)[None]
            start = motion.start(told, labels, maps, wind, torch.Generator().manual_seed(1))
            kept.append((start * target.conj()).real.sum(2)[0][:, alive].mean())
    assert sum(known) / len(known) > sum(unknown) / len(unknown) + 0.25


def test_a_wall_covers_the_picture_and_never_moves():
    bare = [np.asarray(painting.bare_wall(seed)) for seed in range(12)]  # of every kind some
    for picture in bare:
        columns = picture.reshape(*picture.shape[:1], 4, -1, 3)  # nothing is left of the black sheet in any quarter
        assert (picture.any(-1)).mean() > 0.99
        assert columns.std((0, 2)).max() > 2
    scenes = [painting.paint_walled(seed) for seed in range(6)]
    assert np.array_equal(scenes[0].image, painting.paint_walled(0).image)
    alive = [(scene.maps[motion.AMPLITUDE] > 0).mean() for scene in scenes]
    assert max(alive) > 0.05  # of what stands before it
    assert all(part < 0.95 for part in alive)
