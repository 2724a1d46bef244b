"""Films to compare: reference loops read from a folder, and ours of their first frames, made as an artist gets them.

A film is decoded or rendered at its own size and looked at in the middle 256 x 128 px, the paper's crop.
"""

import io
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from gid_core.files import colour
from gid_core.files.clips import VIDEO_ENDINGS, Clip, fitted
from gid_core.frames import renderer
from gid_core.motion.plan import plan_loop
from gid_core.motion.volume import SpectralVolume
from gid_core.prediction import phases
from gid_core.prediction.encodings import encode
from gid_core.prediction.request import generator, photo_seed
from gid_core.prediction.wind import draw_wind

from .seeing import linear

try:
    import av
except ImportError:  # the other parts of the evaluation work without it
    av = None

__all__ = ["CROP", "Film", "as_clip", "film_files", "procedural_volume", "read", "recoded", "rendered"]

CROP = (256, 128)  # width, height; paper sec. 7.1
_LONGEST_S = 10
_CRF = 23  # what the loops of data/gid_loops were stored with


@dataclass(frozen=True, eq=False)
class Film:
    """frames: uint8 (T, H, W, 3), sRGB; frame 0 is the still."""

    name: str
    frames: np.ndarray
    fps: Fraction

    @property
    def still(self) -> Image.Image:
        return Image.fromarray(self.frames[0])


def film_files(folder) -> list:
    """Paths of the films in a folder, by name."""
    return [p for p in sorted(Path(folder).iterdir()) if p.suffix.lower() in VIDEO_ENDINGS]


def read(path, name=None) -> Film:
    """The first ten seconds of a film at its own size."""
    with av.open(path if isinstance(path, io.BytesIO) else str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_count = 1
        fps, frames = Fraction(stream.average_rate), []
        for frame in container.decode(stream):
            frames.append(frame.to_ndarray(format="rgb24"))
            if len(frames) >= _LONGEST_S * fps:
                break
    return Film(name or Path(path).stem.removesuffix("_loop").removesuffix("-loop"), np.stack(frames), fps)


def recoded(film: Film) -> Film:
    """The film after H.264 at the quality of the published loops: what compression alone changes."""
    store = io.BytesIO()
    with av.open(store, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=film.fps, options={"crf": str(_CRF)})
        stream.height, stream.width = film.frames.shape[1:3]
        stream.pix_fmt, stream.thread_count = "yuv420p", 1
        for picture in film.frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
        container.mux(stream.encode())
    store.seek(0)
    return read(store, film.name)


def rendered(film: Film, volume: SpectralVolume) -> Film:
    """Our loop of a film's still, as long and as fast as the film: `gid_core`'s plan and renderer as they are."""
    plan = plan_loop(volume, len(film.frames), film.fps)
    loop = renderer.LoopRenderer(linear(film.still), volume, plan)
    frames = np.empty_like(film.frames)
    for index in range(len(frames)):
        encoded = colour.encode_srgb(np.clip(loop.frame(index), 0, 1))
        frames[index] = np.rint(np.clip(encoded, 0, 1) * 255)
    return Film(film.name, frames, film.fps)


def procedural_volume(model, picture: Image.Image, seed: int = 0) -> SpectralVolume:
    """The volume of a prediction with the procedural z in place of the flow's."""
    seen = encode(model, linear(picture))
    wind, own = draw_wind(generator(seed, "wind")), photo_seed(seed, seen.picture)
    z = phases.procedural(seen.groups, seen.frequencies, wind, generator(own, "motion"))
    return seen.motion(seen.finished(z, wind, own)).volume()


def as_clip(film: Film) -> Clip:
    """The middle of a film at CROP, with its times: what every measure looks at."""
    frames = np.stack([fitted(Image.fromarray(frame), *CROP) for frame in film.frames])
    times = np.arange(len(frames)) / float(film.fps)
    return Clip(frames, times, 0, film.name)
