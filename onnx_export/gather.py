"""Gather the photographs that teach the model: python -m onnx_export.gather --clones DIR --out DIR

masks.json (hand-masked) and stills.json (nothing moves) list each picture's source, path, licence and SHA-256. The
pictures come from clones of their public repositories: DIR/OWNER/NAME (made with `git clone` where it is absent and
--clone is given). They land in OUT/pictures and OUT/stills; none is part of this project. A second run fetches what is
missing.
"""

import argparse
import hashlib
import json
import subprocess
from collections import Counter
from pathlib import Path

from gid_core.storage import replacing

from .masks import MASKS

__all__ = ["STILLS", "gather", "main"]

STILLS = Path(__file__).with_name("stills.json")


def _repository(source, clones, may_clone):
    """(git folder, revision) of a "github:OWNER/NAME@COMMIT"."""
    name, revision = source.removeprefix("github:").split("@")
    folder = Path(clones) / name
    if not folder.exists():
        if not may_clone:
            raise SystemExit(f"{folder} is not there: clone https://github.com/{name} to it, or add --clone")
        subprocess.run(["git", "clone", "--bare", f"https://github.com/{name}", str(folder)], check=True)
    return folder, revision


def _picture(folder, revision, row):
    """The bytes of a row's picture, at the commit that the list names or at the newest one."""
    for tried in (revision, "HEAD"):
        shown = subprocess.run(["git", "-C", str(folder), "show", f"{tried}:{row['path']}"], capture_output=True)
        if shown.returncode == 0 and hashlib.sha256(shown.stdout).hexdigest() == row["sha256"]:
            return shown.stdout
    return None


def gather(rows, clones, out, may_clone=False) -> Counter:
    """Put the rows' pictures under `out` by their paths; how many each source gave, and the rest as "missing"."""
    given = Counter()
    for row in rows:
        path = Path(out) / row["path"]
        if not path.exists():
            found = _picture(*_repository(row["source"], clones, may_clone), row)
            if found is None:
                given["missing"] += 1
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as temporary:
                temporary.write_bytes(found)
        given[row["source"]] += 1
    return given


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="onnx_export.gather", description="Gather the training photographs")
    parser.add_argument("--clones", required=True, help="folder of clones, OWNER/NAME below it")
    parser.add_argument("--clone", action="store_true", help="clone what is not there")
    parser.add_argument("--out", required=True, help="folder to fill: pictures/ (hand-masked) and stills/")
    options = parser.parse_args(arguments)
    for kind, listed in (("pictures", MASKS), ("stills", STILLS)):
        rows = json.loads(listed.read_text(encoding="utf-8"))
        for source, count in sorted(gather(rows, options.clones, Path(options.out) / kind, options.clone).items()):
            print(f"{kind}: {count} {source}")


if __name__ == "__main__":
    main()
