"""Bars: figures that a model must reach, each with its interval and whether it is met. Tables as text."""

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["Bar", "bar_figures", "bar_lines", "rounded", "table_lines"]


@dataclass(frozen=True)
class Bar:
    """One requirement: `figure` must be >= (or <=, by `sense`) `limit`; interval [low, high] of 95 %, or None.

    Figures that nothing was there to measure, None after `rounded`, are NaN here and met by nothing.
    """

    name: str
    figure: float
    sense: str
    limit: float
    interval: tuple | list | None = None
    note: str = ""

    def __post_init__(self):
        if self.sense not in ("<=", ">="):
            raise ValueError(f"a bar's sense is <= or >=, not {self.sense!r}")
        object.__setattr__(self, "figure", _number(self.figure))
        if self.interval is not None:
            object.__setattr__(self, "interval", [_number(x) for x in self.interval])

    def _reached(self, value):
        return value >= self.limit if self.sense == ">=" else value <= self.limit

    @property
    def is_met(self) -> bool:
        """The figure itself reaches the limit; NaN does not."""
        return bool(self._reached(self.figure))

    @property
    def is_sure(self) -> bool:
        """Both ends of the interval say what the figure says; without an interval, True."""
        if self.interval is None or not all(math.isfinite(x) for x in self.interval):
            return True
        return all(bool(self._reached(x)) == self.is_met for x in self.interval)


def _number(value):
    return math.nan if value is None else value


def bar_figures(bars) -> dict:
    """{bar: {figure, bar, met, interval, note}} for the card."""
    found = {}
    for bar in bars:
        row = {"figure": bar.figure, "bar": f"{bar.sense} {bar.limit:g}", "met": bar.is_met}
        if bar.interval is not None:
            row["interval"] = bar.interval
        if bar.note:
            row["note"] = bar.note
        found[bar.name] = row
    return rounded(found)


def bar_lines(bars) -> list:
    """The table of bars as lines of text."""
    rows = []
    for bar in bars:
        span = "" if bar.interval is None else "{:.3f} .. {:.3f}".format(*bar.interval)
        verdict = ("yes" if bar.is_met else "NO") + ("" if bar.is_sure else " (interval crosses)")
        rows.append([bar.name, f"{bar.sense} {bar.limit:g}", f"{bar.figure:.3f}", span, verdict, bar.note])
    return table_lines(["bar", "limit", "figure", "95 % interval", "met", ""], rows)


def table_lines(heads, rows) -> list:
    """Columns as wide as their widest entry; the first is flushed left."""
    rows = [list(heads), *([str(x) for x in row] for row in rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(heads))]
    lines = ["  ".join(x.ljust(w) for x, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [lines[0], "  ".join("-" * w for w in widths), *lines[1:]]


def rounded(value, digits: int = 4):
    """Floats in a nested dict or list, rounded; NaN, which JSON does not know, becomes None."""
    if isinstance(value, dict):
        return {key: rounded(item, digits) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [rounded(item, digits) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (bool, str, int)) or value is None:
        return value
    value = float(value)
    return round(value, digits) if math.isfinite(value) else None
