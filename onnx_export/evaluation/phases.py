"""How it moves: statistics of z on held-out scenes, for the drawn truth, white noise, the procedural z and the flow.

The truth and white noise are the two ends of every scale. Scenes are the unit of chance; flow minus procedural is
paired, scene by scene.
"""

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from gid_core.model import session
from gid_core.prediction import objects, phases, stages
from gid_core.prediction.encodings import Encoding, encode
from gid_core.prediction.request import generator
from gid_core.prediction.wind import Wind

from ..scenes import motion
from .bars import Bar, rounded
from .scenes import HELD_OUT_SEED, MOVES_PX, field, held_out
from .seeing import linear
from .speed import PAPER_STEPS
from .statistics import apart, interval

__all__ = [
    "phase_bars",
    "phase_intervals",
    "phase_rows",
    "phase_statistics",
    "sampled",
    "scene_columns",
    "scene_lead",
    "scene_mean",
    "score_phases",
    "started",
    "step_bars",
    "step_figures",
    "tabulated",
]

_FEW_CELLS, _RIGID_CELLS = 20, 6
DETAIL = 2  # times the size of the first look: scenes are seen by both looks, as photographs are
_APART = 2  # cells, between neighbours that are compared
_SEEDS = (1, 2)
_COMPARED = ("coherence", "contrast", "perpendicular", "wave")
_BARS = {
    "procedural": (("contrast", ">=", 0.5), ("coherence", ">=", 0.8)),
    "flow": (
        ("contrast", ">=", 0.6),
        ("coherence", ">=", 0.85),
        ("axis", ">=", 0.85),
        ("perpendicular", "<=", 0.12),
        ("diversity", ">=", 0.8),
    ),
}


def _agreement(a, b):
    """|<a, b>| / |a||b| over harmonics and axes: a, b (K, n, 2)."""
    product = np.abs((a * b.conj()).sum((0, 2)))
    return product / np.sqrt((np.abs(a) ** 2).sum((0, 2)) * (np.abs(b) ** 2).sum((0, 2)) + 1e-12)


def _wholeness(u):
    """|sum over cells| against its largest possible value, a mean over harmonics: u (K, n) -> 0..1."""
    return (np.abs(u.sum(1)) / np.sqrt(u.shape[1] * (np.abs(u) ** 2).sum(1) + 1e-12)).mean()


def phase_statistics(z, maps, wind=None) -> dict:
    """What a z complex (K, h, w, 2) is worth on a scene with known maps (fields, h, w) of the flow grid.

    coherence: inside rigid objects, 1 is whole. same, different: agreement of cells 2 apart in one rigid object and
    across two objects; rms, perpendicular: energy along and across the true axis; axis: agreement of the axis over
    harmonics. wave, given the true wind (dx, dy, px a second): fit of the motion along the axis to a carrier that
    travels with it, read where the gust takes hold of a cell (an object's root, or the place itself in a field);
    1 is one wave through all, over all harmonics and without the response's phase. Empty when nothing moves.
    """
    alive = field(maps, "amplitude") > MOVES_PX
    if alive.sum() < _FEW_CELLS:
        return {}
    name, rigid = field(maps, "object").astype(int), alive & (field(maps, "is_field") < 0.5)
    along, across = _about_axis(z, maps)
    found = {
        "rms": np.sqrt((np.abs(along[:, alive]) ** 2).mean()),
        "perpendicular": np.sqrt((np.abs(across[:, alive]) ** 2).mean()),
        "axis": _axis_agreement(z[:, alive]),
        "coherence": _coherence(along, name, rigid),
        "same": _neighbours_agree(z, name, rigid, alive, is_same=True),
        "different": _neighbours_agree(z, name, rigid, alive, is_same=False),
    }
    if wind is not None:
        found["wave"] = _wave(along, maps, wind, alive)
    return {key: float(value) for key, value in found.items() if value is not None}


