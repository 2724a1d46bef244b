"""The motion model, ready to run. The only module that imports onnxruntime, and only when a model is loaded.

A file is opened after its hash, its content and its signature agree with its card (card.py). The provider is chosen
by trial: one that is faster but answers differently from the CPU is worse than a slow CPU.
"""

import importlib
import os
from dataclasses import dataclass, field

import numpy as np

from ..errors import ModelError
from . import card as cards
from .contract import PAIRS

__all__ = ["Model", "load_model"]

CPU = "CPUExecutionProvider"
# In order of preference; those that this machine's onnxruntime offers are tried.
ACCELERATORS = ("CUDAExecutionProvider", "CoreMLExecutionProvider", "DmlExecutionProvider", "WebGpuExecutionProvider")
SELF_CHECK_TOLERANCE = 0.02  # of the largest value: half-precision convolutions reach 0.005, a wrong kernel is off by 1
_CHECK_SIDE = 64
_ERROR_SEVERITY = 3


@dataclass(frozen=True)
class Model:
    """A loaded model. provider: the execution provider really used; notes: why others were passed over."""

    card: cards.Card
    provider: str
    notes: tuple[str, ...] = ()
    _sessions: dict = field(default_factory=dict, repr=False)

    def encode(self, rgb: np.ndarray) -> dict[str, np.ndarray]:
        """alive, envelope, affinity, features of an sRGB-encoded picture float32 (1, 3, H, W), H and W multiples of 32.

        Raises:
            ModelError: the runtime fails, or answers with other shapes or with NaN.
        """
        height, width = rgb.shape[2:]
        quarter, eighth = (height // 4, width // 4), (height // 8, width // 8)
        names = cards.SIGNATURES["encoder"][1]
        found = dict(zip(names, _run(self._sessions["encoder"], names, {"rgb": rgb}), strict=True))
        _expect("alive", found["alive"], (1, 1, *quarter))
        _expect("envelope", found["envelope"], (1, len(self.card.frequencies), *quarter))
        pairs = min(max(found["affinity"].shape[1], 2), len(PAIRS))
        _expect("affinity", found["affinity"], (1, pairs, *eighth))
        _expect("features", found["features"], (1, found["features"].shape[1], *eighth))
        return found

    def velocity(self, z: np.ndarray, t: float, condition: dict[str, np.ndarray]) -> np.ndarray:
        """Velocity of the rectified flow at time t for z float32 (1, K, 4, h, w).

        condition: envelope, affinity, features, wind as the flow's inputs.

        Raises:
            ModelError: the runtime fails, or answers with another shape or with NaN.
        """
        inputs = {"z": z, "t": np.array([t], np.float32), **condition}
        (velocity,) = _run(self._sessions["flow"], ("velocity",), inputs)
        _expect("velocity", velocity, z.shape)
        return velocity


def load_model(path=None) -> Model:
    """The model of a folder (or of a card file), verified, on the best provider that passes its self-check.

    Args:
        path: None for the shipped model.
    Raises:
        ModelError: a file is missing, altered or unfit, or onnxruntime does not load here.
    """
    card = cards.read_card(cards.default_folder() if path is None else path)
    contents = {part: cards.read_verified(card, part) for part in cards.SIGNATURES}
    onnxruntime = _import_onnxruntime()
    on_cpu = Model(card, CPU, (), _open(onnxruntime, contents, CPU))
    offered = onnxruntime.get_available_providers()
    notes = []
    for provider in ACCELERATORS:
        if provider not in offered:
            continue
        try:
            candidate = Model(card, provider, tuple(notes), _open(onnxruntime, contents, provider))
            difference = _difference(candidate, on_cpu)
        except ModelError as error:
            notes.append(f"{provider} was passed over: {error}")
            continue
        if difference <= SELF_CHECK_TOLERANCE:
            return candidate
        notes.append(f"{provider} was passed over: it differs from the CPU by {difference:.2g}")
    return Model(card, CPU, tuple(notes), on_cpu._sessions)


def _import_onnxruntime():
    # Imported here and not above: it takes half a second, and a broken wheel must leave all else working.
    try:
        onnxruntime = importlib.import_module("onnxruntime")
        onnxruntime.disable_telemetry_events()
    except Exception as error:  # a native library fails to load in its own ways; all of them mean the same here
        raise ModelError(
            f"onnxruntime does not load here ({type(error).__name__}: {error}): "
            "install the add-on again, or use the physics prior"
        ) from error
    return onnxruntime


def _open(onnxruntime, contents, provider):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _usable_cores()
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    # The two sessions take turns: what the one leaves spinning takes cores from the other (a fifth of a prediction).
    options.add_session_config_entry("session.force_spinning_stop", "1")
    options.log_severity_level = _ERROR_SEVERITY
    providers = [provider] if provider == CPU else [provider, CPU]
    sessions = {}
    for part, content in contents.items():
        try:
            sessions[part] = onnxruntime.InferenceSession(content, options, providers=providers)
        except Exception as error:  # onnxruntime's errors share no base class of their own
            raise ModelError(f"onnxruntime cannot open the {part}: {_first_line(error)}") from error
        if sessions[part].get_providers()[0] != provider:
            raise ModelError(f"{provider} did not start")
    return sessions


def _run(session, names, inputs):
    try:
        return session.run(list(names), inputs)
    except Exception as error:  # onnxruntime's errors share no base class of their own
        raise ModelError(f"the model failed while running: {_first_line(error)}") from error


def _expect(name, value, shape):
    if value.shape != shape:
        raise ModelError(f"the model answers {name} of shape {value.shape}, expected {shape}: export it again")
    if not np.isfinite(value).all():
        raise ModelError(f"the model answers NaN in {name}: use the physics prior, or another model")


def _difference(model, reference):
    """Largest difference of two providers on a small picture and one step, relative to the largest value."""
    rng = np.random.default_rng(0)
    rgb = rng.random((1, 3, _CHECK_SIDE, _CHECK_SIDE), np.float32)
    encoded = reference.encode(rgb)
    cells = _CHECK_SIDE // 8
    z = rng.standard_normal((1, len(model.card.frequencies), 4, cells, cells), np.float32)
    envelope = encoded["envelope"].reshape(1, -1, cells, 2, cells, 2).mean((3, 5))
    condition = {
        "envelope": envelope,
        "affinity": encoded["affinity"][:, :2],
        "features": encoded["features"],
        "wind": np.array([[1, 0, 0, 1]], np.float32),
    }
    pairs = [(model.encode(rgb)[name], value) for name, value in encoded.items()]
    pairs.append((model.velocity(z, 0.5, condition), reference.velocity(z, 0.5, condition)))
    return max(float(np.abs(a - b).max() / (np.abs(b).max() + 1e-6)) for a, b in pairs)


def _first_line(error):
    return str(error).strip().split("\n", 1)[0]


def _usable_cores():
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # Windows and macOS have no affinity call
        return os.cpu_count() or 1
