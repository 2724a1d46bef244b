"""What can be done to a loop that exists, all of it in place: another motion, another photo, edits, another length.

Datablocks stay: the same scene, camera, compositor and materials; an image is followed by one of its name and users
(see `images.rewrite`). What the artist changed there stays, too, and so do paintings on front and plate as long as the
photo is the same. All is computed before anything is written, so that what cannot be leaves the loop as it was.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ...gid_core.errors import GidError, SettingsError
from ...gid_core.frames.renderer import LoopRenderer
from ...gid_core.motion.comb import Stroke
from ...gid_core.motion.edits import Edits, Pull, apply
from ...gid_core.motion.motion import Motion
from ...gid_core.motion.plan import plan_loop
from ...gid_core.motion.timeline import LoopPlan
from .. import jobs
from ..nodes import rig, sharp
from . import clock, colours, images, live, mesh, pluck, raw, scene, upgrade
from .build import Pictures, baked, check_plan, note_plan, set_plan
from .intact import check_apart
from .read import (
    copied_with,
    played_volume,
    refuse_foreign_colours,
    refuse_unkept,
    scene_of,
    still_of,
    stored_plan,
    stored_still,
    stored_volume,
)

__all__ = [
    "NeedsNewLoop",
    "add_pluck",
    "apply_edits",
    "check_fits",
    "clear_plucks",
    "clear_strokes",
    "comb",
    "follow",
    "follow_rate",
    "foreseen",
    "plan_for",
    "replace_motion",
    "retime_loop",
    "second_of",
]


class NeedsNewLoop(SettingsError):
    """What is asked for another loop of the photo can show, and this one cannot."""


def plan_for(plane, n_frames: int, fps: Fraction, motion: Motion | None = None) -> LoopPlan:
    """The plan of the loop's edited motion, or of another one with the same edits, at a length and a rate."""
    volume = stored_volume(plane) if motion is None else apply(motion, live.asked(plane))
    anchored = rig.get_input(plane, "Anchor") > 0
    return plan_loop(volume, n_frames, fps, anchored=anchored, phase=plane.gid.edits.phase)


def retime_loop(plane, plan: LoopPlan, fps: Fraction, start: int = 1) -> None:
    """Give the loop another plan, rate and first frame; its motion and its images stay.

    Raises:
        SettingsError: `plane` is not a loop, the file would not keep it, or the plan does not fit its motion.
    """
    refuse_unkept(plane)
    owner = scene_of(plane)
    check_plan(plan, live.n_modes(plane), fps)
    clock.set_rate(owner, fps)
    clock.set_range(owner, start, plan.n_frames)
    for obj in clock.on_same_clock(plane):
        set_plan(obj, plan, plane.gid.edits.phase)
        note_plan(obj, plan, fps, start)
    clock.key(plane, start, plan.n_frames)
    if raw.is_stored(plane):
        live.show(plane)
        live.ring(plane)


def check_fits(plane, still, n_freqs: int | None = None) -> None:
    """Refuse a still or a motion that the loop's own materials and rig cannot show.

    Args:
        still: float32 (H, W, 3|4), None for that of the loop; n_freqs: of the motion, None if it is not there yet.
    Raises:
        NeedsNewLoop: only another loop can show them.
        SettingsError: the loop takes no edits; the sentence says what to do.
    """
    refuse_unkept(plane)
    twin = copied_with(plane)
    if twin is not None:
        raise SettingsError(
            f"the loops '{plane.name}' and '{twin.name}' share their images, since their scene was copied: "
            "remove one of them, or animate the photo anew"
        )
    refuse_foreign_colours(plane)
    owner = scene_of(plane)
    if not raw.is_stored(plane):
        raise SettingsError(f"the loop '{plane.name}' was made by an older version: bring it up to date first")
    if still is not None and images.has_alpha(still) != scene.is_transparent(owner):
        kind = "has transparent parts and the loop has none" if images.has_alpha(still) else "is opaque, the loop not"
        raise NeedsNewLoop(f"the photo {kind}: make a new loop of it, beside this one")
    if n_freqs is not None and n_freqs != live.n_modes(plane):
        raise NeedsNewLoop(f"the motion has {n_freqs} frequencies, the loop {live.n_modes(plane)}: make a new loop")
    check_apart(plane.name, _pictures(plane))


