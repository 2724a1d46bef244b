"""A clip becomes a motion: what was filmed comes back, what stands is exactly still, and a moving camera is refused."""

import numpy as np
import pytest

from gid_core.errors import Cancelled, ImageError, SettingsError
from gid_core.files.clips import Clip
from gid_core.footage.filmed import filmed
from gid_core.footage.light import evened
from gid_core.footage.reading import Reading
from onnx_export.footage.made_clips import made_clip, patch_sway

SIZE, FPS, SECONDS = (96, 64), 8, 3
KEPT = 0.1  # of the amplitude that tracking may lose or add, at 1 grey level of noise
SWAYS = ((1, 0.8, 0.3), (4, 0.4, 2.0))  # harmonics of the clip, px of it, phases


def sway(t):
    return sum(a * np.cos(2 * np.pi * k / SECONDS * t + p) for k, a, p in SWAYS)


def plant(x, y, t):
    return patch_sway(sway, SIZE, direction=(0.9, 0.3), reach=0.2)(x, y, t)


def nothing(x, y, t):
    return 0 * x, 0 * y


def reading_of(displacement, noise=1.0):
    clip = made_clip(displacement, FPS * SECONDS, FPS, SIZE, noise=noise)
    return Reading(clip, clip.still, "made.mp4")


