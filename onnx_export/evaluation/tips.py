"""Tips of blades: painted at 1,536 px, before a sky or a wall; a tip is where its blade is 3 px wide.

Such ends are what a look at 256 px does not see. A tip is found where a prediction moves it by a quarter of what the
blades of its scene move at half of their length: else it stands while its blade bends. Scenes are the unit of chance.
"""

from dataclasses import dataclass

import numpy as np

from gid_core.files.colour import decode_srgb
from gid_core.motion import guided
from gid_core.prediction.encodings import encode

from ..scenes import painting, walls
from .bars import Bar, rounded
from .scenes import MOVES_PX
from .statistics import interval

__all__ = ["Blade", "blades", "found", "score_tips", "tip_bars"]

_DETAIL = 6  # times 256 px
_SCENES = 12
_BLADES = (5, 14)
_TIP_PX = 3 / _DETAIL  # width of a blade at what is called its tip, px of the 256-px frame
_SHARE = 0.25
_WALLED = 0.25  # of the scenes


@dataclass(frozen=True)
class Blade:
    """It runs from `root` to a point, `end`, (x, y) each, and is `width` wide at its root; px of the 256-px frame."""

    root: tuple[float, float]
    end: tuple[float, float]
    width: float

    @property
    def tip(self) -> float:
        """The part of the way from root to end at which it is 3 px of its picture wide."""
        return 1 - _TIP_PX / self.width

    def at(self, part: float) -> tuple[float, float]:
        """The place at a part of that way."""
        return tuple(a + part * (b - a) for a, b in zip(self.root, self.end, strict=True))


def blades(seed: int):
    """(picture uint8 (960, 1536, 3), its Blades)."""
    rng = np.random.default_rng([seed, 10])
    canvas = painting.Canvas(rng, detail=_DETAIL)
    if rng.random() < _WALLED:
        walls.wall(canvas)
    else:
        high, low = canvas.jitter((150, 185, 225), 40), canvas.jitter((215, 225, 235), 25)
        for step in range(32):
            y = step * painting.HEIGHT / 32
            canvas.box(0, y, painting.WIDTH, y + painting.HEIGHT / 32 + 1, high + (low - high) * step / 32)
    known, colour = [], canvas.jitter(((80, 125, 50), (170, 150, 80), (60, 95, 45))[rng.integers(3)], 20)
    for _ in range(rng.integers(*_BLADES)):
        length, x, lean = rng.uniform(45, 125), rng.uniform(20, painting.WIDTH - 20), rng.normal(0, 0.22)
        root, half = (x, painting.HEIGHT + 2.0), rng.uniform(0.8, 1.8)
        known.append(Blade(root, (x + lean * length, root[1] - length), 2 * half))
        canvas.polygon([(x - half, root[1]), (x + half, root[1]), known[-1].end], canvas.jitter(colour, 14))
    return canvas.finished().image, known


def found(motion: np.ndarray, known) -> list:
    """Of each blade, whether its tip is found in a motion (H, W), px RMS."""
    scale = motion.shape[1] / painting.WIDTH

    def read(places):
        return np.array([guided.sample(motion, y[None], x[None])[0, 0] for x, y in np.array(places) * scale - 0.5])

    middle = max(float(np.median(read([blade.at(0.5) for blade in known]))), MOVES_PX)
    return (read([blade.at(blade.tip) for blade in known]) >= _SHARE * middle).tolist()


def score_tips(model, count: int = _SCENES, first: int = painting.HELD_OUT_SEED) -> dict:
    """{"scenes", "tips", "recall", "recall_interval"}; recall: a mean over scenes."""
    rows = []
    for seed in range(first, first + count):
        image, known = blades(seed)
        photo = decode_srgb(image.astype(np.float32) / 255).astype(np.float32)
        rows.append(found(np.sqrt((encode(model, photo).envelope ** 2).sum(0)), known))
    recall = [np.mean(row) for row in rows]
    figures = {"scenes": count, "tips": sum(map(len, rows)), "recall": np.mean(recall)}
    return rounded({**figures, "recall_interval": interval(recall)}, 3)


def tip_bars(figures) -> list:
    """figures: of `score_tips`."""
    return [Bar("tips of blades found at 1,536 px", figures["recall"], ">=", 0.8, figures["recall_interval"])]
