"""Evaluation: python -m onnx_export.evaluation.evaluate --data DIR [--model DIR] [--sheet FILE] [--parts where,...]

Measures the exported files through gid_core, as an artist runs them; what is measured is in onnx_export/evaluation/, a
file a subject. The figures go to standard output as JSON, tables and bars to standard error, for reading.
"""

import argparse
import itertools
import json
import sys
from pathlib import Path

import torch

from gid_core.model import session

from ..photographs import split
from . import (
    bars,
    baselines,
    clips,
    edges,
    films,
    loops,
    movers,
    phases,
    real,
    renderers,
    scenes,
    speed,
    strength,
    tips,
    video,
    where,
)
from .phases import phase_statistics, score_phases
from .scenes import score_scenes
from .sheets import contact_sheet
from .statistics import area_under_curve
from .where import score_stills

__all__ = [
    "PARTS",
    "area_under_curve",
    "contact_sheet",
    "main",
    "phase_statistics",
    "score_phases",
    "score_scenes",
    "score_stills",
]


def _tell(lines):
    print("\n".join(lines), end="\n\n", file=sys.stderr, flush=True)


def _where(model, options):
    """(figures, bars) of the masked stills."""
    probe = against = None
    if options.pictures:
        probe = baselines.fit_probe(options.pictures)
    if options.against:
        against = session.load_model(options.against)
    rows, scores, truths = where.collect(model, options.data, probe, against)
    figures = where.summary(rows, scores, truths)
    _tell(where.where_lines(figures))
    sets = {split.held_out().get(name) for name in rows}
    if sets == {"street"}:
        return {"street": figures}, where.street_bars(rows, figures)
    if sets == {"large"}:
        return {"large": figures}, []
    return {"stills": figures}, where.still_bars(rows, figures)


def _scenes(model, options):
    figures = scenes.score_scenes(model, options.scenes, options.first_scene)
    _tell([f"{name}: {value}" for name, value in figures.items()])
    return {"scenes": figures}, scenes.scene_bars(figures)


def _phases(model, options):
    rows = phases.phase_rows(model, options.scenes, first=options.first_scene)
    table, spans = phases.tabulated(rows), phases.phase_intervals(rows)
    keys = sorted({key for row in table.values() for key in row})
    _tell(bars.table_lines(["z", *keys], [[kind, *(row.get(k, "") for k in keys)] for kind, row in table.items()]))
    return {"phases": table, "phase_intervals": spans}, phases.phase_bars(table, spans)


def _edges(model, options):
    figures = edges.score_edges(model, options.scenes, options.first_scene)
    _tell(edges.edge_lines(figures))
    return {"edges": figures}, edges.edge_bars(figures)


def _movers(model, options):
    figures = movers.score_movers(model, options.scenes, options.first_scene)
    _tell(movers.mover_lines(figures))
    return {"movers": figures}, movers.mover_bars(figures)


def _steps(model, options):
    figures = phases.step_figures(model, options.step_scenes, first=options.first_scene)
    _tell([f"{name}: {value}" for name, value in figures.items()])
    return {"steps": figures}, phases.step_bars(figures)


def _real(model, options):
    figures = real.score_real(model, options.data)
    _tell(json.dumps(figures, indent=1).splitlines())
    return {"real": figures}, real.real_bars(figures)


def _speed(model, options):
    figures = speed.score_speed(model)
    _tell([f"{name}: {value}" for name, value in figures.items()])
    return {"speed": figures}, speed.speed_bars(figures)


def _clips(model, options):
    folder = Path(options.clips or Path(options.data).parent / "clips")
    if not folder.is_dir():
        _tell([f"clips: left out, {folder} is no folder"])
        return {}, []
    if films.av is None:
        _tell([clips.MISSING])
        return {}, []
    figures = clips.score_clips(model, folder)
    _tell(json.dumps(figures, indent=1).splitlines())
    return {"clips": figures}, []


def _strength(model, options):
    folders = [folder for folder in (options.loops, options.clips) if folder]
    if not folders or films.av is None:
        _tell(["strength: left out, it needs --loops or --clips, and the package av"])
        return {}, []
    figures = strength.score_strength(model, folders)
    _tell(strength.strength_lines(figures))
    return {"strength": figures}, strength.strength_bars(figures)


def _tips(model, options):
    figures = tips.score_tips(model, first=options.first_scene)
    _tell([f"{name}: {value}" for name, value in figures.items()])
    return {"tips": figures}, tips.tip_bars(figures)


def _collected(model, options):
    """Rows of films of --loops, or None with a word why not."""
    if not options.loops:
        _tell(["video, loops: left out, they need --loops"])
        return None
    if films.av is None:
        _tell([clips.MISSING])
        return None
    if not films.film_files(options.loops):
        _tell([f"video, loops: left out, there are no films in {options.loops}"])
        return None
    if options.measured is None:  # both parts look at the same films, and most of the time goes into them
        options.measured = loops.collect(model, options.loops, workers=options.workers, sheets=options.sheets)
    return options.measured


