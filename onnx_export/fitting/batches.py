"""The rows of a batch: scenes and photographs drawn at random, by kind, mirrored half of the time."""

from dataclasses import astuple

import torch

from ..scenes import motion, painting
from . import dataset

__all__ = ["drawn_scenes", "mirrored", "photograph_kinds", "rows_of", "sample", "scene_parts", "where_rows"]


def sample(count, among, generator):
    """`count` of a tensor's entries, drawn with replacement."""
    return among[torch.randint(0, len(among), (count,), generator=generator)]


def rows_of(data, count, generator):
    """`count` random rows of scenes."""
    return dataset.batch(data, sample(count, torch.arange(len(data["wind"])), generator))


def drawn_scenes(parts, generator):
    """Random rows of pairs (scenes, how many)."""
    drawn = [rows_of(data, count, generator) for data, count in parts]
    return {name: torch.cat([rows[name] for rows in drawn]) for name in drawn[0]}


def mirrored(scene_rows):
    """The same scenes with left and right exchanged."""
    maps, wind = motion.mirrored(scene_rows["maps"], scene_rows["wind"], painting.WIDTH)
    return dataset.mirrored_features(scene_rows) | {"maps": maps, "wind": wind}


def scene_parts(painted, thin, rendered, rows):
    """Pairs (scenes, how many of them a batch takes); rows: a settings.SceneRows."""
    return list(zip((painted, thin, rendered or thin), astuple(rows), strict=True))


def photograph_kinds(photo_data, rows):
    """Pairs (rows of a kind, how many of them a batch takes), of the kinds that there are.

    rows: a settings.PhotographRows.
    """
    by_kind = [torch.nonzero(photo_data["kind"] == kind)[:, 0] for kind in range(len(dataset.KINDS))]
    return [(kind, count) for kind, count in zip(by_kind, astuple(rows), strict=True) if len(kind)]


def where_rows(parts, photo_data, by_kind, generator):
    """(scene rows, photograph rows) of a batch, mirrored half of the time.

    parts: pairs (scenes, how many); by_kind: of `photograph_kinds`.
    """
    scene_rows = drawn_scenes(parts, generator)
    photo_rows = dataset.batch(photo_data, torch.cat([sample(count, kind, generator) for kind, count in by_kind]))
    if torch.rand((), generator=generator) < 0.5:
        return mirrored(scene_rows), dataset.mirrored_features(photo_rows)
    return scene_rows, photo_rows
