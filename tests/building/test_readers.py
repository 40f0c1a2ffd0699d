"""Other readers of a dataset directory: `datasets`, `transformers` and catalogues, without a copy, a network or nspdata."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nspdata.dataset.manifest import read_manifest
from nspdata.dataset.shards import read_rows
from nspdata.loading import Loader
from nspdata.metadata.card import columns
from tests.building.corpus import INAUGURAL, nspdata_command, write_vocabulary


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled corpus, built in two splits, with a licence."""
    place = tmp_path_factory.mktemp("readers")
    vocabulary = write_vocabulary(place / "vocab.txt")
    settings = ("output.num_shards=2", "output.validation_fraction=0.2", "output.license=cc0-1.0")
    nspdata_command(
        "build",
        INAUGURAL,
        "-o",
        place / "data",
        "--tokenizer",
        vocabulary,
        *(x for s in settings for x in ("--set", s)),
    )
    return place / "data"


def first_rows(data: Path, split: str) -> list[list[int]]:
    """The ids of the split's first rows, read with nspdata's own reader."""
    rows = next(read_rows(data, read_manifest(data).splits[split][0]))
    return [rows.input_ids[rows.offsets[row] : rows.offsets[row + 1]].tolist() for row in range(5)]


def test_load_from_disk_maps_the_shards(data: Path) -> None:
    """`datasets.load_from_disk` gives every split, memory-mapped, with the contract's columns."""
    datasets = pytest.importorskip("datasets", reason="needs nspdata[datasets]")
    loaded = datasets.load_from_disk(str(data))
    for split, entries in read_manifest(data).splits.items():
        assert loaded[split].num_rows == sum(entry.rows for entry in entries)
        assert loaded[split].column_names == list(columns(read_manifest(data).config))
        assert loaded[split][:5]["input_ids"] == first_rows(data, split)
        assert {Path(file["filename"]).resolve() for file in loaded[split].cache_files} == {
            (data / entry.path).resolve() for entry in entries
        }


def test_load_dataset_reads_the_directory_by_its_card(data: Path, tmp_path: Path) -> None:
    """`datasets.load_dataset` finds the splits in the card's header."""
    datasets = pytest.importorskip("datasets", reason="needs nspdata[datasets]")
    loaded = datasets.load_dataset(str(data), cache_dir=str(tmp_path))
    for split, entries in read_manifest(data).splits.items():
        assert loaded[split].num_rows == sum(entry.rows for entry in entries)
        assert loaded[split][:5]["input_ids"] == first_rows(data, split)


def test_the_tokenizer_loads_in_transformers(data: Path) -> None:
    """`AutoTokenizer` takes the directory's tokenizer, and decodes a row with it."""
    transformers = pytest.importorskip("transformers", reason="needs nspdata[train]")
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(data / "tokenizer"))
    manifest = read_manifest(data)
    assert len(tokenizer) == manifest.tokenizer["vocab_size"]
    text = tokenizer.decode(first_rows(data, "train")[0])
    assert text.startswith("[CLS]")
    assert text.count("[SEP]") == 2


def test_the_stock_collator_and_our_batches_feed_bert(data: Path) -> None:
    """`DataCollatorForLanguageModeling` over the unmasked rows, and our loader, both give `BertForPreTraining` its loss."""
    torch = pytest.importorskip("torch", reason="needs nspdata[train]")
    transformers = pytest.importorskip("transformers", reason="needs nspdata[train]")
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(data / "tokenizer"))
    config = transformers.BertConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    model = transformers.BertForPreTraining(config)
    rows = next(read_rows(data, read_manifest(data).splits["train"][0]))
    unmasked, types = rows.unmasked_ids(), rows.token_type_ids()
    examples = [
        {
            "input_ids": unmasked[begin:end].tolist(),
            "token_type_ids": types[begin:end].tolist(),
            "next_sentence_label": int(label),
        }
        for begin, end, label in zip(rows.offsets[:4], rows.offsets[1:5], rows.next_sentence_label[:4], strict=True)
    ]
    stock = transformers.DataCollatorForLanguageModeling(tokenizer)(examples)
    ours = {name: torch.from_numpy(array) for name, array in next(iter(Loader(data, batch_size=4))).items()}
    for batch in (stock, ours):
        loss = model(**batch).loss.detach()
        assert torch.isfinite(loss)
        assert float(loss) > 1


def test_the_card_says_what_the_data_is(data: Path) -> None:
    """A valid header, the command, the licence, and figures that are the manifest's."""
    text = (data / "README.md").read_text(encoding="utf-8")
    yaml = pytest.importorskip("yaml", reason="needs PyYAML")
    header = yaml.safe_load(text.split("---")[1])
    assert header["license"] == "cc0-1.0"
    assert [entry["split"] for entry in header["configs"][0]["data_files"]] == ["train", "validation"]
    assert "nspdata build" in text
    rows = sum(entry.rows for entry in read_manifest(data).splits["train"])
    assert f"| rows in `train` | {rows:,} " in text


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of rdflib, by mlcroissant
def test_the_croissant_validates(data: Path) -> None:
    """`mlcroissant` finds no error, and every shard with its sha256; the provenance names the input and the settings."""
    mlcroissant = pytest.importorskip("mlcroissant", reason="needs mlcroissant")
    dataset = mlcroissant.Dataset(str(data / "croissant.json"))
    assert not dataset.metadata.ctx.issues.errors
    described, manifest = json.loads((data / "croissant.json").read_text()), read_manifest(data)
    assert described["conformsTo"] == "http://mlcommons.org/croissant/1.1"
    assert [entity["prov:label"] for entity in described["prov:wasDerivedFrom"]] == [
        entry["name"] for entry in manifest.inputs
    ]
    assert described["prov:wasGeneratedBy"]["identifier"] == f"config:{manifest.config_fingerprint}"
    named = {file["@id"]: file.get("sha256") for file in described["distribution"]}
    for entries in manifest.splits.values():
        for entry in entries:
            assert named[entry.path] == entry.sha256


def test_static_masks_come_off(data: Path) -> None:
    """Writing the labels back at the masked positions removes every [MASK]."""
    manifest = read_manifest(data)
    mask_id = (data / "tokenizer" / "vocab.txt").read_text(encoding="utf-8").split("\n").index("[MASK]")
    for entry in manifest.splits["train"]:
        for rows in read_rows(data, entry):
            assert not np.count_nonzero(rows.unmasked_ids() == mask_id)
            assert np.count_nonzero(rows.input_ids == mask_id)
