"""The CUDA branch of attention, on a CPU, with kernels in place of torch's own."""

from __future__ import annotations

import sys

import pytest
import torch

from nspdata.training import attention
from tests.training.runs import ROOT


@pytest.mark.skipif(not attention.VARLEN, reason="this torch has no attention of variable lengths")
@pytest.mark.parametrize("scales", [True, False])
def test_the_cuda_branch_is_attention(monkeypatch, scales):
    """With and without a `scale` in torch's function, the branch gives what padded attention gives, to bf16's precision."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    monkeypatch.setattr(attention, "DEVICES", attention.DEVICES)
    monkeypatch.setattr(torch, "compile", torch.compile)
    sys.modules.pop("cuda_on_cpu", None)
    __import__("cuda_on_cpu").install()
    monkeypatch.setattr(attention, "SCALES", scales)
    torch.manual_seed(0)
    ends = torch.tensor([0, 3, 3, 10], dtype=torch.int32)
    q, k, v = (torch.randn(1, 2, 10, 8).bfloat16() for _ in range(3))
    options = {"cu_seqlens": ends, "max_seqlen": 7, "scaling": 0.5}
    found, _ = attention.ragged_attention(None, q, k, v, None, **options)
    monkeypatch.setattr(attention, "DEVICES", ())
    expected, _ = attention.ragged_attention(None, q, k, v, None, **options)
    torch.testing.assert_close(found, expected, rtol=0.03, atol=0.03)
