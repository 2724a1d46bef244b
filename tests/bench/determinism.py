"""The same bytes? Volumes by 1, 2 and 4 threads and again, frames by 1, 2 and 4 processes and in any chunks.

Runs in each Blender's Python, so that numpy 1.26 and 2 are compared, too: the first run keeps what it found in the
passing folder, and the others print the largest difference to it.
"""

# ruff: noqa: E402  # the checkout becomes importable first
import hashlib
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from gid_core.files import image_io
from gid_core.frames.bake import bake
from gid_core.frames.frame_worker import Sheet
from gid_core.frames.loop import Loop
from gid_core.model import session
from gid_core.motion.plan import plan_loop
from gid_core.prediction import predict

SIDE, N_FRAMES = 256, 12


def volume_by(still, threads):
    session._graphs.clear()
    session._usable_cores = lambda: threads
    return predict.predict(still, predict.Request(seed=1)).volume()


def digest(*contents):
    found = hashlib.sha256()
    for one in contents:
        found.update(one)
    return found.hexdigest()[:12]


def main():
    still = image_io.fit(image_io.load_photo(ROOT / "docs" / "example.jpg").pixels, SIDE)
    volumes = [volume_by(still, threads) for threads in (1, 2, 4, 4)]
    told = [digest(volume.amplitudes.tobytes()) for volume in volumes]
    print(f"numpy {np.__version__}, Python {sys.version_info.major}.{sys.version_info.minor}")
    print(f"volumes by 1, 2, 4, 4 threads: {' '.join(told)}  {'equal' if len(set(told)) == 1 else 'DIFFERENT'}")
    loop = Loop(still, volumes[0], plan_loop(volumes[0], N_FRAMES, Fraction(24)))
    told, frames = [], range(1, N_FRAMES + 1)
    divisions = [(1, [frames]), (2, [frames]), (4, [frames]), (2, [frames[7:], frames[:3], frames[3:7]])]
    with tempfile.TemporaryDirectory() as folder:
        for index, (processes, chunks) in enumerate(divisions):
            files = []
            for chunk in chunks:
                files += bake(loop, Path(folder, str(index)), chunk, Sheet(), processes=processes)
            told.append(digest(*(path.read_bytes() for path in sorted(files))))
    print(
        f"frames by 1, 2, 4 processes, in chunks: {' '.join(told)}  {'equal' if len(set(told)) == 1 else 'DIFFERENT'}"
    )
    here = {"volume": volumes[0].amplitudes, "frame": loop.renderer().frame(5)}
    kept = Path(tempfile.gettempdir()).parent / "gid_determinism.npz"  # build.py gives each run a passing folder
    if kept.exists():
        with np.load(kept) as first:
            apart = {name: float(np.abs(first[name] - value).max()) for name, value in here.items()}
        print(f"from the first Python: {apart['volume']:.1e} px in the volume, {apart['frame']:.1e} in a frame")
    else:
        np.savez(kept, **here)


if __name__ == "__main__":
    main()
