"""The process of a preview: a Blender of its own that opens the file of one loop and renders it small."""

from ..gid_core.child import serving
from ..gid_core.frames.bake import bake
from . import properties
from .output.handover import take_over
from .output.preview import small_loop_of

__all__ = ["serve"]


def serve(order: dict) -> None:
    """A child's whole life; see `gid_core.child`. order: what `handover.hand_over` gave, and the "frames" folder."""
    properties.register()
    serving(_work, order)


def _work(order, _commands, send):
    send(event="progress", phase="read the loop", fraction=0.0)
    plane = take_over(order)
    frames = range(1, plane.gid.n_frames + 1)
    bake(
        small_loop_of(plane),
        order["frames"],
        frames,
        progress=lambda phase, fraction: send(event="progress", phase=phase, fraction=fraction),
    )
    send(event="done")
