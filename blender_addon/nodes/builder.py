"""A small typed way to write node trees: sockets by name, nodes in columns, groups that know their version.

A socket is found by its identifier (unique and untranslated) or by a name that only one socket bears, never by
position; an unknown or ambiguous name raises and lists what exists. Values, sockets and nodes may stand wherever a
node wants an input. A shared group is built whole before anything uses it, and an outdated one is replaced, not
patched. `arrange` lays a finished tree out for whoever opens it: data runs from left to right, frames stand apart.
"""

from contextlib import contextmanager
from typing import Any

import bpy

__all__ = ["TreeBuilder", "groups_of", "shared_group"]

GROUP_KEY, VERSION_KEY = "gid_group", "gid_version"

# Layout, in the units of `node.location`. Blender knows a node's height only once it has drawn it, so heights are
# estimated: in rows, one a socket, four for an unlinked vector.
_ROW, _COLUMN_GAP, _NODE_GAP, _FRAME_GAP, _FRAME_LABEL = 22, 70, 24, 60, 40


class TreeBuilder:
    """Adds nodes and sockets to one node tree."""

    def __init__(self, tree):
        self.tree = tree
        self._frame = None  # the frame that nodes are put into now
        self._group_inputs = {}  # frame -> its Group Input node
        self._columns = []  # (node, column, frame), as they were made

    # ---- interface

    def add_input(
        self, name, kind, default=None, *, description="", minimum=None, maximum=None, subtype=None, panel=None
    ):
        """Declare a group input. All inputs are declared before the first `input()` is read.

        Args:
            kind: socket type without its prefix: Float, Int, Vector, Color, Image ...
            subtype: how a number is shown: ANGLE, FACTOR ...
        """
        socket = self.tree.interface.new_socket(
            name, in_out="INPUT", socket_type="NodeSocket" + kind, description=description, parent=panel
        )
        settings = {"subtype": subtype, "min_value": minimum, "max_value": maximum, "default_value": default}
        for attribute, value in settings.items():
            if value is not None:
                setattr(socket, attribute, value)
        return socket

    def add_output(self, name, kind, *, description=""):
        """Declare a group output."""
        return self.tree.interface.new_socket(
            name, in_out="OUTPUT", socket_type="NodeSocket" + kind, description=description
        )

    def add_panel(self, name, *, parent=None, is_closed=True):
        """A panel of inputs. `parent` is the panel that it stands in, if any."""
        panel = self.tree.interface.new_panel(name, default_closed=is_closed)
        if parent is not None:
            self.tree.interface.move_to_parent(panel, parent, len(parent.interface_items))
        return panel

    def input(self, name):
        """The group input of that name, as a socket to feed from; each frame has a Group Input node of its own."""
        node = self._group_inputs.get(self._frame)
        if node is None:
            node = self._group_inputs[self._frame] = self.node("NodeGroupInput", None)
        return output_socket(node, name)

    def outputs(self, column, **values):
        """Feed the group outputs: names with spaces become keywords with underscores."""
        self.node("NodeGroupOutput", column, inputs={name.replace("_", " "): value for name, value in values.items()})

    # ---- nodes

    def node(self, idname, column, inputs=None, **properties):
        """A new node in a column of the layout; None: one to the left of all others in its frame.

        Properties are set first: they decide which sockets exist.
        """
        node = self.tree.nodes.new(idname)
        for name, value in properties.items():
            setattr(node, name, value)
        for name, value in (inputs or {}).items():
            self.feed(value, input_socket(node, name))
        node.parent, node.select = self._frame, False
        self._columns.append((node, column, self._frame))
        return node

    @contextmanager
    def frame(self, label):
        """Nodes made inside stand in one labelled frame. Frames are not nested."""
        outside, self._frame = self._frame, self.tree.nodes.new("NodeFrame")
        self._frame.label, self._frame.select = label, False
        try:
            yield
        finally:
            self._frame = outside

    def feed(self, value, socket):
        """Link a socket or a node with a single output, or set a plain value."""
        if isinstance(value, bpy.types.Node):
            value = output_socket(value)
        if isinstance(value, bpy.types.NodeSocket):
            self.tree.links.new(value, socket)
        else:
            socket.default_value = value

    # ---- layout

    def arrange(self):
        """Lay the tree out: columns from left to right, each frame below what already stands in its columns.

        Group Input nodes show the sockets that are used and hide the rest.
        """
        for node in self._group_inputs.values():
            for socket in node.outputs:
                socket.hide = not socket.is_linked
        blocks = {}  # frame (None: nodes without one) -> {column: [node]}
        for frame, nodes in _grouped((frame, (node, column)) for node, column, frame in self._columns).items():
            first = min((column for _, column in nodes if column is not None), default=0)
            blocks[frame] = _grouped((first - 1 if column is None else column, node) for node, column in nodes)
        left = self._lefts(blocks.values())
        below = dict.fromkeys(left, 0.0)
        for block in blocks.values():
            spanned = [column for column in left if min(block) <= column <= max(block)]
            top = max(below[column] for column in spanned) + _FRAME_LABEL
            bottoms = [_stack(nodes, left[column], top) for column, nodes in block.items()]
            below.update(dict.fromkeys(spanned, max(bottoms) + _FRAME_GAP))

    @staticmethod
    def _lefts(blocks):
        """{column: x} of all columns, each as wide as its widest node."""
        widths: dict[int, float] = {}
        for block in blocks:
            for column, nodes in block.items():
                widths[column] = max([widths.get(column, 0), *(node.width for node in nodes)])
        left, x = {}, 0.0
        for column in sorted(widths):
            left[column], x = x, x + widths[column] + _COLUMN_GAP
        return left

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


