"""The frozen backbone, and the networks that are trained on its features."""
