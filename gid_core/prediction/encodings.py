"""What a photo alone decides of its motion, before chance: everything that another seed need not compute again."""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from ..model.card import Card
from ..model.contract import ENVELOPE_STRIDE
from ..model.session import Model
from ..motion.cells import members
from ..motion.edges import edges, edges_at
from ..motion.lookup import lookup
from ..motion.motion import Motion
from . import objects, owners, phases, prior, stages
from .finer import Finer, finer_of, placed
from .levels import levelled
from .outline import gate, resampled
from .request import generator
from .wind import Wind

__all__ = ["KEPT", "LEAST", "Encoding", "Encodings", "Seen", "encode", "guess", "see"]

LEAST = 4  # cells of the closer look, one of the flow's: fewer that nothing holds together are seen wrongly
KEPT = 8  # photos: more than a shot has in work at once; at most 6 MB each, and two bytes a pixel of the photo


@dataclass(frozen=True, eq=False)
class Encoding:
    """A photo as a model, or the rules without one, understand it.

    picture: float32 (H, W, 3), sRGB-encoded, the photo at the grid. envelope: float32 (K, H, W), px of the grid.
    frequencies: (K,) Hz. cells: (rows, columns) of the motion's cells that the picture spans. groups: of the cells on
    which z is drawn; finer: those of the motion, None: they are the same. card: of the model; None for the rules, as
    rms: float (h, w), of stages.strength, and condition: of stages.condition. members, lookup: of `Motion`.
    """

    picture: np.ndarray
    envelope: np.ndarray
    frequencies: np.ndarray
    cells: tuple[float, float]
    groups: objects.Groups
    finer: Finer | None = None
    card: Card | None = None
    rms: np.ndarray | None = None
    condition: dict[str, np.ndarray] | None = None
    members: np.ndarray | None = None
    lookup: np.ndarray | None = None

    def motion(self, z: np.ndarray, provenance=None) -> Motion:
        """The motion of this photo with phases z, complex64 (K, h, w, 2), of `finished`."""
        shown = np.rint(self.picture * 255).astype(np.uint8)
        return Motion(
            self.envelope,
            z,
            self.frequencies,
            self.cells,
            shown,
            provenance or {},
            members=self.members,
            lookup=self.lookup,
        )

    def finished(self, z: np.ndarray, wind: Wind, seed: int) -> np.ndarray:
        """What the flow made, complex64 (K, h, w, 2), as the motion takes it: held together inside objects, on the
        motion's cells, with a phase of the seed's own for each harmonic."""
        assert self.rms is not None  # a model's encoding, not that of the rules
        z = stages.finish(z, self.rms, self.groups.objects)
        if self.finer is not None:
            z = self.finer.carried(z, lambda groups, px: self._drawn(groups, px, wind, seed))
        return stages.free(z, seed)

    def _drawn(self, groups, px, wind, seed):
        return phases.procedural(groups, self.frequencies, wind, generator(seed, "alone"), px)


@dataclass(frozen=True, eq=False)
class Seen:
    """What the looks at a photo told.

    found, sights, moves: of stages.look. groups, finer: as of `Encoding`. objects: int (h, w), of each of the motion's
    cells, and owned: int (H, W), of each texel of the picture, those as one between which it has no edge. far: float32
    (K, ., .), of levels.levelled.
    """

    found: dict[str, np.ndarray]
    sights: tuple[stages.Sight, ...]
    moves: np.ndarray
    groups: objects.Groups
    finer: Finer | None
    objects: np.ndarray
    owned: np.ndarray
    far: np.ndarray


def see(model: Model, photo: np.ndarray, picture: np.ndarray) -> Seen:
    """Look at a photo float32 (H, W, 3|4), linear, premultiplied; picture: of stages.at_grid.

    Raises:
        ModelError: see Model.run.
    """
    found, sights, moves = stages.look(model, photo, picture)
    alive, far = found["alive"][0, 0], stages.reach(model.card, found)
    near, closer = sights[0], sights[-1]
    groups, finer = objects.group(found["affinity"][0], LEAST if "own" in found else 1), None
    named = groups.objects
    if "own" not in found:
        owned = owners.owners(named, near.cells, picture)
        first = owners.joined(int(named.max()) + 1, owned, edges(picture))
    else:
        owned = placed(named, found["own"][0], closer.cells, picture.shape[:2])
        seen = edges_at(closer.picture, picture.shape[:2])
        first = owners.joined(int(named.max()) + 1, owned, seen, objects.alike(named, found["affinity"][0]))
        spanned = [n / ENVELOPE_STRIDE for n in near.size]
        strength = resampled(np.sqrt((far**2).sum(0)) * gate(alive), spanned, named.shape, closer.cells)
        flow = found["features"].shape[2:]
        finer, groups = finer_of(groups, first, closer.cells, strength, flow, near.cells)
    far = levelled(far, alive, groups.objects, near.picture, closer.picture)
    return Seen(found, sights, moves, groups, finer, first[named], first[owned], far)


def encode(model: Model, photo: np.ndarray) -> Encoding:
    """What a model says of a photo float32 (H, W, 3|4), linear, premultiplied.

    Raises:
        ModelError: see Model.run.
    """
    picture = stages.at_grid(photo)
    seen = see(model, photo, picture)
    envelope, cells = stages.fine_envelope(seen.far, seen.sights[0], seen.moves), seen.sights[-1].cells
    return Encoding(
        picture,
        envelope,
        np.asarray(model.card.frequencies, np.float64),
        cells,
        seen.groups,
        seen.finer,
        model.card,
        stages.strength(seen.far * gate(seen.found["alive"][0, 0])),
        stages.condition(model, seen.found, seen.groups),
        *_edges(photo, picture, envelope, seen.objects, seen.owned, cells),
    )


def guess(photo: np.ndarray) -> Encoding:
    """What the physics prior says of a photo float32 (H, W, 3|4), linear, premultiplied."""
    picture = stages.at_grid(photo)
    found = prior.guess(picture)
    cells = picture.shape[0] / phases.CELL_PX, picture.shape[1] / phases.CELL_PX
    groups = objects.group(found.affinity)
    named = groups.objects
    owned = owners.owners(named, cells, picture)
    first = owners.joined(int(named.max()) + 1, owned, edges(picture))
    kept, aside = _edges(photo, picture, found.envelope, first[named], first[owned], cells)
    return Encoding(picture, found.envelope, prior.FREQUENCIES, cells, groups, members=kept, lookup=aside)


def _edges(photo, picture, envelope, named, owned, cells):
    """Where motion ends, by the photo: members and lookup of `Motion`; named, owned: the object of each cell, texel."""
    moves = owners.apart(envelope, owned, photo.shape[1] / picture.shape[1])
    return members(named, owned, cells), lookup(stages.shown(photo), moves)


class Encodings:
    """The last KEPT encodings, by the digest of a photo and what looked at it."""

    def __init__(self):
        self._kept: OrderedDict = OrderedDict()

    def find(self, digest: str, card: Card | None) -> Encoding | None:
        """The encoding of a photo by the model of a card (None: by the rules), if it is kept."""
        key = self._key(digest, card)
        found = self._kept.get(key)
        if found is None or found.card != card:
            return None
        self._kept.move_to_end(key)
        return found

    def keep(self, digest: str, encoding: Encoding) -> Encoding:
        """The same encoding, kept; the one used longest ago makes room."""
        self._kept[self._key(digest, encoding.card)] = encoding
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return encoding

    @staticmethod
    def _key(digest, card):
        return digest, None if card is None else str(card.folder)
