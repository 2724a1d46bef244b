"""The optical flow of *Motion from a Clip* beside OpenCV's DIS, which the add-on does without, in one run.

  python tests/bench/clip.py [--data DIR]

A patch of the example photo, 256 x 160, sways at 1 Hz with noise of 2/255: share of the sway that is recovered (1 is
right) and end-point error over the patch, px; processor time beside DIS. `--data`: the Middlebury pairs, as
`onnx_export.footage.evaluate` takes them.
"""

import argparse
import importlib
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
SIZE = (256, 160)
METHODS = ("dis", "dis-medium", "lucas-kanade")  # the last is ours
SWAYS_PX = (0.2, 0.5, 1.0, 3.0)


def main(arguments):
    parser = argparse.ArgumentParser(prog="build.py bench clip")
    parser.add_argument("--data", type=Path, help="folder of Middlebury pairs")
    options = parser.parse_args(arguments)
    sys.path.insert(0, str(ROOT))
    evaluate = importlib.import_module("onnx_export.footage.evaluate")
    with Image.open(ROOT / "docs" / "example.jpg") as picture:
        still = np.asarray(picture.convert("RGB").resize(SIZE, Image.Resampling.LANCZOS))
    seconds = {}
    sways = " | ".join(f"{amplitude:g} px" for amplitude in SWAYS_PX)
    print(f"| flow | {sways} | time / DIS |" + (" Middlebury mean, median px |" if options.data else ""))
    for method in METHODS:
        started = time.process_time()
        found = [evaluate.sway_of_still(still, method, amplitude) for amplitude in SWAYS_PX]
        seconds[method] = time.process_time() - started
        cells = [f"{share:.3f} / {error:.3f}" for share, error in found]
        cells.append(f"{seconds[method] / seconds[METHODS[0]]:.1f}")
        if options.data:
            _, means, medians, _ = evaluate.middlebury_errors(options.data, method)
            cells.append(f"{means.mean():.3f}, {medians.mean():.3f}")
        print(f"| {method} | {' | '.join(cells)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
