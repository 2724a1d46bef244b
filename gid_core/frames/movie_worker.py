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
    seam = None
    if order["measures"]:
        seam = picture_seam(lambda frame: grey_of(files[frame], frame_kind), len(files))
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
