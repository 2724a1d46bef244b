"""Photographs keep their labels: hand masks, stems, cut-outs, and pictures gathered by their hash."""

import hashlib
import json
import subprocess

import numpy as np
import pytest
from PIL import Image

from onnx_export.photographs import cutouts, gather, masks, split
from onnx_export.scenes import kinds, motion, painting


def row(path, **fields):
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {
        "source": "made here",
        "path": path.name,
        "sha256": digest,
        "base": "still",
        "still": [],
        "ignore": [],
        "move": [],
        **fields,
    }


@pytest.fixture
def drawn(tmp_path):
    path = tmp_path / "picture.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (160, 256, 3), np.uint8)).save(path)
    right_half = [[5, 0], [10, 0], [10, 10], [5, 10]]
    listed = tmp_path / "masks.json"
    listed.write_text(json.dumps([row(path, move=[right_half])]))
    return tmp_path, listed


def test_a_mask_labels_its_cells_and_not_its_border(drawn):
    ((picture, label),) = masks.hand_masks(*drawn)
    _, cells, _ = masks.cropped(picture, label, np.random.default_rng(0), is_centred=True)
    assert (cells[:, :30] == 0).all()
    assert (cells[:, 34:] == 1).all()
    assert (cells[:, 31:33] == -1).all()


def test_a_crop_twice_as_near_sways_farther(drawn, tmp_path):
    folder, _ = drawn
    named = row(folder / "picture.png", source="clothing", move=[[[4, 4], [6, 4], [6, 6], [4, 6]]])
    ((picture, known),) = masks.labelled_rows(folder, [named])
    label = masks.label(known, picture.size)
    _, cells, whole = masks.cropped(picture, label, np.random.default_rng(0), is_centred=True)
    near_label = label.resize((512, 320), Image.NEAREST, box=(64, 40, 192, 120))
    near = masks._sway(*near_label.resize((256, 160), Image.NEAREST).split(), 2.0)
    assert (whole[:, :20] == 0).all()
    assert whole[cells == 1].max() == pytest.approx(kinds.hung_px(32), rel=0.1)
    assert whole[cells == 1].min() < 0.3 * whole.max()
    assert near.max() == pytest.approx(whole.max() * 2**0.75, rel=0.1)


def test_a_stem_sways_less_towards_its_root_and_only_in_its_corridor(drawn):
    folder, _ = drawn
    stem, blossom = [5, 9, 5, 1, 1.5], [[3, 1], [7, 1], [7, 4], [3, 4]]
    named = row(folder / "picture.png", base="ignore", still=[[[0, 8], [10, 8], [10, 10], [0, 10]]], move=[blossom])
    ((picture, known),) = masks.labelled_rows(folder, [{**named, "stems": [stem]}])
    label, sway = masks.label(known, picture.size).split()
    label, px = np.asarray(label), np.asarray(sway) / 40
    assert (label[100, 127:129] == 255).all()
    assert (label[100, :120] == 128).all()
    assert (label[140, 127:129] == 0).all()
    up = px[20:144, 128]
    assert (np.diff(up) <= 0).all()
    assert px[17, 128] == pytest.approx(kinds.flower_px(128), rel=0.05)
    assert px[80, 128] == pytest.approx(kinds.flower_px(128) * 0.5**kinds.FALL, rel=0.05)
    assert (px[:, :105] == 0).all()


def test_what_a_row_calls_hung_sways_less_towards_its_top(drawn):
    folder, _ = drawn
    cup = [[4, 2], [6, 2], [6, 8], [4, 8]]
    named = row(folder / "picture.png", source="github:a/flowers@1", move=[cup], hangs=True)
    _, sway = masks.label(named, (256, 160)).split()
    down = np.asarray(sway)[32:128, 128].astype(int)
    assert (np.diff(down) >= 0).all()
    assert down[-1] > 10 * down[0] > 0


def test_another_picture_of_the_same_name_is_refused(drawn):
    folder, listed = drawn
    Image.new("RGB", (256, 160)).save(folder / "picture.png")
    with pytest.raises(ValueError, match="SHA-256"):
        masks.hand_masks(folder, listed)


def test_a_composite_moves_only_where_something_was_pasted(drawn):
    found = masks.hand_masks(*drawn)
    small = found[0][1].crop((0, 0, 256, 160))
    small.paste((0, 0), (0, 0, 200, 160))
    backdrop = Image.new("RGB", (256, 160), (10, 200, 10))
    pasted = masks.composites([(found[0][0], small, 7)], [backdrop], 4, np.random.default_rng(2))
    for (pixels, cells, _), source in pasted:
        assert source == 7
        plain = pixels.reshape(40, 4, 64, 4, 3).std((1, 3)).max(-1) < 3
        assert not (cells[plain] == 1).any()


@pytest.mark.parametrize(("listed", "least"), [(masks.MASKS, 700), (gather.STILLS, 550), (gather.HELD_OUT, 27)])
def test_the_shipped_lists_name_each_picture_once(listed, least):
    rows = json.loads(listed.read_text())
    assert len({r["sha256"] for r in rows}) == len(rows) >= least


