"""EXR, Radiance HDR and DPX as stills: the layer meant, at its place in the picture, as light in sRGB primaries.

What is meant is never guessed: colours without a layer's name are the picture, else the one layer there is, else
Blender's "Combined"; of several others, the sentence names them and the caller chooses.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..errors import ImageError
from . import colour, oiio
from .storage import scratch_folder

__all__ = ["is_float_picture", "read"]

_KINDS = {
    b"\x76\x2f\x31\x01": ("OpenEXR", ".exr"),
    b"#?RADIANCE": ("Radiance HDR", ".hdr"),
    b"#?RGBE": ("Radiance HDR", ".hdr"),
    b"SDPX": ("DPX", ".dpx"),
    b"XPDS": ("DPX", ".dpx"),
}
_REMEDY = "open it in Blender, or save it as a 16-bit PNG"
_COMBINED = "Combined"  # what Blender calls the picture among a view layer's passes
_MAX_PARTS = 256
_MAX_NAMED = 12
# Printing density to light (SMPTE 268M; Kodak, Cineon v4.5, "Conversion of 10-bit log film data"): code values of white
# and black, 0.002 density a code value, gamma 0.6.
_LOG_WHITE, _LOG_BLACK, _LOG_STEP, _LOG_GAMMA = 685, 95, 0.002, 0.6


def is_float_picture(content: bytes) -> bool:
    """True if a file begins as an EXR, an HDR or a DPX does."""
    return _kind(content) is not None


def read(
    content: bytes, path: str | Path, check_size: Callable[[tuple[int, int]], None], layer: str | None = None
) -> tuple[np.ndarray, list[str]]:
    """Pixels and notes: float32 (H, W, 3|4), linear light in sRGB primaries, premultiplied, row 0 on top.

    Args:
        path: what the file is called, for messages.
        check_size: called with (width, height) of all that is to be decoded; raises to refuse.
        layer: which one to take; "" for the colours without a layer's name.
    Raises:
        ImageError: OpenImageIO is not there; the file is damaged, deep, or of several layers, which are named.
    """
    name, suffix = _kind(content)
    library = oiio.library(f"{path}: {name}", _REMEDY)
    with scratch_folder() as folder:  # not the file itself: these are the bytes that were hashed, packed ones as well
        copy = Path(folder) / f"picture{suffix}"
        copy.write_bytes(content)
        source = library.ImageInput.open(str(copy))
        try:
            if source is None:
                raise ImageError(_damaged(path, library.geterror()))
            return _read(source, path, check_size, layer)
        except UnicodeDecodeError as error:  # names and complaints quote the file's bytes
            raise ImageError(_damaged(path, "a name in it is no UTF-8 text")) from error
        finally:
            if source is not None:
                source.close()
            with contextlib.suppress(UnicodeDecodeError):
                library.geterror()  # one that stays is printed when the process ends


def _read(source, path, check_size, layer):
    layers, specs = _layers(source)
    part, prefix, channels, notes = _chosen(layers, layer, path)
    spec = specs[part]
    if spec.deep:
        raise ImageError(f"{path} is a deep EXR: save it flattened")
    check_size((spec.width, spec.height))
    has_windows = source.format_name() == "openexr"  # a DPX's "original size" is its scanner's, or damage
    if has_windows:
        check_size((spec.full_width, spec.full_height))
    names = list(spec.channelnames)
    indices = [names.index(prefix + channel) for channel in channels]
    first, last = min(indices), max(indices) + 1
    pixels = source.read_image(part, 0, first, last, "float")
    reason = source.geterror()
    if pixels is None or reason:
        raise ImageError(_damaged(path, reason))
    pixels = np.asarray(pixels, np.float32).reshape(spec.height, spec.width, last - first)
    pixels = pixels[..., [i - first for i in indices]]
    with np.errstate(over="ignore", invalid="ignore"):  # what becomes infinite of a damaged file is refused as such
        light = _as_light(pixels[..., :3], spec, source.format_name(), notes)
    if len(channels) in (1, 2):
        light = np.repeat(light[..., :1], 3, 2)
    if len(channels) in (2, 4):
        light = np.concatenate([light, np.clip(pixels[..., -1:], 0, 1)], 2)
    return _placed(light, spec, has_windows, notes), notes


def _layers(source):
    """{layer: (part, prefix, channels)} of the layers that are pictures, in the file's order, and all specs."""
    found: dict[str, tuple[int, str, list[str]]] = {}
    specs: list = []
    while len(specs) < _MAX_PARTS and source.seek_subimage(len(specs), 0):
        specs.append(source.spec())
    source.geterror()
    for part, spec in enumerate(specs):
        prefixes = dict.fromkeys(name.rpartition(".")[0] for name in spec.channelnames)
        for layer in prefixes:
            prefix = layer + "." if layer else ""
            own = [name[len(prefix) :] for name in spec.channelnames if name.rpartition(".")[0] == layer]
            channels = _colours(own)
            if channels is None:
                continue
            title = spec.get_string_attribute("name") if len(specs) > 1 else ""
            if title and not (layer + ".").startswith(title + "."):  # many writers repeat the part's name there
                layer = f"{title}.{layer}".rstrip(".")
            found.setdefault(layer, (part, prefix, channels))
    return found, specs


