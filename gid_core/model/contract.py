"""What every graph of the motion model agrees on with its callers: the numbers and shapes that are part of its meaning.

A *role* is what a graph does for us. Its signature names the tensors that go in and come out, and their shapes: a
number is that size, a letter a size that all tensors of one call share, "H/4" that size divided. To add a graph, add
its role here and call `Model.run(role, inputs)`; card, file check, providers and cache ask for no more.
"""

from dataclasses import dataclass

import numpy as np

__all__ = [
    "AROUND",
    "BONDS",
    "CELL_STRIDE",
    "CLOSER",
    "ENVELOPE_STRIDE",
    "FEATURE_STRIDES",
    "PAIRS",
    "PICTURE_STRIDE",
    "PLACES",
    "PREDICTION",
    "RENDERING",
    "SIGNATURES",
    "TOLD_STRIDE",
    "Z_LAYOUT",
    "Signature",
    "bind",
    "sized",
]

# Steps (down, right) that affinities span. A model may know the first of them only, the next neighbours at least.
PAIRS = ((0, 1), (1, 0), (0, 2), (2, 0), (0, 4), (4, 0), (2, 2), (2, -2))
AROUND = tuple((i, j) for i in (-1, 0, 1) for j in (-1, 0, 1))  # steps (down, right) from a cell to those around it
PLACES = 2  # along each side of a cell of the closer look: it says of each which of the cells AROUND it belongs to
PICTURE_STRIDE = 32  # height and width of what the encoder sees are multiples of it: its coarsest features
ENVELOPE_STRIDE = 4  # px of that picture to a cell of `alive` and `envelope`
CELL_STRIDE = 8  # and to a cell of `affinity`, `features` and all that the flow takes
BONDS = 5  # what a cell takes in one round of averaging: of itself, its right, left, lower and upper neighbour
TOLD_STRIDE = 16  # and to a cell of what the closer look is told, of the picture that it sees
FEATURE_STRIDES = {"full": 1, "half": 2, "quarter": 4}  # px of a still to a cell of its features that are splatted
Z_LAYOUT = ("xr", "yr", "xi", "yi")  # the four reals of a slice of z: real x, real y, imaginary x, imaginary y


@dataclass(frozen=True)
class Signature:
    """Shapes of a graph's tensors by name, all float32.

    apart: the letter of an axis whose entries know nothing of each other, so that parts of it can run side by side.
    """

    inputs: dict[str, tuple]
    outputs: dict[str, tuple]
    apart: str | None = None