def _grouped(pairs):
    """{key: [values]} of (key, value) pairs, in their order."""
    groups: dict[Any, list] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups


def _stack(nodes, x, top):
    """Place nodes below each other from `top` down; the distance from 0 down to where they end."""
    for node in nodes:
        node.location = (x, -top)
        top += _height(node) + _NODE_GAP
    return top


def _height(node):
    rows = 8 if hasattr(node, "image") or hasattr(node, "extension") else 4  # a title and what the node is set to
    rows += sum(not socket.hide for socket in node.outputs if socket.enabled)
    for socket in node.inputs:
        if socket.enabled and not socket.hide:
            rows += 4 if socket.type == "VECTOR" and not socket.is_linked else 1
    return rows * _ROW


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


def groups_of(key, tree_type):
    """The groups of this file that have this identity, of whatever version."""
    return [
        group
        for group in bpy.data.node_groups
        if group.get(GROUP_KEY) == key and group.library is None and group.bl_idname == tree_type
    ]


def shared_group(name, tree_type, version, build, *, key=None, replace=False):
    """The node group that all loops of the file share, built if it is missing or of another version.

    Args:
        build: callable(TreeBuilder) that fills a fresh tree.
        key: identity in the file; a name may have been changed by the artist. Default: `name`.
        replace: put the new group in the place of an outdated one wherever that is used. Without it the outdated one
            stays where it is, as modifiers know their inputs by the identifiers of the group they were made with; only
            its name goes to the new one.
    """
    key = key or name
    ours = groups_of(key, tree_type)
    for group in ours:
        if group.get(VERSION_KEY) == version:
            return group
    group = bpy.data.node_groups.new(name, tree_type)
    builder = TreeBuilder(group)
    try:
        build(builder)
        builder.arrange()
    except BaseException:
        bpy.data.node_groups.remove(group)
        raise
    group[GROUP_KEY], group[VERSION_KEY] = key, version
    if replace:
        for outdated in ours:
            outdated.user_remap(group)
            bpy.data.node_groups.remove(outdated)
        group.name = name
    for outdated in ours if not replace else ():
        if outdated.name == name:
            outdated.name = f"{name} (Version {outdated[VERSION_KEY]})"
            group.name = name
    return group
