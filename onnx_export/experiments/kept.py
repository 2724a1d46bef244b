"""Rows of a table that take minutes each, in a JSON file as they are finished: a run that was cut off goes on."""

import json
from pathlib import Path

from gid_core.files.storage import replacing

__all__ = ["KeptRows", "row_names"]


def row_names(text) -> list:
    """Names of rows as a command line gives them, separated by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


class KeptRows:
    """The file `path` and what it holds: `content`, {unit: amount, "rows": {name: row}} and what a caller adds.

    Args:
        unit, amount: what every row is trained for, such as "minutes", 2.5.
    Raises:
        ValueError: the file holds rows of another amount.
    """

    def __init__(self, path, unit, amount):
        self.path, self.content = Path(path), {unit: amount, "rows": {}}
        if self.path.exists():
            self.content = json.loads(self.path.read_text(encoding="utf-8"))
        if self.content.get(unit) != amount:
            raise ValueError(f"{path} holds rows of {self.content.get(unit)} {unit}: take those, or another folder")

    def missing(self, known, names=None) -> list:
        """Which of the rows `names` (all that are known, if None) have to be made.

        Raises:
            ValueError: a name that is not known.
        """
        wanted = list(known if names is None else names)
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise ValueError(f"there is no row {unknown[0]!r}: choose from {', '.join(known)}")
        return [name for name in wanted if name not in self.content["rows"]]

    def keep(self, name, row):
        """Add a row, and write the file."""
        self.content["rows"][name] = row
        with replacing(self.path) as temporary:
            temporary.write_text(json.dumps(self.content, indent=1) + "\n", encoding="utf-8")
