"""The renderer by a network: what it must leave alone, and that tiles and reruns give the same frames."""

import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from gid_core.errors import ModelError
from gid_core.frames import loop as loops
from gid_core.frames import network
from gid_core.frames.best import BestRenderer
from gid_core.frames.loop import Loop
from gid_core.frames.network import NetworkRenderer
from gid_core.frames.renderer import LoopRenderer
from gid_core.motion.plan import plan_loop

from ..tiny_model import write_model
from .test_best import ONCE, moved_by
from .test_renderer import HEIGHT, WIDTH, still, swaying

LEVEL = 1 / 255


def renderer(picture=None, volume=None, kind=NetworkRenderer, **options):
    volume = swaying() if volume is None else volume
    plan = plan_loop(volume, 24, Fraction(24))
    return kind(still() if picture is None else picture, volume, plan, **options)


def test_the_quality_network_is_this_renderer():
    plan = plan_loop(swaying(), 24, Fraction(24))
    assert type(Loop(still(), swaying(), plan, quality="network").renderer()) is NetworkRenderer


@pytest.mark.parametrize("channels", [3, 4])
def test_frame_0_is_the_still_and_the_loop_closes_bit_for_bit(channels):
    picture = still(channels)
    made = renderer(picture)
    assert made.frame(0).tobytes() == made.frame(24).tobytes() == picture.tobytes()
    assert made.frame(31).tobytes() == renderer(picture).frame(7).tobytes()


def test_the_network_changes_what_moves_and_nothing_else():
    mask = np.zeros((HEIGHT, WIDTH))
    mask[:, : WIDTH // 3] = 1
    volume = replace(swaying(), mask=mask)
    made, best = (renderer(volume=volume, kind=kind) for kind in (NetworkRenderer, BestRenderer))
    ours, theirs = made.frame(7), best.frame(7)
    reached = made.sums(7)[1] != LoopRenderer(made.still, volume, made.plan).sums(0)[1]
    rests = ~reached & ~made.displacement(7).any(-1)
    assert rests.mean() > 0.3
    assert (ours[rests] == theirs[rests]).all()
    assert (ours != theirs).any()


@pytest.mark.parametrize(("height", "width"), [(96, 128), (91, 127)])
def test_tiles_agree_with_the_whole(monkeypatch, height, width):
    picture = np.ascontiguousarray(np.tile(still(), (4, 4, 1))[:height, :width])
    whole = renderer(picture).frame(7)
    monkeypatch.setattr(network, "TILE_PX", 32)
    assert min(picture.shape[:2]) > 32 + network.OVERLAP_PX
    assert np.abs(renderer(picture).frame(7) - whole).max() <= LEVEL


def test_light_beyond_1_stays():
    picture = still() * 5
    ours, theirs = (renderer(picture, kind=kind).frame(7) for kind in (NetworkRenderer, BestRenderer))
    assert ours.max() > 2
    assert np.abs(ours - theirs).max() <= 1


def test_opacity_is_the_best_renderers_and_colours_stay_within_it():
    picture = still(4)
    picture[..., :3] *= picture[..., 3:]
    ours, theirs = (renderer(picture, kind=kind).frame(7) for kind in (NetworkRenderer, BestRenderer))
    assert (ours[..., 3] == theirs[..., 3]).all()
    assert (ours[..., :3] <= np.maximum(ours[..., 3:], theirs[..., :3])).all()


def test_a_given_plate_shows_through_holes_as_it_is():
    displacement = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    displacement[8:24, 16:24, 0] = 20
    plate = np.full((HEIGHT, WIDTH, 3), 0.25, np.float32)
    frame = NetworkRenderer(still(), moved_by(displacement), ONCE, plate=plate).frame(0)
    assert np.abs(frame[8:24, 16:24] - 0.25).max() < LEVEL
    assert np.abs(frame[:, 30:] - still()[:, 30:]).max() > LEVEL


@pytest.mark.parametrize("is_in_front", [True, False])
def test_the_front_that_is_given_says_who_covers_whom(is_in_front):
    block = np.zeros((HEIGHT, WIDTH), bool)
    block[8:24, 8:20] = True
    picture = np.where(block[..., None], np.float32([0.8, 0.05, 0.05]), np.float32([0.05, 0.6, 0.05]))
    displacement = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    displacement[block, 0] = 12
    front = np.where(block == is_in_front, 0.9, 0.1).astype(np.float32)
    frame = NetworkRenderer(picture, moved_by(displacement), ONCE, front=front).frame(0)
    red, green, _blue = frame[10:22, 22:30].mean((0, 1))
    assert (red > green) == is_in_front


def test_frames_of_other_weights_are_other_frames(tmp_path, monkeypatch):
    plan = plan_loop(swaying(), 24, Fraction(24))
    digests = []
    for last in "01":
        card = json.loads((loops.default_folder() / "card.json").read_text(encoding="utf-8"))
        entry = card["files"]["synthesis"]
        entry["sha256"] = entry["sha256"][:-1] + last
        (tmp_path / "card.json").write_text(json.dumps(card), encoding="utf-8")
        with monkeypatch.context() as other:
            other.setattr(loops, "default_folder", lambda: tmp_path)
            digests.append([Loop(still(), swaying(), plan, quality=name).digest() for name in ("network", "core")])
    assert digests[0][0] != digests[1][0]
    assert digests[0][1] == digests[1][1]


def test_a_model_without_the_networks_is_refused_before_any_frame(tmp_path, monkeypatch):
    write_model(tmp_path)
    monkeypatch.setattr(loops, "default_folder", lambda: tmp_path)
    plan = plan_loop(swaying(), 24, Fraction(24))
    with pytest.raises(ModelError, match="lacks 'features'"):
        Loop(still(), swaying(), plan, quality="network").digest()
    assert Loop(still(), swaying(), plan, quality="best").digest()
