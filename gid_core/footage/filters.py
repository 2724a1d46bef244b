"""Why a clip is refused: one measure and one limit a reason, all px on the tracked grid (256 wide unless told).

The order is that of their cost: a cut is seen in the frames, the rest needs tracks. A clip is taken when every verdict
holds; the first that does not is the reason in the record.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..files.clips import Clip
from ..files.resample import fitted
from .flow import grey
from .spectrum import Fit
from .tracks import Tracks

__all__ = [
    "CUT_LIKENESS",
    "DOMINANT",
    "Verdict",
    "affine_field",
    "camera_motion",
    "check_fit",
    "check_frames",
    "check_tracks",
    "dominant_affine",
    "likenesses",
]

CUT_LIKENESS = 0.6  # correlation of successive thumbnails; 30 windows of real and generated sway stay above .85
CAMERA_PX = 0.5  # what the background may move: more, and every still thing learns to sway
TRUSTED_SHARE = 0.6  # of all vectors; below, things pass through the picture or light changes
STILL_PX = 0.1  # 99th percentile of the motion; a motionless strip reads .03 px of noise
IN_BAND = 0.8  # share of the energy that the harmonics hold: real sway .96-.99, jumping tracks .13-.15
_THUMBNAIL = (32, 20)
_FLAT_LEVELS = 2.0  # thumbnails without contrast say nothing
_STEP_PX = 4  # flow vectors are taken that far apart: neighbours say the same
_MOST_FRAMES = 40
_ROUNDS = 12
_AGREES_PX, _AGREES_SHARE = 0.25, 0.1
DOMINANT = 0.6  # of the vectors must share a motion before it is called the camera's


@dataclass(frozen=True)
class Verdict:
    """One reason: `value` compared with `limit`."""

    reason: str
    value: float
    limit: float
    holds: bool

    def __str__(self):
        return f"{self.reason}: {self.value:.3g}, limit {self.limit:.3g}"


def check_frames(clip: Clip) -> list[Verdict]:
    """`scene cut`: the least likeness of two successive frames, the correlation of their thumbnails."""
    likeness = float(likenesses(clip).min(initial=1.0))
    return [Verdict("scene cut", likeness, CUT_LIKENESS, likeness >= CUT_LIKENESS)]


def likenesses(clip: Clip) -> np.ndarray:
    """How alike each frame and the next one are, the correlation of their thumbnails: float64 (T - 1,)."""
    thumbnails = [fitted(grey(frame), *_THUMBNAIL).astype(np.float64) for frame in clip.frames]
    return np.array([_correlation(a, b) for a, b in pairwise(thumbnails)])


def check_tracks(tracks: Tracks) -> list[Verdict]:
    """`lost`: share of vectors that pass both checks. `camera`: how far the background goes, px."""
    share = float(tracks.trusted.mean())
    camera = camera_motion(tracks)
    return [
        Verdict("lost", share, TRUSTED_SHARE, share >= TRUSTED_SHARE),
        Verdict("camera", camera, CAMERA_PX, camera <= CAMERA_PX),
    ]


def check_fit(fit: Fit) -> list[Verdict]:
    """`no motion`: 99th percentile of the rms motion, px. `not in band`: share of energy that the harmonics hold.

    The share is taken where something moves at all, so that noise on a large still background does not count.
    """
    sure = fit.confidence > 0
    reach = float(np.percentile(fit.motion_px[sure], 99)) if sure.any() else 0.0
    inside, outside = fit.motion_px.astype(np.float64) ** 2, fit.residual_px.astype(np.float64) ** 2
    moving = sure & (inside + outside > STILL_PX**2)
    share = float(inside[moving].sum() / (inside + outside)[moving].sum()) if moving.any() else 0.0
    verdicts = [Verdict("no motion", reach, STILL_PX, reach >= STILL_PX)]
    return [*verdicts, Verdict("not in band", share, IN_BAND, share >= IN_BAND)]


def camera_motion(tracks: Tracks) -> float:
    """How far the camera takes the picture from its rest frame, px: 90th percentile over frames, 0 for a still camera.

    The motion that most vectors share is the camera's. Where it is far enough to matter and fewer than three in five
    share it, something large sways before a still camera: close-ups of flowers share it to .41-.54.
    """
    n_frames = len(tracks.displacement)
    chosen = np.unique(np.linspace(0, n_frames - 1, min(n_frames, _MOST_FRAMES)).astype(int))
    found = [dominant_affine(tracks.displacement[i], tracks.trusted[i])[1:] for i in chosen if i != tracks.rest]
    if not found:
        return 0.0
    lengths, shares = np.array(found).T
    far = lengths > CAMERA_PX
    if far.any() and np.median(shares[far]) < DOMINANT:
        return 0.0
    return float(np.percentile(lengths, 90))


def dominant_affine(flow: np.ndarray, trusted: np.ndarray):
    """The affine motion that most vectors share.

    Args:
        flow: (H, W, 2), px.
        trusted: bool (H, W).
    Returns:
        coefficients float64 (3, 2) of (1, x, y) with x, y in -1..1; its mean length over the picture, px; the share of
        trusted vectors that agree with it to .25 px or a tenth of their length. All 0 with fewer than 12 vectors.

    Re-weighted least squares from the median vector, with Geman and McClure's weight, which forgets what does not
    belong; the scale shrinks from four tolerances to one: a zoom grows from its centre, and no strip bends the fit.
    """
    height, width = trusted.shape
    y, x = np.mgrid[_STEP_PX // 2 : height : _STEP_PX, _STEP_PX // 2 : width : _STEP_PX]
    use = trusted[y, x]
    x, y = x[use], y[use]
    if len(x) < 12:
        return np.zeros((3, 2)), 0.0, 0.0
    vectors = flow[y, x].astype(np.float64)
    columns = np.stack([np.ones(len(x)), 2 * x / width - 1, 2 * y / height - 1], 1)
    affine = np.zeros((3, 2))
    affine[0] = np.median(vectors, 0)
    tolerance = _AGREES_PX + _AGREES_SHARE * np.linalg.norm(vectors, axis=1)
    for scale in np.geomspace(4, 1, _ROUNDS):
        distance = np.linalg.norm(vectors - columns @ affine, axis=1) / (scale * tolerance)
        weight = 1 / (1 + distance**2) ** 2
        normal = (columns * weight[:, None]).T @ columns + 1e-9 * np.eye(3)
        affine = np.linalg.solve(normal, (columns * weight[:, None]).T @ vectors)
    agrees = np.linalg.norm(vectors - columns @ affine, axis=1) < tolerance
    lengths = np.linalg.norm(columns @ affine, axis=1)
    return affine, float(lengths.mean()), float(agrees.mean())


def affine_field(affine: np.ndarray, height: int, width: int) -> np.ndarray:
    """The flow of an affine motion as `dominant_affine` gives it: float32 (height, width, 2), px."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    columns = np.stack([np.ones_like(x), 2 * x / width - 1, 2 * y / height - 1], -1)
    return columns @ affine.astype(np.float32)


def _correlation(a, b):
    a, b = a - a.mean(), b - b.mean()
    flat = _FLAT_LEVELS**2 * a.size
    return float(((a * b).sum() + flat) / (np.sqrt((a * a).sum() * (b * b).sum()) + flat))
