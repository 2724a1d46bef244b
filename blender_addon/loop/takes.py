"""Takes: motions that one loop has shown, kept beside the one that it shows, to go back to without a prediction.

A take is a motion as it was predicted, with the seed and the photo that it came from and a thumbnail. Takes of one
photo share what the photo alone decides, its envelope and its picture; a further take adds the phases. Images that a
take holds are never written to again. Edits belong to the loop and hold for all of its takes.
"""

from ...gid_core.errors import ImageError, SettingsError
from . import edit, images, length, live, raw, thumbnail
from .intact import intact, record
from .remove import remove_unused

__all__ = ["begin", "find", "forget", "keep_only", "note", "show"]

_FIELDS = (*raw.FIELDS, "answered", "source")  # of a loop and of a take alike


def begin(plane) -> None:
    """Keep what the loop shows before it shows something else, if no take does."""
    if not plane.gid.takes and raw.is_stored(plane):
        with intact(plane.name):
            seed = record(plane.gid.provenance).get("seed", 0)
            if not isinstance(seed, int):
                raise ValueError(f"no seed: {seed}")
        note(plane, seed=seed)


def note(plane, *, seed: int, asked: str = "", label: str = "", kept: raw.Kept | None = None) -> None:
    """Keep what the loop shows as a take; one of the same photo, seed and model gives way to it.

    Args:
        asked: the model that was asked, as a `Request` names it; empty where that is not known. Of a clip its name.
        label: what the take is called, in place of its seed.
        kept: of the loop's motion, if that was worked out before.
    """
    gid = plane.gid
    index = find(plane, seed, asked)
    take = gid.takes.add() if index < 0 else gid.takes[index]
    before = {getattr(take, name) for name in raw.IMAGES} - {None}
    for name in _FIELDS:
        setattr(take, name, getattr(gid, name))
    take.seed, take.asked = seed, asked
    take.name = label or f"Seed {seed}"
    with live.held():
        gid.take = len(gid.takes) - 1 if index < 0 else index
    if kept is None:
        motion = raw.of(take, take.name)
        drawn = thumbnail.of(motion.volume(), motion.picture)
    else:
        drawn = kept.thumbnail
    images.set_thumbnail(take.chance, drawn)
    remove_unused(before)


def find(plane, seed: int, asked: str) -> int:
    """The take of the loop's photo that this seed and this model gave; -1 if there is none."""
    for index, take in enumerate(plane.gid.takes):
        if (take.seed, take.asked, take.source) == (seed, asked, plane.gid.source):
            return index
    return -1


def show(plane, index: int) -> None:
    """Let the loop show one of its takes; length, edits and what was painted stay.

    Raises:
        GidError: there is no such take, or its photo can no longer be read; nothing is changed then.
    """
    gid = plane.gid
    if not 0 <= index < len(gid.takes):
        raise SettingsError(f"the loop '{plane.name}' has {len(gid.takes)} takes: there is no take {index + 1}")
    take = gid.takes[index]
    if gid.chance != take.chance:
        edit.replace_motion(plane, raw.of(take, plane.name), _still_of(plane, take), take=take)
    for name in _FIELDS:
        setattr(gid, name, getattr(take, name))
    with live.held():
        gid.take = index
        gid.scene.gid.seed, gid.scene.gid.still = take.seed, take.source
    length.share(plane, gid.scene.gid, ("seed", "still"))


def forget(plane, index: int) -> None:
    """Remove a take that is not shown, and what nothing else uses of it.

    Raises:
        SettingsError: there is no such take, or it is shown.
    """
    gid = plane.gid
    if not 0 <= index < len(gid.takes):
        raise SettingsError(f"the loop '{plane.name}' has {len(gid.takes)} takes: there is no take {index + 1}")
    if index == gid.take:
        raise SettingsError("this take is the one that is shown: show another one first, or remove the loop")
    left = {getattr(gid.takes[index], name) for name in raw.IMAGES} - {None}
    gid.takes.remove(index)
    with live.held():
        gid.take -= index < gid.take
    remove_unused(left)


def keep_only(plane) -> None:
    """Remove all takes but the one that is shown."""
    for index in reversed(range(len(plane.gid.takes))):
        if index != plane.gid.take:
            forget(plane, index)


def _still_of(plane, take):
    """The still of a take, None while the loop shows that photo."""
    if take.source == plane.gid.source:
        return None
    if take.source is None:
        raise ImageError(f"the photo of the take '{take.name}' is no longer in the file: animate it again")
    from ...gid_core.files import image_io  # at the first use: it loads Pillow

    return image_io.fit(images.read_still(take.source), plane.gid.scene.gid.size)