def _about_axis(z, maps):
    """(motion along, motion across each cell's true axis), complex (K, h, w)."""
    dx, dy = field(maps, "dx"), field(maps, "dy")
    return z[..., 0] * dx + z[..., 1] * dy, z[..., 1] * dx - z[..., 0] * dy


def _axis_agreement(cells):
    """How far the harmonics of a cell swing along one axis: cells (K, n, 2) -> a mean over cells, 0..1."""
    phase = np.angle(cells[..., 0] ** 2 + cells[..., 1] ** 2) / 2  # at which a harmonic is at the end of its ellipse
    end = (cells * np.exp(-1j * phase)[..., None]).real
    angle, strength = np.arctan2(end[..., 1], end[..., 0]), (np.abs(cells) ** 2).sum(-1)
    return (np.abs((strength * np.exp(2j * angle)).sum(0)) / (strength.sum(0) + 1e-12)).mean()


def _wave(along, maps, wind, alive):
    """Fit of the motion to a carrier that travels with the wind (dx, dy, px a second)."""
    delay_s = (field(maps, "anchor_x") * wind[0] + field(maps, "anchor_y") * wind[1]) / wind[2]
    turns = np.asarray(motion.FREQUENCIES)[:, None, None] * delay_s
    return _wholeness((along * np.exp(2j * np.pi * turns))[:, alive])


def _coherence(along, name, rigid):
    """Wholeness of rigid objects of a few cells or more, a mean over them; None without any."""
    members = [rigid & (name == number) for number in np.unique(name[rigid])]
    found = [_wholeness(along[:, cells]) for cells in members if cells.sum() >= _RIGID_CELLS]
    return np.mean(found) if found else None


def _neighbours_agree(z, name, rigid, alive, *, is_same):
    """Mean agreement of living cells 2 apart, in one rigid object or across two objects; None without any."""
    found = []
    for down, right in ((0, _APART), (_APART, 0)):
        there, here = motion.shifted(np.moveaxis(z, -1, 0), down, right)
        (alive_there, alive_here), (name_there, name_here) = (motion.shifted(x, down, right) for x in (alive, name))
        pairs = alive_there & alive_here & ((name_there == name_here) == is_same)
        if is_same:
            pairs = pairs & motion.shifted(rigid, down, right)[0]
        found.extend(_agreement(*(np.moveaxis(side[..., pairs], 0, -1) for side in (there, here))))
    return np.mean(found) if found else None


def sampled(model, seen: Encoding, wind: Wind, seed: int, steps: int):
    """(procedural z, z of the flow), complex (K, h, w, 2) on its cells, before they are finished."""
    z = phases.procedural(seen.groups, seen.frequencies, wind, generator(seed, "motion"))
    begin = stages.start(model.card, seen.groups, wind, seed)
    return z, stages.flow(model, seen.condition, begin, wind, steps)


