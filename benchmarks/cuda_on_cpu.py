"""Traces the CUDA branch of attention on a CPU: torch's flash attention over ragged rows is replaced by exact CPU kernels.

Dynamo and AOTAutograd then trace what they trace on a GPU, so graph breaks and recompiles can be counted without one.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional
from torch.nn.attention import varlen

from nspdata.training import attention

if TYPE_CHECKING:
    from torch import Tensor


def rows(cu_seqlens: Tensor) -> list[tuple[int, int]]:
    """Start and end of each row that is not empty."""
    ends = cu_seqlens.tolist()
    return [(start, end) for start, end in pairwise(ends) if end > start]


def forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    cu_seqlens: Tensor,
    _cu_seqlens_k: Tensor,
    _max_q: int,
    _max_k: int,
    _is_causal: bool = False,  # noqa: FBT001, FBT002
    scale: float | None = None,
    *_: Any,
    **__: Any,
) -> Any:
    """Attention within each row: the output, and two tensors that only the CUDA kernel's backward pass reads."""
    assert cu_seqlens.dtype == torch.int32
    assert query.is_contiguous() and key.is_contiguous() and value.is_contiguous(), "the kernel needs this layout"  # noqa: PT018
    out = torch.zeros_like(query)
    for start, end in rows(cu_seqlens):
        q, k, v = (states[start:end].transpose(0, 1).float()[None] for states in (query, key, value))
        attended = functional.scaled_dot_product_attention(q, k, v, scale=scale)[0]
        out[start:end] = attended.transpose(0, 1).to(out.dtype)
    return out, torch.zeros(query.size(1), query.size(0)), torch.zeros(2, dtype=torch.uint64)


def backward(  # noqa: PLR0913, PLR0917 - torch's own signature
    gradient: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    _out: Tensor,
    _lse: Tensor,
    cu_seqlens: Tensor,
    _cu_seqlens_k: Tensor,
    _max_q: int,
    _max_k: int,
    _is_causal: bool,  # noqa: FBT001
    _rng_state: Tensor,
    scale: float | None = None,
    *_: Any,
    **__: Any,
) -> Any:
    """The gradients of query, key and value."""
    gradients = [torch.zeros_like(states) for states in (query, key, value)]
    for start, end in rows(cu_seqlens):
        q, k, v, g = (states[start:end].transpose(0, 1).float() for states in (query, key, value, gradient))
        factor = scale or q.size(-1) ** -0.5
        weights = (q @ k.transpose(1, 2) * factor).softmax(-1)
        change = g @ v.transpose(1, 2)
        scores = weights * (change - (change * weights).sum(-1, keepdim=True))
        parts = (scores @ k * factor, scores.transpose(1, 2) @ q * factor, weights.transpose(1, 2) @ g)
        for target, part in zip(gradients, parts, strict=True):
            target[start:end] = part.transpose(0, 1).to(target.dtype)
    return tuple(gradients)


def install() -> None:
    """Registers the kernels, lets the trainer's attention take its CUDA branch on a CPU, and compiles without Inductor."""
    varlen._varlen_attn.register_kernel("cpu")(forward)  # noqa: SLF001 - torch has no public name for it
    varlen._varlen_attn_backward.register_kernel("cpu")(backward)  # noqa: SLF001
    attention.DEVICES = ("cuda", "cpu")
    plain = torch.compile
    torch.compile = lambda module, **_: plain(module, backend="aot_eager")  # type: ignore[assignment]
