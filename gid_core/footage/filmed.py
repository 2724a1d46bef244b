"""From a clip of a still camera to the motion of a loop.

Every frame is measured against the still, a small shake of the camera is taken out, and mean, drift and harmonics of
the clip's own length are fitted together. The harmonics that carry the most energy become the motion's frequencies;
what is no more than noise is exactly still; what could not be followed is filled from around it.
"""

from collections.abc import Callable

import numpy as np

from ..errors import ImageError, SettingsError
from ..files.progress import teller
from ..frames.plate import pull_push
from ..motion.guided import box_mean
from ..motion.lookup import lookup, moves_of
from ..motion.motion import Motion
from ..motion.recovery import recovered
from ..motion.sway import smoothstep
from ..motion.volume import N_FREQS, SpectralVolume
from ..prediction.stages import at_grid, shown
from ..version import __version__
from . import filters
from .flow import grey
from .light import evened
from .reading import Reading
from .spectrum import Fit, fit_volume
from .tracks import Tracks, track
from .warp import pulled_back

__all__ = ["SHAKE_SHARE", "filmed"]

SHAKE_SHARE = 0.016  # of the long side: a camera that goes no farther shakes, and that is taken out
_STANDING = 0.1  # share of the vectors that must stand for the camera to stand
_JUDGED = 0.2  # share of the textured places that must be believed in a frame to judge the camera by it
_SURE_FRAMES = 3  # in which the camera must have gone farther before the clip is refused
_FOLLOWED = 0.4  # share of all vectors that must be believed
_HELD = 0.35, 0.8  # share of the motion that its harmonics hold: below the first it is refused, below the second told
_HIGHEST_HZ = 5.0  # a third of the frames that are looked at
_MOST_HARMONICS = 50
_NOISE_FLOOR = 0.03, 0.08  # px: what trackers read of a motionless strip, and what surely moves
_NOISE_TIMES = 2.0, 5.0  # times the energy of the noise, the same
_TEXTURE = 3.0  # grey levels a px, from which a place cannot move unseen
_EXPLAINED = 0.25, 0.5  # share of the change of brightness that following the motion must take away
_NEAR_PX = 6  # how far around a plain place its outlines are looked for
_SPECKS = 0.15, 0.4  # share of 7 x 7 px that must move for one of them to move: less is noise that passed for motion
_TOP = 99.8  # percentile of the motion that must be more than noise
_QUIETEST = 2  # percentile of the change of brightness that is taken for noise
_ASPECTS_ALIKE = 0.02


def filmed(
    reading: Reading,
    photo: np.ndarray | None = None,
    *,
    progress: Callable | None = None,
    cancelled: Callable | None = None,
) -> Motion:
    """How a clip moves, as the motion of its still, or of a photo of the same view.

    Args:
        photo: float32 (H, W, 3|4), linear, premultiplied; None for the clip's own still.
        progress: called with the phase and the fraction 0..1 of it.
    Returns:
        a motion on a grid with a long side of 256; its envelope is 0 where nothing moves.
    Raises:
        ImageError: the camera moves, or what moves cannot be followed or is no sway.
        SettingsError: the photo has another aspect.
        Cancelled: `cancelled` said so.
    """
    tell = teller(progress, cancelled)
    photo = reading.as_photo().pixels if photo is None else photo
    clip = reading.clip
    _check_aspect(photo, clip, reading.name)
    tracks, explained, shake_px = _followed(reading, tell)
    tell("find the frequencies", 0.0)
    fit, noise_px, held = _fitted(tracks, reading.name)
    tell("find the frequencies", 0.7)
    volume = _cleaned(fit, noise_px, explained)
    picture = at_grid(photo)
    volume = volume.resized(picture.shape[1], picture.shape[0])
    tell("find the edges", 0.0)
    aside = lookup(shown(photo), moves_of(volume, photo.shape[1]))
    provenance = {
        "version": __version__,
        "source": f"the clip {reading.name}",
        "clip": {
            "file": reading.name,
            "seconds": round(clip.duration, 3),
            "frames": len(clip.frames),
            "still_at": round(float(clip.times[clip.rest]), 3),
            "held": round(held, 3),
            "followed": round(float(tracks.trusted.mean()), 3),
            "shake_px": round(shake_px, 2),
        },
        "notes": [*reading.notes, *_notes(held, shake_px)],
    }
    volume = SpectralVolume(volume.amplitudes, volume.frequencies, provenance, lookup=aside)
    return recovered(volume, np.rint(picture * 255).astype(np.uint8))


