"""The protobuf walk of gid_core against the onnx package: it sees what onnx sees, refuses what onnx would follow."""

import numpy as np
import onnx
import pytest
from gid_dev.gid_core.errors import ModelError
from gid_dev.gid_core.model import file as model_file
from onnx import TensorProto, helper, numpy_helper


def branch(name, value):
    tensor = numpy_helper.from_array(np.full(2, value, np.float32), name)
    constant = helper.make_node("Constant", [], [name], value=tensor)
    return helper.make_graph([constant], name, [], [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2])])


def model():
    """A branch, constants, an initialiser that is also listed as an input, a dynamic size and a rank of 0."""
    nodes = [
        helper.make_node("If", ["flag"], ["chosen"], then_branch=branch("yes", 1), else_branch=branch("no", 2)),
        helper.make_node("Add", ["x", "w"], ["sum"]),
        helper.make_node("Mul", ["sum", "chosen"], ["y"]),
    ]
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2]),
        helper.make_tensor_value_info("flag", TensorProto.BOOL, []),
        helper.make_tensor_value_info("w", TensorProto.FLOAT, [2]),
    ]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])]
    weights = [numpy_helper.from_array(np.ones(2, np.float32), "w")]
    graph = helper.make_graph(nodes, "graph", inputs, outputs, weights)
    found = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(found)
    return found


def make_external(tensor):
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../secret.bin")


def test_it_sees_the_same_model_as_the_onnx_package():
    found = model_file.inspect(model().SerializeToString())
    assert found.ops == {"If", "Constant", "Add", "Mul"}
    assert found.inputs == {"x": model_file.Tensor("float32", 2), "flag": model_file.Tensor("bool", 0)}
    assert found.outputs == {"y": model_file.Tensor("float32", 2)}


@pytest.mark.parametrize("where", ["initialiser", "constant", "sparse"])
def test_it_refuses_what_onnx_itself_would_read_from_another_file(where):
    content = model()
    if where == "initialiser":
        make_external(content.graph.initializer[0])
    elif where == "constant":
        make_external(content.graph.node[0].attribute[1].g.node[0].attribute[0].t)
    else:
        sparse = content.graph.sparse_initializer.add()
        sparse.values.CopyFrom(content.graph.initializer[0])
        make_external(sparse.values)
    with pytest.raises(ModelError, match="another file"):
        model_file.inspect(content.SerializeToString())


def test_it_refuses_functions():
    content = model()
    content.functions.append(
        helper.make_function(
            "", "f", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])], [helper.make_opsetid("", 20)]
        )
    )
    with pytest.raises(ModelError, match="functions"):
        model_file.inspect(content.SerializeToString())
