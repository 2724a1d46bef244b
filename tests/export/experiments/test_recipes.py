"""The paper's recipe and the ablation: laws of their parts, and a run that goes on where it stopped."""

import json

import numpy as np
import pytest
import torch

from gid_core.frames import splat
from onnx_export.experiments import ablation, ddpm, films, looping, normalise, splatting, variants, world
from onnx_export.experiments.frequency_attention import AttentiveFlowNet, JointFlowNet
from onnx_export.fitting import losses, settings
from onnx_export.networks.flow import FlowNet
from onnx_export.networks.splat import torch_splat
from onnx_export.scenes import motion

FLOW = settings.load("shipped").flow
FLOAT = 1e-4  # a few hundred roundings of float32
K, H, W, FEATURES = 16, 8, 12, 8
HZ = motion.FREQUENCIES


def drawn(seed):
    return torch.Generator().manual_seed(seed)


def conditions(count, seed=0):
    """Scenes of two objects and still cells between them, as flow_conditions gives them."""
    generator = drawn(seed)
    maps = torch.zeros(count, len(motion.FIELDS), H, W)
    maps[:, motion.F0], maps[:, motion.ZETA], maps[:, motion.F1], maps[:, motion.DX] = 0.7, 0.1, 2.0, 1.0
    labels = torch.zeros(H, W, dtype=torch.long)
    for name, columns in ((1, slice(0, 5)), (2, slice(7, 12))):
        maps[:, motion.AMPLITUDE, :, columns] = 1.5
        maps[:, motion.OBJECT, :, columns] = name
        maps[:, motion.ANCHOR_X, :, columns] = 60.0 * name
        labels[:, columns] = name
    ties = motion.affinity_truth(maps)[:, :2]
    return {
        "envelope": torch.rand(count, K, H, W, generator=generator),
        "features": torch.randn(count, FEATURES, H, W, generator=generator),
        "labels": labels.expand(count, H, W).clone(),
        "parts": labels.expand(count, H, W).clone(),
        "affinity": ties,
        "maps": maps,
        "wind": torch.tensor([[1.0, 0.0, 150.0]]).repeat(count, 1),
        "alive": (maps[:, 0] > 0).float(),
    }


@pytest.mark.parametrize("steps", [1, 2, 9])
def test_ddim_with_the_exact_noise_finds_the_clean_latent(steps):
    clean, alphas = torch.randn(2, 3, 4, 4, 4, generator=drawn(0)).clamp(-2.9, 2.9), ddpm.alphas_cumprod()

    def exact(z, t, *_):
        alpha = alphas[(t * ddpm.LEVELS).round().long()].float().view(-1, 1, 1, 1, 1)
        return (z - alpha.sqrt() * clean) / (1 - alpha).sqrt()

    told = dict.fromkeys(ddpm.TOLD, torch.zeros(2))
    found = ddpm.sampled(exact, told, torch.randn(clean.shape, generator=drawn(1)), steps, guidance=1.75)
    assert torch.allclose(found, clean, atol=2e-3)  # the first level divides by sqrt(alpha) = 0.012


def test_guidance_goes_beyond_what_was_told():
    told = {**dict.fromkeys(ddpm.TOLD, torch.zeros(1)), "features": torch.ones(1)}
    noise_of = ddpm.predict_noise(lambda z, t, s, e, a, features, w: z + features, told, guidance=2.0)
    assert torch.allclose(noise_of(torch.zeros(1), 500), torch.tensor(3.0))


def test_a_bound_holds_a_wild_guess_and_leaves_a_sane_one():
    alphas, z = ddpm.alphas_cumprod(), torch.randn(2, 3, 4, 4, 4, generator=drawn(0))

    def clean(noise_of, level):
        alpha = alphas[level].float()
        return (z - (1 - alpha).sqrt() * noise_of(z, level)) / alpha.sqrt()

    untaught = ddpm.bounded(lambda z, level: 0.5 * z, alphas)
    assert clean(lambda z, level: 0.5 * z, 999).abs().max() > 50
    assert clean(untaught, 999).abs().max() <= ddpm.LIMIT * 1.01
    assert torch.allclose(ddpm.bounded(prior_noise(alphas), alphas)(z, 700), prior_noise(alphas)(z, 700), atol=FLOAT)


def test_the_schedule_ends_in_noise_and_begins_at_the_picture():
    alphas = ddpm.alphas_cumprod()
    assert alphas[0] > 0.998
    assert alphas[-1] < 1e-3
    assert (alphas.diff() < 0).all()


def prior_noise(alphas):
    """The exact noise of a latent whose cells are independent and standard normal."""
    return lambda z, level: (1 - alphas[level]).sqrt().float() * z


