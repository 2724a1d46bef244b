"""Which provider runs the model, and what happens where onnxruntime is missing or broken."""

import sys
import types
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from gid_dev.gid_core.errors import ModelError
from gid_dev.gid_core.model import contract, session
from gid_dev.gid_core.prediction import predict

from .. import tiny_model

PHOTO = np.full((32, 48, 3), (0.1, 0.4, 0.1), np.float32)
GPU = "CUDAExecutionProvider"


class Session:
    """A real CPU session that claims another provider and may answer wrongly."""

    def __init__(self, content, options, providers, claimed, error):
        self._real = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self._providers = providers if claimed is None else claimed
        self._error = error if providers[0] == GPU else 0

    def get_providers(self):
        return self._providers

    def get_inputs(self):
        return self._real.get_inputs()

    def run(self, names, inputs):
        if callable(self._error):
            self._error(inputs)
            return self._real.run(names, inputs)
        return [value * (1 + self._error) for value in self._real.run(names, inputs)]


def fake(offered, error=0.0, claimed=None, opened=None):
    """A stand-in for the onnxruntime module that offers other providers.

    error: of the GPU's answers, relative; None: it does not open; a function of the inputs: may raise.
    """

    patterns = {}

    def open_session(content, options, providers):
        if opened is not None:
            opened.append((type(content), list(providers)))
            patterns[providers[0]] = options.enable_mem_pattern
        if error is None and providers[0] == GPU:
            raise RuntimeError("CUDA failure 100: no device\nmore lines")
        return Session(content, options, providers, claimed if providers[0] == GPU else None, error or 0)

    return types.SimpleNamespace(
        SessionOptions=onnxruntime.SessionOptions,
        InferenceSession=open_session,
        get_available_providers=lambda: offered,
        disable_telemetry_events=lambda: None,
        preload_dlls=lambda: None,
        patterns=patterns,
    )


def load(tmp_path, monkeypatch, module):
    monkeypatch.setattr(session, "_import_onnxruntime", lambda: module)
    return session.load_model(tiny_model.write_model(tmp_path / "model"))


def test_the_cpu_serves_where_nothing_else_is(tmp_path):
    model = session.load_model(tiny_model.write_model(tmp_path / "model"))
    assert model.provider == "CPUExecutionProvider"
    assert model.notes == ()


def test_an_accelerator_that_agrees_with_the_cpu_is_used_and_named(tmp_path, monkeypatch):
    model = load(tmp_path, monkeypatch, fake([GPU, "CPUExecutionProvider"], error=0.001))
    assert model.provider == GPU
    volume = predict.predict(PHOTO, predict.Request(model=str(tmp_path / "model")))
    assert volume.provenance["provider"] == GPU


@pytest.mark.parametrize(
    ("module", "why"),
    [
        (fake([GPU, "CPUExecutionProvider"], error=0.5), "differs from the CPU by 0.5"),
        (fake([GPU, "CPUExecutionProvider"], error=float("nan")), "NaN"),
        (fake([GPU, "CPUExecutionProvider"], error=None), "CUDA failure 100"),
        (fake([GPU, "CPUExecutionProvider"], claimed=["CPUExecutionProvider"]), "did not start"),
    ],
)
def test_an_accelerator_that_fails_or_lies_gives_way_to_the_cpu(tmp_path, monkeypatch, module, why):
    model = load(tmp_path, monkeypatch, module)
    assert model.provider == "CPUExecutionProvider"
    assert len(model.notes) == 3  # one for each graph
    for role, note in zip(contract.PREDICTION, model.notes, strict=True):
        assert f"{GPU} was passed over for the {role}: " in note
        assert why in note


def test_the_reasons_reach_the_provenance(tmp_path, monkeypatch):
    load(tmp_path, monkeypatch, fake([GPU, "CPUExecutionProvider"], error=0.5))
    provenance = predict.predict(PHOTO, predict.Request(model=str(tmp_path / "model"))).provenance
    assert provenance["provider"] == "CPUExecutionProvider"
    assert ["differs from the CPU by 0.5" in note for note in provenance["provider_notes"]] == [True] * 3


