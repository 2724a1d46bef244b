"""What a photo alone decides of its motion, before chance: everything that another seed need not compute again."""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from ..model.card import Card
from ..model.session import Model
from ..motion.lookup import lookup
from ..motion.motion import Motion
from . import objects, owners, phases, prior, stages
from .levels import levelled
from .outline import gate

__all__ = ["KEPT", "Encoding", "Encodings", "encode", "guess"]

KEPT = 8  # photos: more than a shot has in work at once; at most 6 MB each, and two bytes a pixel of the photo


@dataclass(frozen=True, eq=False)
class Encoding:
    """A photo as a model, or the rules without one, understand it.

    picture: float32 (H, W, 3), sRGB-encoded, the photo at the grid. envelope: float32 (K, H, W), px of the grid.
    frequencies: (K,) Hz. cells: (rows, columns) of z that the picture spans. groups: of the cells of z.
    card: of the model; None for the rules, as the last two. rms: float (h, w), of stages.strength; condition: of
    stages.condition. members, lookup: of `Motion`.
    """

    picture: np.ndarray
    envelope: np.ndarray
    frequencies: np.ndarray
    cells: tuple[float, float]
    groups: objects.Groups
    card: Card | None = None
    rms: np.ndarray | None = None
    condition: dict[str, np.ndarray] | None = None
    members: np.ndarray | None = None
    lookup: np.ndarray | None = None

    def motion(self, z: np.ndarray, provenance=None) -> Motion:
        """The motion of this photo with phases z, complex64 (K, h, w, 2)."""
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


def encode(model: Model, photo: np.ndarray) -> Encoding:
    """What a model says of a photo float32 (H, W, 3|4), linear, premultiplied.

    Raises:
        ModelError: see Model.run.
    """
    card, picture = model.card, stages.at_grid(photo)
    found, sights, moves = stages.look(model, photo, picture)
    groups, alive = objects.group(found["affinity"][0]), found["alive"][0, 0]
    far = levelled(stages.reach(card, found), alive, groups.objects, sights[0].picture, sights[-1].picture)
    envelope = stages.fine_envelope(far, sights[0], moves)
    return Encoding(
        picture,
        envelope,
        np.asarray(card.frequencies, np.float64),
        sights[0].cells,
        groups,
        card,
        stages.strength(far * gate(alive)),
        stages.condition(model, found, groups),
        *_edges(photo, picture, envelope, groups, sights[0].cells),
    )


def guess(photo: np.ndarray) -> Encoding:
    """What the physics prior says of a photo float32 (H, W, 3|4), linear, premultiplied."""
    picture = stages.at_grid(photo)
    found = prior.guess(picture)
    cells = picture.shape[0] / phases.CELL_PX, picture.shape[1] / phases.CELL_PX
    groups = objects.group(found.affinity)
    members, aside = _edges(photo, picture, found.envelope, groups, cells)
    return Encoding(picture, found.envelope, prior.FREQUENCIES, cells, groups, members=members, lookup=aside)


def _edges(photo, picture, envelope, groups, cells):
    """Where motion ends, by the photo: members and lookup of `Motion`."""
    owned = owners.owners(groups.objects, cells, picture)
    first = owners.joined(int(groups.objects.max()) + 1, owned, picture)
    owned, cut = first[owned], first[groups.objects]
    moves = owners.apart(envelope, owned, photo.shape[1] / picture.shape[1])
    return owners.members(cut, owned, cells), lookup(stages.shown(photo), moves)


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
