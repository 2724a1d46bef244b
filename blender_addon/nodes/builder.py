"""A small typed way to write node trees: sockets by name, nodes in columns, groups that know their version.

A socket is found by its identifier (unique and untranslated) or by a name that only one socket bears, never by
position; an unknown or ambiguous name raises and lists what exists. Values, sockets and nodes may stand wherever a
node wants an input. A shared group is built whole before anything uses it, and an outdated one is replaced, not
patched.
"""

from contextlib import contextmanager

import bpy

__all__ = ["TreeBuilder", "shared_group"]

COLUMN_WIDTH, ROW_HEIGHT = 200, 170  # of the layout that a user sees on opening a group
GROUP_KEY, VERSION_KEY = "gid_group", "gid_version"


class TreeBuilder:
    """Adds nodes and sockets to one node tree."""

    def __init__(self, tree):
        self.tree = tree
        self._group_input = None
        self._frame = None
        self._rows = {}

    # ---- interface

    def add_input(self, name, kind, default=None, *, description="", minimum=None, maximum=None, panel=None):
        """Declare a group input. All inputs are declared before the first `input()` is read.

        Args:
            kind: socket type without its prefix: Float, Int, Vector, Color, Image ...
        """
        socket = self.tree.interface.new_socket(
            name, in_out="INPUT", socket_type="NodeSocket" + kind, description=description, parent=panel
        )
        for attribute, value in (("min_value", minimum), ("max_value", maximum), ("default_value", default)):
            if value is not None:
                setattr(socket, attribute, value)
        return socket

    def add_output(self, name, kind, *, description=""):
        """Declare a group output."""
        return self.tree.interface.new_socket(
            name, in_out="OUTPUT", socket_type="NodeSocket" + kind, description=description
        )

    def add_panel(self, name):
        """A folded panel for inputs that are rarely touched by hand."""
        return self.tree.interface.new_panel(name, default_closed=True)

    def input(self, name):
        """The group input of that name, as a socket to feed from."""
        if self._group_input is None:
            self._group_input = self.node("NodeGroupInput", 0)
        return output_socket(self._group_input, name)

    def outputs(self, column, **values):
        """Feed the group outputs: names with spaces become keywords with underscores."""
        self.node("NodeGroupOutput", column, inputs={name.replace("_", " "): value for name, value in values.items()})

    # ---- nodes

    def node(self, idname, column, inputs=None, **properties):
        """A new node in a column of the layout. Properties are set first: they decide which sockets exist."""
        node = self.tree.nodes.new(idname)
        for name, value in properties.items():
            setattr(node, name, value)
        for name, value in (inputs or {}).items():
            self.feed(value, input_socket(node, name))
        row = self._rows[column] = self._rows.get(column, -1) + 1
        node.location = (COLUMN_WIDTH * column, -ROW_HEIGHT * row)
        node.parent = self._frame
        return node

    @contextmanager
    def frame(self, label):
        """Nodes made inside stand in one labelled frame."""
        outer, self._frame = self._frame, self.tree.nodes.new("NodeFrame")
        self._frame.label, self._frame.parent = label, outer
        try:
            yield
        finally:
            self._frame = outer

    def feed(self, value, socket):
        """Link a socket or a node with a single output, or set a plain value."""
        if isinstance(value, bpy.types.Node):
            value = output_socket(value)
        if isinstance(value, bpy.types.NodeSocket):
            self.tree.links.new(value, socket)
        else:
            socket.default_value = value

    # ---- the nodes that every tree of ours is made of, as the socket they put out

    def math(self, operation, column, *operands):
        """Math node."""
        return self._calculate("ShaderNodeMath", "Value", operation, column, operands)

    def vector_math(self, operation, column, *operands):
        """Vector Math node of vectors; for SCALE use `scale`."""
        return self._calculate("ShaderNodeVectorMath", "Vector", operation, column, operands)

    def integer_math(self, operation, column, *operands):
        """Integer Math node, exact where a float has run out of digits."""
        return self._calculate("FunctionNodeIntegerMath", "Value", operation, column, operands)

    def boolean_math(self, operation, column, *operands):
        """Boolean Math node."""
        return self._calculate("FunctionNodeBooleanMath", "Boolean", operation, column, operands)

    def _calculate(self, idname, name, operation, column, operands):
        inputs = {name if i == 0 else f"{name}_{i:03d}": operand for i, operand in enumerate(operands)}
        return output_socket(self.node(idname, column, inputs, operation=operation))

    def scale(self, column, vector, factor):
        """A vector times a number."""
        return output_socket(
            self.node("ShaderNodeVectorMath", column, {"Vector": vector, "Scale": factor}, operation="SCALE")
        )

    def vector(self, column, x=0.0, y=0.0, z=0.0):
        """A vector from three numbers."""
        return output_socket(self.node("ShaderNodeCombineXYZ", column, {"X": x, "Y": y, "Z": z}))

    def components(self, column, vector):
        """Three numbers from a vector."""
        node = self.node("ShaderNodeSeparateXYZ", column, {"Vector": vector})
        return tuple(output_socket(node, axis) for axis in "XYZ")


def input_socket(node, name):
    """The enabled input of `node` with that identifier, or else that name.

    Raises:
        KeyError: there is none, or several share the name.
    """
    return _find(node, node.inputs, name, "inputs")


def output_socket(node, name=None):
    """The enabled output of `node` with that identifier or name; without a name its only output.

    Raises:
        KeyError: there is none, or the choice is not clear.
    """
    return _find(node, node.outputs, name, "outputs")


def _find(node, sockets, name, side):
    # The dangling last socket of a group's own input and output nodes has no identifier.
    enabled = [s for s in sockets if s.enabled and s.identifier != "__extend__"]
    found = enabled if name is None else [s for s in enabled if s.identifier == name]
    found = found or [s for s in enabled if s.name == name]
    if len(found) != 1:
        raise KeyError(
            f"{node.bl_idname}: {len(found)} {side} called {name!r}; has {[(s.name, s.identifier) for s in enabled]}"
        )
    return found[0]


def shared_group(name, tree_type, version, build, *, key=None, replace=False):
    """The node group that all loops of the file share, built if it is missing or of another version.

    Args:
        build: callable(TreeBuilder) that fills a fresh tree.
        key: identity in the file; a name may have been changed by the artist. Default: `name`.
        replace: put the new group in the place of an outdated one wherever that is used. Without it the outdated one
            stays where it is, as modifiers know their inputs by the identifiers of the group they were made with.
    """
    key = key or name
    ours = [
        group
        for group in bpy.data.node_groups
        if group.get(GROUP_KEY) == key and group.library is None and group.bl_idname == tree_type
    ]
    for group in ours:
        if group.get(VERSION_KEY) == version:
            return group
    group = bpy.data.node_groups.new(name, tree_type)
    try:
        build(TreeBuilder(group))
    except BaseException:
        bpy.data.node_groups.remove(group)
        raise
    group[GROUP_KEY], group[VERSION_KEY] = key, version
    if replace:
        for outdated in ours:
            outdated.user_remap(group)
            bpy.data.node_groups.remove(outdated)
        group.name = name
    return group
