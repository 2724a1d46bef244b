"""How long a whole prediction takes: ratios measured in one run, never seconds to compare across machines.

A prediction is what `gid_core` does with a photo: encoder, flow, the way up to the volume's grid. It is set
against the same prediction with the paper's number of steps, and its two graphs against the same networks in eager
torch (fresh weights: they take as long).
"""

import os
import time

import numpy as np
import torch

from gid_core.prediction import predict

from ..export.export import EncoderGraph, FlowGraph, example_inputs, example_picture
from ..networks.encoder import EncoderNet
from ..networks.flow import FlowNet
from .bars import Bar, rounded

__all__ = ["PAPER_STEPS", "SIZE", "score_speed", "speed_bars"]

PAPER_STEPS = 250
SIZE = (160, 256)
_REPEATS = 5
_FASTER = 12


def _seconds(work, repeats=_REPEATS):
    """The best of several runs after one that warms up."""
    work()
    found = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return min(found)


def score_speed(model, photo=None) -> dict:
    """Seconds and ratios. model: runtime.Model; photo: linear float32 (H, W, 3), default noise of SIZE."""
    if photo is None:
        photo = np.random.default_rng(0).random((*SIZE, 3), np.float32)
    folder, steps = str(model.card.folder), model.card.steps

    def whole(count):
        return lambda: predict.predict(photo, predict.Request(model=folder, steps=count))

    ours, theirs = _seconds(whole(steps)), _seconds(whole(PAPER_STEPS), 1)
    encoder = EncoderGraph(EncoderNet().eval())
    flow = FlowGraph(FlowNet(features=encoder.network.features).eval())
    rgb, inputs = example_picture(SIZE), example_inputs(flow.network, SIZE)["flow"]
    values = {name: value.numpy() for name, value in inputs.items()}
    condition = {name: value for name, value in values.items() if name not in ("z", "t")}

    def exported():
        model.encode(rgb["rgb"].numpy())
        for step in range(steps):
            model.velocity(values["z"], step / steps, condition)

    def eager():
        with torch.inference_mode():
            encoder(**rgb)
            for _ in range(steps):
                flow(**inputs)

    before = torch.get_num_threads()
    torch.set_num_threads(os.cpu_count())  # onnxruntime takes all cores too
    try:
        graphs, networks = _seconds(exported), _seconds(eager)
    finally:
        torch.set_num_threads(before)
    return rounded(
        {
            "steps": steps,
            "prediction_s": ours,
            "prediction_250_steps_s": theirs,
            "times_faster_than_250_steps": theirs / ours,
            "graphs_s": graphs,
            "eager_torch_s": networks,
            "times_faster_than_eager_torch": networks / graphs,
        },
        3,
    )


def speed_bars(figures) -> list:
    """figures: of `score_speed`."""
    return [
        Bar("whole prediction, times faster than 250 steps", figures["times_faster_than_250_steps"], ">=", _FASTER),
        Bar("graphs, times faster than eager torch", figures["times_faster_than_eager_torch"], ">=", 1),
    ]
