"""The process that encodes a movie: PyAV and OpenImageIO stay out of Blender's own process."""

from fractions import Fraction

from ..child import serving
from ..files import movie
from .seam import grey_of, picture_seam

__all__ = ["serve"]


def serve(order: dict) -> None:
    """A child's whole life; see `gid_core.child`."""
    serving(_work, order)


def _work(order, _commands, send):
    files, frame_kind = order["files"], order["frame_kind"]
    seam = picture_seam(grey_of(file, frame_kind) for file in files) if order["measures"] else None
    if order["kind"] is not None:
        movie.encode(
            movie.shown(files, order["repeats"], order["hold"]),
            order["path"],
            order["kind"],
            Fraction(order["fps"]),
            frame_kind=frame_kind,
            progress=lambda fraction: send(event="progress", fraction=fraction),
        )
    send(event="done", seam=seam)
