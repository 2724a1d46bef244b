"""Clips for the window's script `clip`, as folders of frames: the photo sways before a camera that stands or pans."""

import numpy as np
from PIL import Image

from gid_core.footage.warp import bilinear, moved, pixel_grid

__all__ = ["make"]

SIZE, N_FRAMES = (256, 171), 48  # two seconds at the 24 frames a second of a new scene
SWAY_PX, SWAYS, REACH = 2.0, 3, 0.25  # how far, how often in the clip, within which share of the width
PAN_PX = 30.0


def make(photo, folder):
    """Write folder/steady and folder/panned."""
    width, height = SIZE
    still = np.asarray(Image.open(photo).convert("RGB").resize((width + int(PAN_PX), height)), np.float32)
    x, y = pixel_grid(height, width)
    far = np.hypot((x / width - 0.5), (y / height - 0.5) * height / width) / REACH
    window = np.exp(-(far**2))
    for name, pan in (("steady", 0.0), ("panned", PAN_PX)):
        (folder / name).mkdir(parents=True)
        for index in range(N_FRAMES):
            seen = bilinear(still, x + pan * index / N_FRAMES, y)
            sway = SWAY_PX * np.sin(2 * np.pi * SWAYS * index / N_FRAMES) * window
            picture = moved(seen, np.stack([sway, 0.3 * sway], -1))
            Image.fromarray(np.clip(np.rint(picture), 0, 255).astype(np.uint8)).save(folder / name / f"{index:03}.png")
