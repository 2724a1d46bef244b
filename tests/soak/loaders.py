"""Files of every kind that is loaded, mutated: each ends in a result or a sentence, soon."""

import random
import shutil
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
from PIL import Image

from gid_core.errors import GidError
from gid_core.farm.job import Job
from gid_core.files import image_io
from gid_core.model import session
from gid_core.motion import saved
from gid_core.motion.edits import Edits
from gid_core.prediction import predict
from tests.core import tiny_model

SLOWEST_S = 10.0


def mutated(content: bytes, rng: random.Random) -> bytes:
    """A file with a few bytes changed, cut out, doubled, or cut short."""
    found = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at, kind = rng.randrange(max(len(found), 1)), rng.randrange(5)
        if not found:
            break
        if kind == 0:
            found[at] = rng.randrange(256)
        elif kind == 1:
            found[at : at + rng.randrange(1, 9)] = bytes(rng.choice((0, 255)) for _ in range(rng.randrange(1, 9)))
        elif kind == 2:
            del found[at : at + rng.randrange(1, 64)]
        elif kind == 3:
            found[at:at] = found[at : at + rng.randrange(1, 64)]
        else:
            del found[at:]
    return bytes(found)


def seeds(folder: Path) -> dict[str, tuple]:
    """{name: (content of a good file, what reads it from a path)} of every kind that is loaded."""
    rng = np.random.default_rng(0)
    pixels = Image.fromarray(rng.integers(0, 256, (24, 32, 3)).astype(np.uint8))
    found: dict[str, tuple] = {}
    for kind in ("png", "jpg", "tif", "webp", "avif", "gif", "bmp", "ppm", "tga", "jp2"):
        path = folder / f"seed.{kind}"
        pixels.save(path)
        found[f"picture {kind}"] = (path.read_bytes(), path.suffix, image_io.load_photo)
    for kind in ("exr", "hdr", "dpx"):
        path = folder / f"seed.{kind}"
        output = oiio.ImageOutput.create(str(path))
        output.open(str(path), oiio.ImageSpec(pixels.width, pixels.height, 3, oiio.FLOAT))
        output.write_image(np.asarray(pixels, np.float32) / 255)
        output.close()
        found[f"picture {kind}"] = (path.read_bytes(), path.suffix, image_io.load_photo)
    still = np.asarray(pixels, np.float32) / 255
    motion = predict.predict(still, predict.Request(model="physics"))
    saved.save(folder / "seed.npz", motion, Edits(), {})
    found["volume"] = ((folder / "seed.npz").read_bytes(), ".npz", saved.load)
    model = tiny_model.write_model(folder / "model")
    for file in ("card.json", "encoder.onnx"):

        def read(path, file=file):
            shutil.copyfile(path, model / file)
            session.load_model(model)

        found[f"model {file}"] = ((model / file).read_bytes(), Path(file).suffix, read)
    job = folder / "job"
    (job / "photos").mkdir(parents=True)
    content = (
        b'{"photos": [{"file": "a.png", "name": "a", "sha256": "0"}], "asked": {"seed": 3, "fps": "24", "size": 64}}'
    )

    def read_job(path):
        shutil.copyfile(path, job / "job.json")
        Job.load(job).options(0)

    found["job file"] = (content, ".json", read_job)
    return found


def loaders(count: int, seed: int = 0, only: str = "") -> list[tuple]:
    """(what, cases, faults, the slowest in seconds) of each kind of file whose name holds `only`."""
    rows, rng = [], random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="gid-soak-") as name:
        folder = Path(name)
        for what, (content, suffix, read) in seeds(folder).items():
            if only not in what:
                continue
            faults, slowest = [], 0.0
            path = folder / ("mutated" + suffix)
            for _ in range(count):
                case = mutated(content, rng)
                path.write_bytes(case)
                begun = time.perf_counter()
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("error")  # one that gets out would be a farm's "Warning"
                        read(path)
                except GidError:
                    pass
                except Exception as error:
                    faults.append(f"{type(error).__name__}: {error}")
                slowest = max(slowest, time.perf_counter() - begun)
            if slowest > SLOWEST_S:
                faults.append(f"{slowest:.1f} s")
            rows.append((what, count, faults, f"{slowest:.2f} s"))
    return rows
