"""Self-guided looping: a motion that does not close by itself is pulled towards closing while it is denoised.

The motion is a volume whose frequencies are no harmonics of the loop's length, so its last frame need not meet its
first. Beside it stands what the product does: frequencies snapped to harmonics of the loop close by construction.
"""

import math

import torch

from gid_core.motion import timeline

__all__ = ["FPS", "PULL", "displacement", "seam", "seam_loss", "self_guided", "snapped"]

FPS = 30  # the paper's frame rate; a velocity is px a frame
PULL = 200.0  # the paper's u


def displacement(volume, frequencies, times):
    """F and its velocity in px a frame at moments in s: (T, B, 2, h, w) each; volume complex (B, K, 2, h, w).

    Source: paper eq. 2, as Re sum_k S_k exp(2 pi i f_k t).
    """
    hz = torch.as_tensor(frequencies, dtype=torch.float64)
    turn = 2 * math.pi * torch.as_tensor(times, dtype=torch.float64)[:, None] * hz
    turns = torch.polar(torch.ones_like(turn), turn)  # (T, K)
    speeds = turns * (2j * math.pi / FPS) * hz
    return tuple(torch.einsum("tk,bkchw->tbchw", c.to(volume.dtype), volume).real for c in (turns, speeds))


def seam_loss(volume, frequencies, length_s: float):
    """|F_T - F_1| + |dF_T - dF_1|, L1 in px, means over cells and axes: (B,). Source: paper eq. 5."""
    place, speed = displacement(volume, frequencies, (0.0, length_s))
    return (place[1] - place[0]).abs().mean((1, 2, 3)) + (speed[1] - speed[0]).abs().mean((1, 2, 3))


def seam(volume, frequencies, length_s: float, moves):
    """How far the cut jumps, in ordinary frames, and how much its velocity jumps against the motion's own: (B, 2).

    moves: bool (B, h, w), the cells that count. (0, 0) closes; at 1 the cut jumps by what a frame moves anyway.
    """
    times = (0.0, length_s, *(length_s * i / 61 for i in range(1, 61)))
    place, speed = displacement(volume, frequencies, times)
    counted = moves[:, None].float()
    share = counted.sum((1, 2, 3)).clamp(min=1)

    def size(field):
        return ((field.square() * counted).sum((-3, -2, -1)) / share).sqrt()  # (..., B)

    usual = size(speed[2:]).square().mean(0).sqrt().clamp(min=1e-9)
    return torch.stack([size(place[1] - place[0]) / usual, size(speed[1] - speed[0]) / usual], 1)


def snapped(volume, frequencies, length_s: float):
    """(volume, Hz): the nearest harmonics of the loop, with the gains that gid_core's timeline gives to slow modes."""
    harmonics, gains = timeline.snap(frequencies, round(length_s * FPS), FPS)
    gains = torch.from_numpy(gains).to(volume.dtype).view(-1, 1, 1, 1)
    return volume * gains, [float(h) / length_s for h in harmonics]


def self_guided(noise_of, start, alphas, steps: int, loss_of, generator, *, pull: float = PULL, repeats: int = 2):
    """DDIM with a gradient that closes the loop, every step repeated from noise put back: a latent like `start`.

    Args:
        noise_of: callable(z, level) -> noise, see ddpm.predict_noise.
        loss_of: callable(clean latent) -> (B,), what is to become small.
        pull: u, with eps_hat = eps + u sigma grad_z L.
        repeats: passes of each step; after all but the last, noise leads back to the step's own level.
    Source: paper eq. 5, with 2 repeats over 500 steps; it does not say whether its L is a sum or a mean (here a mean);
    Bansal et al., Universal Guidance for Diffusion Models (2023), algorithm 1, for the repeats.
    """
    levels = torch.linspace(len(alphas) - 1, 0, steps).round().long().tolist()
    z = start
    for step, level in enumerate(levels):
        alpha = alphas[level].float()
        target = alphas[levels[step + 1]].float() if step + 1 < steps else torch.tensor(1.0)
        sigma = (1 - alpha).sqrt()
        for again in reversed(range(repeats)):
            z = z.detach().requires_grad_()
            noise = noise_of(z, level)
            loss = loss_of((z - sigma * noise) / alpha.sqrt()).sum()
            noise = (noise + pull * sigma * torch.autograd.grad(loss, z)[0]).detach()
            clean = (z.detach() - sigma * noise) / alpha.sqrt()
            after = target.sqrt() * clean + (1 - target).sqrt() * noise
            if again:
                back = torch.randn(z.shape, generator=generator)
                z = (alpha / target).sqrt() * after + (1 - alpha / target).sqrt() * back
        z = after
    return z
