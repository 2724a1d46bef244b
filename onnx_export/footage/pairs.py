"""Training pairs: a still and the volume of what it does next. `python -m onnx_export.footage.pairs --help`

A film is cut into windows of 5 s, each tracked against its first frame, judged, fitted and made small. A run that was
cut off continues; what it has refused and why is in the index beside the shards.
"""

import argparse
import hashlib
import sys
from fractions import Fraction
from functools import partial
from pathlib import Path

from gid_core.errors import GidError
from gid_core.files.clips import Clip, pictures_in
from gid_core.footage import filters
from gid_core.footage.spectrum import fit_volume
from gid_core.footage.tracks import track
from gid_core.motion.volume import N_FREQS

from .optical_flow import METHODS, default_method, estimate
from .pair import Pair, reduced
from .shards import ShardWriter
from .windows import find_sources, windows

__all__ = ["analyse", "main"]

_BLOCK = 1 << 20


def analyse(clip: Clip, method: str | None = None, n_freqs: int = N_FREQS, stride: int = 1):
    """A clip's pair, and the verdicts that led there.

    Args:
        stride: cells of the volume's grid are that many px wide.
    Returns:
        the pair, or None when a verdict does not hold; the verdicts, the first that fails the last.
    """
    verdicts = filters.check_frames(clip)
    if all(v.holds for v in verdicts):
        tracks = track(clip, partial(estimate, method=method))
        verdicts += filters.check_tracks(tracks)
        if all(v.holds for v in verdicts):
            fit = fit_volume(tracks, n_freqs)
            verdicts += filters.check_fit(fit)
    failed = next((i for i, v in enumerate(verdicts) if not v.holds), None)
    if failed is not None:
        return None, verdicts[: failed + 1]
    return Pair(clip.still, *reduced(fit.volume, fit.confidence, stride)), verdicts


def main(arguments: list[str] | None = None) -> int:
    """The command. Exit code 0; 2 for a mistake that can be put right."""
    options = _parser().parse_args(arguments)
    try:
        _run(options)
    except GidError as error:
        print(f"gid: error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _run(options):
    sources = find_sources(options.sources)
    settings = {
        "method": options.method,
        "size": list(options.size),
        "stride": options.stride,
        "seconds": options.seconds,
        "n_freqs": options.frequencies,
        "fps": str(options.fps) if options.fps else None,
        "pairs_a_shard": options.shard,
        "sources": [[str(path), _digest(path)] for path in sources],
    }
    writer = ShardWriter(options.out, settings, options.shard)
    for number, path in enumerate(sources):
        if writer.has_source(number):
            continue
        try:
            for place, clip in enumerate(windows(path, options.seconds, options.size, options.fps)):
                if writer.has_window(number, place):
                    continue
                pair, verdicts = analyse(clip, options.method, options.frequencies, options.stride)
                record = {"source": str(path), "window": place, **{v.reason: round(v.value, 4) for v in verdicts}}
                print(f"{path} window {place}: {'taken' if pair else 'refused, ' + str(verdicts[-1])}", flush=True)
                if pair:
                    writer.take(number, place, pair, record)
                else:
                    writer.refuse(number, place, {**record, "refused": verdicts[-1].reason})
        except GidError as error:
            # One damaged film among hundreds is reported and passed over; the pairs before the damage stay.
            print(f"{path}: refused, {error}", flush=True)
            writer.refuse(number, None, {"source": str(path), "refused": str(error)})
        writer.end_source(number)
    index = writer.close()
    n_pairs = sum(len(shard["pairs"]) for shard in index["shards"])
    print(f"{n_pairs} pairs in {len(index['shards'])} shards, {len(index['refused'])} windows refused: {options.out}")


def _digest(path):
    """SHA-256 of a film, or of a folder's pictures in order."""
    files = pictures_in(path) if path.is_dir() else [path]
    digest = hashlib.sha256()
    for one in files:
        with open(one, "rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()


def _size(text):
    width, _, height = text.partition("x")
    size = int(width), int(height)
    if min(size) < 32 or max(size) > 1024:
        raise ValueError(text)
    return size


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m onnx_export.footage.pairs",
        description="Turn films into training pairs: a still and its motion.",
    )
    parser.add_argument("sources", nargs="+", type=Path, help="videos, folders of them, folders of pictures")
    parser.add_argument(
        "--out", required=True, type=Path, help="folder of the shards; a run that was cut off continues"
    )
    parser.add_argument("--size", type=_size, default=(256, 160), help="WIDTHxHEIGHT of the stills (256x160)")
    parser.add_argument("--stride", type=int, default=4, help="px a cell of the volume's grid (4)")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a window (5): frequencies are k / 5 Hz")
    parser.add_argument("--frequencies", type=int, default=N_FREQS, help=f"harmonics of the window ({N_FREQS})")
    parser.add_argument("--fps", type=Fraction, help="frames per second, for folders of pictures and wrong files")
    parser.add_argument("--method", choices=sorted(METHODS), default=default_method(), help="flow (%(default)s)")
    parser.add_argument("--shard", type=int, default=16, help="pairs a shard (16)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
