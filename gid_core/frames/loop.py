"""A loop, whole: all that a frame depends on, as a value that other processes can be handed.

A frame is a pure function of this and of its number. Arrays travel as plain .npy files that are mapped, not copied, so
that many processes share one still.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..errors import SettingsError
from ..model.card import default_folder, read_card
from ..motion.pluck import GENTLE, Damping, Pluck
from ..motion.timeline import LoopPlan
from ..motion.volume import SpectralVolume
from .best import BestRenderer
from .network import NetworkRenderer
from .renderer import LoopRenderer

__all__ = ["QUALITIES", "Loop", "renderer_class"]

QUALITIES = ("core", "best", "network")
_RENDERERS = {"core": LoopRenderer, "best": BestRenderer, "network": NetworkRenderer}
_FACTS = "loop.json"
# Raise it whenever any renderer gives other pixels for the same loop: a bake begun before must not be gone on with.
_PICTURE = 3


@dataclass(frozen=True)
class Loop:
    """What is rendered.

    still: float32 (H, W, 3|4), linear, premultiplied. amount, front, plate, kin, plucks, damping and fps: as
    `LoopRenderer` takes them. quality: one of `QUALITIES`.
    """

    still: np.ndarray
    volume: SpectralVolume
    plan: LoopPlan
    amount: float | tuple[float, ...] = 1.0
    front: np.ndarray | None = None
    plate: np.ndarray | Literal[False] | None = None
    quality: str = "core"
    plucks: tuple[Pluck, ...] = ()
    damping: Damping = GENTLE
    fps: Fraction | None = None
    kin: np.ndarray | None = None

    @classmethod
    def of(cls, prepared, quality: str = "core") -> "Loop":
        """The loop of whatever has a `photo`, a `volume` and a `plan`, such as `animate.Prepared`."""
        return cls(prepared.photo, prepared.volume, prepared.plan, quality=quality)

    def renderer(self) -> LoopRenderer:
        """Whatever renders this loop: `frame(n)`, `displacement(n)` and `front`.

        Raises:
            SettingsError: no such quality, or the plan does not fit the volume.
        """
        return renderer_class(self.quality)(
            self.still,
            self.volume,
            self.plan,
            amount=self.amount,
            front=self.front,
            plate=self.plate,
            kin=self.kin,
            plucks=self.plucks,
            damping=self.damping,
            fps=self.fps,
        )

    def save(self, folder) -> None:
        """Write it into an existing folder."""
        folder = Path(folder)
        arrays, facts = self._parts()
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array, allow_pickle=False)
        (folder / _FACTS).write_text(json.dumps({**facts, "arrays": sorted(arrays)}), encoding="utf-8")

    @classmethod
    def load(cls, folder) -> "Loop":
        """What `save` wrote there."""
        folder = Path(folder)
        facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in facts["arrays"]}
        volume = {name.removeprefix("volume_"): a for name, a in arrays.items() if name.startswith("volume_")}
        plan: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in facts["plan"].items()
        }
        return cls(
            arrays["still"],
            SpectralVolume(**volume, border=facts["border"]),
            LoopPlan(**plan),
            tuple(facts["amount"]) if isinstance(facts["amount"], list) else facts["amount"],
            arrays.get("front"),
            arrays.get("plate", facts["plate"]),
            facts["quality"],
            tuple(Pluck(state, time_s) for state, time_s in zip(arrays["plucks"], facts["pluck_times"], strict=True)),
            Damping(**facts["damping"]),
            None if facts["fps"] is None else Fraction(facts["fps"]),
            arrays.get("kin"),
        )

    def digest(self) -> str:
        """Equal for loops whose frames are equal, drawn by the same version of the renderers.

        Raises:
            ModelError: the quality needs networks that are not there.
        """
        arrays, facts = self._parts()
        facts["picture"] = _PICTURE
        if roles := renderer_class(self.quality).roles:
            facts["graphs"] = read_card(default_folder(), roles).sha256(roles)
        found = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
        for name, array in sorted(arrays.items()):
            found.update(f"{name} {array.dtype} {array.shape}".encode())
            found.update(np.ascontiguousarray(array).data)
        return found.hexdigest()

    def _parts(self):
        """Arrays by name, and the rest, JSON-ready."""
        states = [one.state for one in self.plucks]
        arrays = {
            "still": np.asarray(self.still, np.float32),
            "plucks": np.array(states, np.complex128).reshape(len(states), self.volume.n_freqs),
        }
        for field in fields(self.volume):
            value = getattr(self.volume, field.name)
            if isinstance(value, np.ndarray):
                arrays["volume_" + field.name] = value
        for name in ("front", "plate", "kin"):
            if isinstance(getattr(self, name), np.ndarray):
                arrays[name] = getattr(self, name)
        plate = False if self.plate is False else None
        facts = {
            "plan": asdict(self.plan),
            "border": float(self.volume.border),
            "amount": self.amount if isinstance(self.amount, tuple) else float(self.amount),
            "plate": plate,
            "quality": self.quality,
            "pluck_times": [float(one.time_s) for one in self.plucks],
            "damping": asdict(self.damping),
            "fps": None if self.fps is None else str(self.fps),
        }
        return arrays, facts


def renderer_class(quality: str) -> type[LoopRenderer]:
    """The class that renders loops of a quality.

    Raises:
        SettingsError: there is none.
    """
    if quality not in _RENDERERS:
        raise SettingsError(f"there is no renderer {quality!r}: choose {' or '.join(_RENDERERS)}")
    return _RENDERERS[quality]
