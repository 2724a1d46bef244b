"""What can be changed in a loop that exists: its length, rate and first frame."""

import json
from fractions import Fraction

from ...gid_core.motion.timeline import LoopPlan
from . import clock
from .build import check_plan, note_plan, set_plan
from .read import scene_of

__all__ = ["retime_loop"]


def retime_loop(plane, plan: LoopPlan, fps: Fraction, start: int = 1) -> None:
    """Give the loop another plan, rate and first frame; its motion and its images stay.

    Raises:
        SettingsError: `plane` is not a loop, or the plan does not fit its volume.
    """
    scene = scene_of(plane)
    check_plan(plan, len(json.loads(plane.gid.frequencies)), fps)
    clock.set_rate(scene, fps)
    clock.set_range(scene, start, plan.n_frames)
    for obj in clock.on_same_clock(plane):
        set_plan(obj, plan)
        note_plan(obj, plan, fps, start)
    clock.key(plane, start, plan.n_frames)
