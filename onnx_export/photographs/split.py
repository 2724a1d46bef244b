"""Which pictures train and which validate: split.json and the rule behind it.

Rows of masks.json are on the training side, each in one of five folds by a hash of its source and path: new rows
change no old row's fold. Whoever selects a setting (steps, losses, a threshold) does so on folds; the validation
stills are measured and never selected on, nor are the pictures of held_out.json. The list is written again by
python -m onnx_export.photographs.split.
"""

import hashlib
import json
from pathlib import Path

from . import gather, masks

__all__ = ["FOLDS", "SPLIT", "elsewhere", "fold", "folds", "held_out", "load", "main", "short_name"]

SPLIT = Path(__file__).with_name("split.json")
FOLDS = 5
_SHORT = 12  # hexadecimal digits that name a row in the list


def fold(row: dict) -> int:
    """0..4 of a row of masks.json: the SHA-256 of "source path", as a number, modulo 5."""
    return int(_digest(row), 16) % FOLDS


def folds(rows) -> dict:
    """Rows by source, then by fold: {source: [rows of fold 0, ..., rows of fold 4]}."""
    found = {}
    for row in rows:
        found.setdefault(row["source"], [[] for _ in range(FOLDS)])[fold(row)].append(row)
    return found


def load(path=SPLIT) -> dict:
    """split.json: `training` {source: five lists of short path hashes}, `validation` rows {name, kind, sha256, source}.

    kind: plant, hanging, flame or static; `named`: what the issue calls the photos that must be found.
    """
    return json.loads(Path(path).read_text(encoding="utf-8"))


def elsewhere(listed: dict) -> set:
    """Names of the validation stills from whose source nothing at all was trained on. listed: of `load`."""
    rows = json.loads(masks.MASKS.read_text(encoding="utf-8")) + json.loads(gather.STILLS.read_text(encoding="utf-8"))
    trained = {row["source"].removeprefix("github:") for row in rows}
    return {row["name"] for row in listed["validation"] if row["source"].split(" ")[0] not in trained}


def held_out() -> dict:
    """{name: set} of held_out.json, whose pictures only measure; set: street or large."""
    return {row["name"]: row["set"] for row in json.loads(gather.HELD_OUT.read_text(encoding="utf-8"))}


def short_name(row: dict) -> str:
    """What the list calls a row."""
    return _digest(row)[:_SHORT]


def _digest(row):
    return hashlib.sha256(f"{row['source']} {row['path']}".encode()).hexdigest()


def main():
    """Write the training side of split.json again from masks.json; the validation side stays."""
    listed = load()
    rows = json.loads(masks.MASKS.read_text(encoding="utf-8"))
    listed["training"] = {
        source: [sorted(short_name(row) for row in part) for part in parts] for source, parts in folds(rows).items()
    }
    lines = [f'"folds": {FOLDS}', '"training": {\n' + _training(listed["training"]) + "\n}"]
    lines.append('"named": ' + json.dumps(listed["named"]))
    lines.append('"validation": [\n' + ",\n".join(json.dumps(row) for row in listed["validation"]) + "\n]")
    SPLIT.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def _training(training):
    return ",\n".join(
        f"{json.dumps(source)}: [\n" + ",\n".join(json.dumps(part) for part in parts) + "\n]"
        for source, parts in training.items()
    )


if __name__ == "__main__":
    main()