def _video(model, options):
    rows = _collected(model, options)
    if rows is None:
        return {}, []
    features = {
        name: {kind: [one.features[kind] for one in row] for kind in video.FEATURES} for name, row in rows.items()
    }
    figures = video.video_figures(features, features.pop("reference"))
    _tell(video.video_lines(figures))
    return {"video": figures}, []


def _loops(model, options):
    rows = _collected(model, options)
    if rows is None:
        return {}, []
    figures = loops.loop_figures(rows)
    _tell(loops.loop_lines(figures))
    if options.sheets:
        loops.write_chart(figures, Path(options.sheets) / "spectrum.png")
    return {"loops": figures}, loops.loop_bars(figures)


def _renderers(_model, options):
    rows, scores = renderers.rows_of(options.rows) if options.rows else {}, []
    for case in itertools.chain(
        renderers.scene_cases(options.photos, options.scenes) if options.photos else (),
        renderers.rendered_cases(options.rendered) if options.rendered else (),
        renderers.film_cases(options.clips) if options.clips else (),
        renderers.middlebury_cases(options.middlebury) if options.middlebury else (),
    ):
        frames = renderers.frames_of(case, rows)
        scores.append((case.kind, renderers.score(case, frames)))
        if options.sheets:
            path = Path(options.sheets) / f"{case.kind}, {case.name}.png"
            renderers.sheet(case, path, renderers.SHOWN, frames)
    if not scores:
        _tell(["renderers: left out, they need --photos, --rendered, --clips or --middlebury"])
        return {}, []
    figures = renderers.tabulated(scores)
    _tell(renderers.renderer_lines(figures))
    return {"renderers": figures}, renderers.renderer_bars(figures)


_MEASURES = {
    "where": _where,
    "scenes": _scenes,
    "phases": _phases,
    "edges": _edges,
    "movers": _movers,
    "tips": _tips,
    "steps": _steps,
    "real": _real,
    "speed": _speed,
    "clips": _clips,
    "strength": _strength,
    "video": _video,
    "loops": _loops,
    "renderers": _renderers,
}
PARTS = tuple(_MEASURES)
_NEED_DATA = ("where", "real", "clips")


def _parts(text):
    parts = text.split(",")
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)} is no part: choose from {', '.join(PARTS)}")
    return parts


def _keep(model, figures):
    """The figures into the model's card; parts that were not measured keep what they had."""
    path = model.card.folder / "card.json"
    card = json.loads(path.read_text(encoding="utf-8"))
    kept = card.setdefault("figures", {})
    measured = {**kept.get("bars", {}), **figures.pop("bars")}
    kept.update(figures, bars=measured)
    path.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="onnx_export.evaluation.evaluate", description="Measure a motion model")
    parser.add_argument("--data", help="folder of hand-masked stills: img/NAME.jpg and mask/NAME.png")
    parser.add_argument("--model", help="model folder; default: the shipped one")
    parser.add_argument("--parts", type=_parts, default=list(PARTS), help=f"default: {','.join(PARTS)}")
    parser.add_argument("--scenes", type=int, default=24, help="held-out synthetic scenes")
    parser.add_argument(
        "--first-scene", type=int, default=scenes.HELD_OUT_SEED, help="its seed; choose settings on others"
    )
    parser.add_argument("--step-scenes", type=int, default=24, help="of the part steps: 250 steps take their time")
    parser.add_argument("--pictures", help="pictures of masks.json: adds a linear probe to the table")
    parser.add_argument("--against", help="folder of another model: adds it to the table")
    parser.add_argument("--clips", help="folder of films with a still camera; default: clips beside --data")
    parser.add_argument("--loops", help="folder of films whose first frames are animated and compared with them")
    parser.add_argument("--photos", help="folder of photographs that layered scenes are drawn from; for renderers")
    parser.add_argument("--rendered", help="folder of onnx_export.rendered.moving; for renderers")
    parser.add_argument("--middlebury", help="folder of Middlebury's pairs; for renderers")
    parser.add_argument("--rows", help="folder of fitting.renderer's checkpoints: adds its rows to the renderers")
    parser.add_argument("--workers", type=int, default=1, help="processes that measure films of --loops")
    parser.add_argument(
        "--sheets", help="write a sheet of every film of --loops beside ours, and of the renderers, into this folder"
    )
    parser.add_argument("--sheet", help="write a contact sheet of --data to this picture file")
    parser.add_argument("--write", action="store_true", help="keep the figures in the model's card")
    parser.set_defaults(measured=None)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    model = session.load_model(options.model)
    figures, reached = {}, []
    for part in options.parts:
        if part in _NEED_DATA and not options.data and not (part == "clips" and options.clips):
            _tell([f"{part}: left out, it needs --data"])
            continue
        found, more = _MEASURES[part](model, options)
        figures.update(found)
        reached += more
    _tell(bars.bar_lines(reached))
    figures["bars"] = bars.bar_figures(reached)
    print(json.dumps(figures, indent=1))
    if options.sheet and options.data:
        contact_sheet(model, options.data, options.sheet)
    if options.write:
        _keep(model, figures)


if __name__ == "__main__":
    main()