def _colours(own):
    """The channels of a layer in the order red, green, blue, alpha; None if it is no picture."""
    by_letter = {name.upper(): name for name in own}
    alpha = [by_letter["A"]] if "A" in by_letter else []
    if {"R", "G", "B"} <= by_letter.keys():
        return [by_letter[letter] for letter in "RGB"] + alpha
    if "Y" in by_letter and not {"RY", "BY"} & by_letter.keys():
        return [by_letter["Y"], *alpha]
    return None


def _chosen(layers, layer, path):
    """(part, prefix, channels, notes) of the layer meant."""
    if not layers:
        raise ImageError(f"{path} holds no red, green and blue: save it as an RGB or RGBA picture")
    listed = ", ".join([name or '""' for name in layers][:_MAX_NAMED] + ["..."] * (len(layers) > _MAX_NAMED))
    if layer is not None:
        if layer not in layers:
            raise ImageError(f"{path} has no layer {layer!r}: choose from {listed}")
        return (*layers[layer], [])
    combined = [name for name in layers if name.rpartition(".")[2] == _COMBINED]
    if "" in layers:
        name = ""
    elif len(layers) == 1:
        (name,) = layers
    elif len(combined) == 1:
        (name,) = combined
    else:
        raise ImageError(f"{path} holds several layers: choose one by --layer NAME, of {listed}")
    taken = f"the layer {name} was taken" if name else "the colours without a layer's name were taken"
    notes = [f"several layers: {taken}, of {listed}"] if len(layers) > 1 else []
    return (*layers[name], notes)


def _as_light(values, spec, kind, notes):
    """Linear light in sRGB primaries."""
    if kind == "dpx":
        transfer = spec.get_string_attribute("dpx:Transfer").lower()
        if "density" in transfer or "log" in transfer:
            notes.append("DPX of printing density: converted to light as Cineon defines it")
            return _from_density(values)
        if transfer == "linear":
            return values
        notes.append("DPX of video: decoded by the sRGB curve")
        return colour.decode_srgb(values)
    told = spec.getattribute("chromaticities")
    if told is None:
        return values
    try:
        matrix = colour.matrix_from(tuple(float(number) for number in told))
    except (ValueError, TypeError, np.linalg.LinAlgError):
        notes.append("its chromaticities are damaged and were left out")
        return values
    if matrix is None or values.shape[2] < 3:
        return values
    notes.append("colours converted from the primaries that the file states")
    return (values @ matrix.T.astype(np.float32)).astype(np.float32)


def _from_density(values):
    def light(code):
        return 10.0 ** ((code - _LOG_WHITE) * (_LOG_STEP / _LOG_GAMMA))

    black = light(_LOG_BLACK)
    return np.maximum((light(values.astype(np.float64) * 1023) - black) / (1 - black), 0).astype(np.float32)


def _placed(pixels, spec, has_windows, notes):
    """The data window at its place in the picture; what lies outside it is empty, what juts out is cut off."""
    ratio = spec.get_float_attribute("PixelAspectRatio", 1.0)
    if abs(ratio - 1) > 0.01:
        notes.append(f"its pixels are {ratio:.3g} times as wide as high and were taken as square")
    left, top = spec.x - spec.full_x, spec.y - spec.full_y
    height, width = spec.full_height, spec.full_width
    if not has_windows or (left, top, spec.width, spec.height) == (0, 0, width, height):
        return np.ascontiguousarray(pixels)
    notes.append("its data window is not its display window: put in place, empty outside, cut at the rim")
    whole = np.zeros((height, width, pixels.shape[2]), np.float32)
    y0, y1 = max(top, 0), min(top + spec.height, height)
    x0, x1 = max(left, 0), min(left + spec.width, width)
    if y0 < y1 and x0 < x1:
        whole[y0:y1, x0:x1] = pixels[y0 - top : y1 - top, x0 - left : x1 - left]
    return whole


def _kind(content):
    return next((kind for start, kind in _KINDS.items() if content.startswith(start)), None)


def _damaged(path, reason):
    reason = " ".join(reason.split())
    return f"{path}: the picture is damaged, cut short or of a kind that cannot be read: save it again ({reason})"
