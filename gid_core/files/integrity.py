"""Is a file whole? On a full disk Blender writes what fits and reports success; a machine may stop at any moment.

Each format tells where it ends: PNG by its last chunk, OpenEXR by the table of its blocks, MP4 by its boxes. Only files
of our own making are asked about; this is no judgement on files from outside.
"""

import struct
from pathlib import Path

__all__ = ["is_whole"]

_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
_EXR_LINES = {0: 1, 1: 1, 2: 1, 3: 16}  # lines a block by compression: none, RLE, ZIPS, ZIP


def is_whole(path) -> bool:
    """True if the .png, .exr (scanlines) or .mp4 file ends where it says."""
    path = Path(path)
    if not path.is_file():
        return False
    content = path.read_bytes()
    try:
        return {".png": _png, ".exr": _exr, ".mp4": _mp4}[path.suffix](content)
    except (struct.error, ValueError, LookupError):  # the part that would tell is missing
        return False


def _png(content):
    return content.endswith(_PNG_END)


def _exr(content):
    position, attributes = 8, {}  # after magic number and version
    while content[position] != 0:
        name, position = _text(content, position)
        _, position = _text(content, position)
        (size,) = struct.unpack_from("<i", content, position)
        attributes[name] = content[position + 4 : position + 4 + size]
        position += 4 + size
    _, top, _, bottom = struct.unpack("<4i", attributes[b"dataWindow"])
    lines = _EXR_LINES[attributes[b"compression"][0]]
    offsets = struct.unpack_from(f"<{-(-(bottom - top + 1) // lines)}Q", content, position + 1)
    ends = [offset + 8 + struct.unpack_from("<i", content, offset + 4)[0] for offset in offsets]
    return min(offsets) > position and max(ends) <= len(content)


def _text(content, position):
    end = content.index(b"\0", position)
    return content[position:end], end + 1


def _mp4(content):
    position, kinds = 0, []
    while position < len(content):
        size, kind = struct.unpack_from(">I4s", content, position)
        if size == 1:
            (size,) = struct.unpack_from(">Q", content, position + 8)
        kinds.append(kind)
        position += max(size, 8)
    return position == len(content) and b"moov" in kinds and b"mdat" in kinds