def in_the_middle(motion, k):
    return motion.envelope[k, motion.height // 2, motion.width // 2]


@pytest.fixture(scope="module")
def of_plant():
    return filmed(reading_of(plant))


def test_the_filmed_sway_comes_back(of_plant):
    scale = of_plant.width / SIZE[0] * np.hypot(0.9, 0.3)
    places = [int(np.argmin(abs(of_plant.frequencies - harmonic / SECONDS))) for harmonic, _, _ in SWAYS]
    for k, (harmonic, amplitude, _) in zip(places, SWAYS, strict=True):
        assert of_plant.frequencies[k] == pytest.approx(harmonic / SECONDS)
        assert abs(in_the_middle(of_plant, k) / (amplitude * scale) - 1) < KEPT
    silent = [k for k in range(16) if k not in places]
    assert max(in_the_middle(of_plant, k) for k in silent) < KEPT * SWAYS[1][1] * scale


def test_what_sways_as_fast_as_a_clip_can_show_is_no_noise():
    """As in a film that is played faster than it was taken."""

    def fast(t):
        return 0.8 * np.cos(2 * np.pi * 4.5 * t)

    clip = made_clip(patch_sway(fast, SIZE, direction=(0.9, 0.3), reach=0.2), 32, 16, SIZE, noise=1.0)
    motion = filmed(Reading(clip, clip.still, "made.mp4"))
    strongest = int(np.argmax(motion.envelope[:, motion.height // 2, motion.width // 2]))
    assert motion.frequencies[strongest] == pytest.approx(4.5)


def test_it_sways_along_the_filmed_direction(of_plant):
    across, down = of_plant.volume().amplitudes[0, of_plant.height // 2, of_plant.width // 2]
    assert (down / across).real == pytest.approx(0.3 / 0.9, abs=0.05)


def test_what_stands_beside_it_is_exactly_still(of_plant):
    rim = np.ones((of_plant.height, of_plant.width), bool)
    rim[:, of_plant.width // 8 : -of_plant.width // 8] = False
    assert (of_plant.envelope[:, rim] == 0).all()


def test_the_motion_is_as_large_as_any_other(of_plant):
    assert len(of_plant.frequencies) == 16
    assert max(of_plant.width, of_plant.height) == 256
    assert of_plant.provenance["source"] == "the clip made.mp4"
    assert of_plant.provenance["clip"]["held"] > 0.95


def test_nothing_moves_in_a_still_clip():
    motion = filmed(reading_of(nothing, noise=2.0))
    assert (motion.envelope == 0).all()


def test_a_camera_that_pans_is_refused_with_its_figure():
    with pytest.raises(ImageError, match=r"the camera moves in made.mp4, by \d+ % .*tripod"):
        filmed(reading_of(lambda x, y, t: (3 * t + 0 * x, 0.5 * t + 0 * y)))


def test_a_shake_is_taken_out_and_told(of_plant):
    def shaken(x, y, t):
        dx, dy = plant(x, y, t)
        return dx + 0.7 * np.sin(9 * t), dy + 0.5 * np.sin(7 * t)

    motion = filmed(reading_of(shaken))
    assert motion.envelope[0, :, :24].max() < KEPT * in_the_middle(motion, 0)
    assert abs(in_the_middle(motion, 0) / in_the_middle(of_plant, 0) - 1) < KEPT
    assert any("shook" in note for note in motion.provenance["notes"])


def test_uneven_times_give_the_same_motion(of_plant):
    whole = reading_of(plant).clip
    kept = np.delete(np.arange(len(whole.frames)), [5, 6, 17])
    clip = Clip(whole.frames[kept], whole.times[kept], 0, "made.mp4")
    motion = filmed(Reading(clip, clip.still, "made.mp4"))
    assert abs(in_the_middle(motion, 0) / in_the_middle(of_plant, 0) - 1) < KEPT


def test_a_photo_of_the_same_view_takes_the_motion(of_plant):
    clip = reading_of(plant)
    photo = np.repeat(np.repeat(clip.as_photo().pixels, 3, 0), 3, 1)
    motion = filmed(clip, photo)
    assert (motion.envelope == of_plant.envelope).all()
    assert motion.picture.shape == of_plant.picture.shape


def test_a_photo_of_another_shape_is_refused():
    clip = reading_of(nothing)
    with pytest.raises(SettingsError, match="another aspect"):
        filmed(clip, clip.as_photo().pixels[:, :50])


def lit(clip, light):
    """The clip under another light: factors (T, H, W), or what broadcasts to that."""
    frames = np.clip(np.rint(clip.frames * light[..., None]), 0, 255).astype(np.uint8)
    return Reading(Clip(frames, clip.times, 0, clip.source), frames[0], "made.mp4")


def flickers(share):
    gains = 1 + share * np.random.default_rng(3).uniform(-1, 1, FPS * SECONDS)
    gains[0] = 1  # the still's own
    return gains[:, None, None]


LIGHTS = {
    "flickers": flickers(0.25),
    "flickers a little": flickers(0.05),
    "flickers at one side": 1 + 1.2 * (flickers(0.25) - 1) * np.linspace(0, 1, SIZE[0]),
    "fades": np.linspace(1, 0.6, FPS * SECONDS)[:, None, None],
}


@pytest.mark.parametrize("light", LIGHTS.values(), ids=LIGHTS)
def test_a_light_that_changes_moves_nothing(light):
    motion = filmed(lit(reading_of(nothing).clip, light))
    assert (motion.envelope == 0).mean() > 0.99
    assert motion.provenance["clip"]["shake_px"] == 0


@pytest.mark.parametrize("light", LIGHTS.values(), ids=LIGHTS)
def test_what_sways_under_a_light_that_changes_comes_back(light, of_plant):
    motion = filmed(lit(reading_of(plant).clip, light))
    assert abs(in_the_middle(motion, 0) / in_the_middle(of_plant, 0) - 1) < KEPT
    assert motion.provenance["clip"]["shake_px"] == 0


@pytest.mark.parametrize("light", LIGHTS.values(), ids=LIGHTS)
def test_a_camera_that_pans_is_refused_under_a_light_that_changes(light):
    with pytest.raises(ImageError, match=r"the camera moves in made.mp4, by \d+ % .*tripod"):
        filmed(lit(reading_of(lambda x, y, t: (3 * t + 0 * x, 0.5 * t + 0 * y)).clip, light))


def test_a_few_vectors_that_agree_are_no_camera():
    """A flame lights what is beside it: nothing can be followed there, and what little can may agree by chance."""
    clip = reading_of(nothing).clip
    frames = np.full_like(clip.frames, 128)
    frames[0] = clip.frames[0]
    frames[1:, 16:48, 16:48] = np.roll(clip.frames[0], 3, 1)[16:48, 16:48]  # what is left of it goes by 3 px
    with pytest.raises(ImageError, match=r"only .* can be followed"):
        filmed(Reading(Clip(frames, clip.times), clip.still, "made.mp4"))


def test_frames_lit_as_the_still_stay_as_they_were_filmed():
    clip = reading_of(plant).clip
    assert np.array_equal(evened(clip).frames, clip.frames)


def test_a_cancel_stops_it():
    with pytest.raises(Cancelled):
        filmed(reading_of(nothing), cancelled=lambda: True)
