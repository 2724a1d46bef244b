"""Where a loop is used outside its own scene: what Remove asks about and names, and what goes with the loop."""

from ..loop.read import cards_of

__all__ = ["uses_of"]


def uses_of(plane) -> list[str]:
    """What shows the loop of `plane` elsewhere, each in a few words."""
    return [f"card '{card.name}' in '{card.users_scene[0].name}'" for card in cards_of(plane)]
