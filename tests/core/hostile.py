"""Models, pictures and volumes that mean harm, and the good ones that they are made of."""

import io
import json
import struct
import zipfile
import zlib

import numpy as np
from PIL import Image, ImageCms

from .tiny_model import encoder_graph, graph, model, node, put, tensor, value_info, varint

EXTERNAL = put(13, put(1, "location") + put(2, "../secret.bin")) + put(14, 1)


def _nested(depth):
    inner = graph([node("Identity", ["p4"], ["deep"])], [], [value_info("deep", (1, 3, "h4", "w4"))])
    for _ in range(depth):
        inner = graph([node("If", ["p4"], ["deep"], then_branch=("graph", inner))], [], [])
    return node("If", ["p4"], ["deep"], then_branch=("graph", inner))


def hostile_encoders():
    """Name -> (bytes of an encoder, pattern of the sentence that refuses it); the card's hash always fits."""
    good = model(encoder_graph())
    outside = tensor("outside", np.zeros(4, np.float32), EXTERNAL)
    constant = node("Constant", [], ["outside"], value=("tensor", outside))
    branch = graph([constant], [], [value_info("outside", (4,))])
    return {
        "external initialiser": (model(encoder_graph(initialisers=[outside])), "weights in another file"),
        "external location without a name": (
            model(encoder_graph(initialisers=[tensor("o", np.zeros(4, np.float32), put(14, 1))])),
            "weights in another file",
        ),
        "external constant": (model(encoder_graph(nodes=[constant])), "weights in another file"),
        "external constant in a branch": (
            model(encoder_graph(nodes=[node("If", ["p4"], ["o"], else_branch=("graph", branch))])),
            "weights in another file",
        ),
        "external sparse initialiser": (model(encoder_graph() + put(15, put(1, outside))), "weights in another file"),
        "function": (model(encoder_graph(), put(25, put(1, "f"))), "functions"),
        "training graph": (model(encoder_graph(), put(20, b"")), "training graphs"),
        "foreign domain": (
            model(encoder_graph(nodes=[node("EPContext", ["p4"], ["o"], domain="com.microsoft")])),
            r"operators of 'com\.microsoft'",
        ),
        "operator off the list": (model(encoder_graph(nodes=[node("Loop", ["p4"], ["o"])])), "does not list: Loop"),
        "deep nesting": (model(encoder_graph(nodes=[_nested(20)])), "deeper than 16"),
        "wrong input name": (model(encoder_graph(input_name="bgr")), "inputs bgr float32 rank 4"),
        "wrong input rank": (model(encoder_graph(input_shape=(1, 3, "H"))), "rgb float32 rank 3"),
        "wrong input type": (model(encoder_graph(kind=10)), "rgb float16 rank 4"),
        "cut short": (good[: len(good) // 2], "cut short|graphs instead of 1"),
        "cut by a byte": (good[:-1], "cut short"),
        "two graphs": (good + put(7, encoder_graph()), "2 graphs"),
        "text": (b"this is not a model at all\n", "damaged|cut short|not an ONNX model"),
        "endless number": (b"\xff" * 64, "more than 10 bytes"),
        "lying length": (varint(7 << 3 | 2) + varint(2**62) + b"short", "cut short"),
        "name that is no text": (model(put(1, put(4, b"\xff\xfe"))), "not UTF-8"),
        "number for a graph": (put(7, 1), "number where a message belongs"),
        "nothing moves a session": (model(encoder_graph(nodes=[node("Add", ["nowhere", "p4"], ["o"])])), "cannot open"),
        "not a number": (model(encoder_graph(bias=float("nan"))), "NaN in alive"),
    }


# --- pictures


def png(samples, colour_type, bits=16):
    """A PNG of integer samples (H, W, C), with 16 bits each unless said otherwise."""
    height, width = samples.shape[:2]
    kind = ">u2" if bits == 16 else "u1"
    rows = b"".join(b"\0" + row.astype(kind).tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    return png_file((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))


def png_file(*chunks):
    content = b"\x89PNG\r\n\x1a\n"
    for kind, data in chunks:
        content += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return content


def float_tiff(samples):
    """An uncompressed RGB TIFF of 32-bit floats, which Pillow does not read."""
    height, width, channels = samples.shape
    pixels = samples.astype("<f4").tobytes()
    entries = [
        (256, 3, 1, width),
        (257, 3, 1, height),
        (258, 3, 1, 32),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (273, 4, 1, 8),
        (277, 3, 1, channels),
        (278, 3, 1, height),
        (279, 4, 1, len(pixels)),
        (339, 3, 1, 3),
    ]
    directory = struct.pack("<H", len(entries))
    for tag, kind, count, value in entries:
        directory += struct.pack("<HHII", tag, kind, count, value)
    return b"II*\0" + struct.pack("<I", 8 + len(pixels)) + pixels + directory + struct.pack("<I", 0)


def huge_png():
    """A valid header of 200 megapixels over no pixels."""
    header = struct.pack(">IIBBBBB", 20000, 10000, 8, 2, 0, 0, 0)
    return png_file((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 64)), (b"IEND", b""))


def noise(height=24, width=32, channels=3, seed=1):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def linear_rgb_profile():
    """An ICC profile with sRGB's primaries that is no sRGB: its name and its curves differ."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", profile[128:132])[0]
    for i in range(count):
        tag, offset, size = struct.unpack(">4sII", profile[132 + 12 * i : 144 + 12 * i])
        if tag in (b"rTRC", b"gTRC", b"bTRC"):
            curve = b"curv\0\0\0\0" + struct.pack(">I", 0)  # no entries: the identity
            profile[offset : offset + len(curve)] = curve
        if tag == b"desc":
            profile[offset : offset + size] = profile[offset : offset + size].replace(b"s\0R\0G\0B", b"l\0i\0n\0e")
    return bytes(profile)


def refused_pictures(folder):
    """Name -> (path, pattern of the sentence that refuses it)."""
    good = folder / "good.png"
    Image.fromarray(noise(200, 200)).save(good)
    content = good.read_bytes()
    Image.fromarray(noise(200, 200)).save(folder / "good.jpg")
    jpeg = (folder / "good.jpg").read_bytes()
    made = {
        "truncated.png": (content[: len(content) // 2], "cut short"),
        "truncated.jpg": (jpeg[: len(jpeg) // 2], "cut short"),
        "flipped.png": (content[:60] + b"\xff\xff\xff\xff" + content[64:], "damaged|not a picture"),
        "one.png": (png(np.zeros((1, 1, 3)), 2), "at least 16"),
        "thin.png": (png(np.zeros((2, 400, 3)), 2), "at least 16"),
        "text.png": (b"dear diary\n" * 50, "not a picture"),
        "empty.png": (b"", "empty file"),
        "photo.hdr": (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 24 +X 32\n", "damaged, cut short"),
        "photo.exr": (b"\x76\x2f\x31\x01" + bytes(60), "damaged, cut short"),
        "float.tif": (float_tiff(np.ones((32, 32, 3))), "16-bit PNG"),
        "photo.heic": (b"\0\0\0\x18ftypheic" + bytes(40), "HEIC"),
        "page.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n%%EndComments\n", "not a picture"),
        "nan.tif": (_float_grey_tiff(np.full((32, 32), np.nan, np.float32)), "NaN"),
        "huge.png": (huge_png(), "178 megapixels, the limit is 100"),
    }
    found = {"missing": (folder / "missing.png", "no picture"), "folder": (folder, "is a folder")}
    for name, (data, pattern) in made.items():
        (folder / name).write_bytes(data)
        found[name] = (folder / name, pattern)
    return found


def _float_grey_tiff(values):

    file = io.BytesIO()
    Image.fromarray(values).save(file, format="TIFF")
    return file.getvalue()


REFUSED_PICTURES = (
    *("missing", "folder", "truncated.png", "truncated.jpg", "flipped.png", "one.png", "thin.png", "text.png"),
    *("empty.png", "photo.hdr", "photo.exr", "float.tif", "photo.heic", "page.eps", "nan.tif", "huge.png"),
)


# --- volumes


def npz(**members):
    """A zip of .npy members given as bytes or arrays."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in members.items():
            archive.writestr(f"{name}.npy", member if isinstance(member, bytes) else npy(member))
    return file.getvalue()


def npy(array, shape=None):
    """An array as .npy; with `shape` its header claims that shape instead."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file,
        {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape if shape is None else shape},
    )
    return file.getvalue() + array.tobytes()


def pickled():
    """A .npy of Python objects: reading it would run whatever it says."""
    file = io.BytesIO()
    np.save(file, np.array([print], dtype=object), allow_pickle=True)
    return file.getvalue()


def hostile_volumes():
    """Name -> bytes of a file that is no spectral volume."""
    amplitudes = np.ones((2, 4, 6, 2), np.complex64)
    good = {"amplitudes": amplitudes, "frequencies": np.array([0.2, 0.4]), "provenance": np.array("{}")}
    nan = amplitudes.copy()
    nan[0, 0, 0, 0] = np.nan
    changes = {
        "NaN": {"amplitudes": nan},
        "infinite frequency": {"frequencies": np.array([0.2, np.inf])},
        "falling frequencies": {"frequencies": np.array([0.4, 0.2])},
        "frequency of zero": {"frequencies": np.array([0.0, 0.2])},
        "too few frequencies": {"frequencies": np.array([0.2])},
        "lying header": {"amplitudes": npy(amplitudes, (2, 40000, 60000, 2))},
        "header of no end": {"amplitudes": npy(amplitudes, (2**40, 2**40, 2**40, 2))},
        "short header": {"amplitudes": npy(amplitudes, (2, 4, 3, 2))},
        "negative shape": {"amplitudes": npy(amplitudes, (-2, 4, -6, 2))},
        "real numbers": {"amplitudes": amplitudes.real},
        "another rank": {"amplitudes": amplitudes[0]},
        "Python objects": {"amplitudes": pickled()},
        "Python objects for a provenance": {"provenance": pickled()},
        "provenance that is no JSON": {"provenance": np.array("{")},
        "provenance that is a list": {"provenance": np.array("[]")},
        "nothing but noise inside": {"amplitudes": b"\0" * 64},
    }
    found = {name: npz(**{**good, **change}) for name, change in changes.items()}
    whole = npz(**good)
    found["cut short"] = whole[: len(whole) // 2]
    found["text"] = b"not a zip file at all"
    found["empty"] = b""
    found["no amplitudes"] = npz(frequencies=good["frequencies"], provenance=good["provenance"])
    return found


def good_motion():
    """The members of a volume.npz of format 2 that is as it should be."""
    told = {
        "mask": "digest",
        "strength": None,
        "amplitude": 1.0,
        "turn": 0.0,
        "gains": [1, 1, 1],
        "border": 0.0,
        "phase": 0.0,
        "plucks": [],
    }
    return {
        "amplitudes": np.ones((2, 4, 6, 2), np.complex64),
        "frequencies": np.array([0.2, 0.4]),
        "provenance": np.array("{}"),
        "format": np.array(2, np.int64),
        "envelope": np.ones((2, 4, 6), np.float32),
        "z": np.ones((2, 2, 3, 2), np.complex64),
        "cells": np.array([2.0, 3.0]),
        "picture": np.zeros((4, 6, 3), np.uint8),
        "raw_provenance": np.array("{}"),
        "edits": np.array(json.dumps(told)),
        "mask": np.ones((4, 6), np.float32),
    }


def hostile_motions():
    """Name -> bytes of a file of format 2 that holds no motion, or edits that cannot be."""
    good = good_motion()
    told = json.loads(str(good["edits"]))
    changes = {
        "a later format": {"format": np.array(3, np.int64)},
        "a format that is text": {"format": np.array("2")},
        "envelope of another size": {"envelope": np.ones((2, 4, 5), np.float32)},
        "negative envelope": {"envelope": -good["envelope"]},
        "NaN envelope": {"envelope": good["envelope"] * np.float32(np.nan)},
        "envelope of doubles": {"envelope": good["envelope"].astype(np.float64)},
        "envelope of a lying header": {"envelope": npy(good["envelope"], (2, 40000, 60000))},
        "phases for other frequencies": {"z": np.ones((3, 2, 3, 2), np.complex64)},
        "infinite phases": {"z": np.full((2, 2, 3, 2), np.inf, np.complex64)},
        "phases that overflow with the envelope": {
            "z": good["z"] * np.complex64(3e38),
            "envelope": good["envelope"] * np.float32(100),
        },
        "no phases in a direction": {"z": np.ones((2, 0, 3, 2), np.complex64)},
        "more cells than phases": {"cells": np.array([2.0, 3.5])},
        "cells of nothing": {"cells": np.array([0.0, 3.0])},
        "three cells": {"cells": np.array([2.0, 3.0, 1.0])},
        "picture of another size": {"picture": np.zeros((4, 5, 3), np.uint8)},
        "picture of floats": {"picture": np.zeros((4, 6, 3), np.float32)},
        "motion larger than its volume": {"amplitudes": np.ones((2, 4, 5, 2), np.complex64)},
        "motion of Python objects": {"envelope": pickled()},
        "edits of Python objects": {"edits": pickled()},
        "edits that are no JSON": {"edits": np.array("{")},
        "edits that are a list": {"edits": np.array("[]")},
        "edits that tell nothing": {"edits": np.array("{}")},
        "NaN in the edits": {"edits": np.array(json.dumps({**told, "amplitude": float("nan")}))},
        "gains that are text": {"edits": np.array(json.dumps({**told, "gains": "abc"}))},
        "a pluck outside": {"edits": np.array(json.dumps({**told, "plucks": [[2, 0, 0, 0, 0]]}))},
        "a mask above 1": {"mask": good["mask"] * np.float32(2)},
        "a mask of three channels": {"mask": np.ones((4, 6, 3), np.float32)},
        "strength above 4": {"strength": np.full((4, 6), 5, np.float32)},
    }
    found = {name: npz(**{**good, **change}) for name, change in changes.items()}
    for name in ("envelope", "z", "cells", "picture", "edits", "raw_provenance"):
        found[f"no {name}"] = npz(**{key: value for key, value in good.items() if key != name})
    return found