# What onnxruntime's arena, CUDA, DirectML and Python raise where a graphics card, or the machine, has no memory left.
RAISED = onnxruntime.capi.onnxruntime_pybind11_state
SHORT = (
    RAISED.RuntimeException(
        "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code returned while running FusedConv node. "
        "Name:'' Status Message: /onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:376 void* onnxruntime::"
        "BFCArena::AllocateRawInternal(size_t, bool, onnxruntime::Stream*) Failed to allocate memory for requested "
        "buffer of size 17179869184\n"
    ),
    RAISED.Fail(
        "[ONNXRuntimeError] : 1 : FAIL : CUDA failure 2: out of memory ; GPU=0 ; hostname=farm ; expr=cudaMalloc"
    ),
    RAISED.RuntimeException("[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : 8007000E Not enough memory resources"),
    RAISED.Fail("[ONNXRuntimeError] : 1 : FAIL : bad allocation"),
    MemoryError(),
)
BY_CPU = "CPUExecutionProvider"


def short_of_memory(role, error, after=1):
    """Inputs -> nothing; raises when that graph has run `after` times, its self-check being the first."""
    told_by, runs = {"encoder": "rgb", "condition": "affinity", "flow": "z"}[role], []

    def run(inputs):
        if told_by in inputs:
            if len(runs) >= after:
                raise error
            runs.append(role)

    return run


@pytest.mark.parametrize("role", contract.PREDICTION)
@pytest.mark.parametrize("error", SHORT, ids=lambda error: str(error)[20:50])
def test_a_prediction_that_a_gpu_has_no_memory_for_is_the_cpus(tmp_path, monkeypatch, error, role):
    """In the last step of the flow, too: the steps before are not lost."""
    folder = tiny_model.write_model(tmp_path / "model")
    photo = np.random.default_rng(0).random((96, 144, 3), np.float32)
    request = predict.Request(model=str(folder), steps=3)
    plain = predict.predict(photo, request)
    session._graphs.clear()
    module = fake([GPU, BY_CPU], error=short_of_memory(role, error, after=3 if role == "flow" else 1))
    monkeypatch.setattr(session, "_import_onnxruntime", lambda: module)
    found = predict.predict(photo, request)
    by_role = [f"{BY_CPU if one == role else GPU} ({one})" for one in contract.PREDICTION]
    assert found.provenance["provider"] == ", ".join(by_role)
    note = f"{GPU} was given up for the {role}: the model failed while running: out of memory"
    assert found.provenance["provider_notes"] == [note]
    assert found.z.tobytes() == plain.z.tobytes()
    again = predict.predict(photo, request)  # the GPU is not asked a second time
    assert again.provenance["provider_notes"] == [note]
    assert again.z.tobytes() == plain.z.tobytes()


@pytest.mark.parametrize("error", SHORT, ids=lambda error: str(error)[20:50])
def test_a_gpu_too_small_to_open_a_graph_is_passed_over(tmp_path, monkeypatch, error):
    def refuse(content, options, providers):
        if providers[0] == GPU:
            raise error
        return onnxruntime.InferenceSession(content, options, providers=providers)

    module = fake([GPU, BY_CPU])
    module.InferenceSession = refuse
    model = load(tmp_path, monkeypatch, module)
    assert model.provider == BY_CPU
    assert model.notes == tuple(
        f"{GPU} was passed over for the {role}: onnxruntime cannot open the {role}: out of memory"
        for role in contract.PREDICTION
    )


