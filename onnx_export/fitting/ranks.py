"""Training by several processes: torchrun starts them, each draws rows of its own, all take the same step.

Without torchrun there is one process and nothing here does anything but name the device.
"""

import atexit
import os
from datetime import timedelta

import torch
import torch.distributed as distributed

__all__ = ["agreed", "device", "leave", "mean_gradients", "number", "start", "wait"]


_PAINTING = timedelta(hours=3)  # process 0 makes the training set while the others wait


def start():
    """Join the processes that torchrun started, if it did."""
    if "WORLD_SIZE" in os.environ and not distributed.is_initialized():
        backend = "nccl" if torch.cuda.is_available() else "gloo"
        distributed.init_process_group(backend, timeout=_PAINTING)
        # Left to the interpreter's end, a thread of gloo that still runs aborts the process now and then.
        atexit.register(distributed.destroy_process_group)


def leave():
    """End together: a process that ends while another still talks to it aborts now and then."""
    if distributed.is_initialized():
        distributed.barrier()
        atexit.unregister(distributed.destroy_process_group)
        distributed.destroy_process_group()


def number() -> int:
    """This process's own, from 0; process 0 keeps the checkpoints."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def device() -> torch.device:
    """Where this process's network lives."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))


def agreed(value: float) -> float:
    """Process 0's value: clocks differ, and one that stops early would leave the others waiting."""
    if not distributed.is_initialized():
        return value
    told = torch.tensor([value], dtype=torch.float64, device=device())
    distributed.broadcast(told, 0)
    return told.item()


def mean_gradients(weights):
    """The gradients of all processes, averaged in place. A weight without one counts as zero."""
    if not distributed.is_initialized():
        return
    for weight in weights:
        if weight.grad is None:
            weight.grad = torch.zeros_like(weight)
    flat = torch.cat([weight.grad.flatten() for weight in weights])
    distributed.all_reduce(flat)
    flat /= distributed.get_world_size()
    for weight, mean in zip(weights, flat.split([weight.numel() for weight in weights]), strict=True):
        weight.grad.copy_(mean.view_as(weight))


def wait():
    """Until all processes are here."""
    if distributed.is_initialized():
        distributed.barrier()
