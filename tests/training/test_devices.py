"""Layouts, precisions and compilation: other ways to the same training."""

from __future__ import annotations

import pytest

from nspdata.errors import ConfigError
from nspdata.training.metrics import read_metrics
from tests.training.runs import figures, train_small


def test_packed_rows_are_rows(dataset, tmp_path):
    """In the packed layout a batch is so many sequences' worth of rows; every row is in an epoch once, and it trains."""
    outcome = train_small(dataset, tmp_path / "run", batch_sequences=4, steps=5)
    trained = [line for line in outcome.lines if line["kind"] == "train"]
    assert trained[-1]["rows"] > 20
    assert trained[-1]["tokens"] > 0.9 * 5 * 4 * 32
    assert all(line["loss"] < 8 for line in trained)


def test_bf16_is_fp32_to_its_precision(dataset, tmp_path):
    """Products in bf16 give the losses of fp32 to about a hundredth; the parameters stay fp32."""
    for precision in ("fp32", "bf16"):
        train_small(dataset, tmp_path / precision, device={"precision": precision}, steps=1)
    one, other = figures(tmp_path / "fp32"), figures(tmp_path / "bf16")
    assert one != other
    for step, line in one.items():
        assert other[step]["loss"] == pytest.approx(line["loss"], rel=0.01)


def test_dynamic_masks_are_fresh_each_epoch(dataset, tmp_path):
    """One step an epoch, without dropout and learning: static masks give the same loss again, dynamic ones another."""
    losses = {}
    for masking in ("static", "dynamic"):
        train_small(
            dataset,
            tmp_path / masking,
            masking=masking,
            objective="mlm",
            batch_sequences=160,
            steps=2,
            model={"dropout": 0.0},
            device={"layout": "flat"},
            optimizer={"learning_rate": 1e-12},
        )
        losses[masking] = [line["loss"] for line in read_metrics(tmp_path / masking) if line["kind"] == "train"]
    assert losses["static"][1] == pytest.approx(losses["static"][0], abs=1e-5)
    assert losses["dynamic"][1] != pytest.approx(losses["dynamic"][0], abs=1e-3)


def test_cuda_is_asked_for_in_vain(dataset, tmp_path, monkeypatch):
    """`device=cuda` without a CUDA device is an error."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ConfigError, match="torch sees no CUDA device here"):
        train_small(dataset, tmp_path / "run", device={"name": "cuda"})


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the compiler's own
def test_compiled_is_not_compiled(dataset, tmp_path):
    """The compiled step gives the losses of the plain one, to rounding, flat and packed."""
    for layout in ("flat", "packed"):
        settings = {"steps": 3, "model": {"dropout": 0.0}, "batch_sequences": 4}
        for compiled in ("no", "yes"):
            device = {"compile": compiled, "layout": layout}
            train_small(dataset, tmp_path / layout / compiled, device=device, **settings)
        one, other = figures(tmp_path / layout / "no"), figures(tmp_path / layout / "yes")
        for step, line in one.items():
            assert other[step] == pytest.approx(line, rel=1e-3)


@pytest.mark.gpu
def test_flash_attention_is_attention(dataset, tmp_path):
    """On a CUDA device, packed bf16 with flash attention of ragged rows trains to the losses of a processor."""
    for name, layout in (("cuda", "packed"), ("cpu", "packed")):
        device = {"name": name, "layout": layout, "precision": "bf16", "compile": "no"}
        train_small(dataset, tmp_path / name, device=device, model={"dropout": 0.0}, batch_sequences=4, steps=5)
    one, other = figures(tmp_path / "cpu"), figures(tmp_path / "cuda")
    for step, line in one.items():
        assert other[step]["loss"] == pytest.approx(line["loss"], rel=0.02)
