"""Training: the losses are finite, a run that was cut off goes on."""

import numpy as np
import pytest
import torch

from gid_core.errors import VolumeError
from gid_core.motion.volume import SpectralVolume
from onnx_export.fitting import conditions, curves, dataset, fit, losses, settings, train
from onnx_export.footage.pair import Pair
from onnx_export.footage.shards import ShardWriter
from onnx_export.networks.encoder import EncoderNet, GroupNet
from onnx_export.networks.flow import FlowNet
from onnx_export.scenes import motion

SHIPPED = settings.load("shipped")


@pytest.fixture(scope="module")
def scene_data():
    return dataset.make_scenes(range(4))


@pytest.fixture(scope="module")
def photo_data():
    generator = torch.Generator().manual_seed(0)
    shapes = {"f4": (24, 40, 64), "f8": (48, 20, 32), "f16": (120, 10, 16)}
    data = {name: torch.randn(4, *shape, generator=generator) for name, shape in shapes.items()}
    data["rgb"] = torch.randint(0, 256, (4, 3, 160, 256), generator=generator, dtype=torch.uint8)
    label = torch.randint(-1, 2, (4, 40, 64), generator=generator, dtype=torch.int8)
    sway = torch.rand(4, 40, 64, generator=generator) * (label > 0)
    return {
        **data,
        "label": label,
        "sway": sway,
        "kind": torch.tensor([0, 1, 2, 3]),
        "source": torch.tensor([0, 1, -1, 1]),
    }


def state(folder, name):
    return torch.load(folder / f"{name}.pt", weights_only=True)


ROUNDING = 1e-6  # a step changes weights by some 1e-4: forgotten momenta or other draws are a hundred times as much


def equal(a, b):
    """Whether two nests of dicts, lists and tensors are the same but for rounding."""
    if isinstance(a, torch.Tensor):
        return torch.allclose(a.double(), b.double(), rtol=0, atol=ROUNDING)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    return a == pytest.approx(b, abs=ROUNDING) if isinstance(a, float) else a == b


def test_a_run_in_two_pieces_is_the_run_in_one(scene_data, photo_data, tmp_path, monkeypatch):
    """Weights, their average, the state of both optimisers, losses and chance."""
    monkeypatch.setattr(fit, "_bf16_pays", lambda kind: False)  # it is decided by the clock
    torch.set_num_threads(1)  # more add up in an order of their own
    data, found = (scene_data, scene_data, photo_data), {}
    for name, pieces in (("one", [4]), ("two", [2, 2])):
        (tmp_path / name).mkdir()
        for max_steps in pieces:
            torch.rand(max_steps)  # a later call meets chance in another state
            _, scales = train.train_where(*data, tmp_path / name, SHIPPED, steps=4, max_steps=max_steps)
        found[name] = state(tmp_path / name, "where")
    one, two = found["one"], found["two"]
    assert torch.isfinite(scales).all()
    assert (scales > 0).all()
    assert np.isfinite(one["losses"]).all()
    assert [len(state["losses"]) for state in (one, two)] == [one["step"], two["step"]] == [4, 4]
    assert len(one["optimisers"][0]["state"]) > 10
    for part in ("losses", "network", "averaged", "average", "optimisers", "generator", "chance"):
        assert equal(one[part], two[part]), part
    assert one["elapsed"] > 0


