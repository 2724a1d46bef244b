"""Motion from video: clips tracked into spectral volumes, as training pairs of a still and its motion."""
