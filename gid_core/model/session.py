"""The motion model, ready to run. The only module that imports onnxruntime, and only when a model is loaded.

A file is opened after its hash, its content and its signature agree with its card (card.py). The provider is chosen
by trial, a graph at a time: one whose answer to a small input is off the CPU's by more than 2 % of its largest value is
passed over, and a note says so. What was opened is kept for the life of the process, for the next prediction.

On the CPU a graph whose signature names an axis `apart` runs in parts of it, a thread each: two threads that share
every operator wait for each other two hundred times a step. Each part gives the bytes that it has in the whole.
"""

import contextlib
import importlib
import importlib.metadata
import io
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import ModelError
from . import card as cards
from .contract import PAIRS, PREDICTION, SIGNATURES, bind, sized

__all__ = ["Model", "available_providers", "load_model"]

CPU, CUDA, DIRECTML = "CPUExecutionProvider", "CUDAExecutionProvider", "DmlExecutionProvider"
# In order of preference; those that this machine's onnxruntime offers are tried.
ACCELERATORS = (CUDA, "CoreMLExecutionProvider", DIRECTML, "WebGpuExecutionProvider")
SELF_CHECK_TOLERANCE = 0.02  # of the largest value: half-precision convolutions reach 0.005, a wrong kernel is off by 1
_CHECK_SIZES = {"H": 64, "W": 64, "h": 8, "w": 8}
_ERROR_SEVERITY, _FATAL_SEVERITY = 3, 4  # of onnxruntime
_KEPT = 8  # graphs that stay open: those that predict of two models, some 60 MB each with what they need to run
_PARTS_A_CORE = 2  # of an axis `apart`: on a machine that has other work, too, no core waits long for the last part

_graphs: OrderedDict = OrderedDict()  # (folder, role, sha256) -> _Graph, the one used last at the end
_lock = threading.RLock()
_silence = threading.Lock()  # standard output belongs to the whole process
# How CUDA, DirectML, onnxruntime's own arena and C++ say that memory is at its end.
_SHORT = re.compile(r"out of memory|failed to allocate|not enough memory|bad alloc|8007000E", re.IGNORECASE)
_OLDEST = (1, 23)  # of onnxruntime: what all add-ons bring lands in one folder, and the last one in wins


@dataclass(frozen=True)
class _Graph:
    """An open session; provider: the one that runs it; notes: why others were passed over, a sentence each."""

    session: object
    provider: str
    notes: tuple[str, ...]


