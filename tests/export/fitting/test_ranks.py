"""Training by two processes that torchrun started: other rows, the same steps."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import torch

import onnx_export

TRAIN = """
    import sys
    import torch
    from onnx_export.fitting import ranks, settings
    from onnx_export.fitting.fit import fit

    optimiser = settings.load("small").optimiser
    ranks.start()
    torch.manual_seed(0)
    network = torch.nn.Linear(20, 20)
    seen = []

    def loss_of(network, generator):
        rows = torch.randn(4, 20, generator=generator)
        seen.append(rows[0, 0].item())
        return network(rows).square().mean()

    folder = sys.argv[1]
    fit(network, loss_of, optimiser, minutes=5, checkpoint=f"{folder}/net.pt", rate=1e-2, max_steps=3)
    fit(network, loss_of, optimiser, minutes=5, checkpoint=f"{folder}/net.pt", rate=1e-2, max_steps=2)
    torch.save({"weight": network.weight.data, "seen": seen}, f"{folder}/{ranks.number()}.pt")
    ranks.leave()
"""


def test_two_processes_see_other_rows_and_take_the_same_steps(tmp_path):
    script = tmp_path / "two.py"
    script.write_text(textwrap.dedent(TRAIN))
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(onnx_export.__file__).parents[1])}
    found = subprocess.run([*launcher, script, tmp_path], env=environment, capture_output=True, text=True, timeout=300)
    assert found.returncode == 0, found.stderr
    one, two = (torch.load(tmp_path / f"{number}.pt", weights_only=True) for number in (0, 1))
    assert torch.equal(one["weight"], two["weight"])
    assert len(one["seen"]) == 5
    assert not set(one["seen"]) & set(two["seen"])
    assert torch.load(tmp_path / "net.pt", weights_only=True)["step"] == 5
