"""What a run of the training is asked for: configs/NAME.toml, one file a run, read into these dataclasses.

Every setting of a section stands in the file, so that the file alone tells what was trained; a section that a run does
without (the paper's recipe has no `where`) is left out as a whole.
"""

import math
import tomllib
import types
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import get_args, get_origin, get_type_hints

from gid_core.errors import SettingsError

from ..networks.renderer import Drawing
from ..scenes.painting import HELD_OUT_SEED, THIN_SEED

__all__ = ["CONFIGS", "Settings", "Variant", "load"]

CONFIGS = Path(__file__).parent.parent / "configs"


@dataclass(frozen=True)
class Scenes:
    """How many scenes are painted, from which seed on."""

    count: int
    thin: int
    first: int

    def __post_init__(self):
        if self.first + self.count > THIN_SEED or THIN_SEED + self.first + self.thin > HELD_OUT_SEED:
            raise SettingsError(
                f"seeds from first = {self.first} on are those of other scenes: choose a first from 0 to "
                f"{THIN_SEED - 10**5}, or fewer scenes"
            )

    @property
    def seeds(self):
        return range(self.first, self.first + self.count)

    @property
    def thin_seeds(self):
        return range(THIN_SEED + self.first, THIN_SEED + self.first + self.thin)


@dataclass(frozen=True)
class Photographs:
    """Masked pictures kept from the training; crops of still pictures; composites."""

    held_out: int
    still: int
    composite: int


@dataclass(frozen=True)
class Optimiser:
    """decay of weights a step, in units of the rate; average: decay of the averaged weights; clip: the longest
    gradient; checkpoint_s: seconds between two checkpoints."""

    decay: float
    average: float
    clip: float
    warm_up_steps: int
    checkpoint_s: float


@dataclass(frozen=True)
class SceneRows:
    """Rows of a batch by where its scenes come from; rendered ones are thin ones where none were rendered."""

    painted: int
    thin: int
    rendered: int


@dataclass(frozen=True)
class PhotographRows:
    """Rows of a batch by dataset.KINDS, as far as there are any."""

    flower: int
    other: int
    still: int
    composite: int
    filmed: int
    guessed: int


@dataclass(frozen=True)
class WhereLoss:
    """Weights beside that of `alive`, which is 1.

    envelope: of sqrt(E / s) of a scene; reach: of the logarithm of its RMS; kind: of how far what a hand mask says
    moves is from what its kind lets expect, or under floor_px (px RMS) where no kind is known; smooth: of its bends
    over f. least_part, least_part_gain: what moves in less than this part of a picture counts as if it filled it, at
    most so many times.
    """

    envelope: float
    reach: float
    kind: float
    floor_px: float
    smooth: float
    least_part: float
    least_part_gain: float


@dataclass(frozen=True)
class Where:
    """minutes of `where`; longer_minutes of `reach`, the same network trained on."""

    minutes: float
    longer_minutes: float
    rate: float
    scenes: SceneRows
    photographs: PhotographRows
    loss: WhereLoss


@dataclass(frozen=True)
class GroupLoss:
    """shape: weight of the objects' shape; movers: of pairs of cells that both move."""

    shape: float
    movers: float


@dataclass(frozen=True)
class Group:
    """rate: from nothing; rate_on: from a trained network."""

    minutes: float
    rate: float
    rate_on: float
    scenes: SceneRows
    loss: GroupLoss


@dataclass(frozen=True)
class Border:
    """The closer look at objects. scenes: painted for it; batch: quarters of them; beside: how much more a place counts
    that lies within a cell of another object, faint: what stands."""

    minutes: float
    rate: float
    scenes: int
    batch: int
    beside: float
    faint: float


@dataclass(frozen=True)
class FlowLoss:
    """tear: weight of the error's differences between neighbours; objects: of losses.object_loss."""

    tear: float
    objects: float


_CHOICES = {
    "latent": ("motion", "volume"),
    "objective": ("flow", "noise"),
    "start": ("coupled", "white"),
    "normalisation": ("complex", "plain", "signed"),
}


@dataclass(frozen=True)
class Variant:
    """What a flow learns.

    latent: "motion", z, to be multiplied by the encoder's envelope E, or "volume", S = E z itself; objective: "flow",
    the rectified flow's velocity, or "noise", as in the paper; start: "coupled" or "white" noise; normalisation: of a
    volume, see experiments/normalise.py; is_joint: all 4 n_freqs channels in one pass; has_attention: over the
    harmonics, trained in the second half of the time; is_object_aware: losses.object_loss helps. The shipped flow by
    default.
    """

    latent: str = "motion"
    objective: str = "flow"
    start: str = "coupled"
    normalisation: str = "complex"
    n_freqs: int = 16
    is_joint: bool = False
    has_attention: bool = False
    is_object_aware: bool = True

    def __post_init__(self):
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise SettingsError(f"{name} is {getattr(self, name)!r}: choose from {', '.join(choices)}")


