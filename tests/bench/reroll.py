"""What the live worker is worth: another seed of a photo that it knows against the first prediction, in one run.

  python tests/bench/reroll.py [MODEL]

A first prediction starts the child, opens the model and looks at the photo; a re-roll draws other phases. Medians of
five children and of their re-rolls. The goal is a tenth.
"""

import importlib
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHILDREN = 5
REROLLS = 8
LONG_SIDE = 640  # the default of `animate`
LIMIT = 0.1
POLL_S = 0.001


def main(arguments):
    sys.path.insert(0, str(ROOT))
    image_io, request, worker = (
        importlib.import_module("gid_core." + name) for name in ("files.image_io", "prediction.request", "worker")
    )
    photo = image_io.fit(image_io.load_photo(ROOT / "docs" / "example.jpg").pixels, LONG_SIDE)
    model = arguments[0] if arguments else "auto"
    first, rerolls, peak = [], [], 0
    phases = {}
    for _ in range(CHILDREN):
        live = worker.Worker()
        seconds, task = _timed(live, photo, request.Request(model=model), {})
        first.append(seconds)
        for seed in range(1, REROLLS + 1):
            seconds, task = _timed(live, photo, request.Request(seed=seed, model=model), phases)
            rerolls.append(seconds)
        peak = max(peak, task.peak_bytes or 0)
        source = task.result().provenance["source"]
        live.close()
    ratio = statistics.median(rerolls) / statistics.median(first)
    print(f"motion by {source}, {photo.shape[1]} x {photo.shape[0]} px, median (fastest)")
    print(f"first prediction, child start included: {statistics.median(first):.3f} s ({min(first):.3f})")
    print(f"re-roll of a known photo:               {statistics.median(rerolls):.3f} s ({min(rerolls):.3f})")
    for phase, spent in phases.items():
        print(f"  of it until the end of '{phase}': {statistics.median(spent):.3f} s")
    print(f"ratio {ratio:.3f} ({min(rerolls) / min(first):.3f}), goal {LIMIT}")
    print(f"the child held at most {peak / 1e6:.0f} MB")
    return 0 if ratio <= LIMIT else 1


def _timed(live, photo, request, phases):
    """(seconds from the order to the motion, the task); when each phase ended goes into `phases`."""
    begin = time.perf_counter()
    task = live.submit(photo, request)
    ends = {}
    while task.result() is None:
        for event in task.poll():
            ends[event.phase] = time.perf_counter() - begin
        time.sleep(POLL_S)
    for phase, seconds in ends.items():
        phases.setdefault(phase, []).append(seconds)
    return time.perf_counter() - begin, task


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