class Model:
    """The graphs of a card by role, each opened at its first use; made by `load_model`."""

    def __init__(self, card: cards.Card, roles=PREDICTION):
        self.card = card
        self._roles = tuple(roles)  # used so far

    @property
    def provider(self) -> str:
        """The execution provider that runs the graphs in use; by role where they differ."""
        by_role = {role: _opened(self.card, role).provider for role in self._roles}
        if len(set(by_role.values())) == 1:
            return next(iter(by_role.values()))
        return ", ".join(f"{provider} ({role})" for role, provider in by_role.items())

    @property
    def notes(self) -> tuple[str, ...]:
        """Why providers that this machine offers do not run the graphs in use, a sentence each."""
        found = [note for role in self._roles for note in _opened(self.card, role).notes]
        return tuple(dict.fromkeys(found))

    def run(self, role: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The outputs of a graph by name, of the shapes that its signature gives, all finite.

        A provider that fails in the middle of the work is given up for the CPU, with a note.

        Raises:
            ModelError: the card has no such graph, it fails, or it answers with other shapes or with NaN.
        """
        if role not in self._roles:
            self._roles = (*self._roles, role)
        graph = _opened(self.card, role)
        sizes = _sizes(role, inputs, self.card)
        try:
            return _run_apart(graph, role, inputs, sizes)
        except ModelError as error:
            if graph.provider == CPU:
                raise
            note = f"{graph.provider} was given up for the {role}: {error}"
            return _run_apart(_fall_back(self.card, role, note), role, inputs, sizes)

    def encode(self, rgb: np.ndarray) -> dict[str, np.ndarray]:
        """alive, envelope, affinity, features of an sRGB-encoded picture float32 (1, 3, H, W), H and W multiples of 32.

        Raises:
            ModelError: see `run`.
        """
        found = self.run("encoder", {"rgb": rgb})
        pairs = found["affinity"].shape[1]
        if not 2 <= pairs <= len(PAIRS):
            raise ModelError(
                f"the model answers {pairs} pairs of affinity, expected 2 to {len(PAIRS)}: export it again"
            )
        return found

    def velocity(self, z: np.ndarray, t: float, condition: dict[str, np.ndarray]) -> np.ndarray:
        """Velocity of the rectified flow at time t for z float32 (1, S, 4, h, w).

        condition: the flow's other inputs, wind, envelope, slices, entry, bonds.

        Raises:
            ModelError: see `run`.
        """
        return self.run("flow", {"z": z, "t": np.array([t], np.float32), **condition})["velocity"]


def load_model(path: str | Path | None = None, roles: Sequence[str] = PREDICTION) -> Model:
    """The model of a folder (or of a card file), verified, on the best providers that pass their self-check.

    Args:
        path: None for the shipped model.
        roles: the graphs to open now; others are opened when they are first run.
    Raises:
        ModelError: a file is missing, altered or unfit, or onnxruntime does not load here.
    """
    card = cards.read_card(cards.default_folder() if path is None else path, roles)
    with _lock:
        # Every file is checked before onnxruntime sees the first.
        contents = {role: cards.read_verified(card, role) for role in roles if _key(card, role) not in _graphs}
        with ThreadPoolExecutor(_usable_cores()) as threads:  # side by side: a graph is opened by one core
            chosen = threads.map(lambda role: _chosen(role, contents[role], card), contents)
            for role, graph in zip(contents, chosen, strict=True):
                _keep(card, role, graph)
    return Model(card, roles)


def available_providers() -> tuple[str, ...]:
    """Providers that the installed onnxruntime has, whether they work or not.

    Raises:
        ModelError: it does not load.
    """
    return tuple(_import_onnxruntime().get_available_providers())


def _key(card, role):
    return str(card.folder.resolve()), role, card.files[role]["sha256"]


def _keep(card, role, graph):
    _graphs[_key(card, role)] = graph
    while len(_graphs) > _KEPT:
        _graphs.popitem(last=False)
    return graph


def _opened(card, role):
    """The open graph of a role, opened now if it is not."""
    if role not in card.files or role not in SIGNATURES:
        raise ModelError(f"{card.name} {card.version} has no graph of the role {role!r}: use a model that has one")
    with _lock:
        key = _key(card, role)
        if key in _graphs:
            _graphs.move_to_end(key)
            return _graphs[key]
        return _keep(card, role, _chosen(role, cards.read_verified(card, role), card))


def _chosen(role, content, card):
    """The graph on the first accelerator that agrees with the CPU, or on the CPU, with the reasons."""
    onnxruntime = _import_onnxruntime()
    on_cpu = _open(onnxruntime, role, content, CPU)
    offered, notes = onnxruntime.get_available_providers(), []
    for provider in ACCELERATORS:
        if provider not in offered:
            continue
        try:
            candidate = _open(onnxruntime, role, content, provider)
            difference = _difference(role, candidate, on_cpu, card)
        except ModelError as error:
            notes.append(f"{provider} was passed over for the {role}: {error}")
            continue
        if difference <= SELF_CHECK_TOLERANCE:
            return _Graph(candidate, provider, tuple(notes))
        notes.append(f"{provider} was passed over for the {role}: it differs from the CPU by {difference:.2g}")
    return _Graph(on_cpu, CPU, tuple(notes))


def _fall_back(card, role, note):
    """The graph on the CPU, in the place of one whose provider failed."""
    with _lock:
        given_up = _opened(card, role)
        session = _open(_import_onnxruntime(), role, cards.read_verified(card, role), CPU)
        return _keep(card, role, _Graph(session, CPU, (*given_up.notes, note)))


def _import_onnxruntime():
    # Imported here and not above: it takes half a second, and a broken wheel must leave all else working.
    try:
        onnxruntime = importlib.import_module("onnxruntime")
        onnxruntime.disable_telemetry_events()
    except Exception as error:  # a native library fails to load in its own ways; all of them mean the same here
        raise ModelError(
            f"onnxruntime does not load here ({type(error).__name__}: {error}): {_rivals()}"
            "install the add-on again, or use the physics prior"
        ) from error
    found = tuple(int(part) for part in re.findall(r"\d+", getattr(onnxruntime, "__version__", ""))[:2])
    if found < _OLDEST:
        place = os.path.dirname(getattr(onnxruntime, "__file__", None) or "?")
        raise ModelError(
            f"onnxruntime {onnxruntime.__version__} in {place} is not the one that this add-on brings: "
            "another add-on put its own there; update or remove that one, or use the physics prior"
        )
    onnxruntime.set_default_logger_severity(_FATAL_SEVERITY)  # a GPU that is not there is told of in our notes
    return onnxruntime


def _rivals():
    """Half a sentence about packages that fill onnxruntime's folder, too: whichever came last wrote over the others."""
    names = set(importlib.metadata.packages_distributions().get("onnxruntime", ())) - {"onnxruntime"}
    return f"{', '.join(sorted(names))} lies in the same folder, remove the add-on that brought it; then " * bool(names)


def _open(onnxruntime, role, content, provider):
    if provider == CUDA:
        with _silence, contextlib.redirect_stdout(io.StringIO()):  # whether it helped shows in the session
            onnxruntime.preload_dlls()  # CUDA and cuDNN may lie in wheels of their own, where no loader looks
    options = onnxruntime.SessionOptions()
    is_apart = provider == CPU and SIGNATURES[role].apart
    options.intra_op_num_threads = 1 if is_apart else _usable_cores()
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = provider != DIRECTML  # which asks for that, and for operators one after another
    options.use_deterministic_compute = True
    # Threads that spin while they wait take cores from whoever works: Blender that plays, the session whose turn it is.
    # On a busy machine a step of the flow takes 105 ms without it and 160 with it; the answers are the same bytes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = _ERROR_SEVERITY
    providers = [provider] if provider == CPU else [provider, CPU]
    try:
        session = onnxruntime.InferenceSession(content, options, providers=providers)
    except Exception as error:  # onnxruntime's errors share no base class of their own
        raise ModelError(f"onnxruntime cannot open the {role}: {_reason(error)}") from error
    if session.get_providers()[0] != provider:
        raise ModelError(f"{provider} did not start, its driver or its libraries are not here")
    return session


def _sizes(role, inputs, card):
    """The sizes that the letters of a signature stand for, as these inputs have them."""
    wanted, sizes = SIGNATURES[role].inputs, {"K": len(card.frequencies)}
    missing = [name for name in wanted if name not in inputs]
    wrong = f"no {missing[0]}" if missing else bind(wanted, inputs, sizes)
    if wrong:
        raise ModelError(f"the {role} was given {wrong}")
    return sizes


def _run_apart(graph, role, inputs, sizes):
    """`_run`, on the CPU in parts of the axis that the signature names, side by side."""
    signature, cores = SIGNATURES[role], _usable_cores()
    letter = signature.apart
    if letter is None or graph.provider != CPU or sizes[letter] == 1:
        return _run(graph.session, role, inputs, sizes)
    parts = np.array_split(np.arange(sizes[letter]), min(sizes[letter], _PARTS_A_CORE * cores))

    def one(part):
        cut = {
            name: np.take(inputs[name], part, shape.index(letter)) if letter in shape else inputs[name]
            for name, shape in signature.inputs.items()
        }
        return _run(graph.session, role, cut, {**sizes, letter: len(part)})

    with ThreadPoolExecutor(cores) as threads:
        found = list(threads.map(one, parts))
    return {
        name: np.concatenate([part[name] for part in found], shape.index(letter))
        for name, shape in signature.outputs.items()
    }


def _run(session, role, inputs, sizes):
    names, sizes = list(SIGNATURES[role].outputs), dict(sizes)
    try:
        found = dict(zip(names, session.run(names, inputs), strict=True))
    except Exception as error:  # onnxruntime's errors share no base class of their own
        raise ModelError(f"the model failed while running: {_reason(error)}") from error
    wrong = bind(SIGNATURES[role].outputs, found, sizes)
    if wrong:
        raise ModelError(f"the model answers {wrong}: export it again")
    for name, value in found.items():
        if not np.isfinite(value).all():
            raise ModelError(f"the model answers NaN in {name}: use the physics prior, or another model")
    return found


def _difference(role, candidate, reference, card):
    """Largest difference of two sessions of a graph on one small random input, relative to the largest value."""
    inputs = _check_inputs(role, reference, card)
    sizes = _sizes(role, inputs, card)
    answer, truth = (_run(session, role, inputs, sizes) for session in (candidate, reference))
    return max(float(np.abs(answer[n] - truth[n]).max() / (np.abs(truth[n]).max() + 1e-6)) for n in truth)


def _check_inputs(role, session, card):
    """Inputs of random values 0..1, of the shapes of the signature; a size that only the model knows is asked of it."""
    rng = np.random.default_rng(0)
    sizes = {"K": len(card.frequencies), **_CHECK_SIZES}
    declared = {tensor.name: tensor.shape for tensor in session.get_inputs()}
    inputs = {}
    for name, shape in SIGNATURES[role].inputs.items():
        for place, size in zip(shape, declared[name], strict=True):
            if isinstance(place, str) and "/" not in place and place not in sizes:
                sizes[place] = size if isinstance(size, int) else 1
        inputs[name] = rng.random([sized(place, sizes) for place in shape], np.float32)
    return inputs


def _reason(error):
    """The first line of what onnxruntime says; where memory is short only that, whose line is a C++ signature."""
    if isinstance(error, MemoryError) or _SHORT.search(str(error)):
        return "out of memory"
    return str(error).strip().split("\n", 1)[0]


def _usable_cores():
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # Windows and macOS have no affinity call
        return os.cpu_count() or 1
