"""Faster forms of BERT's layers, with the same parameters under the same names: saved models do not depend on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from nspdata.training.attention import ragged_attention

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import BertForPreTraining


class Bf16LayerNorm(nn.LayerNorm):
    """A LayerNorm whose result is bf16, so that the states between layers are; autocast makes it fp32. Statistics are fp32 inside."""

    def forward(self, states: Tensor) -> Tensor:
        """Normalizes states of shape (..., hidden)."""
        with torch.autocast(states.device.type, enabled=False):
            weight, bias = self.weight.bfloat16(), self.bias.bfloat16()
            return functional.layer_norm(states.bfloat16(), self.normalized_shape, weight, bias, self.eps)


class FusedSelfAttention(nn.Module):
    """Self-attention with one matrix product for queries, keys and values."""

    def __init__(self, plain: Any) -> None:
        """Takes the parameters of transformers' `BertSelfAttention`."""
        super().__init__()
        self.query, self.key, self.value = plain.query, plain.key, plain.value
        self.head_size: int = plain.attention_head_size
        self.scaling: float = plain.scaling
        self.dropout: float = plain.dropout.p

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        *,
        cu_seqlens: Tensor,
        max_seqlen: int,
        **_: Any,
    ) -> tuple[Tensor, None]:
        """Attention of states of shape (1, num_tokens, hidden); see `ragged_attention`."""
        parts = (self.query, self.key, self.value)
        weight, bias = (torch.cat([getattr(part, name) for part in parts]) for name in ("weight", "bias"))
        shape = hidden_states.shape[:-1]
        projected = functional.linear(hidden_states, weight, bias).view(*shape, 3, -1, self.head_size)
        query, key, value = (each.transpose(1, 2) for each in projected.unbind(-3))
        attended = ragged_attention(
            self,
            query,
            key,
            value,
            attention_mask,
            cu_seqlens=cu_seqlens,
            max_seqlen=max_seqlen,
            dropout=self.dropout if self.training else 0.0,
            scaling=self.scaling,
        )
        return attended[0].reshape(*shape, -1), None


def use_bf16_residual(bert: BertForPreTraining) -> None:
    """Replaces the LayerNorms of embeddings and encoder; the parameters are the same objects."""
    for module in list(bert.bert.modules()):
        norm = getattr(module, "LayerNorm", None)
        if isinstance(norm, nn.LayerNorm):
            low = Bf16LayerNorm(norm.normalized_shape, eps=norm.eps, device="meta")
            low.weight, low.bias = norm.weight, norm.bias
            module.LayerNorm = low


def use_fused_qkv(bert: BertForPreTraining) -> None:
    """Replaces the self-attention of every layer; the parameters are the same objects."""
    for layer in bert.bert.encoder.layer:
        layer.attention.self = FusedSelfAttention(layer.attention.self)
