"""Frames by the network: its graphs beside eager torch, a whole frame beside the other renderers. Ratios of one run.

  python3 build.py bench network

One thread each, as a process of a bake has, one a core: features once a still, synthesis once a frame,
at 512 x 288 and 1080p. Frames a second are of seconds of processor, so that what else runs does not count.
Exits 1 if the graphs are slower than eager torch.
"""

import argparse
import sys
import time
from fractions import Fraction

import numpy as np
import torch
from cases import stills

from gid_core.frames.loop import QUALITIES, Loop
from gid_core.frames.network import in_tiles
from gid_core.model import session
from gid_core.model.card import default_folder
from gid_core.model.contract import FEATURE_STRIDES, RENDERING, SIGNATURES
from gid_core.motion.plan import plan_loop
from onnx_export.export import drawing
from onnx_export.scenes.clouds import texture

SIZES = (512, 288), (1920, 1080)
FRAMES = 1, 2, 3


def main():
    argparse.ArgumentParser(description=__doc__.split("\n")[0]).parse_args()
    torch.set_num_threads(1)
    slowest = float("inf")
    for width, height in SIZES:
        found = ratios_to_eager(height, width)
        slowest = min(slowest, *found.values())
        told = ", ".join(f"{role} {ratio:.2f}" for role, ratio in found.items())
        print(f"{width} x {height}: as fast as eager torch times: {told}", flush=True)
        seconds = frame_seconds(height, width)
        told = ", ".join(f"{name} {seconds[name] / seconds['core']:.1f}" for name in seconds)
        pace = 1 / seconds["network"]
        print(f"  a frame, in times of core's: {told}; a second {pace:.2f}, on two cores {2 * pace:.2f}", flush=True)
    return 0 if slowest >= 1 else 1


def ratios_to_eager(height, width):
    model, network = session.load_model(roles=RENDERING), drawing.restored(default_folder())
    networks = {"features": network.features, "synthesis": network.synthesis}
    found = {}
    for role, inputs in drawing.example_tiles((height, width), 1).items():
        arrays = {name: value.numpy() for name, value in inputs.items()}
        arrays = {name: arrays[name] for name in SIGNATURES[role].inputs}
        strides = FEATURE_STRIDES if role == "features" else {"change": 1}

        def graph(role=role, arrays=arrays, strides=strides):
            in_tiles(lambda tile: model.run(role, tile), arrays, strides)

        def eager(role=role, inputs=inputs):
            with torch.inference_mode():
                networks[role](**inputs)

        ours, theirs = (min(timed(work) for _ in range(3)) for work in (graph, eager))
        found[role] = theirs / ours
    return found


def frame_seconds(height, width):
    """CPU seconds of a frame by quality; what is made once a still is left out."""
    still, volume = texture(width, height), stills.smooth_volume(0.3).scaled(0.3)
    plan = plan_loop(volume, stills.N_FRAMES, Fraction(24))
    found = {}
    for quality in QUALITIES:
        renderer = Loop(still, volume, plan, quality=quality).renderer()
        renderer.frame(FRAMES[-1] + 1)
        found[quality] = float(np.mean([timed(lambda n=n, r=renderer: r.frame(n)) for n in FRAMES]))
    return found


def timed(work):
    begun = time.process_time()
    work()
    return time.process_time() - begun


if __name__ == "__main__":
    sys.exit(main())
