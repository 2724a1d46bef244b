"""A loop in an artist's own scene: as a card, in the compositor, in the sequencer; and what uses a loop where."""