@pytest.mark.parametrize("error", SHORT, ids=lambda error: str(error)[20:50])
def test_where_the_cpu_is_short_of_memory_too_the_rules_answer_and_say_why(tmp_path, monkeypatch, error):
    folder = tiny_model.write_model(tmp_path / "model")
    photo = np.random.default_rng(0).random((96, 144, 3), np.float32)

    class Full(Session):
        def run(self, names, inputs):
            short_of_memory("encoder", error, after=0)(inputs)
            return self._real.run(names, inputs)

    module = fake([GPU, BY_CPU])
    module.InferenceSession = lambda content, options, providers: Full(content, options, providers, None, 0)
    monkeypatch.setattr(session, "_import_onnxruntime", lambda: module)
    monkeypatch.setattr(session.cards, "default_folder", lambda: folder)
    found = predict.predict(photo, predict.Request())
    assert found.provenance["source"] == "physics prior"
    assert found.provenance["reason"] == "the model failed while running: out of memory"
    with pytest.raises(ModelError, match="failed while running: out of memory"):
        predict.predict(photo, predict.Request(model=str(folder)))


def test_a_graph_is_opened_once_and_again_when_its_bytes_change(tmp_path, monkeypatch):
    opened = []
    module = fake(["CPUExecutionProvider"], opened=opened)
    load(tmp_path, monkeypatch, module)
    session.load_model(tmp_path / "model")
    assert len(opened) == 3
    tiny_model.write_model(tmp_path / "model", flow=tiny_model.model(tiny_model.flow_graph(pull=0.7)))
    session.load_model(tmp_path / "model")
    assert len(opened) == 4


def test_the_graphs_kept_open_are_bounded(tmp_path):
    for number in range(5):
        session.load_model(tiny_model.write_model(tmp_path / str(number)))
    assert len(session._graphs) == session._KEPT
    kept = [Path(folder).name for folder, _, _ in session._graphs]
    assert kept == ["2", "2", "3", "3", "3", "4", "4", "4"]


def test_a_role_is_opened_at_its_first_use(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(session, "_import_onnxruntime", lambda: fake(["CPUExecutionProvider"], opened=opened))
    model = session.load_model(tiny_model.write_model(tmp_path / "model"), roles=("encoder",))
    assert len(opened) == 1
    z = np.zeros((1, tiny_model.K, 4, 4, 4), np.float32)
    plane = np.zeros((1, tiny_model.K, 4, 4), np.float32)
    condition = model.run("condition", {"affinity": plane[:, :2], "features": plane[:, :3]})
    assert len(opened) == 2
    model.velocity(z, 0.0, {"envelope": plane, "wind": np.zeros((1, 4), np.float32), **condition})
    assert len(opened) == 3
    with pytest.raises(ModelError, match="no graph of the role 'renderer'"):
        model.run("renderer", {})


def test_sessions_come_from_bytes_with_providers_named(tmp_path, monkeypatch):
    opened = []
    load(tmp_path, monkeypatch, fake(["TensorrtExecutionProvider", GPU, "CPUExecutionProvider"], opened=opened))
    assert {kind for kind, _ in opened} == {bytes}
    assert {tuple(providers) for _, providers in opened} == {
        ("CPUExecutionProvider",),
        (GPU, "CPUExecutionProvider"),
    }


def test_cuda_in_wheels_of_its_own_is_found_without_a_word(tmp_path, monkeypatch, capsys):
    steps = []
    module = fake([GPU, "CPUExecutionProvider"], error=0.001, opened=steps)
    module.preload_dlls = lambda: steps.append("preload") or print("WARNING: no cuDNN")
    load(tmp_path, monkeypatch, module)
    opened = [step for step in steps if step == (bytes, [GPU, "CPUExecutionProvider"])]
    assert len(opened) == steps.count("preload") == 3
    assert steps.index("preload") < steps.index(opened[0])
    assert capsys.readouterr().out == ""


def test_directml_is_given_the_memory_that_it_asks_for(tmp_path, monkeypatch):
    module = fake(["DmlExecutionProvider", "CPUExecutionProvider"], opened=[])
    assert load(tmp_path, monkeypatch, module).provider == "DmlExecutionProvider"
    assert module.patterns == {"CPUExecutionProvider": True, "DmlExecutionProvider": False}


def test_telemetry_is_off_before_the_first_session(tmp_path, monkeypatch):
    calls = []
    module = types.ModuleType("onnxruntime")
    module.__version__ = "1.32.0"
    module.disable_telemetry_events = lambda: calls.append("off")
    module.set_default_logger_severity = calls.append
    monkeypatch.setitem(sys.modules, "onnxruntime", module)
    assert session._import_onnxruntime() is module
    assert calls == ["off", session._FATAL_SEVERITY]


def test_an_older_onnxruntime_of_another_add_on_is_told_with_its_place(monkeypatch):
    module = types.ModuleType("onnxruntime")
    module.__version__, module.__file__ = "1.17.3", "/extensions/.local/onnxruntime/__init__.py"
    module.disable_telemetry_events = lambda: None
    monkeypatch.setitem(sys.modules, "onnxruntime", module)
    with pytest.raises(
        ModelError, match=r"1\.17\.3 in /extensions/\.local/onnxruntime is not the one .* another add-on"
    ):
        session._import_onnxruntime()


def test_another_package_in_onnxruntimes_folder_is_named(monkeypatch):
    """Two add-ons with onnxruntime and onnxruntime-directml write over each other's files."""
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setattr(
        session.importlib.metadata,
        "packages_distributions",
        lambda: {"onnxruntime": ["onnxruntime", "onnxruntime-directml"]},
    )
    with pytest.raises(ModelError, match="onnxruntime-directml lies in the same folder, remove the add-on that"):
        session.available_providers()


def test_a_missing_onnxruntime_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModelError, match="onnxruntime does not load here"):
        session.load_model(tiny_model.write_model(tmp_path / "model"))


