"""The model over flat rows is BERT: the same losses and gradients as `transformers` on the padded batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch.nn import functional

from nspdata.config.build import Config, PairingConfig
from nspdata.config.train import ModelConfig
from nspdata.instances.rows import Rows
from nspdata.loading.collate import Padding, collate, collate_flat
from nspdata.training.attention import ragged_attention
from nspdata.training.batches import Batch, Shape, to_batch
from nspdata.training.model import Pretraining, fresh_model
from tests.datasets import make_rows, small_vocabulary

VOCABULARY = small_vocabulary(205)
OBJECTIVES = ("mlm+nsp", "mlm+sop", "mlm", "nsp", "sop")


def some_rows(num_rows: int, *, seed: int = 0) -> Rows:
    """Rows of at most 24 tokens."""
    return make_rows(num_rows, Config(pairing=PairingConfig(max_seq_length=24)), VOCABULARY, seed=seed)


def padded(rows: Rows) -> dict[str, torch.Tensor]:
    """A batch as `BertForPreTraining` takes it."""
    batch = collate(rows, pad_id=0, padding=Padding(max_seq_length=24))
    return {key: torch.from_numpy(value) for key, value in batch.items()}


def flat_batch(rows: Rows, shape: Shape, indices: NDArray[np.int64] | None = None) -> Batch:
    """The same rows as the trainer takes them."""
    return to_batch(collate_flat(rows, indices), shape)


def small_bert():
    """A new `tiny` without dropout."""
    torch.manual_seed(1)
    return fresh_model("tiny", VOCABULARY, max_seq_length=24, config=ModelConfig(dropout=0.0))


@pytest.mark.parametrize(
    "shape", [Shape(), Shape(tokens=256, masked=16, rows=8, row_tokens=24)], ids=["flat", "filled up"]
)
@pytest.mark.parametrize("rows", [1, 7])
def test_loss_and_gradients_are_those_of_transformers(rows, shape):
    """The head at masked positions alone gives the loss and the gradients of the full head over padded rows."""
    some = some_rows(rows)
    bert, batch = small_bert(), padded(some)
    bert.set_attn_implementation("eager")
    expected = bert(**batch)
    expected.loss.backward()
    gradients = {name: parameter.grad for name, parameter in bert.named_parameters()}
    model = Pretraining(small_bert(), "mlm+nsp", vocab_multiple=64)
    sums = model(flat_batch(some, shape))
    masked = int((batch["labels"] != -100).sum())
    loss = sums.mlm_loss / masked + sums.nsp_loss / rows
    loss.backward()
    torch.testing.assert_close(loss, expected.loss, rtol=1e-5, atol=1e-5)
    for name, parameter in model.bert.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[name], rtol=1e-4, atol=1e-5)
    guesses = expected.prediction_logits.argmax(-1) == batch["labels"]
    assert int(sums.mlm_correct) == int(guesses.sum())
    assert int(sums.nsp_correct) == int(
        (expected.seq_relationship_logits.argmax(-1) == batch["next_sentence_label"]).sum()
    )


@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=6), seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_attention_is_within_rows(lengths, seed):
    """Attention over rows one after another is attention over each row alone."""
    generator = torch.Generator().manual_seed(seed)
    query, key, value = torch.randn(3, 1, 2, sum(lengths), 8, generator=generator)
    ends = torch.tensor([0, *np.cumsum(lengths), sum(lengths)], dtype=torch.int32)  # and an empty row
    out, _ = ragged_attention(
        torch.nn.Identity(), query, key, value, None, cu_seqlens=ends, max_seqlen=max(lengths) + seed % 3
    )
    alone = [
        functional.scaled_dot_product_attention(*(states[:, :, start:end] for states in (query, key, value)))
        for start, end in zip(ends[:-2].tolist(), ends[1:-1].tolist(), strict=True)
    ]
    torch.testing.assert_close(out, torch.cat(alone, 2).transpose(1, 2), rtol=1e-5, atol=1e-6)


def test_a_row_changes_no_other():
    """Whatever stands in one row, the losses of the others in the batch stay the same."""
    model, rows = Pretraining(small_bert(), "mlm+nsp").eval(), some_rows(5)
    whole = model(flat_batch(rows, Shape()))
    parts = [model(flat_batch(rows, Shape(), np.array([row]))) for row in range(5)]
    for name, value in whole._asdict().items():
        torch.testing.assert_close(value, sum(getattr(part, name) for part in parts), rtol=1e-5, atol=1e-5)


def test_activation_checkpointing_changes_nothing():
    """Layers computed again in the backward pass give the same gradients."""
    gradients = []
    for again in (False, True):
        bert = small_bert()
        model = Pretraining(bert, "mlm+nsp", recompute=again).train()
        model(flat_batch(some_rows(4), Shape())).mlm_loss.backward()
        gradients.append(bert.bert.encoder.layer[0].intermediate.dense.weight.grad)
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_an_objective_trains_its_own_heads(objective):
    """Every parameter that is not frozen gets a gradient, and the heads of what is not asked for are frozen."""
    model = Pretraining(small_bert(), objective)
    sums = model(flat_batch(some_rows(3), Shape()))
    (sums.mlm_loss + sums.nsp_loss).backward()
    for name, parameter in model.bert.named_parameters():
        assert parameter.requires_grad == (parameter.grad is not None), name
    pair = model.bert.cls.seq_relationship.weight
    assert pair.requires_grad == (objective != "mlm")
    assert model.bert.cls.predictions.transform.dense.weight.requires_grad == ("mlm" in objective)
    assert (sums.mlm_loss.item() > 0) == ("mlm" in objective)
    assert (sums.nsp_loss.item() > 0) == (objective != "mlm")


@given(
    rows=st.integers(1, 6),
    tokens=st.integers(1, 300),
    masked=st.integers(1, 20),
    more=st.integers(1, 9),
    seed=st.integers(0, 9),
)
@settings(max_examples=40, deadline=None)
def test_filling_up_counts_for_nothing(rows, tokens, masked, more, seed):
    """A batch filled up to a shape has that shape, and its fillers are rows of their own without labels."""
    some = some_rows(rows, seed=seed)
    plain = flat_batch(some, Shape())
    full = flat_batch(some, Shape(tokens=tokens, masked=masked, rows=more, row_tokens=24))
    num_tokens, num_masked = len(plain.input_ids), len(plain.masked_lm_ids)
    assert len(full.input_ids) % tokens == len(full.masked_lm_ids) % masked == len(full.cls_positions) % more == 0
    assert full.cu_seqlens[-1] == len(full.input_ids) == len(full.position_ids) == len(full.token_type_ids)
    assert len(full.cu_seqlens) - 1 == len(full.cls_positions) == len(full.next_sentence_label)
    assert 0 <= int(full.cu_seqlens.diff().min()) <= int(full.cu_seqlens.diff().max()) <= full.max_seqlen
    assert full.max_seqlen == 24 >= plain.max_seqlen
    assert full.input_ids[:num_tokens].equal(plain.input_ids)
    assert full.cu_seqlens[: rows + 1].equal(plain.cu_seqlens)
    assert full.masked_lm_ids[:num_masked].equal(plain.masked_lm_ids)
    assert (full.masked_lm_ids[num_masked:] == -100).all()
    assert (full.next_sentence_label[rows:] == -100).all()


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_attention_keeps_the_precision_of_its_surroundings(precision):
    """Under autocast or not, what comes out is of the kind that went in, and close to attention in fp32."""
    states = torch.randn(3, 1, 2, 9, 8, generator=torch.Generator().manual_seed(0))
    ends = torch.tensor([0, 4, 9], dtype=torch.int32)
    expected, _ = ragged_attention(torch.nn.Identity(), *states, None, cu_seqlens=ends, max_seqlen=5)
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
        out, _ = ragged_attention(torch.nn.Identity(), *states.to(precision), None, cu_seqlens=ends, max_seqlen=5)
    assert out.dtype == precision
    torch.testing.assert_close(out.float(), expected, atol=2e-2, rtol=2e-2)
