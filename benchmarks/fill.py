"""Effect of `pairing.fill` and `sentences.max_tokens` on real text: tokens used, rows, padding, labels, and labels guessed from lengths.

    python benchmarks/fill.py SHARED [--only NAME]... [--lengths 128 512] [--record]

SHARED is the directory that holds `data/` (see its README). Of a corpus with more than 5 million characters, every n-th document is
taken, so that about 5 million are left. Every corpus is tokenized once, exact duplicates are removed, and its rows are built as one shard
with each way to fill a row:

    overshoot, long   Google's procedure, sentences as they are
    overshoot         the same, long sentences cut
    fit, long         sentences as they are: a pair of two long ones is truncated
    fit               long sentences cut: nothing is truncated
"""

from __future__ import annotations

import argparse
import datetime as dt
import gzip
import json
import random
import re
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nspdata.arrays.hashing import document_hashes, text_hashes
from nspdata.building.shard import in_order
from nspdata.config.build import Config, PairingConfig, SentencesConfig
from nspdata.inspection.shortcuts.features import lengths
from nspdata.inspection.shortcuts.pairs import HELD_OUT, LabelledPairs
from nspdata.instances.assemble import build_instances
from nspdata.statistics import summarize_rows
from nspdata.statistics.figures import figures
from nspdata.tokenization.cutting import cut_documents
from nspdata.tokenization.encoded import TokenizedDocuments
from nspdata.tokenization.encoders import make_encoder
from nspdata.tokenization.training import train
from nspdata.tokenization.vocabulary import Vocabulary
from nspdata.tokenization.wordpiece import WordPiece

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nspdata.instances.rows import Rows

HERE = Path(__file__).parent
UNCUT = 1 << 40
SAMPLE = 5_000_000
"""Characters of a corpus that are measured, about; documents are taken whole, from all over the corpus."""

GUESSED = 20_000
"""Largest number of pairs that the guess from lengths learns from."""

WAYS = {
    "overshoot, long": ("overshoot", UNCUT),
    "overshoot": ("overshoot", 0),
    "fit, long": ("fit", UNCUT),
    "fit": ("fit", 0),
}


@dataclass(frozen=True)
class Corpus:
    """A corpus to measure.

    Attributes:
        path: below `data/`; "" for text made here.
        language: of the sentences.
        vocabulary: below `data/vocab/`; "" trains one of 8,000 entries on the corpus.
    """

    path: str
    language: str
    vocabulary: str = ""


ENGLISH, CHINESE = "bert-base-uncased.vocab.txt", "bert-base-chinese.vocab.txt"

CORPORA = {
    "books": Corpus("english/books_20mb.jsonl.gz", "en", ENGLISH),
    "abstracts": Corpus("english/abstracts_20mb.jsonl.gz", "en", ENGLISH),
    "inaugural": Corpus("english/english_inaugural.jsonl", "en", ENGLISH),
    "fixture_english": Corpus("english/fixture_english.jsonl", "en", ENGLISH),
    "fixture_multilingual": Corpus("languages/fixture_multilingual.jsonl", "xx"),
    "german novels": Corpus("languages/de_novels_6mb.jsonl.gz", "de"),
    "russian novels": Corpus("languages/ru_novels_6mb.jsonl.gz", "ru"),
    "hebrew": Corpus("languages/he_wlc_pointed.jsonl.gz", "he"),
    "japanese": Corpus("languages/ja_jaquad.jsonl.gz", "ja"),
    "chinese": Corpus("languages/zh-hans_cmrc2018.jsonl.gz", "zh", CHINESE),
    "chinese, language en": Corpus("languages/zh-hans_cmrc2018.jsonl.gz", "en", CHINESE),
    "chinese, traditional": Corpus("languages/zh-hant_drcd.jsonl.gz", "zh", CHINESE),
    "gold sentences": Corpus("segmentation", "xx"),
    "transcripts": Corpus("", "en", ENGLISH),
    "technical": Corpus("", "en", ENGLISH),
}


def transcripts() -> list[str]:
    """Text without a sentence end: 200 documents of 2,500 words."""
    draw, words = random.Random(1), Path(__file__).read_text(encoding="utf-8")  # noqa: S311 - the same text each time
    vocabulary = sorted(set(re.findall("[a-z]{2,}", words)))
    return [" ".join(draw.choice(vocabulary) for _ in range(2500)) for _ in range(200)]


