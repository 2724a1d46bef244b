"""A blind look at renderers: python -m onnx_export.evaluation.blind --photos DIR --out DIR

Writes a sheet a photo: at the top the photo, below the same crop of one frame by each renderer in an order that chance
decides, all at 200 % and without names. names.json says who is who: judge the sheets before opening it.
"""

import argparse
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from gid_core.files import image_io
from gid_core.frames.loop import QUALITIES, Loop
from gid_core.motion.plan import plan_loop
from gid_core.prediction import predict

from .silhouettes import encoded, richest

__all__ = ["main", "sheets"]

_N_FRAMES, _FRAME = 120, 34
_LONG_SIDE = 1280
_CROP = (260, 200)
_STRONGER = 1.5  # times the predicted motion: what is to be seen must move


def sheets(photos, out, seed: int = 0) -> dict:
    """Write NN.png of each picture of a folder into `out`; {"NN": [renderers from left to right]}."""
    rng, names = np.random.default_rng(seed), {}
    for number, path in enumerate(sorted(Path(photos).iterdir())):
        still = image_io.fit(image_io.load_photo(path).pixels[..., :3], _LONG_SIDE)
        volume = predict.predict(still, predict.Request()).volume().scaled(_STRONGER)
        plan = plan_loop(volume, _N_FRAMES, Fraction(24))
        renderers = {name: Loop(still, volume, plan, quality=name).renderer() for name in QUALITIES}
        part = richest(_parting(renderers["core"].displacement(_FRAME)), *_CROP)
        order = [str(name) for name in rng.permutation(QUALITIES)]
        row = [renderers[name].frame(_FRAME)[part] for name in order]
        first = [still[part]] + [np.ones_like(still[part])] * (len(row) - 1)
        sheet = np.vstack([np.hstack(first), np.hstack(row)])
        picture = Image.fromarray(np.rint(255 * encoded(sheet)).astype(np.uint8))
        picture.resize((2 * picture.width, 2 * picture.height), Image.NEAREST).save(Path(out) / f"{number:02}.png")
        names[f"{number:02}"] = order
    return names


def _parting(displacement):
    """How far neighbours part (H, W): there renderers differ."""
    found = np.zeros(displacement.shape[:2])
    for axis in (0, 1):
        change = np.abs(np.diff(displacement, axis=axis)).sum(-1)
        found[: change.shape[0], : change.shape[1]] += change
    return found


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="onnx_export.evaluation.blind", description="Sheets of renderers, unnamed")
    parser.add_argument("--photos", required=True, help="folder of photographs")
    parser.add_argument("--out", required=True, help="folder for the sheets and names.json")
    parser.add_argument("--seed", type=int, default=0, help="another number, another order")
    options = parser.parse_args(arguments)
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    names = sheets(options.photos, out, options.seed)
    (out / "names.json").write_text(json.dumps(names, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