def test_each_run_of_a_training_goes_on_from_the_one_before(scene_data, photo_data, tmp_path):
    train.train_where(scene_data, scene_data, photo_data, tmp_path, SHIPPED, max_steps=1)
    train.train_where(scene_data, scene_data, photo_data, tmp_path, SHIPPED, max_steps=1, is_longer=True)
    weight = "out.weight"
    change = state(tmp_path, "reach")["network"][weight] - state(tmp_path, "where")["averaged"][weight]
    assert 0 < change.abs().max() < 0.01

    train.train_groups(scene_data, scene_data, tmp_path, SHIPPED, max_steps=2)
    groups = state(tmp_path, "groups")
    assert groups["step"] == 2
    assert np.isfinite(groups["losses"]).all()

    encoder, states = conditions.load_encoder(tmp_path)
    assert states["reach"]["notes"]["scales"] == dataset.scales(scene_data["maps"]).tolist()
    told = conditions.flow_conditions(encoder, scene_data)
    train.train_flow(told, tmp_path, SHIPPED, max_steps=2)
    flow = state(tmp_path, "flow")
    assert flow["step"] == 2
    assert np.isfinite(flow["losses"]).all()

    on = tmp_path / "on"
    on.mkdir()
    begin = conditions.load(tmp_path, "groups", GroupNet())[0]
    train.train_groups(scene_data, scene_data, on, SHIPPED, begin=begin, max_steps=1)
    begin = conditions.load(tmp_path, "flow", FlowNet(features=encoder.features))[0]
    train.train_flow(told, on, SHIPPED, begin=begin, max_steps=1)
    for name, weight in (("groups", "enter.weight"), ("flow", "enter.weight")):
        change = state(on, name)["network"][weight] - state(tmp_path, name)["averaged"][weight]
        assert 0 < change.abs().max() < 0.01


def test_a_finished_run_takes_no_more_steps(scene_data, photo_data, tmp_path):
    train.train_where(scene_data, scene_data, photo_data, tmp_path, SHIPPED, minutes=1e-6)
    steps = state(tmp_path, "where")["step"]
    train.train_where(scene_data, scene_data, photo_data, tmp_path, SHIPPED, minutes=1e-6)
    assert steps == 1
    assert state(tmp_path, "where")["step"] == 1


def test_a_training_that_lacks_a_half_says_which(tmp_path):
    with pytest.raises(ValueError, match=r"where\.pt is not there: train it first"):
        conditions.load_encoder(tmp_path)
    torch.save({"averaged": {}, "notes": {}}, tmp_path / "where.pt")
    with pytest.raises(ValueError, match="another version's networks: train it again"):
        conditions.load_encoder(tmp_path)


def unknown_loss(envelope, moving, sway):
    return losses._unknown_envelope_loss(envelope, moving, sway, SHIPPED.where.loss)


def test_what_a_mask_says_moves_is_lifted_at_all_frequencies_alike():
    smooth = torch.linspace(0.07, 0.01, 16).view(1, 16, 1, 1).repeat(1, 1, 1, 2).requires_grad_()
    moving = torch.tensor([[[[True, False]]]])
    loss = unknown_loss(smooth, moving, torch.zeros(1, 1, 1, 2))
    assert loss[..., 0] > 0 == loss[..., 1]
    (slope,) = torch.autograd.grad(loss.sum(), smooth)
    relative = (slope * smooth)[0, :, 0, 0]  # of the logarithm of each harmonic
    assert (relative < 0).all()
    assert relative.min() > 3 * relative.max()


def test_one_harmonic_that_sticks_out_costs():
    moving = torch.ones(1, 1, 1, 1, dtype=torch.bool)
    flat = torch.full((1, 16, 1, 1), 0.3)
    spiked = flat.clone()
    spiked[:, 2] = 1.2
    unknown = torch.zeros(1, 1, 1, 1)
    assert unknown_loss(spiked, moving, unknown) > 0.05 + unknown_loss(flat, moving, unknown)


def test_what_is_known_to_sway_so_far_costs_on_both_sides():
    moving = torch.ones(1, 1, 1, 1, dtype=torch.bool)
    near, right, far = (
        unknown_loss(torch.full((1, 16, 1, 1), px / 4), moving, torch.ones(1, 1, 1, 1)) for px in (0.3, 1.0, 3.0)
    )
    assert right < 0.01 < min(near, far)


def test_an_end_that_rises_costs():
    moving, unknown = torch.ones(1, 1, 1, 1, dtype=torch.bool), torch.zeros(1, 1, 1, 1)
    falling = torch.linspace(0.5, 0.2, 16).view(1, 16, 1, 1)
    rising = falling.flip(1)
    assert unknown_loss(falling, moving, unknown) < unknown_loss(rising, moving, unknown)


