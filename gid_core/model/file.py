"""What an ONNX file contains, read from its bytes before any runtime sees it.

Only the parts of the protobuf that decide are walked; nothing is executed, copied or opened, and the onnx package is
not needed. The reason: a model can name other files to read, and neither a runtime's version nor loading from bytes
prevents that on all releases (onnxruntime 1.18 to 1.23 follow such names, measured).
Field numbers: onnx.proto of ONNX 1.19 (IR 12).
"""

from dataclasses import dataclass

from ..errors import ModelError

__all__ = ["Graph", "Tensor", "inspect"]

MAX_DEPTH = 16  # subgraphs in branches in branches; real models have none
_TYPE_NAMES = {1: "float32", 2: "uint8", 3: "int8", 6: "int32", 7: "int64", 9: "bool", 10: "float16", 11: "float64"}
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED_SIZES = {_FIXED64: 8, _FIXED32: 4}
_DOMAINS = ("", "ai.onnx")


@dataclass(frozen=True)
class Tensor:
    """Declared type ("float32", ...) and rank of one input or output."""

    type: str
    rank: int


@dataclass(frozen=True)
class Graph:
    """What a model declares: tensors by name, and the kinds of operators in it, those of subgraphs included."""

    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]
    ops: frozenset[str]


def inspect(content) -> Graph:
    """Walk a serialised ONNX model.

    Raises:
        ModelError: the bytes are no whole ONNX model, or hold what a motion model has no need of: tensors in other
            files, functions, training graphs, operators outside the ONNX standard, nesting deeper than 16.
    """
    ops: set[str] = set()
    graphs = []
    for field, value in _fields(memoryview(content)):
        if field == 7:
            graphs.append(_message(value))
        elif field == 20:
            raise ModelError("the model file holds training graphs: export it for inference")
        elif field == 25:
            raise ModelError("the model file holds functions: export it with them inlined")
    if len(graphs) != 1:
        raise ModelError(f"not an ONNX model: it has {len(graphs)} graphs instead of 1")
    _walk_graph(graphs[0], ops, 0)
    initialised = {name for field, value in _fields(graphs[0]) if field == 5 for name in [_tensor_name(value)]}
    inputs = {name: tensor for name, tensor in _declared(graphs[0], 11) if name not in initialised}
    return Graph(inputs, dict(_declared(graphs[0], 12)), frozenset(ops))


def _fields(message):
    """(field number, value) of each field: int for a varint, memoryview for the rest."""
    position, end = 0, len(message)
    while position < end:
        key, position = _varint(message, position)
        kind = key & 7
        if kind == _VARINT:
            value, position = _varint(message, position)
        else:
            if kind == _BYTES:
                size, position = _varint(message, position)
            elif kind in _FIXED_SIZES:
                size = _FIXED_SIZES[kind]
            else:
                raise ModelError("the model file is damaged: it has a field of unknown kind")
            if size > end - position:
                raise ModelError("the model file is cut short or damaged: download or export it again")
            value = message[position : position + size]
            position += size
        yield key >> 3, value


def _varint(message, position):
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            raise ModelError("the model file is cut short or damaged: download or export it again")
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ModelError("the model file is damaged: it has a number of more than 10 bytes")


def _message(value):
    if isinstance(value, int):
        raise ModelError("the model file is damaged: it has a number where a message belongs")
    return value


def _text(value):
    try:
        return bytes(_message(value)).decode("utf-8")
    except UnicodeDecodeError:
        raise ModelError("the model file is damaged: it has a name that is not UTF-8") from None


def _walk_graph(graph, ops, depth):
    if depth > MAX_DEPTH:
        raise ModelError(f"the model file nests graphs deeper than {MAX_DEPTH}: export a plain one")
    for field, value in _fields(graph):
        if field == 1:
            _walk_node(_message(value), ops, depth)
        elif field == 5:
            _walk_tensor(_message(value))
        elif field == 15:
            _walk_sparse(_message(value))


def _walk_node(node, ops, depth):
    for field, value in _fields(node):
        if field == 4:
            ops.add(_text(value))
        elif field == 7:
            domain = _text(value)
            if domain not in _DOMAINS:
                raise ModelError(f"the model uses operators of {domain!r}: export it with standard ONNX operators only")
        elif field == 5:
            _walk_attribute(_message(value), ops, depth)


def _walk_attribute(attribute, ops, depth):
    for field, value in _fields(attribute):
        if field in (5, 10):
            _walk_tensor(_message(value))
        elif field in (6, 11):
            _walk_graph(_message(value), ops, depth + 1)
        elif field in (22, 23):
            _walk_sparse(_message(value))


def _walk_sparse(sparse):
    for field, value in _fields(sparse):
        if field in (1, 2):
            _walk_tensor(_message(value))


def _walk_tensor(tensor):
    for field, value in _fields(tensor):
        if field == 13 or (field == 14 and value != 0):
            raise ModelError("the model keeps weights in another file: export it as one file (external_data=False)")


def _tensor_name(tensor):
    return next((_text(value) for field, value in _fields(_message(tensor)) if field == 8), "")


def _declared(graph, number):
    """(name, Tensor) of each ValueInfo in field `number`; rank -1 where no shape is declared."""
    for field, value in _fields(graph):
        if field != number:
            continue
        name, kind, rank = "", "unknown", -1
        for info_field, info in _fields(_message(value)):
            if info_field == 1:
                name = _text(info)
            elif info_field == 2:
                kind, rank = _type(_message(info))
        yield name, Tensor(kind, rank)


def _type(message):
    kind, rank = "unknown", -1
    for field, value in _fields(message):
        if field != 1:  # 1 = a dense tensor; sequences, maps and optionals stay unknown
            continue
        for tensor_field, tensor in _fields(_message(value)):
            if tensor_field == 1:
                kind = _TYPE_NAMES.get(tensor, f"type {tensor}")
            elif tensor_field == 2:
                rank = sum(1 for shape_field, _ in _fields(_message(tensor)) if shape_field == 1)
    return kind, rank
