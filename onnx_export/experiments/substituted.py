"""What is read beside borders between movers, with the truth in the place of what a prediction found, one by one."""

from dataclasses import replace

import numpy as np

from gid_core.motion import guided
from gid_core.prediction import owners
from gid_core.prediction.encodings import encode
from gid_core.prediction.stages import padded

from ..evaluation import movers
from ..evaluation.scenes import MOVES_PX, field
from ..scenes.painting import HELD_OUT_SEED

__all__ = ["AROUND", "FIGURES", "PLACES", "nearest", "tabulated", "torn"]

AROUND = tuple((i, j) for i in (-1, 0, 1) for j in (-1, 0, 1))  # steps (down, right) from a place's own cell
PLACES = 8  # along each side of a cell: texels of the grid
FIGURES = (*movers.FIGURES, "torn")
_TORN = 0.5  # of its motion by which a texel moves otherwise than the next one of its object
_REACH = 2  # cells, within which a place finds one of its own object


def nearest(objects, own):
    """The object of each place: int (H, W), of the cell that it most surely belongs with.

    Args:
        objects: int (h, w). own: float (len(AROUND), PLACES h, PLACES w).
    """
    steps = np.array(AROUND)[own.argmax(0)]
    rows, columns = (
        np.clip(axis // PLACES + steps[..., i], 0, objects.shape[i] - 1)
        for i, axis in enumerate(np.indices(own.shape[1:]))
    )
    return objects[rows, columns]


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


def _with_true_borders(groups, cells, names):
    """The found object of the nearest cell of each place's true object, (H, W); without one near by it is its own."""
    found, best = np.full(names.shape, groups.max() + 1), np.full(names.shape, np.inf)
    rows, columns = (guided.centres(n, size) for n, size in zip(cells.shape, names.shape, strict=True))
    for i in range(-_REACH, _REACH + 1):
        for j in range(-_REACH, _REACH + 1):
            row, column = (
                np.clip(np.rint(axis).astype(int) + step, 0, n - 1)
                for axis, step, n in zip((rows, columns), (i, j), cells.shape, strict=True)
            )
            away = (row - rows)[:, None] ** 2 + (column - columns)[None] ** 2
            place = np.ix_(row, column)
            is_nearer = (cells[place] == names) & (away < best)
            found, best = np.where(is_nearer, groups[place], found), np.where(is_nearer, away, best)
    return found


def _labels(seen, scene, found, photo, own):
    """{way: (object of each cell, object of each texel)}."""
    groups, strength = seen.groups.objects, field(scene.maps, "amplitude")
    names = field(scene.maps, "object").astype(int)
    cells = movers.at_cells(names[None, ..., None], strength)[0, ..., 0]
    known = np.unique(np.append(names, cells))
    names, cells = np.searchsorted(known, names), np.searchsorted(known, cells)
    ways = {
        "found objects": (groups, owners.owners(groups, seen.cells, seen.picture)),
        "true cells": (cells, owners.owners(cells, seen.cells, seen.picture)),
        "found objects, true borders": (groups, _with_true_borders(groups, cells, names)),
        "true cells, true borders": (cells, names),
    }
    if own is not None:
        told = own(photo, found)
        ways["found objects, network's borders"] = groups, nearest(groups, told)
        ways["true cells, network's borders"] = cells, nearest(cells, told)
    return ways


def tabulated(model, count, own=None, first=HELD_OUT_SEED) -> dict:
    """{way of reading: means of FIGURES} over those of so many scenes in which movers touch.

    own: callable(photo, what the encoder found of its first look) -> probabilities that each texel is one object with
    the cells AROUND its own; None: no rows of it.
    """
    rows: dict[str, list] = {}
    for number in range(first, first + count):
        scene, z, far, photo = movers.drawn(number, first)
        names, moves = field(scene.maps, "object"), field(scene.maps, "amplitude") > MOVES_PX
        if not movers.compared(far[..., None] * z, far[..., None] * z, names):
            continue
        seen = replace(encode(model, photo), envelope=far, lookup=None)
        found = model.encode(padded(seen.picture).rgb)
        cells = movers.at_cells(z, field(scene.maps, "amplitude"))
        read = {"as predicted": seen.members}
        for way, (objects, owned) in _labels(seen, scene, found, photo, own).items():
            read[way] = owners.members(objects, owned, seen.cells)
            joined = owners.joined(int(max(objects.max(), owned.max())) + 1, owned, seen.picture)
            read[way + ", joined"] = owners.members(joined[objects], joined[owned], seen.cells)
        for way, members in read.items():
            one = replace(seen, members=members).motion(cells)
            row = movers.compared(one.volume().amplitudes, far[..., None] * z, names)
            rows.setdefault(way, []).append([*row.values(), torn(one.phases(), names, moves)])
    return {way: np.mean(row, 0).tolist() for way, row in rows.items()}