def filmed(folder):
    """A shard of one pair: the left half swings 2 px of a 256-px frame, the right stands, a corner is not trusted."""
    rng = np.random.default_rng(0)
    amplitudes = np.zeros((16, 40, 64, 2), np.complex64)
    amplitudes[2, :, :32, 0] = 0.5j  # px of a grid whose cells are 4 px
    confidence = np.ones((40, 64), np.float32)
    confidence[:10, :10] = 0
    volume = SpectralVolume(amplitudes, np.arange(1, 17) / 5)
    writer = ShardWriter(folder, {"sources": ["a"]})
    writer.take(0, 0, Pair(rng.integers(0, 255, (160, 256, 3), np.uint8), volume, confidence), {"source": "a"})
    writer.close()
    return folder


def test_filmed_pairs_tell_what_moved_and_how_far(tmp_path):
    rows = dataset.make_footage(filmed(tmp_path / "pairs"))
    label, sway = rows["label"][0], rows["sway"][0]
    assert rows["kind"].tolist() == [dataset.KINDS.index("filmed")]
    assert (label[12:, :31] == 1).all()
    assert (label[12:, 34:] == 0).all()
    assert (label[:9, :9] == -1).all()
    assert sway[20, 10] == pytest.approx(2, rel=1e-3)
    assert (sway[:, 34:] == 0).all()


def test_a_run_takes_footage(scene_data, photo_data, tmp_path, monkeypatch):
    film = dataset.make_footage(filmed(tmp_path / "pairs"))
    both = {name: torch.cat([rows, film[name].to(rows.dtype)]) for name, rows in photo_data.items()}
    seen, loss = [], losses.where_loss
    monkeypatch.setattr(train, "where_loss", lambda *given: (seen.append(given[2]["kind"].tolist()), loss(*given))[1])
    train.train_where(scene_data, scene_data, both, tmp_path, SHIPPED, minutes=5, max_steps=1)
    assert seen[0].count(dataset.KINDS.index("filmed")) == 2
    assert np.isfinite(state(tmp_path, "where")["losses"]).all()


def test_the_flow_is_taught_the_filmed_motion(tmp_path):
    torch.manual_seed(0)
    rows = dataset.make_footage(filmed(tmp_path / "pairs"))
    volume = motion.to_complex(rows["volume"])
    assert volume[0, 2, 0, 15, 5].item() == pytest.approx(2j, rel=0.02)  # 0.5 px of a cell of 4 px
    scales = torch.linspace(1, 0.3, 16)
    found = conditions.clip_conditions(EncoderNet().eval(), rows, scales)
    z, maps = motion.to_complex(found["z"]), found["maps"][0]
    size = scales.view(1, -1, 1, 1) * found["envelope"].float().square()
    level = volume.abs().square().sum((1, 2)).sqrt() / size.square().sum(1).sqrt()
    again = z * (size * level[:, None])[:, :, None]
    moved = maps[motion.AMPLITUDE] > 1
    assert moved[8:, :15].all()
    assert not moved[:, 17:].any()
    assert not moved[:4, :4].any()  # not trusted
    direction = again / again.abs().square().sum((1, 2), keepdim=True).sqrt()
    assert direction[0, 2, 0][moved].imag.min() > 0.99
    assert z.abs().square().sum(2).max() <= conditions._FARTHEST**2 * 1.001
    assert maps[motion.DX][moved].min() > 0.99


def test_a_flow_takes_films(scene_data, tmp_path):
    encoder = EncoderNet().eval().requires_grad_(False)
    rows = dataset.make_footage(filmed(tmp_path / "pairs"))
    films = conditions.clip_conditions(encoder, rows, torch.ones(16))
    told, found = conditions.flow_conditions(encoder, scene_data), {}
    for name, filmed_rows in (("alone", None), ("with films", films)):
        (tmp_path / name).mkdir()
        train.train_flow(told, tmp_path / name, SHIPPED, filmed=filmed_rows, minutes=5, max_steps=2)
        found[name] = state(tmp_path / name, "flow")["losses"]
    assert np.isfinite(found["with films"]).all()
    assert found["alone"] != found["with films"]


