"""Kinds of files that are told from their first bytes and refused: what would be read is not the picture meant."""

import struct

from ..errors import ImageError

__all__ = ["refuse_by_kind", "tags_of_tiff"]

# Cameras' raw files: how they begin (offset, bytes). Those that are TIFF inside hold small previews in front.
_RAW_SIGNATURES = (
    *((0, b"FUJIFILMCCD-RAW"), (8, b"CR\x02\0"), (0, b"IIRO"), (0, b"IIRS"), (0, b"MMOR"), (0, b"IIU\0")),
    *((0, b"FOVb"), (0, b"\0MRM"), (6, b"HEAPCCDR"), (4, b"ftypcrx ")),
)
_RAW_ENDINGS = (
    *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc", ".mef", ".mos", ".mrw"),
    *(".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
)
_SUBFILE, _OLD_SUBFILE, _PHOTOMETRIC, _DNG_VERSION = 254, 255, 262, 50706
_SENSOR = (32803, 34892)  # photometric interpretations of what a sensor saw: colour filter array, linear raw
_MAX_TAGS = 4096


def refuse_by_kind(path, content: bytes) -> None:
    """Raise ImageError for HEIC, for a camera's raw file, and for a TIFF whose first page is a reduced copy."""
    if content[4:8] == b"ftyp" and content[8:11] in (b"hei", b"hev", b"mif", b"msf") and b"avif" not in content[:40]:
        raise ImageError(f"{path} is a HEIC picture, which cannot be read: export it as JPEG or PNG")
    tags = tags_of_tiff(content)
    is_raw = any(content[at : at + len(start)] == start for at, start in _RAW_SIGNATURES)
    is_raw = is_raw or _DNG_VERSION in tags or tags.get(_PHOTOMETRIC) in _SENSOR
    # Raw files of many makers are TIFF with nothing to tell them but their name.
    if is_raw or (tags and str(path).lower().endswith(_RAW_ENDINGS)):
        raise ImageError(
            f"{path} is a camera's raw file, of which only a small preview could be read: develop it, "
            "and export a 16-bit TIFF or PNG"
        )
    if tags.get(_SUBFILE, 0) & 1 or tags.get(_OLD_SUBFILE) == 2:
        raise ImageError(
            f"{path} begins with a reduced copy of its picture, such as a thumbnail: export the full picture as a TIFF "
            "of one page, or as PNG"
        )


def tags_of_tiff(content: bytes) -> dict[int, int]:
    """{number: first value} of the first directory of a TIFF or BigTIFF; empty for another kind of file."""
    order = {b"II": "<", b"MM": ">"}.get(content[:2])
    if order is None or content[2:4] not in (b"*\0", b"\0*", b"+\0", b"\0+"):
        return {}
    is_big = b"+" in content[2:4]
    found = {}
    try:
        (place,) = struct.unpack_from(order + ("Q" if is_big else "I"), content, 8 if is_big else 4)
        (count,) = struct.unpack_from(order + ("Q" if is_big else "H"), content, place)
    except struct.error:  # a damaged directory: the decoder says so
        return {}
    entry, start = (20, place + 8) if is_big else (12, place + 2)
    for i in range(min(count, _MAX_TAGS)):
        try:
            number, value = _tag(content, start + i * entry, order, is_big)
        except (struct.error, OverflowError):
            continue
        found[number] = value
    return found


def _tag(content, at, order, is_big):
    """(number, first value) of the directory entry at a place."""
    number, kind = struct.unpack_from(order + "HH", content, at)
    form = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q"}.get(kind, "B")
    offset = "Q" if is_big else "I"
    (length,) = struct.unpack_from(order + offset, content, at + 4)
    place = at + (12 if is_big else 8)
    if length * struct.calcsize(order + form) > struct.calcsize(order + offset):  # it stands elsewhere
        (place,) = struct.unpack_from(order + offset, content, place)
    return number, struct.unpack_from(order + form, content, place)[0]