def _pictures(plane):
    """The images that `_write` gives new pixels, None for those that loops of some versions lack."""
    names = ("Still", "Static Mask", *(f"Image {index + 1}" for index in range(live.n_modes(plane))))
    return [plane.gid.front, plane.gid.plate, rig.get_input(plane, "Kin"), *(rig.get_input(plane, n) for n in names)]


def foreseen(plane, motion: Motion, still: np.ndarray | None = None) -> Callable[[], "Foreseen"]:
    """What works out all that `replace_motion` needs, without a datablock: it may be called in a thread."""
    shown, played = _Shown.of(plane), _Played.of(plane)
    return lambda: Foreseen.of(shown, played, motion, baked(motion, played.edits), still)


def replace_motion(
    plane,
    motion: Motion,
    still: np.ndarray | None = None,
    *,
    take=None,
    foreseen: "Foreseen | None" = None,
    kept: raw.Kept | None = None,
) -> None:
    """Let the loop show another motion, and another photo if one is given; edits, length and rate stay.

    Args:
        still: float32 (H, W, 3|4), linear, premultiplied, of any size; None for the loop's own.
        take: of the loop, if the motion is that of one: its images are the loop's then.
        foreseen: what the function of that name gave; made anew where the loop has changed since.
        kept: `raw.Kept.of` the motion, if that was worked out before.
    Raises:
        SettingsError: they do not fit the loop; nothing is changed then.
    """
    check_fits(plane, still, motion.n_freqs)
    shown, played = _Shown.of(plane), _Played.of(plane)
    if foreseen is None or not foreseen.holds(shown, played):
        foreseen = Foreseen.of(shown, played, motion, baked(motion, played.edits), still)
    upgrade.upgrade(plane)  # the motion may have what an older rig does not read
    heading = plane.gid.axis + plane.gid.edits.turn
    _write(plane, foreseen)
    if take is None:
        raw.store(plane, motion, live.name_of(plane), kept)
    else:
        raw.share(plane, take)
    if plane.gid.edits.one_axis > 0:  # what was to move along one axis goes on to, whatever axis the new motion has
        live.head_along(plane, heading)
    for body in clock.on_same_clock(plane):
        set_plan(body, foreseen.plan, plane.gid.edits.phase)
        rig.set_inputs(body, rig.frequency_inputs(foreseen.pictures.volume.frequencies))
    live.show(plane)
    live.ring(plane)


def apply_edits(plane) -> None:
    """Bring the loop up to date with its edits, those that are worked into its images included.

    What acts live needs no call; strength does, and a mask over what the model calls still, and either when painted.

    Raises:
        GidError: a picture among the edits cannot be read; nothing is changed then.
    """
    check_fits(plane, None)
    motion, played = raw.load(plane), _Played.of(plane)
    volume = baked(motion, played.edits)
    if not np.array_equal(volume.amplitudes, played_volume(plane).amplitudes):
        foreseen = Foreseen.of(_Shown.of(plane), played, motion, volume, None)
        _write(plane, foreseen)
    live.show(plane)


def follow_rate(plane) -> None:
    """Let the loop play at the rate that its edits ask for, at the length that it has; what cannot be is told."""
    if not raw.is_stored(plane) or plane.library:
        return
    try:
        fps = clock.fps_of(plane)
        volume = stored_volume(plane)
        anchored = rig.get_input(plane, "Anchor") > 0
        plan = plan_loop(volume, plane.gid.n_frames, fps, anchored=anchored, phase=plane.gid.edits.phase)
        for body in clock.on_same_clock(plane):
            rig.set_inputs(body, rig.frequency_inputs(volume.frequencies))
        retime_loop(plane, plan, fps, plane.gid.start)
    except GidError as error:
        jobs.note(jobs.key_of(plane.gid.scene), str(error))


