"""Ranks, intervals and the split: what the figures rest on."""

import json

import numpy as np
import pytest

from onnx_export.evaluation import bars, statistics, where
from onnx_export.photographs import masks, split


def test_the_curve_counts_pairs_in_order():
    rng = np.random.default_rng(1)
    score, truth = rng.integers(0, 5, 60), rng.random(60) < 0.4
    pairs = [(a > b) + (a == b) / 2 for a in score[truth] for b in score[~truth]]
    assert statistics.area_under_curve(score, truth) == pytest.approx(np.mean(pairs))


def test_the_curve_of_scores_that_are_all_alike_is_half():
    assert statistics.area_under_curve(np.ones(4), [True, False, True, False]) == 0.5
    assert np.isnan(statistics.area_under_curve(np.ones(3), [True] * 3))


def test_the_order_of_a_monotone_function_is_perfect():
    x = np.random.default_rng(2).standard_normal(50)
    assert statistics.rank_correlation(x, np.exp(x)) == pytest.approx(1)
    assert statistics.rank_correlation(x, -(x**3)) == pytest.approx(-1)
    assert np.isnan(statistics.rank_correlation(x, np.zeros(50)))


def test_ties_share_their_rank():
    # worked by hand: ranks 1.5 1.5 3 against 1 2 3
    assert statistics.rank_correlation([0, 0, 1], [0, 1, 2]) == pytest.approx(1.5 / np.sqrt(1.5 * 2))


def test_an_interval_of_a_mean_is_two_standard_errors_wide():
    values = np.random.default_rng(3).standard_normal(400)
    low, high = statistics.interval(values)
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.15)
    assert low < values.mean() < high


def test_an_interval_repeats_and_passes_over_what_is_missing():
    values = np.array([1.0, 2.0, np.nan, 4.0])
    assert statistics.interval(values) == statistics.interval(values)
    assert statistics.interval(values) == statistics.interval(values[[0, 1, 3]])


def test_the_interval_of_one_value_is_that_value_and_of_none_unknown():
    assert statistics.interval([2.5, np.nan]) == [2.5, 2.5]
    assert np.isnan(statistics.interval([np.nan])).all()


def test_an_interval_is_that_of_draws_by_multiplicities():
    values = np.random.default_rng(5).exponential(size=40)
    drawn = statistics.between(statistics.mean_of(values, statistics.multiplicities(40)))
    assert statistics.interval(values) == pytest.approx(drawn, abs=0.15 * (drawn[1] - drawn[0]))


def test_samples_that_are_paired_are_drawn_alike():
    values = np.random.default_rng(6).standard_normal(30)
    assert statistics.interval(values + 2, values) == pytest.approx([2, 2])
    low, high = statistics.interval(values + 2, values, paired=False)
    assert high - low == pytest.approx(2 * 1.96 * values.std() * np.sqrt(2 / 30), rel=0.2)


def test_a_draw_without_a_figure_does_not_count():
    known = np.array([1.0, np.nan, np.nan])  # a draw in three holds no known value
    assert statistics.interval(known, np.zeros(3)) == [1, 1]


def test_a_figure_of_several_numbers_has_an_interval_for_each():
    values = np.random.default_rng(7).standard_normal((3, 25)) + np.array([[0], [5], [10]])
    spans = statistics.interval(values)
    assert spans[0] == pytest.approx(statistics.interval(values[0]))
    assert all(low < row.mean() < high for (low, high), row in zip(spans, values, strict=True))


def test_means_lie_apart_by_their_differences():
    a, b, c, d = np.array([[4.0, 6], [1, np.nan], [2, 2], [3, 1]])
    assert statistics.apart(a) == 5
    assert statistics.apart(a, b) == 4
    assert statistics.apart(a, b, c, d) == 4  # (5 - 1) - (2 - 2)


@pytest.fixture
def photos():
    rng = np.random.default_rng(4)
    truths = [rng.random(n) < part for n, part in ((40, 0.5), (60, 0.2), (30, 0.0), (20, 1.0))]
    scores = [np.round(rng.random(len(t)) * 0.6 + 0.4 * t, 1) for t in truths]
    return scores, truths