# K: frequencies of the card; S: some of them; P: pairs, the first P of PAIRS; T: tiles; others: whatever number the
# model has.
SIGNATURES = {
    "encoder": Signature(
        inputs={"rgb": (1, 3, "H", "W")},  # sRGB-encoded, 0..1
        outputs={
            "alive": (1, 1, f"H/{ENVELOPE_STRIDE}", f"W/{ENVELOPE_STRIDE}"),  # probability that a cell moves
            "envelope": (1, "K", f"H/{ENVELOPE_STRIDE}", f"W/{ENVELOPE_STRIDE}"),  # e: E = scale e^2
            "affinity": (1, "P", f"H/{CELL_STRIDE}", f"W/{CELL_STRIDE}"),  # probability of being one object
            "features": (1, "F", f"H/{CELL_STRIDE}", f"W/{CELL_STRIDE}"),
        },
    ),
    "outline": Signature(
        inputs={
            "rgb": (1, 3, "H", "W"),  # the photo larger than the encoder saw it
            # What the encoder said, on this look's cells and at its coarsest.
            "coarse": (1, 1, f"H/{ENVELOPE_STRIDE}", f"W/{ENVELOPE_STRIDE}"),  # alive
            "told": (1, "F", f"H/{TOLD_STRIDE}", f"W/{TOLD_STRIDE}"),  # features
            "known": (1, "P", f"H/{TOLD_STRIDE}", f"W/{TOLD_STRIDE}"),  # affinity
        },
        outputs={
            "alive": (1, 1, f"H/{ENVELOPE_STRIDE}", f"W/{ENVELOPE_STRIDE}"),
            "affinity": (1, "P", f"H/{CELL_STRIDE}", f"W/{CELL_STRIDE}"),
            # Probability that a place, a part of a cell, is of the object of each of the cells AROUND.
            "own": (1, len(AROUND), f"H/{CELL_STRIDE // PLACES}", f"W/{CELL_STRIDE // PLACES}"),
        },
    ),
    "condition": Signature(
        inputs={
            "affinity": (1, 2, "h", "w"),  # 1 where the right, the lower neighbour is the same object
            "features": (1, "F", "h", "w"),
        },
        outputs={
            "entry": (1, "C", "h", "w"),  # of the picture, added to what the flow's first layer makes of each slice
            "bonds": (1, BONDS, "h", "w"),  # shares of a mean over neighbours of one object, of sum 1
            "slices": (1, "K", "E"),  # a vector a frequency, by which the flow knows it
        },
    ),
    "flow": Signature(
        inputs={
            "z": (1, "S", len(Z_LAYOUT), "h", "w"),
            "t": (1,),  # 0 is the start, 1 the motion
            "wind": (1, 4),  # prediction.wind.Wind.condition
            "envelope": (1, "S", "h", "w"),  # e, as means over 2 x 2 cells of the encoder's
            "slices": (1, "S", "E"),
            "entry": (1, "C", "h", "w"),
            "bonds": (1, BONDS, "h", "w"),
        },
        outputs={"velocity": (1, "S", len(Z_LAYOUT), "h", "w")},
        apart="S",
    ),
    "features": Signature(
        inputs={"rgb": ("T", 3, "H", "W")},  # tiles of a still, sRGB-encoded, 0..1; sides are multiples of 4
        # The first channel is added to the logarithm of the splatting weight.
        outputs={"full": ("T", "A", "H", "W"), "half": ("T", "B", "H/2", "W/2"), "quarter": ("T", "C", "H/4", "W/4")},
        apart="T",
    ),
    "synthesis": Signature(
        inputs={
            "picture": ("T", 3, "H", "W"),  # tiles of a frame, sRGB-encoded, 0..1
            # The features where they landed, divided by their weight; the first channel is how much landed, 0..1.
            "full": ("T", "A", "H", "W"),
            "half": ("T", "B", "H/2", "W/2"),
            "quarter": ("T", "C", "H/4", "W/4"),
        },
        outputs={"change": ("T", 3, "H", "W")},  # to be added to the picture
        apart="T",
    ),
}
PREDICTION = ("encoder", "condition", "flow")  # the roles without which no motion is predicted
RENDERING = ("features", "synthesis")  # the roles that draw frames; a model without them predicts all the same
CLOSER = "outline"  # the role of the closer look; a model without it looks once


def bind(shapes: dict[str, tuple], arrays: dict[str, np.ndarray], sizes: dict[str, int]) -> str | None:
    """Compare arrays with the shapes of a signature; letters that `sizes` lacks are learned and added to it.

    Returns:
        None, or the first difference in words: "alive of shape (1, 2), expected (1, 1)".
    """
    for name, shape in shapes.items():
        found = arrays[name].shape
        if len(found) == len(shape):
            for size, place in zip(found, shape, strict=True):
                if isinstance(place, str) and "/" not in place:
                    sizes.setdefault(place, size)
        expected = tuple(sized(place, sizes) for place in shape)
        if found != expected:
            return f"{name} of shape {found}, expected {expected}"
    return None


def sized(place, sizes: dict[str, int]):
    """The size that a place of a shape stands for; the place itself where its letter is not known."""
    if isinstance(place, int):
        return place
    letter, _, part = place.partition("/")
    return sizes[letter] // int(part or 1) if letter in sizes else letter