def guided(pull, repeats, steps=12):
    alphas, start = ddpm.alphas_cumprod(), torch.randn(2, K, 4, 4, 4, generator=drawn(2))

    def closing(latent):
        return looping.seam_loss(motion.to_complex(latent), HZ, 4.3)

    return looping.self_guided(prior_noise(alphas), start, alphas, steps, closing, drawn(3), pull=pull, repeats=repeats)


def test_a_guided_loop_closes_better():
    moves = torch.ones(2, 4, 4, dtype=torch.bool)
    plain, closed = (looping.seam(motion.to_complex(guided(pull, 1)), HZ, 4.3, moves)[:, 0].mean() for pull in (0, 5))
    assert closed < 0.9 * plain


def spread(repeats, steps):
    """Variance that DDIM of so few steps leaves of a standard normal latent: each pass of a step turns z towards the
    clean latent by a known angle, and a repeat mixes in new noise."""
    alphas = [float(a) for a in ddpm.alphas_cumprod()[torch.linspace(ddpm.LEVELS - 1, 0, steps).round().long()]]
    variance = 1.0
    for alpha, target in zip(alphas, [*alphas[1:], 1.0], strict=True):
        shrink = ((alpha * target) ** 0.5 + ((1 - alpha) * (1 - target)) ** 0.5) ** 2
        for _ in range(repeats - 1):
            variance = alpha / target * shrink * variance + 1 - alpha / target
        variance *= shrink
    return variance


@pytest.mark.parametrize("repeats", [1, 3])
def test_repeats_put_back_as_much_noise_as_their_level_has(repeats):
    found = guided(0, repeats)
    four_deviations = 4 * (2 / found.numel()) ** 0.5  # of a sample variance around 1
    assert float(found.var()) == pytest.approx(spread(repeats, 12), abs=four_deviations)


def test_without_pull_and_repeats_the_guided_loop_is_ddim():
    alphas, start = ddpm.alphas_cumprod(), torch.randn(2, K, 4, 4, 4, generator=drawn(2))
    told = dict.fromkeys(ddpm.TOLD, torch.zeros(2))
    noise_of = prior_noise(alphas)
    found = ddpm.sampled(lambda z, t, *_: noise_of(z, round(float(t[0]) * ddpm.LEVELS)), told, start, 12)
    inside = found.abs() < 0.8 * ddpm.LIMIT
    assert inside.float().mean() > 0.98
    assert torch.allclose(guided(0, 1)[inside], found[inside], atol=FLOAT)


def test_snapped_frequencies_close_to_rounding_and_others_do_not():
    volume = motion.to_complex(torch.randn(1, K, 4, 4, 4, generator=drawn(4)))
    moves = torch.ones(1, 4, 4, dtype=torch.bool)
    assert looping.seam(volume, HZ, 4.3, moves).min() > 0.3
    assert looping.seam(*looping.snapped(volume, HZ, 4.3), 4.3, moves).max() < FLOAT


def volumes(seed=5):
    loud = torch.logspace(0, -2, K).view(-1, 1, 1, 1)
    return loud * torch.randn(6, K, 4, H, W, generator=drawn(seed)), torch.ones(6, H, W, dtype=torch.bool)


@pytest.mark.parametrize("kind", normalise.KINDS)
def test_a_normalisation_inverts_and_has_unit_variance(kind):
    reals, moves = volumes()
    found = normalise.fitted(kind, reals, moves)
    latent = found.forward(reals)
    assert torch.allclose(found.inverse(latent), reals, atol=FLOAT)
    assert float(latent.square().mean()) == pytest.approx(1, abs=0.02)
    assert torch.equal(found.forward(torch.zeros_like(reals)), torch.zeros_like(reals))


def test_only_plain_scaling_leaves_weak_harmonics_weak():
    reals, moves = volumes()
    weak = {k: float(normalise.fitted(k, reals, moves).forward(reals)[:, -1].std()) for k in normalise.KINDS}
    assert weak["plain"] < 0.1 < 0.8 < min(weak["signed"], weak["complex"])


def test_the_complex_root_keeps_phases_and_the_signed_root_does_not():
    reals, moves = volumes()
    turn = torch.polar(torch.tensor(1.0), torch.tensor(0.4))

    def turned(x):
        return motion.to_reals(turn * motion.to_complex(x))

    errors = {}
    for kind in ("signed", "complex"):
        found = normalise.fitted(kind, reals, moves)
        errors[kind] = float((found.forward(turned(reals)) - turned(found.forward(reals))).abs().max())
    assert errors["complex"] < FLOAT < 0.05 < errors["signed"]