def test_pooled_figures_are_those_of_all_cells(photos):
    scores, truths = photos
    score, truth, once = np.concatenate(scores), np.concatenate(truths), np.ones((1, 4))
    tally = where.Tally.of(scores, truths, 0.5)
    called = score > 0.5
    assert tally.pooled_auc(once)[0] == pytest.approx(statistics.area_under_curve(score, truth))
    assert tally.pooled_iou(once)[0] == pytest.approx((called & truth).sum() / (called | truth).sum())
    assert tally.false_alive(once)[0] == pytest.approx(called[~truth].mean())
    assert tally.false_alive_still_photos(once)[0] == pytest.approx((scores[2] > 0.5).mean())
    each = [statistics.area_under_curve(s, t) for s, t in zip(scores, truths, strict=True)]
    assert tally.auc() == pytest.approx(each, nan_ok=True)
    assert tally.mean_auc(once)[0] == pytest.approx(np.nanmean(each))


def test_a_drawn_photo_counts_as_often_as_it_is_drawn(photos):
    scores, truths = photos
    tally = where.Tally.of(scores, truths, 0.5)
    twice = np.concatenate([scores[0], scores[0], scores[2]]), np.concatenate([truths[0], truths[0], truths[2]])
    assert tally.pooled_auc(np.array([[2, 0, 1, 0]]))[0] == pytest.approx(statistics.area_under_curve(*twice))


def test_a_guess_gets_the_threshold_that_suits_it_best(photos):
    scores, truths = photos
    score, truth = np.concatenate(scores), np.concatenate(truths)
    best = where.best_threshold(scores, truths)

    def iou(threshold):
        return (truth & (score > threshold)).sum() / (truth | (score > threshold)).sum()

    assert iou(best) == pytest.approx(max(iou(t) for t in np.unique(score)), abs=0.02)


def test_the_border_ring_is_told_from_the_ring_two_cells_inside():
    amplitude = np.zeros((9, 12))
    amplitude[[0, -1]], amplitude[:, [0, -1]] = 3, 3
    amplitude[2:-2, 2:-2] = 1
    amplitude[3:-3, 3:-3] = 7
    assert where.border_rings(amplitude) == (3, 1)


def test_a_bar_says_what_its_interval_leaves_open():
    sure, open_, missed = (bars.Bar("x", 0.9, ">=", 0.8, span) for span in ((0.85, 0.95), (0.7, 0.95), None))
    assert (sure.is_met, sure.is_sure) == (True, True)
    assert (open_.is_met, open_.is_sure) == (True, False)
    assert missed.is_sure
    assert not bars.Bar("x", float("nan"), "<=", 1).is_met
    assert bars.bar_figures([bars.Bar("x", 0.5, "<=", 0.4)])["x"]["met"] is False
    unknown = bars.Bar("x", None, ">=", 0.5, [None, None])  # of photos that hold one class only
    assert not unknown.is_met
    assert len(bars.bar_lines([unknown])) == 3
    assert bars.bar_figures([unknown])["x"]["figure"] is None


ROWS = json.loads(masks.MASKS.read_text())
MANY = 50  # rows, from which five folds by chance are about equal


def test_no_validation_still_is_among_the_training_masks():
    listed = split.load()["validation"]
    assert len({row["sha256"] for row in listed}) == 25
    assert not {row["sha256"] for row in listed} & {row["sha256"] for row in ROWS}
    training = {(row["source"].removeprefix("github:") + " " + row["path"]) for row in ROWS}
    assert not {row["source"] for row in listed} & training


def test_photos_from_elsewhere_share_no_source_with_the_training():
    listed = split.load()
    found = split.elsewhere(listed)
    assert "candle_3" in found
    assert "dandelion" not in found  # another picture of flower_photos
    assert len(found) >= 10


def test_the_listed_folds_are_those_of_the_rule():
    listed = split.load()["training"]
    for source, parts in split.folds(ROWS).items():
        for number, part in enumerate(parts):
            names = {split.short_name(row) for row in part}
            for other, hashes in enumerate(listed.get(source, ())):
                assert other == number or not names & set(hashes)
    assert sum(len(part) for parts in listed.values() for part in parts) >= 433


def test_folds_share_every_large_source_about_equally():
    for parts in split.folds(ROWS).values():
        sizes = [len(part) for part in parts]
        assert sum(sizes) < MANY or min(sizes) > 0.5 * sum(sizes) / split.FOLDS


def test_a_fold_depends_on_the_row_alone():
    row = ROWS[0]
    assert split.fold(row) == split.fold({**row, "move": [], "licence": "other"})
    assert {split.fold({"source": "s", "path": str(i)}) for i in range(60)} == set(range(split.FOLDS))
