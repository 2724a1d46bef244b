"""Gather the photographs that teach the model: python -m onnx_export.photographs.gather --clones DIR --out DIR

masks.json (hand-masked) and stills.json (nothing moves) list each picture's source, path, licence and SHA-256. The
pictures come from clones of their public repositories: DIR/OWNER/NAME (made with `git clone` where it is absent and
--clone is given). They land in OUT/pictures and OUT/stills; none is part of this project. A second run fetches what is
missing. --unmarked adds OUT/unmarked: all other photographs of flowers, validation apart (see sources.py).
--held-out adds what only measures, held_out.json: OUT/street and OUT/large, each as `evaluate --data` takes it.
"""

import argparse
import hashlib
import io
import json
import subprocess
import tarfile
from collections import Counter
from pathlib import Path

from PIL import Image, ImageOps

from gid_core.files.storage import replacing

from .masks import MASKS, band_between, label

__all__ = ["HELD_OUT", "STILLS", "gather", "gather_held_out", "gather_unmarked", "main"]

STILLS = Path(__file__).with_name("stills.json")
HELD_OUT = Path(__file__).with_name("held_out.json")
_SPLIT = Path(__file__).with_name("split.json")
_FLOWERS = "flower_photos"


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


def gather_held_out(rows, clones, out, may_clone=False) -> Counter:
    """Put the rows' pictures, upright and whole, and their label images into OUT/SET/img and OUT/SET/mask.

    rows: of held_out.json. Both files are NAME.png, of the same size; label: 255 may move, 0 must not, 128 not counted,
    a band along every border between the two among it. Counts as `gather` does.
    """
    given = Counter()
    for row in rows:
        pair = [Path(out) / row["set"] / kind / f"{row['name']}.png" for kind in ("img", "mask")]
        if not all(path.exists() for path in pair):
            found = _picture(*_repository(row["source"], clones, may_clone), row)
            if found is None:
                given["missing"] += 1
                continue
            picture = ImageOps.exif_transpose(Image.open(io.BytesIO(found))).convert("RGB")
            for path, image in zip(pair, (picture, band_between(label(row, picture.size))), strict=True):
                path.parent.mkdir(parents=True, exist_ok=True)
                with replacing(path) as temporary:
                    image.save(temporary, "PNG")
        given[row["source"]] += 1
    return given


def gather_unmarked(clones, out, may_clone=False) -> int:
    """Put the photographs of flowers without a hand mask, what only measures apart, under `out`; how many there are."""
    rows = [row for row in json.loads(MASKS.read_text(encoding="utf-8")) if _FLOWERS in row["source"]]
    known = {row["sha256"] for row in rows} | {row["sha256"] for row in json.loads(HELD_OUT.read_text("utf-8"))}
    known |= {row["sha256"] for row in json.loads(_SPLIT.read_text(encoding="utf-8"))["validation"]}
    folder, revision = _repository(rows[0]["source"], clones, may_clone)
    for tried in (revision, "HEAD"):
        command = ["git", "-C", str(folder), "archive", "--format=tar", tried, rows[0]["path"].split("/")[0]]
        listed = subprocess.run(command, capture_output=True)
        if listed.returncode == 0:
            break
    else:
        raise SystemExit(f"{folder} holds neither {revision} nor a HEAD: clone it again")
    count = 0
    with tarfile.open(fileobj=io.BytesIO(listed.stdout)) as archive:
        for member in archive:
            if not member.isfile() or not member.name.endswith(".jpg"):
                continue
            content = archive.extractfile(member).read()
            if hashlib.sha256(content).hexdigest() in known:
                continue
            path = Path(out) / member.name
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as temporary:
                temporary.write_bytes(content)
            count += 1
    return count


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="onnx_export.photographs.gather", description="Gather training photographs")
    parser.add_argument("--clones", required=True, help="folder of clones, OWNER/NAME below it")
    parser.add_argument("--clone", action="store_true", help="clone what is not there")
    parser.add_argument("--out", required=True, help="folder to fill: pictures/ (hand-masked) and stills/")
    parser.add_argument("--unmarked", action="store_true", help="also all other photographs of flowers")
    parser.add_argument("--held-out", action="store_true", help="also street/ and large/, which only measure")
    options = parser.parse_args(arguments)
    for kind, listed in (("pictures", MASKS), ("stills", STILLS)):
        rows = json.loads(listed.read_text(encoding="utf-8"))
        for source, count in sorted(gather(rows, options.clones, Path(options.out) / kind, options.clone).items()):
            print(f"{kind}: {count} {source}")
    if options.held_out:
        rows = json.loads(HELD_OUT.read_text(encoding="utf-8"))
        for source, count in sorted(gather_held_out(rows, options.clones, options.out, options.clone).items()):
            print(f"held out: {count} {source}")
    if options.unmarked:
        found = gather_unmarked(options.clones, Path(options.out) / "unmarked", options.clone)
        print(f"unmarked: {found} photographs of flowers")


if __name__ == "__main__":
    main()