def comb(plane, stroke: Stroke) -> None:
    """Let what lies under a stroke move along it.

    Raises:
        GidError: it cannot be; nothing is changed then.
    """
    check_fits(plane, None)
    strokes = plane.gid.edits.strokes
    live.add_stroke(plane, stroke)
    try:
        apply_edits(plane)
    except GidError:
        strokes.remove(len(strokes) - 1)
        raise
    live.ring(plane)


def clear_strokes(plane) -> None:
    """Take all strokes of the comb from the loop.

    Raises:
        GidError: the loop is linked, or an older version made it.
    """
    check_fits(plane, None)
    plane.gid.edits.strokes.clear()
    apply_edits(plane)
    live.ring(plane)


def add_pluck(plane, pull: Pull) -> None:
    """Pluck the loop, once a round for ever: one more among its edits, and keys.

    Raises:
        GidError: it cannot be; nothing is changed then.
    """
    check_fits(plane, None)
    plucks = plane.gid.edits.plucks
    with live.held():
        one = plucks.add()
        one.x, one.y, one.dx, one.dy, one.time_s = pull.x, pull.y, pull.dx, pull.dy, pull.time_s
    try:
        live.ring(plane)
    except GidError:
        plucks.remove(len(plucks) - 1)
        raise


def clear_plucks(plane) -> None:
    """Take all plucks from the loop, those that an animator keyed by hand included.

    Raises:
        SettingsError: the loop is linked, or an older version made it.
    """
    check_fits(plane, None)
    plane.gid.edits.plucks.clear()
    pluck.clear_plucks(plane)


def second_of(plane, frame: int) -> float:
    """The second of the loop at a frame of the scene, for `GidPull.time_s`: never a hair after the frame.

    The property is a float32; one that was rounded up would be seen a frame late.
    """
    exact = (frame - plane.gid.start) % plane.gid.n_frames / clock.fps_of(plane)
    near = np.float32(float(exact))
    return float(near if Fraction(float(near)) <= exact else np.nextafter(near, np.float32(0)))


def follow(plane, *, with_images: bool = False) -> None:
    """Let the loop play an edit that was just made; what cannot be is told in its panel.

    Args:
        with_images: it may be one that is worked into the images of the modes.
    """
    if not raw.is_stored(plane):
        return
    try:
        refuse_unkept(plane)
        if with_images:
            for image in (plane.gid.edits.mask, plane.gid.edits.strength):
                images.take_as_numbers(image)
            apply_edits(plane)
        else:
            live.show(plane)
        live.ring(plane)
    except GidError as error:
        jobs.note(jobs.key_of(plane.gid.scene), str(error))


def follow_front(plane) -> None:
    """Let neighbours that the paint on "In Front" puts into two layers sharpen each other no longer."""
    image, kin = plane.gid.front, rig.get_input(plane, "Kin")
    front = None if image is None else _painted(images.Snapshot.of(image))
    if front is not None and kin is not None:  # loops of 0.1.0 have none
        made = LoopRenderer(stored_still(plane), played_volume(plane), stored_plan(plane), front=front, plate=False)
        images.rewrite(kin, sharp.kin_pixels(made.kin), is_byte=True)


def _painted(front):
    """r (H, W) as the artist painted it over a snapshot of "In Front"; None if nothing was painted."""
    return np.ascontiguousarray(front.pixels()[..., 0]) if front.is_painted else None


