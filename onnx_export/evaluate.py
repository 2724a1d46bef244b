"""Evaluation: python -m onnx_export.evaluate --data DIR [--model DIR] [--sheet FILE] [--write]

Measures the exported files through gid_core, as an artist runs them. Where it moves: hand-masked stills in DIR/img and
DIR/mask (255 may move, 0 must not, 128 not counted) against three naive guesses. How it moves: held-out synthetic
scenes, whose motion is known, for the drawn truth, white noise, the procedural z and the flow at several step counts.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from gid_core import phases, predict, runtime, sampler

from . import motion, scenes
from .train import HELD_OUT_SEED

__all__ = ["area_under_curve", "main", "phase_statistics", "score_phases", "score_stills"]

_AGREES = 0.75  # of a cell's pixels carry one label
_ALIVE = 0.3  # px
_RIGID_CELLS = 6
_GUESSES = ("greenness", "saturation", "centre")


def area_under_curve(score, truth) -> float:
    """Probability that a moving cell scores above a still one; ties count half. NaN without both classes."""
    truth = np.asarray(truth, bool)
    positive, negative = int(truth.sum()), int((~truth).sum())
    if not positive or not negative:
        return float("nan")
    _, index, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[index]
    return float((rank[truth].sum() - positive * (positive + 1) / 2) / (positive * negative))


def _seen(picture, long_side):
    """(rgb (1, 3, H, W) padded to multiples of 32, unpadded size): what gid_core.predict shows the encoder."""
    scale = long_side / max(picture.size)
    size = tuple(max(1, round(s * scale)) for s in picture.size)
    pixels = np.asarray(picture.resize(size, Image.LANCZOS), np.float32) / 255
    padded = np.pad(pixels, ((0, -size[1] % 32), (0, -size[0] % 32), (0, 0)), mode="reflect")
    return np.ascontiguousarray(padded.transpose(2, 0, 1)[None]), size


def _amplitude(model, found):
    """RMS motion of each cell of the envelope grid, px of a 256-px frame, gated by alive as gid_core.predict does."""
    scales = np.asarray(model.card.scales, np.float32)[:, None, None]
    alive = found["alive"][0]
    sure = np.clip((alive - 0.1) / 0.3, 0, 1)
    alive = alive * sure * sure * (3 - 2 * sure)
    return np.sqrt(((scales * found["envelope"][0] ** 2 * alive) ** 2).sum(0))


def _guesses(rgb):
    """Greenness, saturation and closeness to the centre at 1/4: what a model must beat."""
    cells = rgb[0].reshape(3, rgb.shape[2] // 4, 4, rgb.shape[3] // 4, 4).mean((2, 4))
    y, x = (np.linspace(-1, 1, n) for n in cells.shape[1:])
    centre = -np.hypot(y[:, None], x[None])
    return {
        "greenness": cells[1] - (cells[0] + cells[2]) / 2,
        "saturation": cells.max(0) - cells.min(0),
        "centre": centre,
    }


def score_stills(model, folder) -> dict:
    """Figures of all masked stills in a folder, pooled and by picture."""
    by_picture, pooled = {}, []
    for path in sorted((Path(folder) / "img").iterdir()):
        picture = Image.open(path).convert("RGB")
        rgb, size = _seen(picture, model.card.input_long_side)
        found = model.encode(rgb)
        mask = Image.open(Path(folder) / "mask" / (path.stem + ".png")).convert("L").resize(size, Image.NEAREST)
        label = np.full(rgb.shape[2:], 128, np.uint8)
        label[: size[1], : size[0]] = np.asarray(mask)
        cells = label.reshape(label.shape[0] // 4, 4, label.shape[1] // 4, 4)
        moves, stands = (cells > 192).mean((1, 3)) > _AGREES, (cells < 64).mean((1, 3)) > _AGREES
        counted = moves | stands
        scores = {"alive": found["alive"][0, 0], "amplitude": _amplitude(model, found), **_guesses(rgb)}
        scores = {name: value[counted] for name, value in scores.items()}
        truth, called = moves[counted], scores["alive"] > 0.5
        row = {"auc": area_under_curve(scores["alive"], truth)}
        row["iou"] = float((called & truth).sum() / max((called | truth).sum(), 1)) if truth.any() else float("nan")
        row["recall"] = float(called[truth].mean()) if truth.any() else float("nan")
        row["false_alive"] = float(called[~truth].mean()) if (~truth).any() else float("nan")
        row["still_px"] = float(scores["amplitude"][~truth].mean()) if (~truth).any() else float("nan")
        row["moving_px"] = float(scores["amplitude"][truth].mean()) if truth.any() else float("nan")
        row.update((f"auc_{name}", area_under_curve(scores[name], truth)) for name in _GUESSES)
        by_picture[path.stem] = row
        pooled.append((scores, truth))
    figures = _summary(by_picture, pooled)
    kept = {name: {k: round(v, 3) for k, v in row.items() if np.isfinite(v)} for name, row in by_picture.items()}
    return {**figures, "by_picture": kept}


def _summary(by_picture, pooled):
    both = [row for row in by_picture.values() if np.isfinite(row["auc"])]
    still = [row for row in by_picture.values() if np.isnan(row["recall"])]
    truth = np.concatenate([t for _, t in pooled])
    figures = {
        "mean_auc": np.mean([row["auc"] for row in both]),
        "mean_iou": np.mean([row["iou"] for row in both]),
        "false_alive_on_still_pictures": np.mean([row["false_alive"] for row in still]) if still else float("nan"),
        "px_on_still_pictures": np.mean([row["still_px"] for row in still]) if still else float("nan"),
        "recall": np.nanmean([row["recall"] for row in by_picture.values()]),
    }
    for name in _GUESSES:
        figures[f"mean_auc_{name}"] = np.mean([row[f"auc_{name}"] for row in both])
    for name in ("alive", "amplitude", *_GUESSES):
        figures[f"pooled_auc_{name}"] = area_under_curve(np.concatenate([s[name] for s, _ in pooled]), truth)
    return {name: round(float(value), 4) for name, value in figures.items()}


def _agreement(a, b):
    """|<a, b>| / |a||b| over harmonics and axes: a, b (K, n, 2)."""
    product = np.abs((a * b.conj()).sum((0, 2)))
    return product / np.sqrt((np.abs(a) ** 2).sum((0, 2)) * (np.abs(b) ** 2).sum((0, 2)) + 1e-12)


def phase_statistics(z, maps) -> dict:
    """What a z complex (K, h, w, 2) is worth on a scene with known maps (fields, h, w) of the flow grid.

    coherence: inside rigid objects, 1 is whole. same, different: agreement of cells 2 apart in one rigid object and
    across two objects; rms, perpendicular: energy along and across the true axis; axis: agreement of the axis over
    harmonics. Empty when nothing moves.
    """
    alive, name = maps[motion.AMPLITUDE] > _ALIVE, maps[motion.OBJECT].astype(int)
    if alive.sum() < 20:
        return {}
    rigid = alive & (maps[motion.IS_FIELD] < 0.5)
    axis = np.moveaxis(maps[motion.DX : motion.DY + 1], 0, -1)
    along, across = (z * axis).sum(-1), (z * np.stack([-axis[..., 1], axis[..., 0]], -1)).sum(-1)
    found = {
        "rms": np.sqrt((np.abs(along[:, alive]) ** 2).mean()),
        "perpendicular": np.sqrt((np.abs(across[:, alive]) ** 2).mean()),
    }
    cells = z[:, alive]  # (K, n, 2)
    double = np.angle(cells[..., 0] ** 2 + cells[..., 1] ** 2) / 2  # the phase of the harmonic's own major axis
    turned = (cells * np.exp(-1j * double)[..., None]).real
    angle = np.arctan2(turned[..., 1], turned[..., 0])
    strength = (np.abs(cells) ** 2).sum(-1)
    found["axis"] = (np.abs((strength * np.exp(2j * angle)).sum(0)) / (strength.sum(0) + 1e-12)).mean()
    coherence = []
    for number in np.unique(name[rigid]):
        u = along[:, rigid & (name == number)]
        if u.shape[1] >= _RIGID_CELLS:
            coherence.append(np.abs(u.sum(1)) / np.sqrt(u.shape[1] * (np.abs(u) ** 2).sum(1) + 1e-12))
    same, different = [], []
    whole, ahead, behind = slice(None), slice(2, None), slice(None, -2)
    for one, two in (((whole, ahead), (whole, behind)), ((ahead, whole), (behind, whole))):
        both = alive[one] & alive[two]
        one_object = name[one] == name[two]
        for kept, pairs in ((same, both & one_object & rigid[one]), (different, both & ~one_object)):
            kept.extend(_agreement(z[(slice(None), *one)][:, pairs], z[(slice(None), *two)][:, pairs]))
    for key, values in (("coherence", coherence), ("same", same), ("different", different)):
        if len(values):
            found[key] = np.mean(values)
    return {key: float(value) for key, value in found.items()}


def _sampled(model, found, wind, seed, steps):
    """(procedural z, z of the flow), both as predict makes them but without the final blur."""
    affinity = found["affinity"][0]
    wind = phases.Wind(*(float(x) for x in wind))
    z = phases.procedural(affinity, model.card.frequencies, wind, phases.generator(seed, "motion"))
    noise = phases.generator(seed, "noise").standard_normal((len(z), 4, *affinity.shape[1:]), np.float32)
    start = noise
    if model.card.start == "procedural":
        start = phases.to_reals(z) + np.float32(model.card.start_noise) * noise
    envelope = found["envelope"]
    k, h, w = envelope.shape[1:]
    condition = {
        "envelope": envelope.reshape(1, k, h // 2, 2, w // 2, 2).mean((3, 5)).astype(np.float32),
        "affinity": found["affinity"],
        "features": found["features"],
        "wind": wind.condition(),
    }
    end = sampler.rectified_flow(
        lambda x, t: model.velocity(np.asarray(x, np.float32), t, condition), start[None], steps
    )
    return z, phases.from_reals(np.asarray(end)[0])


def _white(shape, seed):
    return phases.generator(seed, "white").standard_normal((*shape, 2)) @ [1, 1j] / np.sqrt(2)


def score_phases(model, count=24, step_counts=(1, 2, 4, 8, 16)) -> dict:
    """Mean statistics over `count` held-out scenes, by the kind of z; diversity 1: two seeds are independent."""
    rows = {}

    def note(kind, z, other, maps):
        statistics = phase_statistics(z, maps)
        if statistics:
            alive = maps[motion.AMPLITUDE] > _ALIVE
            difference = (np.abs((z - other)[:, alive]) ** 2).mean()
            power = (np.abs(z[:, alive]) ** 2).mean() + (np.abs(other[:, alive]) ** 2).mean()
            rows.setdefault(kind, []).append({**statistics, "diversity": float(difference / power)})

    for seed in range(HELD_OUT_SEED, HELD_OUT_SEED + count):
        scene = scenes.paint(seed)
        found = model.encode(np.ascontiguousarray(scene.image.transpose(2, 0, 1)[None], np.float32) / 255)
        maps = motion.coarse(torch.from_numpy(scene.maps)[None])
        wind = torch.from_numpy(scene.wind)[None]
        axis = np.moveaxis(maps[0, motion.DX : motion.DY + 1].numpy(), 0, -1)
        draws = [motion.draw(maps, wind, torch.Generator().manual_seed(s))[0].numpy()[..., None] * axis for s in (1, 2)]
        maps = maps[0].numpy()
        note("truth", *draws, maps)
        strength = _amplitude(model, found)
        strength = strength.reshape(maps.shape[1], 2, maps.shape[2], 2).mean((1, 3))

        def as_run(z, strength=strength):
            return phases.unit_rms(phases.blurred(z, strength), strength)

        for steps in step_counts:
            one, two = (_sampled(model, found, scene.wind, s, steps) for s in (1, 2))
            if steps == step_counts[0]:
                note("noise", *(_white(one[0].shape, s) for s in (1, 2)), maps)
                note("procedural", one[0], two[0], maps)
                note("procedural, as run", as_run(one[0]), as_run(two[0]), maps)
            note(f"flow, {steps} steps", one[1], two[1], maps)
            if steps == model.card.steps:
                note(f"flow, {steps} steps, as run", as_run(one[1]), as_run(two[1]), maps)
    table = {}
    for kind, found in rows.items():
        keys = sorted({key for row in found for key in row})
        table[kind] = {key: round(float(np.mean([r[key] for r in found if key in r])), 3) for key in keys}
        table[kind]["contrast"] = round(table[kind]["same"] - table[kind]["different"], 3)
    return table


def score_scenes(model, count=24) -> dict:
    """Where, how much and which cells belong together, on held-out scenes."""
    alive, truth, size, known, cosine, same, grouped = [], [], [], [], [], [], []
    scales = np.asarray(model.card.scales, np.float32)[:, None, None]
    for seed in range(HELD_OUT_SEED, HELD_OUT_SEED + count):
        scene = scenes.paint(seed)
        found = model.encode(np.ascontiguousarray(scene.image.transpose(2, 0, 1)[None], np.float32) / 255)
        maps = torch.from_numpy(scene.maps)[None]
        moves = scene.maps[motion.AMPLITUDE] > _ALIVE
        alive.append(found["alive"][0, 0].ravel())
        truth.append(moves.ravel())
        if moves.any():
            size.append(np.log(_amplitude(model, found)[moves] + 0.05))
            known.append(np.log(scene.maps[motion.AMPLITUDE][moves] + 0.05))
            guessed, true = (scales * found["envelope"][0] ** 2)[:, moves], motion.envelope(maps)[0].numpy()[:, moves]
            cosine.append((guessed * true).sum(0) / np.sqrt((guessed**2).sum(0) * (true**2).sum(0) + 1e-12))
        cells = motion.coarse(maps)
        near = (cells[0, motion.AMPLITUDE] > 0.1).numpy()
        right = motion.affinity_truth(cells)[0, 0].numpy()[:, :-1]
        busy = near[:, :-1] & near[:, 1:]
        same.append(right[busy] > 0.5)
        grouped.append(found["affinity"][0, 0][:, :-1][busy])
    size, known = np.concatenate(size), np.concatenate(known)
    figures = {
        "auc_alive": area_under_curve(np.concatenate(alive), np.concatenate(truth)),
        "log_amplitude_error": np.abs(size - known).mean(),
        "log_amplitude_error_of_a_constant": np.abs(known - np.median(known)).mean(),
        "spectrum_cosine": np.concatenate(cosine).mean(),
        "auc_same_object": area_under_curve(np.concatenate(grouped), np.concatenate(same)),
    }
    return {name: round(float(value), 4) for name, value in figures.items()}


def contact_sheet(model, folder, path, seed=0):
    """Photo, alive, amplitude (white: 3 px), phase of the slowest and of the 5th frequency, for every picture."""
    rows = []
    for file in sorted((Path(folder) / "img").iterdir()):
        picture = Image.open(file).convert("RGB")
        rgb, _ = _seen(picture, model.card.input_long_side)
        found = model.encode(rgb)
        linear = (np.asarray(picture, np.float32) / 255) ** 2.2
        volume = predict.predict(linear, predict.Request(seed=seed, model=str(model.card.folder)))
        size = (volume.width, volume.height)
        size = (160, round(160 * size[1] / size[0])) if size[0] >= size[1] else (round(160 * size[0] / size[1]), 160)
        amplitude = np.sqrt((np.abs(volume.amplitudes) ** 2).sum((0, 3)))
        tiles = [np.asarray(picture.resize(size)), found["alive"][0, 0] * 255, np.clip(amplitude / 3, 0, 1) * 255]
        for k in (0, 4):
            x = volume.amplitudes[k, ..., 0]
            value = np.clip(np.abs(x) / (np.percentile(np.abs(x), 97) + 1e-6), 0, 1)
            hue = np.stack([np.angle(x) / (2 * np.pi) % 1, np.ones_like(value), value], -1)
            tiles.append(np.asarray(Image.fromarray((hue * 255).astype(np.uint8), "HSV").convert("RGB")))
        line = Image.new("RGB", (5 * 164, 164))
        for column, tile in enumerate(tiles):
            tile = Image.fromarray(np.asarray(tile).astype(np.uint8)).convert("RGB").resize(size)
            line.paste(tile, (column * 164, 0))
        rows.append(np.asarray(line))
    half = (len(rows) + 1) // 2
    blank = [np.zeros_like(rows[0])] * (2 * half - len(rows))
    sheet = np.hstack([np.vstack(rows[:half]), np.vstack([*rows[half:], *blank])])
    Image.fromarray(sheet).save(path)


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="onnx_export.evaluate", description="Measure an exported motion model")
    parser.add_argument("--data", help="folder of hand-masked stills: img/NAME.jpg and mask/NAME.png")
    parser.add_argument("--model", help="model folder; default: the shipped one")
    parser.add_argument("--scenes", type=int, default=24, help="held-out synthetic scenes")
    parser.add_argument("--sheet", help="write a contact sheet of --data to this picture file")
    parser.add_argument("--write", action="store_true", help="keep the figures in the model's card")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    model = runtime.load_model(options.model)
    figures = {"scenes": score_scenes(model, options.scenes), "phases": score_phases(model, options.scenes)}
    if options.data:
        figures["stills"] = score_stills(model, options.data)
    print(json.dumps(figures, indent=1))
    if options.sheet and options.data:
        contact_sheet(model, options.data, options.sheet)
    if options.write:
        path = model.card.folder / "card.json"
        card = json.loads(path.read_text(encoding="utf-8"))
        card["figures"] = figures
        path.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
