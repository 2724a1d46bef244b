"""Clips of a still camera: from optical flow to tracks, spectral volumes and the motion of a loop."""
