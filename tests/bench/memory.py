"""Peak memory of the prediction worker at 512 px, in MB; at most 400.

python tests/bench/memory.py [MODEL]
"""

import importlib
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIMIT_MB = 400
LONG_SIDE = 512


def main(arguments):
    sys.path.insert(0, str(ROOT))
    image_io, request, worker = (
        importlib.import_module("gid_core." + name) for name in ("files.image_io", "prediction.request", "worker")
    )
    photo = image_io.fit(image_io.load_photo(ROOT / "docs" / "example.jpg").pixels, LONG_SIDE)
    begin = time.perf_counter()
    job = worker.start_worker(photo, request.Request(model=arguments[0] if arguments else "auto"))
    while job.result() is None:
        job.poll()
        time.sleep(0.02)
    seconds = time.perf_counter() - begin
    megabytes = job.peak_bytes / 1e6
    source = job.result().provenance["source"]
    print(
        f"prediction worker at {photo.shape[1]} x {photo.shape[0]}, motion by {source}: {seconds:.1f} s to the motion"
    )
    print(f"peak memory {megabytes:.0f} MB, limit {LIMIT_MB} MB")
    return 0 if megabytes <= LIMIT_MB else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
