"""A tiny motion model, written as protobuf by hand, so that it exists where the onnx package does not.

Field numbers: onnx.proto.
"""

import hashlib
import json

import numpy as np

K = 4
FREQUENCIES = [0.2, 0.4, 0.6, 0.8]
SCALES = [2.0, 1.5, 1.0, 0.5]
FLOAT, INT64 = 1, 7


# --- protobuf


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def put(number, value):
    """One field: an int as a varint, text and bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def tensor(name, values, extra=b""):
    values = np.asarray(values)
    kind = INT64 if values.dtype == np.int64 else FLOAT
    raw = values.astype(np.int64 if kind == INT64 else np.float32).tobytes()
    dims = b"".join(put(1, size) for size in values.shape)
    return dims + put(2, kind) + put(8, name) + (extra or put(9, raw))


def attribute(name, value):
    """A list of ints, a tensor or a graph ("tensor", bytes)."""
    if isinstance(value, list):
        return put(1, name) + b"".join(put(8, i) for i in value) + put(20, 7)
    kind, content = value
    return put(1, name) + put({"tensor": 5, "graph": 6}[kind], content) + put(20, {"tensor": 4, "graph": 5}[kind])


def node(op, inputs, outputs, domain="", **attributes):
    content = b"".join(put(1, name) for name in inputs) + b"".join(put(2, name) for name in outputs) + put(4, op)
    if domain:
        content += put(7, domain)
    return content + b"".join(put(5, attribute(name, value)) for name, value in attributes.items())


def value_info(name, shape, kind=FLOAT):
    dims = b"".join(put(1, put(1, size) if isinstance(size, int) else put(2, size)) for size in shape)
    return put(1, name) + put(2, put(1, put(1, kind) + put(2, dims)))


def graph(nodes, inputs, outputs, initialisers=()):
    content = b"".join(put(1, n) for n in nodes) + put(2, "graph") + b"".join(put(5, i) for i in initialisers)
    return content + b"".join(put(11, i) for i in inputs) + b"".join(put(12, o) for o in outputs)


def model(graph_content, extra=b""):
    return put(1, 10) + put(2, "hostile") + put(8, put(1, "") + put(2, 20)) + put(7, graph_content) + extra


# --- the tiny motion model: green moves, the velocity pulls z towards the envelope


def encoder_graph(nodes=(), initialisers=(), input_shape=(1, 3, "H", "W"), input_name="rgb", kind=FLOAT, bias=-3.0):
    alive = np.array([-20, 20, 0], np.float32).reshape(1, 3, 1, 1)
    envelope = np.full((K, 3, 1, 1), 0.4, np.float32)
    affinity = np.full((2, 3, 1, 1), 1.0, np.float32)
    features = np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1)
    return graph(
        [
            node("AveragePool", [input_name], ["p4"], kernel_shape=[4, 4], strides=[4, 4]),
            node("AveragePool", [input_name], ["p8"], kernel_shape=[8, 8], strides=[8, 8]),
            node("Conv", ["p4", "w_alive", "b_alive"], ["alive_logit"]),
            node("Sigmoid", ["alive_logit"], ["alive"]),
            node("Conv", ["p4", "w_envelope"], ["envelope"]),
            node("Conv", ["p8", "w_affinity"], ["affinity_logit"]),
            node("Sigmoid", ["affinity_logit"], ["affinity"]),
            node("Conv", ["p8", "w_features"], ["features"]),
            *nodes,
        ],
        [value_info(input_name, input_shape, kind)],
        [
            value_info("alive", (1, 1, "h4", "w4")),
            value_info("envelope", (1, K, "h4", "w4")),
            value_info("affinity", (1, 2, "h8", "w8")),
            value_info("features", (1, 3, "h8", "w8")),
        ],
        [
            tensor("w_alive", alive),
            tensor("b_alive", np.array([bias], np.float32)),
            tensor("w_envelope", envelope),
            tensor("w_affinity", affinity),
            tensor("w_features", features),
            *initialisers,
        ],
    )


def condition_graph():
    return graph(
        [
            node("Identity", ["features"], ["entry"]),
            node("Conv", ["affinity", "w_bonds"], ["bonds"]),
            node("Identity", ["frequencies"], ["slices"]),
        ],
        [value_info("affinity", (1, 2, "h", "w")), value_info("features", (1, 3, "h", "w"))],
        [
            value_info("entry", (1, 3, "h", "w")),
            value_info("bonds", (1, 5, "h", "w")),
            value_info("slices", (1, K, 2)),
        ],
        [
            tensor("w_bonds", np.full((5, 2, 1, 1), 0.1, np.float32)),
            tensor("frequencies", np.arange(2 * K, dtype=np.float32).reshape(1, K, 2)),
        ],
    )


def flow_graph(pull=-0.2):
    return graph(
        [
            node("Mul", ["z", "pull"], ["pulled"]),
            node("Unsqueeze", ["envelope", "axis"], ["envelope5"]),
            node("Mul", ["envelope5", "push"], ["pushed"]),
            node("Add", ["pulled", "pushed"], ["velocity"]),
        ],
        [
            value_info("z", (1, "s", 4, "h", "w")),
            value_info("t", (1,)),
            value_info("wind", (1, 4)),
            value_info("envelope", (1, "s", "h", "w")),
            value_info("slices", (1, "s", 2)),
            value_info("entry", (1, 3, "h", "w")),
            value_info("bonds", (1, 5, "h", "w")),
        ],
        [value_info("velocity", (1, "s", 4, "h", "w"))],
        [
            tensor("pull", np.float32(pull)),
            tensor("push", np.float32(0.1)),
            tensor("axis", np.array([2], np.int64)),
        ],
    )


RANKS = {
    "encoder": ({"rgb": 4}, {"alive": 4, "envelope": 4, "affinity": 4, "features": 4}),
    "condition": ({"affinity": 4, "features": 4}, {"entry": 4, "bonds": 4, "slices": 3}),
    "flow": ({"z": 5, "t": 1, "wind": 2, "envelope": 4, "slices": 3, "entry": 4, "bonds": 4}, {"velocity": 5}),
}
OPS = ["Add", "AveragePool", "Conv", "Mul", "Sigmoid", "Unsqueeze", "Constant", "If", "Identity"]


def write_model(folder, encoder=None, flow=None, **changes):
    """A model folder with its card; the card's hashes are those of the files unless `changes` say otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "encoder": model(encoder_graph()) if encoder is None else encoder,
        "condition": model(condition_graph()),
        "flow": model(flow_graph()) if flow is None else flow,
    }
    files = {}
    for part, content in contents.items():
        (folder / f"{part}.onnx").write_bytes(content)
        inputs, outputs = RANKS[part]
        files[part] = {
            "file": f"{part}.onnx",
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
            "inputs": {name: {"type": "float32", "rank": rank} for name, rank in inputs.items()},
            "outputs": {name: {"type": "float32", "rank": rank} for name, rank in outputs.items()},
        }
    card = {
        "name": "tiny",
        "version": "0",
        "licence": "CC0-1.0",
        "frequencies": FREQUENCIES,
        "scales": SCALES,
        "input_long_side": 64,
        "steps": 3,
        "z_layout": ["xr", "yr", "xi", "yi"],
        "start": "procedural",
        "start_noise": 0.1,
        "files": files,
        "ops": OPS,
        "opset": 20,
    }
    card.update(changes)
    (folder / "card.json").write_text(json.dumps(card))
    return folder