def strongest(z, strength):
    """z (K, 2h, 2w, 2) of the cell of each 2 x 2 that moves farthest: (K, h, w, 2); strength (2h, 2w)."""
    h, w = (n // 2 for n in strength.shape)
    cell = strength.reshape(h, 2, w, 2).transpose(0, 2, 1, 3).reshape(h, w, 4).argmax(-1)
    rows, columns = np.indices((h, w))
    return z[:, 2 * rows + cell // 2, 2 * columns + cell % 2]


def started(model, groups: objects.Groups, wind: Wind, seed: int):
    """The z at which the flow starts: procedural, each part of an object partly for itself."""
    return phases.from_reals(stages.start(model.card, groups, wind, seed))


def _white(shape, seed):
    return generator(seed, "white").standard_normal((*shape, 2)) @ [1, 1j] / np.sqrt(2)


@dataclass(frozen=True, eq=False)
class _Scene:
    """A held-out scene as the model sees it, and its truth on the flow's cells: maps (fields, h, w), and how far the
    cells half as wide move, (2h, 2w)."""

    model: session.Model
    seen: Encoding
    maps: np.ndarray
    strength: np.ndarray
    told: Wind

    def sampled(self, seed, steps):
        return sampled(self.model, self.seen, self.told, seed, steps)

    def as_run(self, zs):
        """z of each of _SEEDS as a motion takes it, on the flow's cells: of finer ones that which moves farthest."""
        found = [self.seen.finished(z, self.told, seed) for z, seed in zip(zs, _SEEDS, strict=True)]
        return [f if f.shape == z.shape else strongest(f, self.strength) for f, z in zip(found, zs, strict=True)]

    def statistics(self, z, other):
        """`phase_statistics` of z, with its diversity from the z of another seed; empty when nothing moves."""
        found = phase_statistics(z, self.maps, (self.told.dx, self.told.dy, self.told.speed))
        if not found:
            return {}
        alive = field(self.maps, "amplitude") > MOVES_PX
        difference = (np.abs((z - other)[:, alive]) ** 2).mean()
        power = (np.abs(z[:, alive]) ** 2).mean() + (np.abs(other[:, alive]) ** 2).mean()
        return {**found, "diversity": float(difference / power)}


def _seen(model, scene):
    fine = motion.coarse(torch.from_numpy(scene.maps)[None])
    maps, strength = motion.coarse(fine)[0].numpy(), field(fine[0], "amplitude").numpy()
    seen = encode(model, linear(Image.fromarray(scene.image)))
    return _Scene(model, seen, maps, strength, Wind(*map(float, scene.wind)))


def _drawn(scene, seed):
    """The true motion of a scene at a seed: z (K, h, w, 2)."""
    maps = motion.coarse(motion.coarse(torch.from_numpy(scene.maps)[None]))
    wind = torch.from_numpy(scene.wind)[None]
    axis = np.stack([field(maps[0], "dx").numpy(), field(maps[0], "dy").numpy()], -1)
    return motion.draw(maps, wind, torch.Generator().manual_seed(seed))[0].numpy()[..., None] * axis


def phase_rows(model, count: int = 24, step_counts=(1, 2, 4, 8, 16), first: int = HELD_OUT_SEED) -> dict:
    """{kind of z: [statistics of a scene, ...]}, the same scenes in every list; diversity 1: seeds are independent."""
    rows = {}
    for scene in held_out(count, first, DETAIL):
        seen = _seen(model, scene)

        def note(kind, pair, seen=seen):
            statistics = seen.statistics(*pair)
            if statistics:
                rows.setdefault(kind, []).append(statistics)

        note("truth", [_drawn(scene, seed) for seed in _SEEDS])
        for steps in step_counts:
            start, flow = zip(*(seen.sampled(seed, steps) for seed in _SEEDS), strict=True)
            if steps == step_counts[0]:
                note("noise", [_white(start[0].shape, seed) for seed in _SEEDS])
                note("procedural", start)
                note("procedural, as run", seen.as_run(start))
                starts = [started(model, seen.seen.groups, seen.told, seed) for seed in _SEEDS]
                note("start, as run", seen.as_run(starts))
            note(f"flow, {steps} steps", flow)
            if steps == model.card.steps:
                note(f"flow, {steps} steps, as run", seen.as_run(flow))
    return rows


def step_figures(model, count: int = 24, reference: int = PAPER_STEPS, first: int = HELD_OUT_SEED) -> dict:
    """Does the default number of steps cost anything: {statistic: {few, many, lead [few - many, low, high]}}, as run.

    The same scenes, seeds and starts; 95 % of draws of scenes. reference: the many steps.
    """
    few, many = [], []
    for scene in held_out(count, first, DETAIL):
        seen = _seen(model, scene)
        for rows, steps in ((few, model.card.steps), (many, reference)):
            statistics = seen.statistics(*seen.as_run([seen.sampled(seed, steps)[1] for seed in _SEEDS]))
            if statistics:
                rows.append(statistics)
    if not few:
        return {}
    found = {}
    for key in (*_COMPARED, "diversity"):
        of_few, of_many = scene_columns(few, key), scene_columns(many, key)
        found[key] = {"few": scene_mean(of_few), "many": scene_mean(of_many), "lead": scene_lead(of_few, of_many)}
    return rounded({"steps": model.card.steps, "reference_steps": reference, "scenes": len(few), **found}, 3)


def step_bars(figures) -> list:
    """The default number of steps is not worse than the many by more than the interval: its better end reaches 0."""
    bars = []
    for key in _COMPARED:
        if key in figures:
            _, low, high = figures[key]["lead"]
            is_less_better = key == "perpendicular"
            name = f"{key}, {figures['steps']} steps less {figures['reference_steps']}: better end of the interval"
            bars.append(Bar(name, low if is_less_better else high, "<=" if is_less_better else ">=", 0))
    return bars


def tabulated(rows) -> dict:
    """Mean statistics by the kind of z, over the scenes that have them; contrast is same minus different."""
    table = {}
    for kind, found in rows.items():
        keys = sorted({key for row in found for key in row})
        table[kind] = {key: round(float(np.mean([r[key] for r in found if key in r])), 3) for key in keys}
        if "same" in table[kind] and "different" in table[kind]:
            table[kind]["contrast"] = round(table[kind]["same"] - table[kind]["different"], 3)
    return table


def score_phases(model, count: int = 24, step_counts=(1, 2, 4, 8, 16)) -> dict:
    """`tabulated` statistics over `count` held-out scenes, by the kind of z."""
    return tabulated(phase_rows(model, count, step_counts))


def scene_columns(rows, key) -> list:
    """What `apart` tells a statistic of scenes from: its values (n,), NaN where a scene has none. Two for contrast."""
    keys = ("same", "different") if key == "contrast" else (key,)
    return [np.array([row.get(key, np.nan) for row in rows], float) for key in keys]


def scene_mean(told) -> float:
    """The mean statistic of scenes, of its `scene_columns`; NaN where no scene has it."""
    known = all(np.isfinite(column).any() for column in told)
    return float(apart(*told)) if known else float("nan")


def scene_lead(ours, theirs) -> list:
    """[ours less theirs, low, high] of `scene_columns` of the same scenes, drawn alike."""
    return [scene_mean(ours) - scene_mean(theirs), *interval(*ours, *theirs)]


def phase_intervals(rows) -> dict:
    """95 % intervals over scenes: {kind: {statistic: [low, high]}} and, paired, "lead": flow minus procedural."""
    if not rows.get("truth"):
        return {}
    told = {kind: {key: scene_columns(found, key) for key in _COMPARED} for kind, found in rows.items()}
    spans = {kind: {key: interval(*told[kind][key]) for key in _COMPARED} for kind in rows}
    ahead = {}
    for kind in rows:
        if kind.startswith("flow"):
            start = "procedural, as run" if kind.endswith("as run") else "procedural"
            ahead[kind] = {key: scene_lead(told[kind][key], told[start][key]) for key in _COMPARED}
    return rounded({**spans, "lead": ahead}, 3)


def phase_bars(table, intervals) -> list:
    """What the procedural z and the flow must reach as they run. The flow must be no less whole than the procedural z,
    and lead it on contrast and wave by more than the interval.

    table: of `tabulated`; intervals: of `phase_intervals`.
    """
    bars = []
    for kind in (kind for kind in table if kind.endswith("as run")):
        for key, sense, limit in _BARS.get(kind.split(",")[0], ()):
            bars.append(Bar(f"{key}, {kind}", table[kind].get(key, np.nan), sense, limit, intervals[kind].get(key)))
    for kind, lead in intervals.get("lead", {}).items():
        if kind.endswith("as run"):
            figure, *span = lead["coherence"]
            bars.append(Bar(f"coherence, {kind}, minus procedural", figure, ">=", 0, span))
            for key in ("contrast", "wave"):
                bars.append(Bar(f"{key}, {kind}, less procedural: low end of the interval", lead[key][1], ">=", 0))
    return bars
