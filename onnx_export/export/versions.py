"""The version of weights: models/versions.json says which bytes each version had, and only ever grows.

Known bytes keep their version, others get the next one. So no two sets of weights share a version, and a prediction's
provenance says by which of them it was made.
"""

import json
from pathlib import Path

__all__ = ["LEDGER", "grown", "version_of"]

LEDGER = Path(__file__).resolve().parents[2] / "models" / "versions.json"


def version_of(digests: dict, ledger: dict) -> str:
    """The version of files with these SHA-256 by role: the one that they have, or the next.

    Args:
        ledger: {version: digests}, as models/versions.json holds it.
    """
    for version, known in ledger.items():
        if known == digests:
            return version
    newest = max((_numbers(version) for version in ledger), default=(0, 0, 0))
    return f"{newest[0]}.{newest[1] + 1}.0"


def grown(digests: dict, path=LEDGER) -> tuple[str, dict]:
    """(version of these digests, the ledger of `path` with a line for it)."""
    ledger = json.loads(Path(path).read_text(encoding="utf-8"))
    version = version_of(digests, ledger)
    return version, {**ledger, version: digests}


def _numbers(version):
    return tuple(int(part) for part in version.split("."))