def test_cutouts_are_whole_things_on_nothing(drawn):
    folder, listed = drawn
    row = json.loads(listed.read_text())[0]
    row |= {
        "source": "github:a/flowers@1",
        "move": [[[3, 3], [6, 3], [6, 7], [3, 7]], [[8, 3], [10, 3], [10, 7], [8, 7]]],
    }
    (found,) = cutouts.cut([(Image.open(folder / "picture.png").convert("RGB"), row)])
    alpha = np.asarray(found.picture.getchannel("A"))
    assert not found.is_hung
    assert alpha[len(alpha) // 2, alpha.shape[1] // 2] == 255
    assert alpha[0, 0] < 128


def test_a_cutout_moves_where_it_is_pasted():
    canvas = painting.Canvas(np.random.default_rng(0))
    mode = canvas.mode(amplitude=2.0, f0=1.0, zeta=0.1, direction=(1, 0), object_id=1)
    canvas.sprite(Image.new("RGBA", (40, 40), (250, 10, 250, 255)), 64, 40, 80, 40, mode)
    scene = canvas.finished()
    amplitude = scene.maps[motion.AMPLITUDE]
    assert (amplitude[10:20, 16:36] == 2).all()
    assert amplitude.sum() == 2 * 10 * 20
    assert (scene.image[44:76, 68:140, 0] > 2 * scene.image[44:76, 68:140, 1].astype(int)).mean() > 0.95


def test_gathering_takes_the_picture_of_the_hash_and_counts_what_is_missing(tmp_path):
    clone = tmp_path / "clones" / "a" / "b"
    clone.mkdir(parents=True)

    def git(*words):
        subprocess.run(["git", "-C", str(clone), "-c", "user.name=t", "-c", "user.email=t@t", *words], check=True)

    git("init", "-q")
    (clone / "x.jpg").write_bytes(b"picture")
    git("add", ".")
    git("commit", "-qm", "a")
    rows = [
        {"source": "github:a/b@HEAD", "path": "x.jpg", "sha256": hashlib.sha256(b"picture").hexdigest()},
        {"source": "github:a/b@HEAD", "path": "y.jpg", "sha256": "0" * 64},
    ]
    given = gather.gather(rows, tmp_path / "clones", tmp_path / "out")
    assert given == {"github:a/b@HEAD": 1, "missing": 1}
    assert (tmp_path / "out" / "x.jpg").read_bytes() == b"picture"


def test_what_only_measures_is_in_no_list_that_trains():
    held_out = {r["sha256"] for r in json.loads(gather.HELD_OUT.read_text())}
    trains = [r["sha256"] for listed in (masks.MASKS, gather.STILLS) for r in json.loads(listed.read_text())]
    assert not held_out & {*trains, *(r["sha256"] for r in split.load()["validation"])}


def test_each_held_out_set_has_photos_by_day_by_night_and_painted_ones():
    rows = json.loads(gather.HELD_OUT.read_text())
    sets = split.held_out()
    assert len(sets) == len(rows)
    assert sorted(sets.values()).count("street") >= 14
    assert all(max(r["size"]) >= 1024 for r in rows if r["set"] == "large")
    assert sum(r["set"] == "large" for r in rows) >= 8
    assert sum(not r["move"] for r in rows) >= 2
    assert {"by", "licence"} <= set.intersection(*(set(r) for r in rows if "flower_photos" not in r["source"]))


@pytest.fixture
def clones(tmp_path):
    """A repository of one picture that lies on its side and a list of it, in the folder of clones."""
    clone = tmp_path / "clones" / "a" / "b"
    clone.mkdir(parents=True)
    turned = Image.Exif()
    turned[274] = 6  # Orientation: to be turned by a quarter
    Image.new("RGB", (120, 300), (9, 90, 9)).save(clone / "x.jpg", exif=turned)

    def git(*words):
        subprocess.run(["git", "-C", str(clone), "-c", "user.name=t", "-c", "user.email=t@t", *words], check=True)

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "a")
    return tmp_path / "clones"


def test_a_held_out_picture_is_written_upright_beside_a_mask_as_large(clones, tmp_path):
    left = [[0, 0], [4, 0], [4, 10], [0, 10]]
    named = row(clones / "a" / "b" / "x.jpg", source="github:a/b@HEAD", name="wall", set="street", move=[left])
    gone = {**named, "name": "gone", "sha256": "0" * 64}
    out = tmp_path / "out"
    assert gather.gather_held_out([named, gone], clones, out) == {"github:a/b@HEAD": 1, "missing": 1}
    mask = np.asarray(Image.open(out / "street" / "mask" / "wall.png"))
    assert Image.open(out / "street" / "img" / "wall.png").size == (300, 120) == mask.shape[::-1]
    assert (mask[:, :117] == 255).all()
    assert (mask[:, 120:121] == 128).all()
    assert (mask[:, 124:] == 0).all()
    assert not (out / "street" / "img" / "gone.png").exists()


def test_a_border_to_what_is_not_counted_needs_no_band():
    label = Image.new("LA", (256, 8), (128, 0))
    label.paste((255, 0), (0, 0, 128, 8))
    assert (np.asarray(masks.band_between(label))[:, :128] == 255).all()