def test_a_broken_onnxruntime_leaves_the_physics_prior(tmp_path, monkeypatch):
    folder = tiny_model.write_model(tmp_path / "models")
    monkeypatch.setattr(session.cards, "default_folder", lambda: folder)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    volume = predict.predict(PHOTO, predict.Request())
    assert volume.provenance["source"] == "physics prior"
    assert "onnxruntime does not load here" in volume.provenance["reason"]


def test_inputs_that_do_not_fit_the_signature_are_named(tmp_path):
    model = session.load_model(tiny_model.write_model(tmp_path / "model"))
    with pytest.raises(ModelError, match="the flow was given no wind"):
        model.velocity(np.zeros((1, tiny_model.K, 4, 4, 4), np.float32), 0.0, {})
    with pytest.raises(ModelError, match=r"given rgb of shape \(1, 4, 32, 32\), expected \(1, 3, 32, 32\)"):
        model.encode(np.zeros((1, 4, 32, 32), np.float32))


def test_a_model_that_answers_another_shape_is_refused(tmp_path):
    model = session.load_model(
        tiny_model.write_model(tmp_path / "model", frequencies=[0.2, 0.4, 0.6], scales=[1, 1, 1])
    )
    with pytest.raises(ModelError, match=r"answers envelope of shape \(1, 4, 8, 8\), expected \(1, 3, 8, 8\)"):
        model.encode(np.zeros((1, 3, 32, 32), np.float32))


def test_a_picture_that_the_runtime_refuses_is_a_sentence(tmp_path):
    model = session.load_model(tiny_model.write_model(tmp_path / "model"))
    with pytest.raises(ModelError, match="failed while running"):
        model.encode(np.zeros((1, 3, 32, 32)))


def test_encoder_and_flow_answer_in_the_shapes_of_their_grids(tmp_path):
    model = session.load_model(tiny_model.write_model(tmp_path / "model"))
    found = model.encode(np.random.default_rng(0).random((1, 3, 64, 96), np.float32))
    assert {name: value.shape for name, value in found.items()} == {
        "alive": (1, 1, 16, 24),
        "envelope": (1, tiny_model.K, 16, 24),
        "affinity": (1, 2, 8, 12),
        "features": (1, 3, 8, 12),
    }
