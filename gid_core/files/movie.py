"""A loop's frames as a movie that repeats without a hitch: H.264 and ProRes by PyAV, animated WebP and GIF by Pillow.

Every movie holds each frame once, so that a player which repeats it shows the loop, unless more is asked for (`shown`);
the last group of pictures ends with it, and nothing refers across the seam.
"""

import importlib.util
import itertools
import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from ..errors import ImageError, LimitError, SettingsError
from .colour import decode_srgb
from .frame_files import load_levels
from .image_io import levels_of
from .storage import replacing

try:
    from PIL import Image
except ImportError:  # image_io says why when a picture is read
    Image = None  # type: ignore[assignment]  # a module otherwise

__all__ = ["MAX_HOLD", "MAX_REPEATS", "MOVIES", "encode", "is_available", "shown", "suffix_of"]

MOVIES = {"h264": ".mp4", "prores": ".mov", "webp": ".webp", "gif": ".gif"}
MAX_REPEATS, MAX_HOLD = 100, 1000
_BT709 = 1  # primaries, transfer and matrix alike, as ITU-T H.273 numbers them
_LIMITED = 1  # AVCOL_RANGE_MPEG: 16..235, what every player expects of these formats
_GROUP = 12  # pictures between two key frames
_WEBP_QUALITY = 88
_GIF_STEP_S = Fraction(1, 100)
_GIF_SHORTEST = 2  # steps; browsers slow anything shorter down to ten
_GIF_COLOURS, _GIF_SAMPLES, _GIF_SAMPLE_SIDE = 255, 24, 96
_GIF_DITHER = 14  # levels between the lightest and the darkest place of the pattern


def suffix_of(kind: str) -> str:
    """The ending of a movie's file.

    Raises:
        SettingsError: there is no such kind of movie.
    """
    if kind not in MOVIES:
        raise SettingsError(f"there is no movie format {kind!r}: choose from {', '.join(MOVIES)} or none")
    return MOVIES[kind]


def is_available(kind: str) -> bool:
    """Whether this Python can encode it; only H.264 and ProRes need PyAV."""
    return kind in ("webp", "gif") or importlib.util.find_spec("av") is not None


def shown(files, repeats: int = 1, hold: int = 0) -> list:
    """What a movie shows of the frames of a loop: all of them so many times, then the first for `hold` frames.

    The loop closes on its first frame, so nothing jumps where the hold begins.

    Raises:
        SettingsError: that often, or that long, cannot be.
    """
    files = list(files)
    if not 1 <= repeats <= MAX_REPEATS:
        raise SettingsError(f"--repeats {repeats}: give 1 to {MAX_REPEATS}")
    if not 0 <= hold <= MAX_HOLD:
        raise SettingsError(f"--hold {hold}: give 0 to {MAX_HOLD} frames")
    return files * repeats + files[:1] * hold


