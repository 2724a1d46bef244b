"""From checkpoints to model files with their card, and back."""
