"""The loop in an artist's own sequencer: strips of its scene, or of its baked frames, repeated to any length."""

from .. import compat
from ..loop.read import scene_of

__all__ = ["SOURCES", "add_frames", "add_scene", "strips_of", "take_out"]

SOURCES = [
    ("SCENE", "Scene", "The loop's scene, drawn when it is looked at: follows every edit"),
    ("FRAMES", "Baked Frames", "The pictures of the last bake: exact, and as fast as any footage"),
]


def add_scene(plane, scene, start: int, length: int) -> list:
    """Strips of the scene of `plane` in a row, each one round of the loop, in the sequencer of `scene`.

    Args:
        start: frame of `scene` at which the loop begins; length: in frames; the last strip ends with it.
    Returns:
        The strips.
    Raises:
        SettingsError: `plane` is not a loop.
    """
    source, editor = scene_of(plane), scene.sequence_editor_create()
    channel, n_frames, strips = _free_channel(editor), plane.gid.n_frames, []
    for first in range(start, start + length, n_frames):
        strip = editor.strips.new_scene(name=plane.name, scene=source, channel=channel, frame_start=first)
        compat.end_strip(strip, min(first + n_frames, start + length))
        strips.append(strip)
    return _finished(scene, editor, strips)


def add_frames(plane, scene, files, start: int, length: int) -> list:
    """One strip of the loop's baked frames, over and over; as `add_scene`.

    Args:
        files: one round, in order, all of one folder.
    """
    editor = scene.sequence_editor_create()
    repeated = [files[index % len(files)] for index in range(length)]
    strip = compat.new_image_strip(
        scene, repeated, name=plane.name, channel=_free_channel(editor), start=start, fit="FIT"
    )
    return _finished(scene, editor, [strip])


def strips_of(plane, scene) -> list:
    """(list that holds it, strip) of every strip in the sequencer of `scene` that shows the scene of `plane`."""
    return [] if scene.sequence_editor is None else list(_found(scene.sequence_editor.strips, plane.gid.scene))


def take_out(held) -> None:
    """Remove what `strips_of` found."""
    for strips, strip in held:
        strips.remove(strip)


def _found(strips, source):
    for strip in strips:
        if strip.type == "SCENE" and strip.scene == source:
            yield strips, strip
        elif strip.type == "META":
            yield from _found(strip.strips, source)


def _free_channel(editor):
    return 1 + max((strip.channel for strip in editor.strips), default=0)


def _finished(scene, editor, strips):
    scene.render.use_sequencer = True
    for strip in editor.strips:
        strip.select = strip in strips
    editor.active_strip = strips[0]
    return strips