def _check_aspect(photo, clip, name):
    height, width = clip.frames.shape[1:3]
    if abs(photo.shape[1] * height - photo.shape[0] * width) > _ASPECTS_ALIKE * photo.shape[1] * height:
        raise SettingsError(
            f"the photo has {photo.shape[1]} x {photo.shape[0]} pixels, {name} another aspect: give a photo "
            "of the same view, or none"
        )


def _followed(reading, tell) -> tuple[Tracks, np.ndarray, float]:
    """Tracks without the shake of the camera, how far they explain what changes, and how far the camera goes, px."""
    clip = evened(reading.clip)
    height, width = clip.frames.shape[1:3]
    still = grey(clip.still).astype(np.float32)
    slope = _slope(still)
    textured = slope > _TEXTURE
    changed, left = np.zeros((2, height, width))
    affines = np.zeros((len(clip.frames), 3, 2))
    lengths = np.zeros(len(clip.frames))
    limit = SHAKE_SHARE * max(width, height)

    def judge(index, displacement, trusted):
        tell("follow what moves", (index + 1) / len(clip.frames))
        if index == clip.rest:
            return
        seen = trusted & textured
        affine, length, share = filters.dominant_affine(displacement, seen)
        # What stands while much of the picture moves together shows that the camera stands, too.
        stands = (np.linalg.norm(displacement[seen], axis=-1) < length / 4).sum() > _STANDING * seen.sum()
        is_judged = seen.sum() > _JUDGED * textured.sum()
        if is_judged and share >= filters.DOMINANT and length > _NOISE_FLOOR[1] and not stands:
            affines[index], lengths[index] = affine, length
        now = grey(clip.frames[index]).astype(np.float32)
        camera = filters.affine_field(affines[index], height, width)
        changed[:] += (pulled_back(now, camera) - still) ** 2
        left[:] += (pulled_back(now, displacement) - still) ** 2
        if (lengths > limit).sum() >= _SURE_FRAMES:
            raise ImageError(
                f"the camera moves in {reading.name}, by {100 * np.max(lengths) / max(width, height):.0f} % of the "
                f"picture at {clip.times[index]:.1f} s: film from a tripod, or stabilise the clip first"
            )

    tracks = track(clip, progress=judge)
    share = float(tracks.trusted.mean())
    if share < _FOLLOWED:
        raise ImageError(
            f"only {100 * share:.0f} % of {reading.name} can be followed from its still: film slower or "
            "smaller motion, without flicker and without things that pass by"
        )
    for displacement, affine in zip(tracks.displacement, affines, strict=True):
        displacement -= filters.affine_field(affine, height, width)
    n_others = len(clip.frames) - 1
    return tracks, _explained(changed / n_others, left / n_others, slope), float(np.max(lengths))


