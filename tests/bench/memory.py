"""Peak memory of the prediction worker at 512 px, in MB; at most 400. And what a first and a second prediction cost.

python tests/bench/memory.py [MODEL]

Seconds of the processor, all threads together: on cores that nobody else uses it is no more by the clock. The bar is a
second for the first, which opens the graphs; it is told and fails nothing, since it is this machine's.
"""

import importlib
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIMIT_MB, LIMIT_S = 400, 1
LONG_SIDE = 512


def main(arguments):
    sys.path.insert(0, str(ROOT))
    image_io, request, predict, worker = (
        importlib.import_module("gid_core." + name)
        for name in ("files.image_io", "prediction.request", "prediction.predict", "worker")
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
    took = []
    for view in (photo, photo[:, ::-1].copy()):
        begin = time.process_time()
        predict.predict(view, request.Request(model=arguments[0] if arguments else "auto"))
        took.append(time.process_time() - begin)
    told = f"the first prediction {took[0]:.2f} s of the processor, another photo's {took[1]:.2f} s"
    print(f"{told}; bar: {LIMIT_S} s for the first")
    return 0 if megabytes <= LIMIT_MB else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