def technical(limit: int = 10_000_000) -> list[str]:
    """Installed documentation, package metadata, manual pages and source code, mixed: text with lists, tables, code and markup."""
    packages = Path(sysconfig.get_paths()["purelib"])
    groups = [
        sorted(packages.rglob("*.md")) + sorted(packages.rglob("*.rst")) + sorted(packages.rglob("METADATA")),
        sorted(Path("/usr/share/doc").rglob("*")),
        sorted(Path("/usr/share/man").rglob("*.gz")),
        random.Random(5).sample(sorted(packages.rglob("*.py")), 2000),  # noqa: S311 - the same text each time
    ]
    texts: dict[str, None] = {}
    for group in groups:
        size = 0
        for text in filter(None, map(readable, group)):
            if size < limit // len(groups) and text not in texts:
                texts[text] = None
                size += len(text)
    mixed = list(texts)
    random.Random(5).shuffle(mixed)  # noqa: S311 - the same text each time
    return mixed


def readable(path: Path) -> str:
    """The text of a file of 200 to 400,000 characters; "" for any other."""
    if (
        not path.is_file()
        or path.is_symlink()
        or path.suffix in {".png", ".gif", ".jpg", ".pdf", ".zip", ".xz", ".svg"}
    ):
        return ""
    try:
        data = gzip.open(path).read(4_000_000) if path.suffix == ".gz" else path.read_bytes()
        text = data.decode("utf-8")
    except (OSError, UnicodeError, EOFError):
        return ""
    if path.suffix in {".html", ".htm"}:
        text = re.sub(r"<(script|style).*?</\1>|<[^>]{1,2000}>", " ", text, flags=re.DOTALL)
    return text if 200 <= len(text) <= 400_000 and "\0" not in text else ""


