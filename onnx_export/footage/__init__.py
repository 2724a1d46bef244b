"""Filmed clips: from optical flow to tracks, spectral volumes and training pairs."""
