"""Training: data in memory, losses, optimisers, and the runs that make the model's checkpoints."""
