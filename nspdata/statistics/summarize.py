"""Computes the statistics of texts, documents, rows and files, each in a few vectorised calls."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.statistics.counting import INSIDE, LETTER_WORD, OTHER_WORD, count_tokens, count_words
from nspdata.statistics.histograms import Histogram
from nspdata.statistics.repeats import repeated_tokens
from nspdata.statistics.scripts import count_characters
from nspdata.statistics.values import (
    CHARACTERS,
    DEFAULT_LANGUAGE,
    LANGUAGE_BYTES,
    LANGUAGE_DOCUMENTS,
    MARKED,
    PartStatistics,
    Statistics,
    merge,
)
from nspdata.tokenization.scripts import begins_with_letter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from nspdata.config.build import Config
    from nspdata.dataset.manifest import ShardEntry
    from nspdata.instances.rows import Rows
    from nspdata.tokenization.encoded import TokenizedDocuments
    from nspdata.tokenization.vocabulary import Vocabulary

FROM_BUILD = (
    "duplicates_dropped",
    "sentences_cut",
    "sentence_pieces",
    "cuts_clause_mark",
    "cuts_between_words",
    "cuts_inside_word",
    "documents_without_tokens",
    "forced_negatives",
    "forced_positives",
    "joined_characters",
    "sentences_unpaired",
    "tokens_truncated",
    "used_tokens",
)
"""Counts of a build that are copied into the statistics, if present."""


def summarize_texts(
    texts: Sequence[str | bytes | bytearray], sizes: Sequence[int] = (), languages: Sequence[str] | None = None
) -> Statistics:
    """The characters of texts by Unicode script, and those that accent stripping changes.

    Args:
        texts: of documents, as strings or as UTF-8.
        sizes: their bytes; needed with `languages`.
        languages: their language codes, "" for the default language; None if no field names them.
    """
    scripts, marked = count_characters(texts)
    counts = {f"{CHARACTERS}{script}": count for script, count in scripts.items()}
    counts |= {f"{MARKED}{script}": count for script, count in marked.items()}
    by_language: Counter[str] = Counter()
    for code, size in zip(languages, sizes, strict=True) if languages is not None else ():
        name = code or DEFAULT_LANGUAGE
        by_language.update({f"{LANGUAGE_DOCUMENTS}{name}": 1, f"{LANGUAGE_BYTES}{name}": size})
    counts |= by_language
    return Statistics(corpus=PartStatistics(counts=counts))


def summarize_reading(counts: Mapping[str, int]) -> Statistics:
    """The statistics of reading.

    Args:
        counts: `records`, `input_bytes`, `text_bytes`, `documents` (as `documents_read`), `rejected.<reason>`,
            `rejected_bytes.<reason>`.
    """
    named = {"documents_read" if name == "documents" else name: count for name, count in counts.items()}
    return Statistics(corpus=PartStatistics(counts=named))


def summarize_shard(
    documents: TokenizedDocuments, rows: Rows, counts: Mapping[str, int], vocabulary: Vocabulary, config: Config
) -> Statistics:
    """The statistics of one shard, without those of its file.

    Args:
        documents: the documents of the rows.
        rows: the shard's rows.
        counts: counts of the build; those of `FROM_BUILD` are copied.
        vocabulary: of the ids.
        config: of the build.
    """
    corpus = summarize_corpus(documents, counts, vocabulary)
    return merge(corpus, summarize_rows(rows, vocabulary, max_seq_length=config.pairing.max_seq_length))


def summarize_corpus(
    documents: TokenizedDocuments,
    counts: Mapping[str, int],
    vocabulary: Vocabulary,
    shards: NDArray[np.int64] | None = None,
) -> Statistics:
    """The part of `summarize_shard` that is about the documents and the build; `shards` as for `summarize_documents`."""
    built = PartStatistics(counts={name: counts[name] for name in FROM_BUILD if name in counts})
    return Statistics(corpus=summarize_documents(documents, vocabulary, shards) + built)


def summarize_documents(
    documents: TokenizedDocuments, vocabulary: Vocabulary, shards: NDArray[np.int64] | None = None
) -> PartStatistics:
    """The number, lengths and tokens of documents, and the tokens of repeated sentences.

    Args:
        documents: of one shard, or of several.
        vocabulary: of the ids.
        shards: the shard of each document; the result is the sum over the shards.
    """
    sentences = np.diff(documents.document_offsets)
    token_counts, letter_words, letter_tokens = count_words(documents.ids, _word_kinds(vocabulary))
    counts = {
        "documents": len(documents),
        "one_sentence_documents": int(np.count_nonzero(sentences == 1)),
        "sentences": documents.num_sentences,
        "tokens": len(documents.ids),
        "repeated_tokens": repeated_tokens(documents, shards),
        "words": int(token_counts[~vocabulary.continuations].sum()),
        "letter_words": letter_words,
        "letter_tokens": letter_tokens,
        "unknown_tokens": int(token_counts[vocabulary.special_ids["[UNK]"]]),
    }
    histograms = {
        "document_sentences": Histogram.of(sentences, rounded=True),
        "document_tokens": Histogram.of(np.diff(documents.token_offsets), rounded=True),
        "sentence_tokens": Histogram.of(np.diff(documents.sentence_offsets), rounded=True),
    }
    return PartStatistics(counts=counts, histograms=histograms, token_counts=token_counts)


def summarize_rows(rows: Rows, vocabulary: Vocabulary, *, max_seq_length: int) -> Statistics:
    """The number, lengths, labels and masks of rows, and their tokens with masks undone."""
    special_ids, lengths, masked = vocabulary.special_ids, rows.lengths, np.diff(rows.masked_offsets)
    token_counts = count_tokens(rows.input_ids, len(vocabulary))
    held = rows.input_ids[rows.masked_token_indices]
    token_counts += count_tokens(rows.masked_lm_labels, len(vocabulary))
    token_counts -= count_tokens(held, len(vocabulary))
    lengths_b = lengths - rows.lengths_a
    counts = {
        "rows": len(rows),
        "capacity_tokens": len(rows) * max_seq_length,
        "tokens": len(rows.input_ids),
        "special_tokens": int(token_counts[[special_ids["[CLS]"], special_ids["[SEP]"]]].sum()),
        "unknown_tokens": int(token_counts[special_ids["[UNK]"]]),
        **_mask_counts(held, rows.masked_lm_labels, special_ids["[MASK]"]),
        **{f"label_{label}": int(np.count_nonzero(rows.next_sentence_label == label)) for label in (0, 1)},
    }
    histograms = {
        "a_tokens": Histogram.of(rows.lengths_a - 2),
        "b_tokens": Histogram.of((lengths_b - 1)[lengths_b > 0]),
        "row_tokens": Histogram.of(lengths),
        "row_masked": Histogram.of(masked),
        "masked_positions": Histogram.of(rows.masked_lm_positions),
    }
    return Statistics(rows=PartStatistics(counts=counts, histograms=histograms, token_counts=token_counts))


def summarize_files(entries: Iterable[ShardEntry]) -> Statistics:
    """The number and size of shard files."""
    sizes = [entry.bytes for entry in entries]
    return Statistics(rows=PartStatistics(counts={"shards": len(sizes), "bytes": sum(sizes)}))


_KINDS: dict[str, NDArray[np.uint8]] = {}


def _word_kinds(vocabulary: Vocabulary) -> NDArray[np.uint8]:
    """The kind of each token for `count_words`: shape (vocab_size,). Only scripts with spaces between words have words of letters."""
    key = vocabulary.sha256
    if key not in _KINDS:
        _KINDS.clear()
        firsts = [token[:1] for token in vocabulary.tokens]
        known = {first: begins_with_letter(first) for first in {*firsts}}
        letters = np.array([known[first] for first in firsts], np.bool_)
        begins = np.where(letters, LETTER_WORD, OTHER_WORD)
        _KINDS[key] = np.where(vocabulary.continuations, INSIDE, begins).astype(np.uint8)
    return _KINDS[key]


def _mask_counts(held: Any, labels: Any, mask_id: int) -> dict[str, int]:
    """Counts what is at the masked positions: [MASK], the original token, or another token."""
    masks, kept = held == mask_id, held == labels
    num_masks, num_kept = int(np.count_nonzero(masks)), int(np.count_nonzero(kept & ~masks))
    return {
        "masked": len(held),
        "masked_as_mask": num_masks,
        "masked_as_random": len(held) - num_masks - num_kept,
        "masked_kept": num_kept,
    }
