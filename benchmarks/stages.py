"""Compares each step of a build with the plain way of the same step and the lower bound, in one process, on one core.

    python benchmarks/stages.py CORPUS.jsonl[.gz] --tokenizer vocab.txt [--language en] [--megabytes 20] [--plain-megabytes 3] [--record NAME]

MB of text per CPU-second, also for steps that work on tokens, so that the steps can be compared. `cold` starts
with empty tables, `warm` repeats the same text.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from build import cut
from plain_way import masked, rows_of
from tokenizers import BertWordPieceTokenizer

from nspdata.arrays.hashing import document_hashes, text_hashes
from nspdata.arrays.random import stream
from nspdata.building.shard import in_order
from nspdata.config.build import Config, SentencesConfig
from nspdata.dataset.schema import RowMetadata, row_schema
from nspdata.dataset.shards import encode_shard
from nspdata.files.local import LocalFiles
from nspdata.instances import Text, pair
from nspdata.instances.assemble import assemble, build_instances, mask_rules
from nspdata.instances.masking import mask
from nspdata.reading import expand_inputs, read_source
from nspdata.statistics import summarize_shard, summarize_texts
from nspdata.tokenization.encoded import TokenizedDocuments
from nspdata.tokenization.encoders import make_encoder
from nspdata.tokenization.plain import PlainEncoder
from nspdata.tokenization.sentences import Splitter
from nspdata.tokenization.wordpiece import WordPiece

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent


class Clock:
    """CPU-seconds of named steps over a number of MB of text."""

    def __init__(self, megabytes: float) -> None:
        self.megabytes = megabytes
        self.rates: dict[str, float] = {}

    def measure(self, name: str, work: Callable[[], object]) -> object:
        """Runs a step and stores its rate."""
        start = time.process_time()
        result = work()
        self.rates[name] = round(self.megabytes / (time.process_time() - start), 2)
        return result


def ours(corpus: Path, megabytes: float, arguments: argparse.Namespace) -> dict[str, float]:
    """The steps of nspdata, over the whole corpus."""
    config = Config(sentences=SentencesConfig(language=arguments.language))
    wordpiece = WordPiece.load(str(arguments.tokenizer))
    vocabulary = wordpiece.vocabulary
    clock = Clock(megabytes)
    (source,) = expand_inputs([str(corpus)], LocalFiles())
    read = lambda: list(read_source(source, LocalFiles()))  # noqa: E731
    batches = [batch.documents for batch in clock.measure("read", read)]
    make_encoder(wordpiece, SentencesConfig(language=arguments.language)).encode(
        [batches[0].texts[0][:1000]]
    )  # compiles
    encoder = make_encoder(wordpiece, SentencesConfig(language=arguments.language))
    encoded = clock.measure("split and encode, cold", lambda: [encoder.encode(batch.texts) for batch in batches])
    clock.measure("split and encode, warm", lambda: [encoder.encode(batch.texts) for batch in batches])
    texts = [text for batch in batches for text in batch.texts]
    hashes = clock.measure("hash", lambda: text_hashes([text.encode() for text in texts]))
    clock.measure("statistics of texts", lambda: summarize_texts(texts))
    gathered = TokenizedDocuments.concatenate(
        [
            TokenizedDocuments(
                ids=part.ids,
                sentence_offsets=part.sentence_offsets,
                document_offsets=part.document_offsets,
                document_ids=document_hashes(batch.ids),
                text_hashes=hashes[:0].reshape(0, 2),
            )
            for part, batch in zip(encoded, batches, strict=True)
        ],
        vocabulary.dtype,
    )
    gathered = TokenizedDocuments(
        ids=gathered.ids,
        sentence_offsets=gathered.sentence_offsets,
        document_offsets=gathered.document_offsets,
        document_ids=gathered.document_ids,
        text_hashes=hashes,
    )
    documents, dropped = clock.measure("order and drop duplicates", lambda: in_order(gathered))
    bits = lambda stage: stream(config.seed, stage, split="train", shard=0, duplicate=0)  # noqa: E731
    make_pairs = lambda: pair(  # noqa: E731
        Text(documents.ids, documents.sentence_offsets, documents.document_offsets),
        documents.document_ids,
        bits("pairing"),
        objective="nsp",
        unit="segments",
        negatives=config.pairing.negatives,
        max_tokens=config.pairing.max_seq_length - 3,
        short_seq_prob=config.pairing.short_seq_prob,
        random_next_prob=config.pairing.random_next_prob,
    )
    make_pairs()  # compiles
    pairs = clock.measure("pairs", make_pairs)
    ids, offsets, _ = clock.measure("assembly", lambda: assemble(documents.ids, pairs, vocabulary.special_ids))
    keys = bits("masking").random_raw(len(pairs))
    rules = mask_rules(config.masking, vocabulary, config.pairing.max_seq_length)
    mask(ids, offsets, keys, rules)
    clock.measure("masks", lambda: mask(ids, offsets, keys, rules))
    rows, counts = build_instances(documents, config, vocabulary, split="train", shard=0)
    clock.measure(
        "statistics of the shard", lambda: summarize_shard(documents, rows, counts | dropped, vocabulary, config)
    )
    metadata = RowMetadata(
        objective="nsp",
        max_seq_length=config.pairing.max_seq_length,
        max_predictions_per_seq=config.masking.predictions(config.pairing.max_seq_length),
        vocab_size=len(vocabulary),
        special_ids=vocabulary.special_ids,
        tokenizer_sha256=vocabulary.sha256,
    )
    encode_shard(rows, row_schema(metadata))  # what pyarrow does once
    clock.measure("Arrow bytes of the shard", lambda: encode_shard(rows, row_schema(metadata)))
    return clock.rates


def plain(corpus: Path, megabytes: float, arguments: argparse.Namespace) -> dict[str, float]:
    """The plain way of the same steps, over a small corpus."""
    vocabulary = str(arguments.tokenizer if arguments.tokenizer.is_file() else arguments.tokenizer / "vocab.txt")
    tokenizer = BertWordPieceTokenizer(vocabulary, lowercase=True)
    special = {token: tokenizer.token_to_id(token) for token in ("[CLS]", "[SEP]", "[MASK]")}
    clock, rng = Clock(megabytes), random.Random(12345)  # noqa: S311 - the plain way has a global order
    texts = clock.measure("read", lambda: [json.loads(line)["text"] for line in corpus.open(encoding="utf-8")])
    splitter = Splitter(arguments.language)
    spans = clock.measure("split (spaCy)", lambda: list(splitter.split(texts)))
    sentences = [[text[start:end] for start, end in found] for text, found in zip(texts, spans, strict=True)]
    encode = lambda: [  # noqa: E731
        [sentence.ids for sentence in tokenizer.encode_batch(document, add_special_tokens=False) if sentence.ids]
        for document in sentences
    ]
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    documents = [document for document in clock.measure("encode (tokenizers)", encode) if document]
    whole = PlainEncoder(splitter, WordPiece.load(str(arguments.tokenizer)))
    clock.measure("split and encode", lambda: whole.encode(texts))
    rows = clock.measure("pairs", lambda: rows_of(documents, rng))
    size = tokenizer.get_vocab_size()
    made = clock.measure("assembly and masks", lambda: [masked(a, b, rng, special, size) for a, b, _ in rows])
    table = clock.measure("Arrow table", lambda: pa.Table.from_pylist(made))
    clock.measure("Parquet bytes", lambda: pq.write_table(table, pa.BufferOutputStream()))
    return clock.rates


def floors(corpus: Path, megabytes: float) -> dict[str, float]:
    """Copies the bytes, and reads each once."""
    data, clock = np.fromfile(corpus, np.uint8), Clock(megabytes)
    clock.measure("copy", data.copy)
    clock.measure("scan", lambda: np.count_nonzero(data == 0x20))
    return clock.rates


def together(rates: dict[str, float]) -> float:
    """MB per CPU-second of all steps, one after another, each once."""
    return 1 / sum(1 / rate for name, rate in rates.items() if not name.endswith("warm"))


def main() -> None:
    """Measures, prints, and saves the figures if requested."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--language", default="en")
    parser.add_argument("--megabytes", type=float, default=20)
    parser.add_argument("--plain-megabytes", type=float, default=3)
    parser.add_argument("--record", metavar="NAME", help="keep the figures as benchmarks/results/NAME.json")
    arguments = parser.parse_args()
    os.environ["RAYON_NUM_THREADS"] = "1"
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as directory:
        corpus, small = Path(directory) / "corpus.jsonl", Path(directory) / "small.jsonl"
        megabytes, few = (
            cut(arguments.corpus, arguments.megabytes, corpus),
            cut(arguments.corpus, arguments.plain_megabytes, small),
        )
        fast, slow = ours(corpus, megabytes, arguments), plain(small, few, arguments)
        least = floors(corpus, megabytes)
    result = {
        "date": str(dt.datetime.now(dt.UTC).date()),
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}",
        "command": " ".join([sys.argv[0], arguments.corpus.name, *sys.argv[2:]]),
        "text_mb": round(megabytes, 2),
        "all_our_steps_from_empty_tables": round(together(fast), 2),
        "mb_per_cpu_s": {"ours": fast, "plain": slow, "lower_bound": least},
        "times_the_plain_way": {
            "split and encode, cold": round(fast["split and encode, cold"] / slow["split and encode"], 1),
            "split and encode, warm": round(fast["split and encode, warm"] / slow["split and encode"], 1),
            "pairs": round(fast["pairs"] / slow["pairs"], 1),
        },
        "share_of_lower_bound": {"split and encode, warm": round(fast["split and encode, warm"] / least["scan"], 4)},
    }
    text = json.dumps(result, indent=1)
    print(text)
    if arguments.record:
        (HERE / "results" / f"{arguments.record}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
