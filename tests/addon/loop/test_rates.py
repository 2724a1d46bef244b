"""Frame rates at the rim of what Blender lets one type."""

from fractions import Fraction

import bpy
import pytest
from gid_dev.blender_addon.loop import length
from gid_dev.blender_addon.panels import loop


@pytest.mark.parametrize("base", [1e-5, 1e-4, 3e-5])
def test_a_rate_beyond_all_films_is_refused_in_a_sentence_and_drawn_as_one(still, drawn, base):
    render = bpy.context.scene.render
    render.fps, render.fps_base = 24, base
    settings = bpy.context.scene.gid
    for unit in ("FRAMES", "SECONDS"):
        settings.length_unit = unit
        with pytest.raises(RuntimeError, match=r"frames"):
            bpy.ops.gid.animate()
        drawn(loop.Loop)
    assert settings.loop is None


@pytest.mark.parametrize(("fps", "base", "rate"), [(24, 1.001, Fraction(24000, 1001)), (1, 1.0, 1), (32767, 1e6, None)])
def test_rates_are_the_fractions_that_they_stand_for(fps, base, rate):
    render = bpy.context.scene.render
    render.fps, render.fps_base = fps, base
    found = length.scene_fps(bpy.context.scene)
    assert found == rate if rate else found > 0
