"""What every graph of the motion model agrees on with its callers: the numbers that are part of its meaning."""

__all__ = ["PAIRS"]

PAIRS = ((0, 1), (1, 0), (0, 2), (2, 0), (0, 4), (4, 0), (2, 2), (2, -2))  # steps (down, right) that affinities span
