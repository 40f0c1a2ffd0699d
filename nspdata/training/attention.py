"""Attention over concatenated rows: no row attends to another, and nothing is computed on padding.

`transformers` lets a model select its attention function by name; this one takes flat queries, keys and values and the rows' cumulative
lengths. On CUDA in bf16 it is torch's flash attention of variable lengths; elsewhere the rows are padded to the longest for
`scaled_dot_product_attention` alone, which is a few percent of the work: all other matrix products have no padding.
"""

from __future__ import annotations

import importlib.util
import inspect
from typing import TYPE_CHECKING, Any, cast

import torch
from torch.nn import functional
from transformers import AttentionInterface

if TYPE_CHECKING:
    from torch import Tensor

NAME = "nspdata_ragged"
"""Name of the function in `transformers`, for `config._attn_implementation`."""

VARLEN = importlib.util.find_spec("torch.nn.attention.varlen") is not None
"""Whether this torch has flash attention of variable lengths."""

DEVICES: tuple[str, ...] = ("cuda",)
"""Device types that have a kernel for it."""


def _takes_scale() -> bool:
    """Whether that function has a `scale`: it is newer than the function."""
    if not VARLEN:
        return False
    from torch.nn.attention.varlen import varlen_attn

    return "scale" in inspect.signature(varlen_attn).parameters


SCALES = _takes_scale()


def ragged_attention(  # noqa: PLR0913 - transformers' signature
    _module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    _attention_mask: Tensor | None,
    *,
    cu_seqlens: Tensor,
    max_seqlen: int,
    dropout: float = 0.0,
    scaling: float | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Bidirectional attention within each row.

    Args:
        query: shape (1, heads, num_tokens, head_size).
        key: as the query.
        value: as the query.
        cu_seqlens: shape (num_rows + 1,), int32: where each row starts; the last entry is num_tokens. Empty rows are allowed.
        max_seqlen: tokens of the longest row, or more.
        dropout: of the attention weights; 0 in evaluation.
        scaling: of the products.

    Returns:
        Shape (1, num_tokens, heads, head_size), and None (in place of the weights that other functions return).
    """
    q, k, v = (states[0].transpose(0, 1) for states in (query, key, value))  # (num_tokens, heads, head_size)
    if VARLEN and q.device.type in DEVICES and q.dtype in {torch.bfloat16, torch.float16} and not dropout:
        from torch.nn.attention.varlen import varlen_attn

        options: dict[str, Any] = {"scale": scaling} if SCALES else {}
        if scaling is not None and not SCALES:
            q = q * (scaling * q.size(-1) ** 0.5)  # the function divides by the root of the head size
        q, k, v = q.contiguous(), k.contiguous(), v.contiguous()
        out = cast("Tensor", varlen_attn(q, k, v, cu_seqlens, cu_seqlens, max_seqlen, max_seqlen, **options))
        return out[None], None
    return _laid_out((q, k, v), cu_seqlens, max_seqlen, dropout=dropout, scaling=scaling)[None], None


def _laid_out(
    qkv: tuple[Tensor, Tensor, Tensor], cu_seqlens: Tensor, max_seqlen: int, *, dropout: float, scaling: float | None
) -> Tensor:
    """The same result, with rows padded only for the attention: each (num_tokens, heads, head_size), in and out."""
    num_tokens, device = len(qkv[0]), cu_seqlens.device
    starts, lengths = cu_seqlens[:-1].long(), cu_seqlens.diff().long()
    offsets = torch.arange(max_seqlen, device=device)
    places = (starts[:, None] + offsets).clamp(max=num_tokens - 1)  # (num_rows, max_seqlen)
    # in fp32 on a processor: torch's attention is slower there in bf16
    exact = torch.float32 if device.type == "cpu" else qkv[0].dtype
    query, key, value = (states[places].transpose(1, 2).to(exact) for states in qkv)
    # an empty row attends to its first position, so that no softmax is empty
    seen = (offsets < lengths[:, None]) | (offsets == 0)
    with torch.autocast(device.type, enabled=False):
        out = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=seen[:, None, None], dropout_p=dropout, scale=scaling
        )
    rows = torch.repeat_interleave(torch.arange(len(lengths), device=device), lengths, output_size=num_tokens)
    return out.transpose(1, 2)[rows, torch.arange(num_tokens, device=device) - starts[rows]].to(qkv[0].dtype)


AttentionInterface.register(NAME, ragged_attention)
