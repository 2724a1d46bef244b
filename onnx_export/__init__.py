"""Training, evaluation and export of the motion model. The only folder that may import torch."""
