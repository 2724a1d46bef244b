"""What a motion model is worth, by subject: where it moves, how much, in which phase; on stills, scenes and clips."""