def texts_of(name: str, shared: Path) -> list[str]:
    """The texts of a corpus: all, or every n-th of a corpus of more than `SAMPLE` characters."""
    texts = all_texts(name, shared)
    step = -(-sum(map(len, texts)) // SAMPLE)
    return texts[::step] if len(texts) > step else texts


def all_texts(name: str, shared: Path) -> list[str]:
    corpus = CORPORA[name]
    if not corpus.path:
        return transcripts() if name == "transcripts" else technical()
    if not corpus.path.endswith(("jsonl", "gz")):  # a directory of small files
        paths = sorted((shared / "data" / corpus.path).glob("seg_*.jsonl"))
        return [json.loads(line)["text"] for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    path = shared / "data" / corpus.path
    lines = (
        gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")
    ).readlines()
    return [json.loads(line)["text"] for line in lines]


def tokenized(name: str, shared: Path) -> tuple[TokenizedDocuments, Vocabulary]:
    """The documents of a corpus, exact duplicates and documents without a token removed."""
    corpus, texts = CORPORA[name], texts_of(name, shared)
    if corpus.vocabulary:
        vocabulary = Vocabulary.read(shared / "data" / "vocab" / corpus.vocabulary)
        wordpiece = WordPiece(
            vocabulary, lowercase=corpus.vocabulary == ENGLISH, strip_accents=corpus.vocabulary == ENGLISH
        )
    else:
        wordpiece = train(lambda: iter(texts), vocab_size=8_000, lowercase=False)
    encoder = make_encoder(wordpiece, SentencesConfig(language=corpus.language))
    parts = []
    for start in range(0, len(texts), 200):
        batch = texts[start : start + 200]
        encoded = encoder.encode(batch)
        documents = TokenizedDocuments(
            ids=encoded.ids,
            sentence_offsets=encoded.sentence_offsets,
            document_offsets=encoded.document_offsets,
            document_ids=document_hashes([f"{start + index}" for index in range(len(batch))]),
            text_hashes=text_hashes([text.encode() for text in batch]),
        )
        parts.append(documents)
    documents, _ = in_order(TokenizedDocuments.concatenate(parts, wordpiece.vocabulary.dtype))
    return documents, wordpiece.vocabulary


def guess(rows: Rows) -> tuple[float, float]:
    """Share of the labels that are guessed right from the lengths of A and B alone, and blindly."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    pairs = LabelledPairs.of(rows)
    held = pairs.documents % np.uint64(HELD_OUT) == 0
    features, labels = lengths(pairs), pairs.labels
    known = np.flatnonzero(~held)[:: max(1, len(pairs) // GUESSED)]
    if not held.any() or len(set(labels[known].tolist())) < 2:
        return float("nan"), float("nan")
    trees = HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=15, early_stopping=False, random_state=0)
    right = trees.fit(features[known], labels[known]).predict(features[held]) == labels[held]
    ones = float(labels[held].mean())
    return float(right.mean()), max(ones, 1 - ones)


def lines(name: str, shared: Path, row_lengths: list[int]) -> Iterator[dict]:
    """The figures of a corpus, for each length and each way."""
    documents, vocabulary = tokenized(name, shared)
    for length in row_lengths:
        for way, (fill, max_tokens) in WAYS.items():
            pairing = PairingConfig(fill=fill, max_seq_length=length)
            config = Config(pairing=pairing, sentences=SentencesConfig(max_tokens=max_tokens))
            cut, cuts = cut_documents(documents, vocabulary, max_tokens=config.max_sentence_tokens)
            rows, counts = build_instances(cut, config, vocabulary, split="train", shard=0)
            told = {
                figure.key: figure.value for figure in figures(summarize_rows(rows, vocabulary, max_seq_length=length))
            }
            guessed, blindly = guess(rows)
            yield {
                "corpus": name,
                "max_seq_length": length,
                "way": way,
                "tokens": len(documents.ids),
                "sentences": documents.num_sentences,
                "sentences_cut": cuts["sentences_cut"],
                "cuts": {reason: count for reason, count in cuts.items() if reason.startswith("cuts_")},
                "unused_share": 1 - counts["used_tokens"] / len(documents.ids),
                "rows": len(rows),
                "mean_tokens": float(rows.lengths.mean()),
                "padding_share": told["padding_share"],
                "padding_share_packed": told["padding_share_packed"],
                "packed_rows": round(len(rows.input_ids) / (1 - told["padding_share_packed"]) / length),
                "label_1_share": float(rows.next_sentence_label.mean()),
                "forced_share": counts["forced_negatives"] / len(rows),
                "tokens_truncated": counts["tokens_truncated"],
                "lengths_guess": guessed,
                "blind_guess": blindly,
            }


def record(found: list[dict]) -> None:
    """Writes the lines to fill.json; the lines of other corpora stay there."""
    path = HERE / "results" / "fill.json"
    names = [line["corpus"] for line in found]
    kept = [line for line in json.loads(path.read_text(encoding="utf-8"))["lines"] if line["corpus"] not in names]
    order = list(CORPORA)
    merged = sorted([*kept, *found], key=lambda line: order.index(line["corpus"]))
    merged = [{key: None if value != value else value for key, value in line.items()} for line in merged]  # noqa: PLR0124 - NaN
    written = {"when": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), "lines": merged}
    path.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--only", action="append", choices=CORPORA, help="measure this corpus (default: all)")
    parser.add_argument("--lengths", type=int, nargs="+", default=[128, 512])
    parser.add_argument("--record", action="store_true", help="write the lines to benchmarks/results/fill.json")
    options = parser.parse_args()
    found = []
    print(
        "corpus                  length way              unused  cut sent.     rows tokens/row  padding   packed  label 1  forced  lengths (blind)"
    )
    for name in options.only or CORPORA:
        for line in lines(name, options.shared, options.lengths):
            found.append(line)
            print(
                f"{name:24}{line['max_seq_length']:6} {line['way']:16} {line['unused_share']:6.2%} "
                f"{line['sentences_cut'] / line['sentences']:9.2%} {line['rows']:9,} {line['mean_tokens']:9.1f} {line['padding_share']:9.1%} "
                f"{line['padding_share_packed']:8.1%} {line['label_1_share']:8.2%} {line['forced_share']:7.2%} "
                f"{line['lengths_guess']:8.1%} ({line['blind_guess']:.1%})",
                flush=True,
            )
        if options.record:
            record(found)


if __name__ == "__main__":
    main()
