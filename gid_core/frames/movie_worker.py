"""The process that encodes a movie: PyAV and OpenImageIO stay out of Blender's own process."""

from fractions import Fraction

from ..child import serving
from ..files import movie

__all__ = ["serve"]


def serve(order: dict) -> None:
    """A child's whole life; see `gid_core.child`."""
    serving(_work, order)


def _work(order, _commands, send):
    movie.encode(
        order["files"],
        order["path"],
        order["kind"],
        Fraction(order["fps"]),
        frame_kind=order["frame_kind"],
        progress=lambda fraction: send(event="progress", fraction=fraction),
    )
    send(event="done")