def test_films_of_other_frequencies_are_refused(tmp_path):
    volume = SpectralVolume(np.zeros((16, 40, 64, 2), np.complex64), np.arange(1, 17) / 4)
    writer = ShardWriter(tmp_path, {"sources": ["a"]})
    pair = Pair(np.zeros((160, 256, 3), np.uint8), volume, np.ones((40, 64), np.float32))
    writer.take(0, 0, pair, {"source": "a"})
    writer.close()
    with pytest.raises(VolumeError, match="windows of 5 s"):
        dataset.make_footage(tmp_path)


def test_an_objects_main_axis_is_that_of_its_motion():
    labels = torch.zeros(1, 4, 6, dtype=torch.long)
    labels[..., 3:] = 1
    volume = torch.zeros(1, 16, 2, 4, 6, dtype=torch.complex64)
    volume[:, 3, 0, :, :3] = volume[:, 3, 1, :, :3] = 1j
    volume[:, 5, 1, :, 3:] = 2.0
    axis = motion.object_axes(volume, labels)
    assert torch.allclose(axis[0, :, 0, 0], torch.tensor([0.5, 0.5]).sqrt())
    assert torch.allclose(axis[0, :, 0, 5].abs(), torch.tensor([0.0, 1.0]), atol=1e-6)


def two_objects(seed=0):
    """Maps of two rigid objects, left and right, with axes of their own; a signal of each cell's own."""
    maps = torch.zeros(1, len(motion.FIELDS), 8, 12)
    maps[:, motion.AMPLITUDE], maps[:, motion.OBJECT] = 1, 1 + (torch.arange(12) >= 6).float()
    maps[:, motion.DX, :, :6], maps[:, motion.DY, :, 6:] = 1, 1
    generator = torch.Generator().manual_seed(seed)
    return maps, torch.complex(*torch.randn(2, 1, 16, 8, 12, generator=generator).unbind())


def object_loss(maps, signal, across=0.0):
    axis = torch.stack([maps[:, motion.DX], maps[:, motion.DY]], 1)[:, None]
    normal = torch.stack([-axis[:, :, 1], axis[:, :, 0]], 2)
    z = signal[:, :, None] * (axis + across * normal)
    return float(losses.object_loss(motion.to_reals(z), maps))


def test_the_object_loss_asks_for_whole_objects_apart_from_each_other():
    maps, chance = two_objects()
    right = (maps[:, None, motion.OBJECT] == 2).float()
    one, two = chance[..., :1, :1].expand_as(chance), chance[..., :1, -1:].expand_as(chance)
    apart = object_loss(maps, one + right * (two - one))
    assert apart < 0.5 < 0.9 < object_loss(maps, one)  # one motion for both
    assert object_loss(maps, chance) > 0.9  # each cell for itself
    halfway = one + right * (two - one) / 2
    assert apart < object_loss(maps, halfway) < object_loss(maps, one)


def test_motion_across_the_axis_does_not_make_objects_differ():
    maps, chance = two_objects()
    one = chance[..., :1, :1].expand_as(chance)
    assert object_loss(maps, one, across=0.8) == pytest.approx(object_loss(maps, one), abs=1e-5)


def test_cells_of_a_field_need_not_move_as_one():
    maps, chance = two_objects()
    maps[:, motion.IS_FIELD] = 1
    maps[:, motion.OBJECT] = 1
    assert object_loss(maps, chance) == 1


def test_an_untold_wind_is_all_zero():
    wind = torch.tensor([[0.6, 0.8, 150.0], [1.0, 0.0, 300.0]])
    found = losses.wind_condition(wind, torch.tensor([True, False]))
    assert torch.allclose(found[0], torch.tensor([0.6, 0.8, 0.0, 1.0]))
    assert torch.equal(found[1], torch.zeros(4))


def test_the_loss_curve_falls_with_the_loss():
    panel = np.asarray(curves.curve(np.linspace(2, 1, 400), "encoder"))
    line = np.argwhere((panel == (40, 110, 190)).all(-1))
    left, right = line[line[:, 1] < 100, 0].mean(), line[line[:, 1] > 380, 0].mean()
    assert right > left + 50  # rows count from the top