@dataclass(frozen=True)
class Flow:
    """batch, filmed: rows of scenes, and of filmed clips if there are any; slices: harmonics of a step, by chance (they
    share all weights: 6 of 16 train 2.7 times faster); untold: part of the rows whose wind is not told; start_noise:
    white noise on the procedural start, so that no start is special (more costs contrast)."""

    minutes: float
    rate: float
    rate_on: float
    batch: int
    filmed: int
    slices: int
    untold: float
    start_noise: float
    loss: FlowLoss
    variant: Variant


@dataclass(frozen=True)
class Refine:
    """alive, envelope: weights of what the network said before; frozen: parts of it that stay as they are."""

    where_minutes: float
    reach_minutes: float
    rate: float
    alive: float
    envelope: float
    frozen: tuple[str, ...]
    scenes: SceneRows


@dataclass(frozen=True)
class OutlineRows:
    """Rows of a batch by outline.KINDS, as far as there are any."""

    scene: int
    composite: int
    flower: int
    other: int
    still: int


@dataclass(frozen=True)
class Outline:
    """The closer look. minutes, rate: from `where`; minutes_on, rate_on: from a trained one; scenes, walled (before a
    wall), composite, still: pictures made for it; rows: of a batch."""

    minutes: float
    minutes_on: float
    rate: float
    rate_on: float
    scenes: int
    walled: int
    composite: int
    still: int
    rows: OutlineRows


@dataclass(frozen=True)
class RendererLoss:
    """Weights beside that of the colours' mean error, which is 1: of the error of gradients, of the features,
    of how much detail there is, and of the difference of two neighbouring frames."""

    gradients: float
    features: float
    detail: float
    flicker: float


@dataclass(frozen=True)
class Renderer:
    """The network that draws frames. row_steps: of each row of the table; scenes: drawn for it; batch: scenes of a
    step, two frames each; crop: side, px, a multiple of 32."""

    steps: int
    row_steps: int
    rate: float
    scenes: int
    batch: int
    crop: int
    loss: RendererLoss
    drawing: Drawing


@dataclass(frozen=True)
class Settings:
    """One run; a section that it does without is None."""

    seed: int
    optimiser: Optimiser
    scenes: Scenes | None = None
    photographs: Photographs | None = None
    where: Where | None = None
    groups: Group | None = None
    borders: Border | None = None
    flow: Flow | None = None
    refine: Refine | None = None
    outline: Outline | None = None
    renderer: Renderer | None = None


def load(name) -> Settings:
    """The run of configs/NAME.toml, or of a .toml file anywhere.

    Raises:
        SettingsError: there is no such file, it is no TOML, or a setting is missing, unknown or not of its kind.
    """
    path = Path(name) if str(name).endswith(".toml") else CONFIGS / f"{name}.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        known = ", ".join(sorted(p.stem for p in CONFIGS.glob("*.toml")))
        raise SettingsError(f"there is no run {name}: choose from {known}, or give a .toml file") from error
    except ValueError as error:
        raise SettingsError(f"{path} is not TOML: {error}") from error
    return _read(Settings, table, path.name)


def _read(kind, table, place):
    """A dataclass of a TOML table; place: what messages call it."""
    if not isinstance(table, dict):
        raise SettingsError(f"{place} has to be a section, not {table!r}")
    known = {field.name for field in fields(kind)}
    types_of = get_type_hints(kind)
    unknown = [name for name in table if name not in known]
    if unknown:
        raise SettingsError(f"{place} has no setting {unknown[0]}: choose from {', '.join(sorted(known))}")
    found = {}
    for name in types_of:
        optional = get_origin(types_of[name]) is types.UnionType
        wanted = get_args(types_of[name])[0] if optional else types_of[name]
        if name in table:
            found[name] = _value(wanted, table[name], f"{place}: {name}")
        elif not optional:
            raise SettingsError(f"{place} lacks the setting {name}: write it down, as configs/shipped.toml does")
    try:
        return kind(**found)
    except SettingsError as error:
        raise SettingsError(f"{place}: {error}") from error


def _value(wanted, value, place):
    if is_dataclass(wanted):
        return _read(wanted, value, place)
    if wanted is float and type(value) is int:
        value = float(value)
    if get_origin(wanted) is tuple:
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise SettingsError(f"{place} has to be a list of texts, not {value!r}")
    if type(value) is not wanted:
        named = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}[wanted]
        raise SettingsError(f"{place} has to be {named}, not {value!r}")
    if wanted in (int, float) and not 0 <= value < math.inf:
        raise SettingsError(f"{place} has to be a number from 0 on, not {value!r}")
    return value
