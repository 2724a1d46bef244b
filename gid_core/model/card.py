"""The model card: a JSON file beside the .onnx files that says what they are; nothing else is ever opened.

A card lists any number of graphs by role (contract.SIGNATURES). A role that this version does not know is kept and
never opened, so that a newer model still serves an older program; a role that is needed and missing is an error.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import ModelError
from .contract import PREDICTION, SIGNATURES, Z_LAYOUT
from .file import inspect

__all__ = ["Card", "default_folder", "read_card", "read_verified"]

CARD_NAME = "card.json"
_MAX_CARD_BYTES = 2**20
_MAX_MODEL_BYTES = 2**29
_MAX_FREQS = 64


@dataclass(frozen=True)
class Card:
    """What a model says of itself.

    version: of the weights; another one whenever their bytes are others. scales: px of the 256-px frame.
    files: the JSON entry of each graph by its role: file, sha256, bytes, inputs, outputs.
    """

    folder: Path
    name: str
    version: str
    frequencies: tuple[float, ...]
    scales: tuple[float, ...]
    input_long_side: int
    steps: int
    start: str
    start_noise: float
    files: dict
    ops: frozenset[str]

    def sha256(self, roles=PREDICTION) -> dict[str, str]:
        """SHA-256 in hex of the files of some roles."""
        return {role: self.files[role]["sha256"] for role in roles}


def default_folder() -> Path:
    """The shipped model: `models` beside `gid_core`, in the checkout and in the installed extension alike."""
    return Path(__file__).resolve().parents[2] / "models"


def read_card(path: str | Path, needed: Sequence[str] = PREDICTION) -> Card:
    """The card of a model folder, or the card file itself.

    Args:
        needed: the roles that the caller cannot do without.
    Raises:
        ModelError: there is none, it states what no model of ours can be, or it lacks a graph that is needed.
    """
    path = Path(path)
    if path.name != CARD_NAME:
        path = path / CARD_NAME
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_CARD_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise ModelError(f"there is no motion model in {path.parent}: a model folder holds {CARD_NAME}") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"the model card {path} cannot be read: {error}") from None
    if len(content) > _MAX_CARD_BYTES:
        raise ModelError(f"the model card {path} is over 1 MiB: it is not one of ours")
    try:
        card = _card(path.parent, json.loads(content))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        detail = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise ModelError(f"the model card {path} is damaged: {detail}") from None
    missing = [role for role in needed if role not in card.files]
    if missing:
        raise ModelError(f"the model card {path} lacks {missing[0]!r}: use a model that has a graph of this role")
    return card


def read_verified(card: Card, role: str) -> bytes:
    """The bytes of the model file of a role, once size, SHA-256, content and signature agree with the card.

    Raises:
        ModelError: they do not, or the file is missing.
    """
    entry = card.files[role]
    path = card.folder / entry["file"]
    try:
        with path.open("rb") as file:
            content = file.read(entry["bytes"] + 1)
    except OSError as error:
        raise ModelError(f"the model file {path} cannot be read: {error.strerror or error}") from None
    if len(content) != entry["bytes"] or hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise ModelError(
            f"{path} is not the file that its card names (size or SHA-256 differs): install the model again"
        )
    graph = inspect(content)
    foreign = sorted(graph.ops - card.ops)
    if foreign:
        raise ModelError(f"{path} uses operators that its card does not list: {', '.join(foreign[:5])}")
    for kind, declared in (("inputs", graph.inputs), ("outputs", graph.outputs)):
        stated = {name: (tensor["type"], tensor["rank"]) for name, tensor in entry[kind].items()}
        found = {name: (tensor.type, tensor.rank) for name, tensor in declared.items()}
        if found != stated:
            raise ModelError(
                f"{path} has the {kind} {_listed(found)}, its card says {_listed(stated)}: export it again"
            )
    return content


def _listed(tensors):
    return ", ".join(f"{name} {kind} rank {rank}" for name, (kind, rank) in sorted(tensors.items())) or "none"


def _card(folder, entries):
    card = Card(
        folder=folder,
        name=str(entries["name"]),
        version=str(entries["version"]),
        frequencies=tuple(float(f) for f in entries["frequencies"]),
        scales=tuple(float(s) for s in entries["scales"]),
        input_long_side=int(entries["input_long_side"]),
        steps=int(entries["steps"]),
        start=entries["start"],
        start_noise=float(entries["start_noise"]),
        files={str(role): _file_entry(role, entry) for role, entry in entries["files"].items()},
        ops=frozenset(entries["ops"]),
    )
    numbers = (*card.frequencies, *card.scales)
    _require(1 <= len(card.frequencies) <= _MAX_FREQS, f"1 to {_MAX_FREQS} frequencies")
    _require(len(card.scales) == len(card.frequencies), "as many scales as frequencies")
    _require(all(math.isfinite(n) and n > 0 for n in numbers), "positive frequencies and scales")
    _require(list(card.frequencies) == sorted(set(card.frequencies)), "ascending frequencies")
    _require(64 <= card.input_long_side <= 1024, "an input_long_side of 64 to 1024")
    _require(1 <= card.steps <= 1000, "1 to 1000 steps")
    _require(card.start in ("procedural", "noise"), 'a start of "procedural" or "noise"')
    _require(0 <= card.start_noise <= 10, "a start_noise of 0 to 10")
    _require(entries["z_layout"] == list(Z_LAYOUT), f"the z_layout {list(Z_LAYOUT)}")
    return card


def _file_entry(role, entry):
    if role not in SIGNATURES:
        return entry
    name = entry["file"]
    _require(isinstance(name, str) and Path(name).name == name and name.endswith(".onnx"), "plain .onnx file names")
    _require(isinstance(entry["bytes"], int) and 0 < entry["bytes"] <= _MAX_MODEL_BYTES, "files of at most 512 MiB")
    _require(isinstance(entry["sha256"], str), f"the SHA-256 of the {role}")
    for kind in ("inputs", "outputs"):
        shapes, stated = getattr(SIGNATURES[role], kind), entry[kind]
        _require(set(stated) == set(shapes), f"the {kind} {', '.join(shapes)} of the {role}")
        for tensor_name, shape in shapes.items():
            tensor = stated[tensor_name]
            _require(tensor["type"] == "float32", "float32 tensors with a rank")
            _require(tensor["rank"] == len(shape), f"rank {len(shape)} for {tensor_name} of the {role}")
    return entry


def _require(holds, what):
    if not holds:
        raise ValueError(f"it must state {what}")
