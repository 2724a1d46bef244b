"""What each network is asked to get right: losses of batches of scenes (known maps) and photographs (known labels)."""

import math

import torch
import torch.nn.functional as F

from ..scenes import motion
from . import dataset, ranks

__all__ = [
    "ALIVE_PX",
    "flow_loss",
    "group_loss",
    "object_loss",
    "velocity_loss",
    "where_inputs",
    "where_loss",
    "wind_condition",
]

ALIVE_PX = 0.22  # an amplitude from which a cell counts as fully alive
_DROPPED = 0.1  # of the deepest features of a training batch
_APART = 2  # cells, between two of which it asks for one motion or two


def where_inputs(scene_rows, photo_rows):
    """What a WhereNet is shown of both: pixels and features, the scenes first."""
    return _inputs(scene_rows, photo_rows)


def where_loss(answer, scene_rows, photo_rows, scales, weights):
    """Loss of an answer (alive, e) to `where_inputs`: of synthetic rows the maps are known, of photographs the labels.

    weights: a settings.WhereLoss.
    """
    (alive, e), n = (x.float().cpu() for x in answer), len(scene_rows["maps"])
    maps, s = scene_rows["maps"], scales.view(1, -1, 1, 1)
    truth = (maps[:, :1] / ALIVE_PX).clamp(0, 1)
    where = F.binary_cross_entropy_with_logits(alive[:n], truth, reduction="none")
    loss = (where * _balance(truth, torch.ones_like(truth), weights)).mean((1, 2, 3)).sum()
    target = (motion.envelope(maps) / s).sqrt()
    loss = loss + weights.envelope * ((e[:n] - target).abs() * (0.15 + truth)).mean((1, 2, 3)).sum()
    far, known = _rms(e[:n].square() * s), maps[:, :1]
    off = ((far + 0.1).log() - (known + 0.1).log()).abs()
    loss = loss + weights.reach * off.mul(truth).mean((1, 2, 3)).sum()

    label = photo_rows["label"][:, None].float()
    counted = (label >= 0).float()
    cells = counted.sum((1, 2, 3)).clamp(min=1)
    where = F.binary_cross_entropy_with_logits(alive[n:], label.clamp(min=0), reduction="none") * counted
    where = where * _balance(label.clamp(min=0), counted, weights)
    loss = loss + (where.sum((1, 2, 3)) / cells).sum()
    sway = photo_rows["sway"][:, None]
    moving = (label > 0) | ((label < 0) & (sway > 0))  # a stem fills no cell: only how far it sways is taught there
    unknown = _unknown_envelope_loss(e[n:].square() * s, moving, sway, weights)
    loss = loss + (unknown.sum((1, 2, 3)) / cells).sum()
    return loss / len(alive)


def group_loss(network, scene_rows, weights):
    """Loss of synthetic rows: are two cells one object, where has it its middle, how large is it, along which axis does
    it sway; mostly where things move. weights: a settings.GroupLoss."""
    affinity, shape, _ = network(*_inputs(scene_rows))
    affinity, shape, coarse = affinity.float().cpu(), shape.float().cpu(), motion.coarse(scene_rows["maps"])
    same, form = motion.affinity_truth(coarse), motion.shape_truth(coarse)
    near = F.max_pool2d((coarse[:, :1] > 0.1).float(), 3, 1, 1)
    apart = motion.pairs_moving(coarse) * (1 + 2 * (1 - same))  # what keeps two movers apart is rare, and is asked for
    weight = (0.05 + near + weights.movers * apart) * motion.pairs_inside(*same.shape[2:])
    grouped = F.binary_cross_entropy_with_logits(affinity, same, reduction="none") * weight
    weight_of_shape = (coarse[:, :1] > 0.1).float()
    off = F.smooth_l1_loss(shape, form, reduction="none", beta=0.2) * weight_of_shape
    off = off.sum((1, 2, 3)) / weight_of_shape.sum((1, 2, 3)).clamp(min=1)
    return (grouped.sum((1, 2, 3)) / weight.sum((1, 2, 3)) + weights.shape * off).mean()


def _unknown_envelope_loss(envelope, moving, sway, weights):
    """Of photographs, (N, 1, h, w): what moves moves as far as its kind does, or at least the floor where no kind is
    known, at all frequencies alike; E is smooth over f and does not rise at its end.

    The slope of the RMS alone would lift the strongest harmonic only: after 27 minutes 0.6 Hz held .97 of a meadow's
    motion. sway: px that the kind lets expect, 0 where none is known.
    """
    logs = (envelope + 1e-3).log()
    level = logs.mean(1, keepdim=True)
    strength = (_rms(envelope) + 0.02).log()
    strength = level + (strength - level).detach()
    off = torch.where(sway > 0, (strength - (sway + 0.02).log()).abs(), F.relu(math.log(weights.floor_px) - strength))
    bend = logs[:, 1:-1] - (logs[:, :-2] + logs[:, 2:]) / 2
    rise = F.relu(logs[:, -2:] - logs[:, -3:-1])
    unsmooth = bend.square().mean(1, keepdim=True) + rise.square().mean(1, keepdim=True)
    return (weights.kind * off + weights.smooth * unsmooth) * moving


def _inputs(*parts):
    """Pixels and features of all rows, where the networks are; of the deepest features a tenth is dropped."""
    rows = [torch.cat([part[name] for part in parts]) for name in dataset.FEATURE_NAMES]
    rows[3] = rows[3] * (torch.rand(len(rows[3]), rows[3].shape[1], 1, 1) > _DROPPED)
    return [x.to(ranks.device()) for x in rows]


