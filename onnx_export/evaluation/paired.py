"""Scenes that are scored in two ways, ours and another one: means, intervals, and how far ours is ahead, paired."""

import numpy as np

from .bars import rounded, table_lines
from .statistics import apart, interval

__all__ = ["paired", "paired_lines"]


def paired(rows: dict, figures: tuple) -> dict:
    """Means of the figures by way, `intervals` of ours, and its `lead` over the other, by the same draws of scenes.

    rows: {way: [{figure: value} of each scene]}, ours first; what a scene does not show is NaN.
    """
    table = {way: {key: [row[key] for row in found] for key in figures} for way, found in rows.items()}
    ours, theirs = table.values()
    scenes = len(next(iter(rows.values())))
    return rounded(
        {
            "scenes": scenes,
            **{way: {key: np.nanmean(values) for key, values in row.items()} for way, row in table.items()},
            "intervals": {key: interval(ours[key]) for key in figures},
            "lead": {key: [apart(*both), *interval(*both)] for key in figures if (both := (ours[key], theirs[key]))},
        },
        3,
    )


def paired_lines(found: dict, ways: tuple, figures: tuple) -> list:
    """A table of both ways of what `paired` found."""
    rows = [[way, *(f"{found[way][key]:.3f}" for key in figures)] for way in ways]
    rows.append(["  ahead by", *("{:+.3f} ({:+.3f} .. {:+.3f})".format(*found["lead"][key]) for key in figures)])
    return table_lines([f"{found['scenes']} scenes", *figures], rows)