def _fitted(tracks, name) -> tuple[Fit, np.ndarray, float]:
    """The fit of the harmonics of most energy; how much of it noise would give, (H, W), px; and the share of
    what moves that they hold."""
    n_frames = len(tracks.times)
    duration = (tracks.times[-1] - tracks.times[0]) * n_frames / (n_frames - 1)
    n_candidates = max(1, min(_MOST_HARMONICS, int(_HIGHEST_HZ * duration), n_frames // 3 - 1))
    fit = fit_volume(tracks, n_candidates)
    moves = (fit.confidence > 0) & (fit.motion_px**2 + fit.residual_px**2 > _NOISE_FLOOR[1] ** 2)
    energy = (np.abs(fit.volume.amplitudes[:, moves]) ** 2).sum((1, 2)) / 2
    chosen = np.sort(np.argsort(-energy, kind="stable")[:N_FREQS])
    left_out = np.delete(fit.volume.amplitudes, chosen, 0)
    # What noise puts into the harmonics is as much as it leaves beside them, by their numbers.
    n_free = n_frames - 2 - 2 * n_candidates
    residual = fit.residual_px.astype(np.float64) ** 2 * n_frames / n_free
    noise = residual * 2 * len(chosen) / n_frames
    inside = (np.abs(fit.volume.amplitudes[chosen]) ** 2).sum((0, 3)) / 2
    outside = fit.residual_px.astype(np.float64) ** 2 + (np.abs(left_out) ** 2).sum((0, 3)) / 2
    surely = moves & (inside + outside > 2 * noise + _NOISE_FLOOR[1] ** 2)
    held = float(inside[surely].sum() / (inside + outside)[surely].sum()) if surely.any() else 1.0
    if held < _HELD[0]:
        raise ImageError(
            f"only {100 * held:.0f} % of what moves in {name} is a sway that a loop can repeat: film something that "
            "returns to where it was"
        )
    amplitudes, frequencies = fit.volume.amplitudes[chosen], fit.volume.frequencies[chosen]
    missing = N_FREQS - len(chosen)  # of a short clip: silent ones, so that all motions have as many
    silent = frequencies[-1] + np.arange(1, missing + 1) / duration
    amplitudes = np.concatenate([amplitudes, np.zeros((missing, *amplitudes.shape[1:]), np.complex64)])
    volume = SpectralVolume(amplitudes, np.concatenate([frequencies, silent]))
    return Fit(volume, fit.confidence, np.sqrt(inside), np.sqrt(outside), fit.drift_px), np.sqrt(noise), held


def _cleaned(fit: Fit, noise_px: np.ndarray, explained: np.ndarray) -> SpectralVolume:
    """The volume, filled where a place could not be followed, and exactly 0 where nothing moves."""
    k, height, width, _ = fit.volume.amplitudes.shape
    weight = fit.confidence[..., None].astype(np.float32)
    energies = np.stack([fit.motion_px, noise_px], -1).astype(np.float32) ** 2
    parts = np.moveaxis(fit.volume.amplitudes, 0, 2).reshape(height, width, -1)
    known = np.concatenate([parts.real, parts.imag, energies], -1)
    filled = pull_push(known * weight, weight) if weight.any() else np.zeros_like(known)
    n = 2 * k
    amplitudes = (filled[..., :n] + 1j * filled[..., n : 2 * n]).reshape(height, width, k, 2)
    motion, noise = box_mean(np.moveaxis(filled[..., 2 * n :], -1, 0), 2)
    gate = smoothstep(np.sqrt(motion), *_NOISE_FLOOR) * smoothstep(motion / np.maximum(noise, 1e-9), *_NOISE_TIMES)
    gate = gate * explained
    gate = box_mean(gate * smoothstep(box_mean(gate, 3), *_SPECKS), 1)
    gate[gate < 1e-3] = 0  # running sums leave a trace of their neighbours
    if np.percentile(np.sqrt(motion) * gate, _TOP) < _NOISE_FLOOR[1]:
        gate[:] = 0  # a clip in which nothing moves, but for specks of noise
    return SpectralVolume(np.moveaxis(amplitudes, 2, 0) * gate[..., None].astype(np.float32), fit.volume.frequencies)


def _explained(changed, left, slope):
    """Where tracked motion explains what changes (H, W), 1; where it clearly does not, 0.

    A tracker's window smears motion over what stands beside it, and dust, light and noise change a picture without any.
    Inside plain things, where nothing can be seen to change, their outlines near by decide.

    Args:
        changed, left: (H, W), mean square difference of the frames from the still, as they are and followed, grey
            levels.
        slope: (H, W), of the still, grey levels a px.
    """
    noise = max(0.5, float(np.percentile(box_mean(changed, 2), _QUIETEST)))

    def gate(radius):
        before, after = box_mean(changed, radius), box_mean(left, radius)
        return smoothstep((before - after) / np.maximum(before - noise, noise / 2), *_EXPLAINED)

    return np.where(slope > _TEXTURE, gate(2), np.maximum(gate(2), gate(_NEAR_PX)))


def _slope(picture):
    """RMS gradient over 3 x 3 px, grey levels a px."""
    gy, gx = np.gradient(picture)
    return np.sqrt(np.maximum(box_mean(gx * gx + gy * gy, 1), 0))


def _notes(held, shake_px):
    if held < _HELD[1]:
        yield f"{100 * (1 - held):.0f} % of what moves in the clip is no sway that a loop can repeat, and was left out"
    if shake_px > filters.CAMERA_PX:
        yield f"the camera shook by up to {shake_px:.1f} of 256 px, which was taken out"