def test_the_default_variant_has_the_trainers_loss():
    rows, variant = conditions(3), variants.Variant()
    network = variants.network_of(variant, FEATURES)
    torch.nn.init.normal_(network.leave.weight, std=0.1, generator=drawn(0))
    ours = variants.loss(variant, network, rows, None, drawn(6), FLOW)
    assert torch.equal(ours, losses.flow_loss(network, rows, drawn(6), FLOW))


@pytest.mark.parametrize("name", variants.VARIANTS)
def test_every_variant_has_a_loss_that_reaches_its_network(name):
    variant, rows = variants.VARIANTS[name], conditions(2)
    drawing = variants.volume_of(rows["maps"], rows["wind"], variants.harmonics(variant.n_freqs), drawn(7))
    scaled = normalise.fitted(variant.normalisation, motion.to_reals(drawing), rows["alive"] > 0)
    network = variants.network_of(variant, FEATURES)
    found = variants.loss(variant, network, rows, scaled, drawn(8), FLOW)
    found.backward()
    assert torch.isfinite(found)
    assert network.leave.weight.grad.abs().max() > 0
    assert variants.sampled(variant, network, rows, 2, drawn(9)).shape == (2, variant.n_freqs, 4, H, W)


def test_the_papers_network_knows_the_picture_alone_and_sometimes_nothing():
    rows = conditions(2)
    found = variants.told(variants.VARIANTS["paper"], rows, torch.arange(K), torch.tensor([True, False]))
    assert torch.equal(found["features"][0], rows["features"][0])
    assert not found["features"][1].any()
    assert not any(found[name].any() for name in ("envelope", "affinity", "wind"))


def velocity(network, z, rows):
    told = variants.told(variants.Variant(), rows, torch.arange(K), torch.ones(len(z), dtype=torch.bool))
    with torch.no_grad():
        return network(z, torch.full((len(z),), 0.5), *told.values())


def sees_others(network):
    """Does harmonic 0 of the answer change with harmonic 9 of z?"""
    z, rows = torch.randn(1, K, 4, H, W, generator=drawn(10)), conditions(1)
    other = z.clone()
    other[:, 9] += 1
    return not torch.equal(velocity(network, z, rows)[:, 0], velocity(network, other, rows)[:, 0])


def woken(network):
    """All zero-initialised layers with small random weights."""
    for weight in network.parameters():
        if not weight.any():
            torch.nn.init.normal_(weight, std=0.1, generator=drawn(11))
    return network


def test_attention_and_joint_channels_see_other_harmonics_and_slices_do_not():
    attentive = woken(AttentiveFlowNet(FEATURES))
    assert not sees_others(attentive.stage(False))
    assert sees_others(attentive.stage(True))
    assert sees_others(woken(JointFlowNet(FEATURES, K)))
    assert not sees_others(woken(variants.network_of(variants.Variant(), FEATURES)))


def test_attention_starts_as_the_slices_and_learns_alone():
    network = AttentiveFlowNet(FEATURES)
    torch.nn.init.normal_(network.leave.weight, std=0.1, generator=drawn(0))
    z, rows = torch.randn(1, K, 4, H, W, generator=drawn(12)), conditions(1)
    assert torch.equal(velocity(network.stage(False), z, rows), velocity(network.stage(True), z, rows))
    assert {n.split(".")[-3] for n, p in network.named_parameters() if p.requires_grad} == {"attention"}


def test_attention_around_a_trained_flow_begins_as_that_flow():
    flow = FlowNet(FEATURES)
    for index, weight in enumerate(flow.parameters()):
        torch.nn.init.normal_(weight, std=0.1, generator=drawn(index))
    z, rows = torch.randn(1, K, 4, H, W, generator=drawn(14)), conditions(1)
    around = AttentiveFlowNet.around(flow)
    assert torch.equal(velocity(around.stage(True), z, rows), velocity(flow, z, rows))
    assert torch.equal(velocity(around.stage(False), z, rows), velocity(flow, z, rows))


def test_films_of_the_truth_are_nearer_than_of_noise_and_of_half_the_harmonics():
    rows = conditions(1)
    truth = films.truth_of(rows)[0]

    def film(count, noise=None):
        drawings = (drawn(s) for s in range(1, 17))  # fewer tell chance: two draws' tempo is off by an eighth
        made = [variants.volume_of(rows["maps"], rows["wind"], variants.harmonics(count), g)[0] for g in drawings]
        if noise:
            made = [
                v * torch.exp(2j * torch.pi * torch.rand(v.shape, generator=drawn(noise + i)))
                for i, v in enumerate(made)
            ]
        return films.figures(truth, made, variants.harmonics(count))

    right, torn, slow = film(24), film(24, noise=20), film(4)
    assert abs(right["film"]) < 0.1
    assert torn["film"] > 0.5
    assert slow["film"] > right["film"] + 0.1
    assert slow["tempo"] < 0.6 < 0.9 < right["tempo"]
    assert right["leak"] == 0
    assert right["coherence"] == pytest.approx(1, abs=1e-3)