@dataclass(frozen=True)
class _Shown:
    """What a loop shows just now, as far as new pictures depend on it: arrays and no datablocks.

    still, front, plate: snapshots of the images, None for those that are not there; note: of the still's colours.
    """

    still: images.Snapshot
    front: images.Snapshot | None
    plate: images.Snapshot | None
    note: str

    @classmethod
    def of(cls, plane):
        gid = plane.gid
        front, plate = (None if image is None else images.Snapshot.of(image) for image in (gid.front, gid.plate))
        return cls(images.Snapshot.of(rig.get_picture(plane, "Still")), front, plate, gid.colours)

    def is_same(self, other: "_Shown") -> bool:
        """Whether nothing of it has changed."""
        pairs = ((self.still, other.still), (self.front, other.front), (self.plate, other.plate))
        return self.note == other.note and all(
            mine is theirs or (mine is not None and theirs is not None and mine.is_same(theirs))
            for mine, theirs in pairs
        )


@dataclass(frozen=True)
class _Played:
    """How a loop plays whatever its motion is: its edits; length, rate, whether it is anchored, phase of its plan."""

    edits: Edits
    n_frames: int
    fps: Fraction
    anchored: bool
    phase: float

    @classmethod
    def of(cls, plane):
        gid = plane.gid
        return cls(
            live.asked(plane), gid.n_frames, clock.fps_of(plane), rig.get_input(plane, "Anchor") > 0, gid.edits.phase
        )

    def plan(self, motion):
        volume = apply(motion, self.edits)
        return plan_loop(volume, self.n_frames, self.fps, anchored=self.anchored, phase=self.phase)

    def is_same(self, other: "_Played") -> bool:
        """Whether nothing of it has changed."""
        mine, theirs = ({**vars(one), **vars(one.edits), "edits": None} for one in (self, other))
        return all(np.array_equal(mine[name], theirs[name]) for name in mine)


@dataclass(frozen=True)
class Foreseen:
    """What a loop shall show, worked out while it looked as `shown` and played as `played`.

    is_new: it is of another still than that.
    """

    shown: _Shown
    played: _Played
    plan: LoopPlan
    pictures: Pictures
    is_new: bool

    @classmethod
    def of(cls, shown: _Shown, played: _Played, motion: Motion, volume, still: np.ndarray | None) -> "Foreseen":
        """Of a motion, `baked` as a volume, over a still, None for the one that is shown; its painted front stays."""
        is_new, front = still is not None and not shown.still.is_of(colours.to_scene(still)), None
        if not is_new:
            still = still_of(shown.still.pixels(), shown.note)
            front = None if shown.front is None else _painted(shown.front)
        plan, plate = played.plan(motion), False if shown.plate is None else None
        pictures = Pictures.of(still, volume, plan, front, plate)
        return cls(shown, played, plan, pictures, is_new)

    def holds(self, shown: _Shown, played: _Played) -> bool:
        """Whether it is what would be worked out now."""
        return self.shown.is_same(shown) and self.played.is_same(played)


def _write(plane, foreseen):
    """Put what is foreseen into the images, the sheet and the camera of the loop."""
    gid, pictures, shown = plane.gid, foreseen.pictures, foreseen.shown
    still = rig.get_picture(plane, "Still")
    old_size = tuple(still.size)
    if foreseen.is_new:
        _rewrite_made(still, pictures.still)
    for image, before, file in ((gid.front, shown.front, pictures.front), (gid.plate, shown.plate, pictures.plate)):
        if image is not None and (foreseen.is_new or not before.is_painted):
            _rewrite_made(image, file)
    images.rewrite(rig.get_picture(plane, "Static Mask"), pictures.static)
    kin = rig.get_input(plane, "Kin")
    if kin is not None:  # loops of 0.1.0 have none, and the materials that they had then
        images.rewrite(kin, pictures.kin)
    gid.moving, gid.colours = pictures.moving, colours.note_of()
    for index, mode in enumerate(pictures.modes, 1):
        images.rewrite(rig.get_picture(plane, f"Image {index}"), mode)
    for sheet in {body.data for body in clock.on_same_clock(plane)}:
        mesh.refill(sheet, pictures.sheet)
    if pictures.size != old_size:
        scene.resize(gid.scene, old_size, pictures.size)


def _rewrite_made(image, file):
    images.mark_made(images.rewrite(image, file), file)