def encode(files, path, kind: str, fps: Fraction, *, frame_kind: str = "png", progress: Callable | None = None) -> None:
    """Encode frame files, one loop in order, as a movie at `path`, atomically.

    H.264 is opaque (transparent photos lie on black) and wants even sides: an odd row at the bottom or column at the
    right is left out. ProRes 4444, WebP and GIF keep transparency, GIF as there or not. GIF counts in hundredths of a
    second and shows at most 50 frames a second: the length of the loop stays right, single frames last a step more or
    less, and a faster loop loses every second frame.

    Args:
        frame_kind: format of the files, a key of `frame_files.FORMATS`.
        progress: called with the fraction 0..1 that is done.
    Raises:
        SettingsError: there is no frame, or no such kind of movie.
        ImageError: a frame cannot be read, or this Python lacks the encoder.
        LimitError: the movie cannot be written.
    """
    suffix_of(kind)
    files = list(files)
    if not files:
        raise SettingsError("there are no frames to encode: render them first")

    if kind == "gif":
        stride = math.ceil(fps * _GIF_SHORTEST * _GIF_STEP_S)
        files, fps = files[::stride], fps / stride

    def read(file):
        levels = load_levels(file, frame_kind)
        return levels if kind == "prores" else _eight_bit(levels)

    def frames():
        for index, file in enumerate(files):
            if progress is not None:
                progress(index / len(files))
            yield read(file)

    with replacing(path) as temporary:
        if kind == "h264":
            _h264(temporary, frames(), fps, len(files))
        elif kind == "prores":
            _prores(temporary, frames(), fps)
        elif kind == "webp":
            _webp(temporary, frames(), fps, len(files))
        else:
            samples = [read(file) for file in files[:: -(-len(files) // _GIF_SAMPLES)]]
            _gif(temporary, frames(), samples, fps, len(files))


def _eight_bit(levels):
    return levels if levels.dtype == np.uint8 else np.rint(levels / 257).astype(np.uint8)


def _h264(path, frames, fps, n_frames):
    # Closed groups of pictures, the last one ending with the loop: a player may jump back to the first frame.
    options = {
        "crf": "17",
        "preset": "medium",
        "bf": "0",
        "g": str(min(n_frames, _GROUP)),
        "x264-params": "open-gop=0",
    }
    _coded(path, (_even(_on_black(frame)) for frame in frames), fps, "libx264", "yuv420p", options, "mp4")


def _prores(path, frames, fps):
    first = next(frames)
    has_alpha = first.shape[2] == 4
    options = {"profile": "4444", "vendor": "apl0", "alpha_bits": "16" if has_alpha else "0"}
    layout = "yuva444p10le" if has_alpha else "yuv444p10le"

    _coded(path, itertools.chain([first], frames), fps, "prores_ks", layout, options, "mov")


def _coded(path, frames, fps, codec, layout, options, container_format):
    try:
        import av  # at the first movie, and in a process of its own inside Blender: it loads 80 MB of FFmpeg
    except ImportError as error:
        raise ImageError(f"this movie needs PyAV, which does not load here ({error}): choose webp or gif") from error
    try:
        with av.open(str(path), "w", format=container_format, options={"movflags": "+faststart"}) as container:
            stream = None
            for index, picture in enumerate(frames):
                if stream is None:
                    stream = container.add_stream(codec, rate=fps, options=options)
                    stream.height, stream.width = picture.shape[:2]
                    stream.pix_fmt = layout
                    context = stream.codec_context
                    context.color_primaries = context.color_trc = context.colorspace = _BT709
                    context.color_range = _LIMITED
                frame = av.VideoFrame.from_ndarray(picture, format=_layout_of(picture))
                # One thread: with more, FFmpeg's conversion to 10 bits leaves wrong pixels where their rows meet.
                frame = frame.reformat(format=layout, dst_colorspace=_BT709, dst_color_range=_LIMITED, threads=1)
                frame.color_primaries = frame.color_trc = _BT709
                frame.pts, frame.time_base = index, 1 / fps
                container.mux(stream.encode(frame))
            assert stream is not None  # `encode` was given a frame at least
            container.mux(stream.encode())
    except av.error.FFmpegError as error:
        if isinstance(error, OSError):
            raise  # the disk: `replacing` says what
        raise LimitError(f"the movie cannot be encoded: {error}") from error


def _layout_of(picture):
    layout = "rgb" if picture.shape[2] == 3 else "rgba"
    if picture.dtype == np.uint8:
        return {"rgb": "rgb24", "rgba": "rgba"}[layout]
    return layout + {"rgb": "48le", "rgba": "64le"}[layout]


def _on_black(picture):
    """Straight alpha over black, which is what premultiplied colour means."""
    if picture.shape[2] == 3:
        return picture
    linear = decode_srgb(picture[..., :3] / np.float32(255)) * (picture[..., 3:] / np.float32(255))
    return levels_of(linear)


def _even(picture):
    height, width = (size & ~1 for size in picture.shape[:2])
    return np.ascontiguousarray(picture[:height, :width])


def _webp(path, frames, fps, n_frames):
    pictures = (Image.fromarray(frame) for frame in frames)
    next(pictures).save(
        path,
        format="WEBP",
        save_all=True,
        append_images=pictures,
        duration=[int(1000 * step) for step in _durations(fps, n_frames, Fraction(1, 1000))],
        loop=0,
        quality=_WEBP_QUALITY,
        method=4,
    )


def _gif(path, frames, samples, fps, n_frames):
    """One palette and a dither that stays in place: what stands still in the loop stands still in the file."""
    palette = _palette(samples)
    pictures = (_indexed(frame, palette) for frame in frames)
    next(pictures).save(
        path,
        format="GIF",
        save_all=True,
        append_images=pictures,
        duration=[int(1000 * step) for step in _durations(fps, n_frames, _GIF_STEP_S)],
        loop=0,
        optimize=False,
        disposal=2 if samples[0].shape[2] == 4 else 1,
    )


def _durations(fps, n_frames, step):
    """How long each frame is shown, in seconds: whole steps whose sum is right at every frame."""
    ends = [round(index / fps / step) for index in range(n_frames + 1)]
    return [(end - begin) * step for begin, end in itertools.pairwise(ends)]


def _palette(samples):
    """A picture whose palette fits all the frames."""
    small = []
    for sample in samples:
        picture = Image.fromarray(_on_black(sample))
        picture.thumbnail((_GIF_SAMPLE_SIDE, _GIF_SAMPLE_SIDE))
        small.append(np.asarray(picture))
    return Image.fromarray(np.concatenate(small)).quantize(_GIF_COLOURS, method=Image.Quantize.MEDIANCUT, kmeans=1)


def _indexed(frame, palette):
    height, width = frame.shape[:2]
    pattern = np.tile(_bayer(8), (-(-height // 8), -(-width // 8)))[:height, :width, None]
    dithered = np.clip(_on_black(frame) + _GIF_DITHER * pattern, 0, 255)
    picture = Image.fromarray(np.rint(dithered).astype(np.uint8)).quantize(palette=palette, dither=Image.Dither.NONE)
    if frame.shape[2] == 4:
        indices = np.where(frame[..., 3] < 128, _GIF_COLOURS, np.asarray(picture)).astype(np.uint8)
        picture = Image.frombytes("P", (width, height), indices.tobytes())
        picture.putpalette(palette.getpalette())
        picture.info["transparency"] = _GIF_COLOURS
    return picture


def _bayer(size):
    """The ordered pattern of size x size thresholds, -.5 to .5 (Bayer 1973)."""
    pattern = np.zeros((1, 1))
    while len(pattern) < size:
        pattern = np.block([[4 * pattern, 4 * pattern + 2], [4 * pattern + 3, 4 * pattern + 1]])
    return (pattern + 0.5) / size**2 - 0.5
