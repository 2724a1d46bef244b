"""Where what is read beside a border between movers errs: python -m onnx_export.experiments.substituted [--scenes 36]

A table puts the truth in the place of what a prediction found, one by one, on painted scenes of 1,024 px
(evaluation/movers.py): objects of the closer look's cells, of places, of texels, and the motion of its cells instead of
the flow's. What it tells: docs/research/borders.md.
"""

import argparse
from dataclasses import replace

import numpy as np

from gid_core.errors import GidError
from gid_core.model.contract import PLACES
from gid_core.model.session import load_model
from gid_core.motion.cells import members
from gid_core.motion.edges import edges_at
from gid_core.prediction import encodings, owners, stages
from gid_core.prediction.finer import finer_of, placed
from gid_core.prediction.objects import Groups

from ..evaluation import movers
from ..evaluation.bars import table_lines
from ..evaluation.scenes import MOVES_PX, field
from ..scenes.painting import HELD_OUT_SEED

__all__ = ["FIGURES", "main", "tabulated", "torn"]

FIGURES = (*movers.FIGURES, "torn")
_TORN = 0.5  # of its motion by which a texel moves otherwise than the next one of its object


def torn(z, objects, moves):
    """Share of neighbouring texels of one object, both moving, that move otherwise: z complex (K, H, W, 2)."""
    size, parts = np.sqrt((np.abs(z) ** 2).sum((0, 3))), []
    for one, other in ((np.s_[:, 1:], np.s_[:, :-1]), (np.s_[1:], np.s_[:-1])):
        inside = (objects[one] == objects[other]) & moves[one] & moves[other]
        apart = np.sqrt((np.abs(z[:, *_both(one)] - z[:, *_both(other)]) ** 2).sum((0, 3)))
        parts.append((apart > _TORN * size[one])[inside])
    return np.concatenate(parts).mean()


def _both(place):
    return place if isinstance(place, tuple) else (place, slice(None))


def _strongest(names, strength, size):
    """The object of each square of `size` texels, that of its texel that moves farthest: int (h, w) of (H, W)."""
    return movers.at_cells(names[None, ..., None], strength, size)[0, ..., 0]


def _ways(model, photo, seen, names, strength):
    """{way: (objects of the closer look's cells, object of each texel)}."""
    found, _, _ = stages.look(model, photo, seen.picture)
    groups, size = seen.finer.groups, names.shape[0] // seen.finer.objects.shape[0]
    cells, side = _strongest(names, strength, size), size // PLACES
    places = _strongest(names, strength, side).repeat(side, 0).repeat(side, 1)
    true = Groups(cells, cells)
    return {
        "found objects and places": (groups, placed(groups.objects, found["own"][0], seen.cells, names.shape)),
        "true objects, by the photo's colours": (true, owners.owners(cells, seen.cells, seen.picture)),
        "true objects and places": (true, places),
        "true objects and texels": (true, names),
    }


def _read(seen, groups, owned, first, z, strength):
    """The motion of a scene's own z, read by other objects; first: of owners.joined."""
    size, flow = strength.shape[0] // groups.objects.shape[0], seen.groups.objects.shape
    far = movers.at_cells(strength[None, ..., None], strength, size)[0, ..., 0]
    finer, coarse = finer_of(groups, first, far.shape, far, flow, flow)
    one = replace(seen, finer=finer, groups=coarse, members=members(finer.objects, first[owned], seen.cells))
    return one.motion(movers.carried(one, z, strength))


def tabulated(model, count, first=HELD_OUT_SEED) -> dict:
    """{way of reading: means of FIGURES} over those of so many scenes in which movers touch."""
    rows: dict[str, list] = {}
    for number in range(first, first + count):
        scene, z, far, photo = movers.drawn(number, first)
        strength = field(scene.maps, "amplitude")
        _, names = np.unique(field(scene.maps, "object").astype(int), return_inverse=True)
        names, true, moves = names.reshape(strength.shape), far[..., None] * z, strength > MOVES_PX
        if not movers.compared(true, true, names):
            continue

        def note(way, motion, true=true, names=names, moves=moves):
            row = movers.compared(motion.volume().amplitudes, true, names)
            rows.setdefault(way, []).append([*row.values(), torn(motion.phases(), names, moves)])

        seen = replace(encodings.encode(model, photo), envelope=far, lookup=None)
        note("as predicted", seen.motion(movers.carried(seen, z, strength)))
        for way, (groups, owned) in _ways(model, photo, seen, names, strength).items():
            seen_edges = edges_at(stages.see(photo, stages.FINE_LONG_SIDE).picture, names.shape)
            first_of = owners.joined(int(max(groups.objects.max(), owned.max())) + 1, owned, seen_edges)
            note(way, _read(seen, groups, owned, np.arange(len(first_of)), z, strength))
            note(f"{way}, joined", _read(seen, groups, owned, first_of, z, strength))
        size = names.shape[0] // seen.finer.objects.shape[0]
        exact = replace(seen, members=members(_strongest(names, strength, size), names, seen.cells))
        note("the same, z of the closer look's cells", exact.motion(movers.at_cells(z, strength, size)))
    return {way: np.mean(row, 0).tolist() for way, row in rows.items()}


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="onnx_export.experiments.substituted", description="Borders between movers")
    parser.add_argument("--model", help="model folder; default: the shipped one")
    parser.add_argument("--scenes", type=int, default=36, help="held-out scenes of the table")
    options = parser.parse_args(arguments)
    try:
        found = tabulated(load_model(options.model), options.scenes)
    except GidError as error:
        parser.error(str(error))
    rows = [[name, *(f"{value:.3f}" for value in figures)] for name, figures in found.items()]
    print("\n".join(table_lines(["read by", *FIGURES], rows)))


if __name__ == "__main__":
    main()
