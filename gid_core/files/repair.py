"""Files whose pixels are whole and whose rest is not: the same picture again, without what cannot be read.

Nothing here guesses pixels: a PNG's are checked by the sum at the end of its stream, and whether a JPEG's are all there
is for whoever decodes it to find out, by endings that only a whole picture takes alike.
"""

import struct
import zlib

__all__ = ["chunks_of_png", "endings_of_jpeg", "is_jpeg", "is_png", "png_of_pixels", "without_metadata"]

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
_PNG_KEPT = (b"PLTE", b"tRNS", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"iCCP")  # what changes the meaning of pixels
_PNG_SIZES = {b"gAMA": 4, b"cHRM": 32, b"cICP": 4, b"sRGB": 1}
_BLOCK = 1 << 20
# Between them every pair of bits comes first: whatever is missing, some of them stand for something else.
_FILLINGS = (b"", b"\x2d\x5a\x3c\x96", b"\x5a\xa7\x3c\x96", b"\x96\x3c\xa5\x1b", b"\xd2\x69\x3c\x47")


def is_png(content: bytes) -> bool:
    """True if a file begins as a PNG does."""
    return content.startswith(_PNG)


def is_jpeg(content: bytes) -> bool:
    """True if a file begins as a JPEG does."""
    return content.startswith(_JPEG)


def chunks_of_png(content: bytes) -> list[tuple[bytes, bytes, bool]]:
    """(kind, data, whether its checksum is right) of each chunk of a PNG; the last one may be cut short."""
    found, at = [], len(_PNG)
    while at + 8 <= len(content):
        size, kind = struct.unpack_from(">I4s", content, at)
        data = content[at + 8 : at + 8 + size]
        found.append(
            (kind, data, content[at + 8 + size : at + 12 + size] == struct.pack(">I", zlib.crc32(kind + data)))
        )
        at += 12 + size
        if kind == b"IEND":
            break
    return found


def without_metadata(content: bytes) -> bytes | None:
    """A PNG or JPEG with its pixels and what they mean alone; None if pixels are missing, or for another kind."""
    if is_png(content):
        return png_of_pixels(content)
    return _jpeg_of_pixels(content) if is_jpeg(content) else None


def png_of_pixels(content: bytes) -> bytes | None:
    """The PNG with its pixels and what can be read of the chunks that say what they mean; None if some are missing."""
    chunks = chunks_of_png(content)
    if not chunks or chunks[0][0] != b"IHDR" or not chunks[0][2]:
        return None
    pixels = b"".join(data for kind, data, _ in chunks if kind == b"IDAT")
    if not _is_whole_stream(pixels):
        return None
    kept = [
        (kind, data) for kind, data, is_right in chunks if kind in _PNG_KEPT and is_right and _is_readable(kind, data)
    ]
    return _PNG + b"".join(_chunk(*one) for one in [chunks[0][:2], *kept, (b"IDAT", pixels), (b"IEND", b"")])


def endings_of_jpeg(content: bytes) -> list[bytes] | None:
    """A JPEG that lacks its end marker, ended in several ways; None if it has one, or lacks whole passes as well.

    Decoders read entropy-coded bytes to the last pixel and skip what follows. Where pixels are missing they read the
    filling for them, so that the pictures differ.
    """
    if not is_jpeg(content) or b"\xff\xd9" in content[-2:]:
        return None
    content = content[:-1] if content.endswith(b"\xff") else content
    if not _has_all_passes(content):
        return None
    return [content + filling * 64 + b"\xff\xd9" for filling in _FILLINGS]


def _is_whole_stream(pixels):
    """True if a zlib stream reaches its end and its sum is right. Its output is not kept."""
    stream = zlib.decompressobj()
    try:
        while pixels and not stream.eof:
            stream.decompress(pixels, _BLOCK)
            pixels = stream.unconsumed_tail
    except zlib.error:
        return False
    return stream.eof


def _is_readable(kind, data):
    if kind != b"iCCP":
        return len(data) == _PNG_SIZES.get(kind, len(data))
    stream = zlib.decompressobj()
    try:
        stream.decompress(data[data.index(b"\0") + 2 :], _BLOCK)
    except (zlib.error, ValueError):
        return False
    return stream.eof


def _chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _segments(content):
    """(marker, start, end) of each segment of a JPEG before and between its passes; entropy-coded bytes are skipped."""
    at = 2
    while at + 4 <= len(content):
        if content[at] != 0xFF:
            return
        marker = content[at + 1]
        if marker == 0xFF:  # a filling byte
            at += 1
            continue
        end = at + 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        yield marker, at, end
        at = end
        if marker == 0xDA:
            at = content.find(b"\xff", at)
            while 0 <= at < len(content) - 1 and (content[at + 1] == 0 or 0xD0 <= content[at + 1] <= 0xD7):
                at = content.find(b"\xff", at + 2)
            if at < 0:
                return


def _jpeg_of_pixels(content):
    kept, rest = [content[:2]], 2
    for marker, start, end in _segments(content):
        if marker == 0xDA:  # from here on everything belongs to the pixels
            rest = start
            break
        is_profile = marker == 0xE2 and content[start + 4 : start + 16] == b"ICC_PROFILE\0"
        if not 0xE1 <= marker <= 0xEF or marker == 0xEE or is_profile:  # 0xEE says what the colours are
            kept.append(content[start:end])
    return b"".join(kept) + content[rest:] if rest > 2 else None


def _has_all_passes(content):
    """True if the passes over the picture bring every component to its last bit (ITU-T T.81, G.1.1.1)."""
    components: set[int] = set()
    finished: dict[int, set[int]] = {}
    for marker, start, end in _segments(content):
        body = content[start + 4 : end]
        if marker in (0xC0, 0xC1, 0xC2) and len(body) >= 6:
            components = {body[6 + 3 * i] for i in range(body[5]) if 6 + 3 * i < len(body)}
        if marker == 0xDA and body and len(body) >= 4 + 2 * body[0]:
            first, last, low = body[1 + 2 * body[0]], body[2 + 2 * body[0]], body[3 + 2 * body[0]] & 15
            for i in range(body[0] if low == 0 else 0):
                finished.setdefault(body[1 + 2 * i], set()).update(range(first, last + 1))
    return bool(components) and all(finished.get(one, set()) >= set(range(64)) for one in components)