def test_the_torch_splat_is_the_products():
    rng = np.random.default_rng(0)
    image, shift = rng.random((H, W, 3), np.float32), rng.normal(0, 3, (H, W, 2)).astype(np.float32)
    weight = rng.random((H, W), np.float32)
    told = (torch.from_numpy(a)[None] for a in (image.transpose(2, 0, 1), shift.transpose(2, 0, 1), weight))
    for ours, theirs in zip(torch_splat(*told), splat.splat(image, shift, weight), strict=True):
        assert np.allclose(ours[0].numpy(), np.moveaxis(theirs, -1, 0) if theirs.ndim == 3 else theirs, atol=FLOAT)


def test_a_splat_of_layers_is_exact_but_for_sampling_where_nothing_is_contested():
    layers = splatting.made_layers(3)
    found = splat.finish(*splat.splat(layers.still, layers.displacement, splatting.weights("softmax", layers)))
    calm = layers.visible & ~layers.contested
    assert calm.mean() > 0.5
    assert np.abs(found - layers.frame)[calm].mean() < 0.01
    assert splatting.frame_error(layers, None)["contested"] > 0.02


@pytest.fixture
def work(tmp_path):
    scales = torch.linspace(1.5, 0.3, 24)
    torch.save({"conditions": conditions(4), "held_out": conditions(2, 1), "scales": scales}, tmp_path / "world.pt")
    return tmp_path


def steps_of(work, name):
    return torch.load(work / f"{name}.pt", weights_only=True)["step"]


def command(work, *rows, minutes="1e-6"):
    ablation.main(["--work", str(work), "--minutes", minutes, "--rows", ",".join(rows)])
    return json.loads((work / "ablation.json").read_text())["rows"]


def test_the_command_trains_measures_and_goes_on_where_it_stopped(work, capsys):
    first = command(work, "truth", "ours", "ours 1 step")
    assert list(first) == ["truth", "ours", "ours 1 step"]
    assert steps_of(work, "ours") == 1
    before = (work / "ours.pt").stat().st_mtime_ns
    second = command(work, "ours", "ours 1 step", "paper 2 steps", "all channels")
    assert {name: second[name] for name in first} == first
    assert (work / "ours.pt").stat().st_mtime_ns == before
    assert [steps_of(work, n) for n in ("paper-slices", "paper", "all-channels")] == [1, 1, 1]
    table = capsys.readouterr().out.splitlines()
    lines = [line for line in table if line.startswith("| ours 1 step |")]
    assert len(lines) == 2
    assert lines[-1].count("|") == table[table.index(lines[-1]) - 1].count("|")


def test_shipped_rows_need_a_training_and_leave_it_alone(work):
    with pytest.raises(SystemExit):
        command(work, "shipped as run")
    flow = FlowNet(FEATURES)
    torch.save({"averaged": flow.state_dict()}, work / "flow.pt")
    before = (work / "flow.pt").read_bytes()
    found = command(work, "shipped as run", "shipped attention as run")
    assert list(found) == ["shipped as run", "shipped attention as run"]
    assert steps_of(work, "shipped-attention") == 1
    assert not (work / "shipped-attention-slices.pt").exists()
    assert (work / "flow.pt").read_bytes() == before


def test_a_row_that_was_lost_needs_no_new_training(work):
    command(work, "ours 1 step")
    (work / "ablation.json").unlink()
    command(work, "ours 1 step")
    assert steps_of(work, "ours") == 1


def test_rows_of_other_minutes_and_unknown_rows_are_refused(work):
    command(work, "truth")
    for rows, minutes in ((("truth",), "2"), (("nobody",), "1e-6")):
        with pytest.raises(SystemExit) as stopped:
            command(work, *rows, minutes=minutes)
        assert stopped.value.code == 2


def test_the_envelope_is_zero_where_nothing_lives(work):
    found = world.load_world(work, None, 0, 0)
    envelope = found.envelope(24)
    still = found.rows["alive"][:, None] < 0.1
    assert envelope.shape == (2, 24, H, W)
    assert not (envelope * still).any()
    assert torch.allclose(envelope[:, 20] / found.scales[20], envelope[:, 15] / found.scales[15])
