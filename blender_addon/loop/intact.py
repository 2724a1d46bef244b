"""What a file keeps of a loop is text, numbers and images that anything may have changed: a script, a merge, damage."""

from collections.abc import Iterator
from contextlib import contextmanager

from ...gid_core.errors import SettingsError

__all__ = ["intact"]

# What Python and numpy raise over text, sizes and numbers that make no sense.
_SENSELESS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


@contextmanager
def intact(name: str) -> Iterator[None]:
    """The body reads what the file keeps of the loop `name`; what makes no sense there ends in a sentence.

    Raises:
        SettingsError: it is not as the add-on left it.
    """
    try:
        yield
    except _SENSELESS as error:
        reason = " ".join(f"{error}".split())[:80]
        raise SettingsError(
            f"what the file keeps of the loop '{name}' was changed or damaged ({type(error).__name__}: {reason}): "
            "go back to an earlier save, or remove the loop and animate the photo again"
        ) from error