def _rms(envelope):
    """(N, K, h, w) -> RMS motion (N, 1, h, w); the small number keeps the root's slope finite."""
    return (envelope.square().sum(1, keepdim=True) + 1e-6).sqrt()


def _balance(truth, counted, weights):
    """Weight of each cell (N, 1, h, w): a flame of ten cells counts as if it filled a tenth of the picture."""
    part = (truth * counted).sum((1, 2, 3), keepdim=True) / counted.sum((1, 2, 3), keepdim=True).clamp(min=1)
    gain = (weights.least_part / part.clamp(min=1e-4)).clamp(1, weights.least_part_gain)
    return 1 + truth * (gain - 1)


def flow_loss(network, rows, generator, flow):
    """Squared error of the velocity between a coupled start and a motion, at a random time.

    rows: of conditions.flow_conditions, whose motion is drawn anew, or of conditions.clip_conditions, whose motion is
    the filmed one and whose wind nobody told; flow: a settings.Flow.
    """
    maps, wind, is_filmed = rows["maps"], rows["wind"], "z" in rows
    with torch.autocast("cpu", enabled=False):
        axis = maps[:, None, motion.DX : motion.DY + 1]
        if is_filmed:
            end = rows["z"]
            signal = (motion.to_complex(end) * axis).sum(2)
        else:
            signal = motion.draw(maps, wind, generator)
            end = motion.to_reals(signal[:, :, None] * axis)
        begin = motion.to_reals(motion.start(signal, rows["labels"], maps, wind, generator, parts=rows["parts"]))
        alive = (maps[:, 0] / ALIVE_PX).clamp(0, 1)[:, None, None]
        end = torch.where(alive > 0.1, end, begin)  # still cells keep the start: z stays whole at the outlines
        begin = begin + flow.start_noise * torch.randn(begin.shape, generator=generator)
        slices = torch.randperm(begin.shape[1], generator=generator)[: flow.slices].sort().values
        begin, end = begin[:, slices], end[:, slices]
        t = torch.sigmoid(torch.randn(len(maps), generator=generator))
        at = t.view(-1, 1, 1, 1, 1)
        is_told = torch.rand(len(maps), generator=generator) > (1 if is_filmed else flow.untold)
    z, envelope = (1 - at) * begin + at * end, rows["envelope"][:, slices]
    inputs = z, t, slices, envelope, rows["affinity"], rows["features"], wind_condition(wind, is_told)
    found = network(*(x.to(ranks.device()) for x in inputs)).float().cpu()
    loss = velocity_loss(found - (end - begin), 0.1 + alive, flow.loss.tear)
    return loss if is_filmed else loss + flow.loss.objects * object_loss(z + (1 - at) * found, maps)


def velocity_loss(error, weight, tear):
    """Weighted mean square of an error (B, k, 4, h, w); what tears an object weighs `tear` more."""
    loss = (error.square() * weight).mean()
    for axis, size in ((3, error.shape[3] - 1), (4, error.shape[4] - 1)):
        steps = error.narrow(axis, 1, size) - error.narrow(axis, 0, size)
        loss = loss + tear * (steps.square() * weight.narrow(axis, 1, size) * weight.narrow(axis, 0, size)).mean()
    return loss


def object_loss(z, maps):
    """How far the cells of one rigid object are from moving as one, plus how alike cells of two objects move.

    The squared error settles for the mean of both answers where it is in doubt whether two cells are one object, and
    neighbours end half alike. Agreement pays on one side or on the other: who is in doubt has to decide. Only motion
    along the true axis counts, or motion across it would make objects differ.

    z: reals (B, k, 4, h, w), where the flow is heading; maps: on its grid.
    """
    along = (motion.to_complex(z) * maps[:, None, motion.DX : motion.DY + 1]).sum(2)
    along = along / (along.abs().square().sum(1, keepdim=True) + 1e-6).sqrt()
    moves, name = maps[:, motion.AMPLITUDE] > ALIVE_PX, maps[:, motion.OBJECT]
    is_rigid = maps[:, motion.IS_FIELD] < 0.5
    agreed, is_one, is_two = [], [], []
    for down, right in ((_APART, 0), (0, _APART)):
        pairs = [motion.shifted(x, down, right) for x in (along, moves, name, is_rigid)]
        (there, here), (moves_there, moves_here), (name_there, name_here), (_, rigid) = pairs
        agreed.append(((here * there.conj()).sum(1).abs().square() + 1e-6).sqrt().flatten(1))
        is_one.append((moves_here & moves_there & (name_here == name_there) & rigid).flatten(1))
        is_two.append((moves_here & moves_there & (name_here != name_there)).flatten(1))
    agreed = torch.cat(agreed, 1)
    return 1 + _mean_where(agreed, torch.cat(is_two, 1)) - _mean_where(agreed, torch.cat(is_one, 1))


def _mean_where(values, is_counted):
    """Mean over the rows (B, n) that count anything of each row's own mean."""
    count = is_counted.sum(1)
    means = (values * is_counted).sum(1) / count.clamp(min=1)
    return means.sum() / (count > 0).sum().clamp(min=1)


def wind_condition(wind, known):
    """(B, 3) dx, dy, px a second and (B,) -> (B, 4), all zero where the wind is not told."""
    told = torch.stack([wind[:, 0], wind[:, 1], (wind[:, 2] / 150).log(), torch.ones(len(wind))], 1)
    return told * known.float()[:, None]
