"""What few steps are worth: sampling at the card's number of steps against 250 DDIM steps of the same network.

  python tests/bench/steps.py [MODEL]

Both samplers call the same flow graph on the same conditions, in one process, one after the other; the paper's recipe
is 250 steps or more.
"""

import importlib
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
DDIM_STEPS = 250
REPEATS = 3


def main(arguments):
    sys.path.insert(0, str(ROOT))
    wind, session, sampler, objects, stages = (
        importlib.import_module("gid_core." + name)
        for name in (
            "prediction.wind",
            "model.session",
            "prediction.sampler",
            "prediction.objects",
            "prediction.stages",
        )
    )
    model = session.load_model(arguments[0] if arguments else None)
    card = model.card
    side = card.input_long_side
    rng = np.random.default_rng(0)
    rgb = rng.random((1, 3, side * 5 // 8 // 32 * 32, side // 32 * 32), np.float32)
    found = model.encode(rgb)
    condition = stages.condition(model, found, objects.group(found["affinity"][0]))
    condition["wind"] = wind.Wind(1.0, 0.0).condition()
    h, w = condition["envelope"].shape[2:]
    start = rng.standard_normal((1, len(card.frequencies), 4, h, w), np.float32)
    alphas = np.cos(np.linspace(0, np.pi / 2, 1001)[:-1]) ** 2  # cosine schedule (Nichol and Dhariwal 2021)

    def ours():
        sampler.rectified_flow(lambda z, t: model.velocity(z, t, condition), start, card.steps)

    def theirs():
        def noise(z, level):
            return model.velocity(z.astype(np.float32), level / len(alphas), condition)

        sampler.ddim(noise, start, np.maximum(alphas, 1e-4), DDIM_STEPS)

    ours()  # warm
    fast = min(_seconds(ours) for _ in range(REPEATS))
    slow = _seconds(theirs)
    print(f"{card.name} {card.version} on {model.provider}, {rgb.shape[3]} x {rgb.shape[2]} px")
    print(f"{card.steps} steps of rectified flow: {fast:.3f} s (best of {REPEATS})")
    print(f"{DDIM_STEPS} steps of DDIM:          {slow:.3f} s")
    print(f"ratio {slow / fast:.1f}")
    return 0


def _seconds(work):
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
