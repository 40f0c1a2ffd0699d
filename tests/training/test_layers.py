"""The faster forms of layers: the same parameters, and the same results to rounding."""

from __future__ import annotations

import pytest
import torch

from nspdata.errors import ConfigError
from nspdata.training.batches import Shape
from nspdata.training.layers import use_bf16_residual, use_fused_qkv
from nspdata.training.model import Pretraining
from tests.training.runs import figures, small_config, train_small
from tests.training.test_model import flat_batch, small_bert, some_rows


def loss_and_gradients(change, *, bf16=False):
    """Of one batch, with a change made to the model first."""
    bert = small_bert()
    change(bert)
    model = Pretraining(bert, "mlm+nsp")
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        sums = model(flat_batch(some_rows(5), Shape()))
    (sums.mlm_loss + sums.nsp_loss).backward()
    return sums, {name: parameter.grad for name, parameter in bert.named_parameters()}


def test_fused_qkv_is_the_same_layer():
    """One product for queries, keys and values gives the losses and gradients of three, under the same parameter names."""
    plain, expected = loss_and_gradients(lambda _: None)
    fused, found = loss_and_gradients(use_fused_qkv)
    torch.testing.assert_close(fused.mlm_loss, plain.mlm_loss, rtol=1e-5, atol=1e-5)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-5)


def test_bf16_residual_keeps_the_states_in_bf16():
    """The states between layers are bf16, the parameters and their gradients fp32, and the loss is that of autocast to 1%."""
    plain, expected = loss_and_gradients(lambda _: None, bf16=True)
    kinds = []

    def change(bert):
        use_bf16_residual(bert)
        for layer in bert.bert.encoder.layer:
            layer.register_forward_hook(lambda _module, _inputs, states: kinds.append(states.dtype))

    low, found = loss_and_gradients(change, bf16=True)
    assert set(kinds) == {torch.bfloat16}
    assert found.keys() == expected.keys()
    assert {gradient.dtype for gradient in found.values()} == {torch.float32}
    torch.testing.assert_close(low.mlm_loss, plain.mlm_loss, rtol=0.01, atol=0)
    cosine = torch.cosine_similarity(
        *(torch.cat([each[name].flatten() for name in expected]) for each in (found, expected)), dim=0
    )
    assert cosine > 0.99


def test_they_train_and_their_models_are_plain(dataset, tmp_path):
    """A run with both has the tensors of a plain run, and its losses to bf16's precision."""
    settings = {"steps": 1, "model": {"dropout": 0.0}}
    for name, device in (("plain", {}), ("fast", {"residual": "bf16", "fused_qkv": True})):
        train_small(dataset, tmp_path / name, device={"precision": "bf16"} | device, **settings)
    one, other = figures(tmp_path / "plain"), figures(tmp_path / "fast")
    for step, line in one.items():
        assert other[step]["loss"] == pytest.approx(line["loss"], rel=0.01)
    sizes = {(tmp_path / name / "model" / "model.safetensors").stat().st_size for name in ("plain", "fast")}
    assert len(sizes) == 1


def test_a_bf16_residual_needs_bf16():
    """With fp32 products the setting would do nothing, so it is refused."""
    with pytest.raises(ConfigError, match=r"device\.residual=bf16 needs bf16 products; set device\.precision=bf16"):
        small_config(device={"residual": "bf16", "precision": "fp32"})
