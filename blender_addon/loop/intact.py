"""What a file keeps of a loop is text, numbers and images that anything may have changed: a script, a merge, damage.

Texts are read here, each as what it must be. What is read is a value that fits; whatever is wrong after that is a bug
of ours, and no sentence about the file may hide it.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction

import numpy as np

from ...gid_core.errors import SettingsError
from ..nodes import rig

__all__ = ["check_apart", "fraction", "intact", "numbers", "record"]


@contextmanager
def intact(name: str) -> Iterator[None]:
    """The body reads what the file keeps of the loop `name`, and does no more; a value that cannot be is a sentence.

    Raises:
        SettingsError: a ValueError of the body, such as those that the readers here raise.
    """
    try:
        yield
    except ValueError as error:
        reason = " ".join(f"{error}".split())[:80]
        raise SettingsError(_damaged(name, f"{type(error).__name__}: {reason}")) from error


def check_apart(name: str, pictures: Iterable) -> None:
    """Refuse the loop `name` if two of its images are one: new pixels in one place would be gone from the other.

    Args:
        pictures: images, None for those that it lacks.
    Raises:
        SettingsError: two are one.
    """
    names = [image.name for image in pictures if image is not None]
    if len(set(names)) < len(names):
        raise SettingsError(_damaged(name, "two of its parts show the same picture"))


def _damaged(name, reason):
    return f"what the file keeps of the loop '{name}' was changed or damaged ({reason}): {rig.WAY_OUT}"


def numbers(text: str, *shape: int | None) -> np.ndarray:
    """Finite float64 of a JSON list, or of lists in it: as many as `shape` says, None for any number.

    Raises:
        ValueError: it holds anything else.
    """
    try:
        found = np.array(json.loads(text), np.float64)
    except (TypeError, RecursionError) as error:
        raise ValueError(f"no numbers: {text}") from error
    fits = len(found.shape) == len(shape) and all(
        asked in (None, there) for asked, there in zip(shape, found.shape, strict=True)
    )
    if not fits or not np.isfinite(found).all():
        raise ValueError(f"not the numbers that were kept: {text}")
    return found


def record(text: str) -> dict:
    """A JSON object.

    Raises:
        ValueError: it is anything else.
    """
    try:
        found = json.loads(text)
    except RecursionError as error:
        raise ValueError(f"no record: {text}") from error
    if not isinstance(found, dict):
        raise ValueError(f"no record: {text}")
    return found


def fraction(text: str) -> Fraction:
    """A fraction such as 24000/1001.

    Raises:
        ValueError: it is anything else.
    """
    try:
        return Fraction(text)
    except ZeroDivisionError as error:
        raise ValueError(f"no fraction: {text}") from error
