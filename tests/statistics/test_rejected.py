"""The limit on rejected input: shares of records and of bytes; empty texts are no damage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nspdata.config.build import Config
from nspdata.errors import InputError
from nspdata.statistics.rejected import over_limit, rejected_shares
from tests.building.corpus import records, write_jsonl, write_vocabulary
from tests.inspection.builds import build


def test_a_small_share_of_records_can_be_a_large_share_of_bytes() -> None:
    """One record of 181 that holds 41% of the bytes is over a limit of 1%."""
    counts = {"records": 181, "input_bytes": 1000, "rejected.broken_file": 1, "rejected_bytes.broken_file": 410}
    shares = rejected_shares(counts)
    assert (shares.records, shares.bytes) == (1 / 181, 0.41)
    message = over_limit(counts, Config())
    assert "0.55% of the records and 41.00% of the bytes" in message
    assert "--max-rejected 42%" in message


def test_empty_texts_do_not_count_against_the_limit() -> None:
    """Empty records are counted separately: half of the records are empty, and the build passes."""
    counts = {"records": 10, "input_bytes": 1000, "rejected.empty_text": 5, "rejected_bytes.empty_text": 100}
    assert over_limit(counts, Config()) == ""
    assert rejected_shares(counts).empty == 0.5


def test_a_large_file_that_cannot_be_read_stops_a_build(tmp_path: Path) -> None:
    """180 sound documents, and one file that is not UTF-8 and holds most of the bytes: under 1% of the records."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    sound = [{"id": str(n), "text": records()[n % 50]["text"][:1500] + f" {n}."} for n in range(180)]
    write_jsonl(corpus / "a.jsonl", sound)
    (corpus / "b.txt").write_bytes(b"\xff\xfe" * 150_000)
    write_vocabulary(tmp_path / "vocab.txt")
    with pytest.raises(InputError, match=r"0\.55% of the records and 5\d\.\d\d% of the bytes"):
        build(corpus, tmp_path / "out", tmp_path / "vocab.txt")


def test_the_manifest_counts_rejected_bytes_and_empty_texts(tmp_path: Path) -> None:
    """A third of the records is empty: the build is done, and both are in its counts."""
    documents = [{"id": str(n), "text": record["text"]} for n, record in enumerate(records()[:20])]
    corpus = write_jsonl(tmp_path / "a.jsonl", documents + [{"id": "e", "text": " "}] * 10)
    write_vocabulary(tmp_path / "vocab.txt")
    manifest = build(corpus, tmp_path / "out", tmp_path / "vocab.txt")
    size = len(json.dumps({"id": "e", "text": " "}))
    assert manifest.counts["read"]["rejected"] == {"empty_text": 10}
    assert manifest.counts["read"]["rejected_bytes"] == {"empty_text": 10 * size}
