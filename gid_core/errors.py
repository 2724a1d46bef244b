"""The errors a user may meet, each with one sentence that says what to do.

Whoever catches `GidError` prints `str(error)` and nothing else. `exit_code` is what a command line returns.
"""

__all__ = ["Cancelled", "GidError", "ImageError", "LimitError", "ModelError", "SettingsError", "VolumeError"]


class GidError(Exception):
    """Something the user can put right; the message says how."""

    exit_code = 2


class SettingsError(GidError):
    """A setting is out of range or contradicts another one."""


class ImageError(GidError):
    """A picture is missing, damaged or of a kind that cannot be read."""


class VolumeError(GidError):
    """A spectral volume is damaged, holds NaN, or does not fit."""


class LimitError(GidError):
    """Too large for this machine or this program: memory, disk, pixels."""


class ModelError(GidError):
    """A model file is missing, altered or does not fit."""

    exit_code = 3


class Cancelled(GidError):
    """The user stopped the job; nothing was written."""

    exit_code = 130
