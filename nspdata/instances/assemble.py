"""Builds the rows of a shard from its documents: pair, assemble, mask. One pure function."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nspdata.arrays.compiled import compiled
from nspdata.arrays.ragged import offsets as offsets_of
from nspdata.arrays.random import stream
from nspdata.errors import InputError
from nspdata.instances import Text, full_sentences, pair
from nspdata.instances.mask_rules import MaskRules
from nspdata.instances.masking import mask
from nspdata.instances.pairs import joined
from nspdata.instances.rows import Rows
from nspdata.instances.usage import UsedTokens
from nspdata.tokenization.segmenters import make_segmenter
from nspdata.tokenization.word_starts import word_starts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from nspdata.config.build import Config, MaskingConfig
    from nspdata.instances import Pairs
    from nspdata.instances.masking import Masked
    from nspdata.tokenization.encoded import TokenizedDocuments
    from nspdata.tokenization.vocabulary import Vocabulary


class ShardDocuments(NamedTuple):
    """The documents from `start` to `end` are those of a shard.

    Attributes:
        shard: index of the shard in its split; with the split it names the streams of randomness.
        start, end: indices of documents.
    """

    shard: int
    start: int
    end: int


class Instances:
    """The rows of one or more shards, one pass over their documents at a time; only one pass is in memory.

    Pairs are made for each shard. All else is computed for all rows together, because it depends on each row and its key alone.

    Attributes:
        counts: of all the shards, complete after the last pass: `forced_negatives`, `sentences_unpaired`, `tokens_truncated`, `used_tokens`;
            with negatives of the same document also `forced_positives`, and with a word segmenter `joined_characters`.
    """

    def __init__(
        self,
        documents: TokenizedDocuments,
        config: Config,
        vocabulary: Vocabulary,
        *,
        split: str,
        shards: Sequence[ShardDocuments],
    ) -> None:
        """Checks the documents; builds no row yet.

        Args:
            documents: of all the shards, in their order; those of a shard without duplicates; each has at least one token.
            config: all settings.
            vocabulary: the vocabulary of the ids.
            split: name of the split.
            shards: where the documents of each shard are.

        Raises:
            InputError: all documents of a shard have the same id, so none can supply negatives.
            ConfigError: the word segmenter is not installed.
        """
        if config.pairing.objective == "nsp" and not config.pairing.same_document:
            for shard, start, end in shards:
                _check_pool(documents.document_ids[start:end], config, split=split, shard=shard)
        self._documents, self._config, self._vocabulary, self._shards = documents, config, vocabulary, shards
        self._stream = partial(stream, config.seed, split=split)
        self._starts = _word_starts(documents, config, vocabulary)
        self.counts = {"forced_negatives": 0, "sentences_unpaired": 0, "tokens_truncated": 0}

    def __iter__(self) -> Iterator[tuple[Rows, NDArray[np.int64]]]:
        """Yields the rows of each pass, in the order of the documents, and the offsets of the shards in them. Iterate once."""
        used = UsedTokens(swaps=self._config.pairing.objective == "sop")
        for duplicate in range(self._config.duplicate_factor):
            parts = [self._pairs_of(shard, duplicate) for shard in self._shards]
            pairs = joined(parts, [self._firsts(shard) for shard in self._shards])
            self._count(pairs)
            used.add(pairs)
            offsets = offsets_of(np.array([len(part) for part in parts]))
            keys = [
                self._stream("masking", shard=shard.shard, duplicate=duplicate).random_raw(len(part))
                for shard, part in zip(self._shards, parts, strict=True)
            ]
            yield self._rows(pairs, keys[0] if len(keys) == 1 else np.concatenate(keys)), offsets
        if self._starts is not None:
            chinese = self._vocabulary.chinese[self._documents.ids]
            self.counts["joined_characters"] = int((chinese & (self._starts == 0)).sum())
        self.counts["used_tokens"] = len(used)

    def _pairs_of(self, shard: ShardDocuments, duplicate: int) -> Pairs:
        """The pairs of a shard, as indices into its own documents."""
        documents = self._documents
        if len(self._shards) > 1:
            documents = documents.part(shard.start, shard.end)
        return _pairs(documents, self._config, self._stream("pairing", shard=shard.shard, duplicate=duplicate))

    def _firsts(self, shard: ShardDocuments) -> tuple[int, int, int]:
        """The first document, sentence and token of a shard."""
        sentence = self._documents.document_offsets[shard.start]
        return shard.start, int(sentence), int(self._documents.sentence_offsets[sentence])

    def _count(self, pairs: Pairs) -> None:
        self.counts["forced_negatives"] += pairs.forced
        self.counts["sentences_unpaired"] += pairs.unpaired
        self.counts["tokens_truncated"] += pairs.truncated
        if self._config.pairing.same_document:
            self.counts["forced_positives"] = self.counts.get("forced_positives", 0) + pairs.forced_positives

    def _rows(self, pairs: Pairs, keys: NDArray[np.uint64]) -> Rows:
        ids, offsets, lengths_a = assemble(self._documents.ids, pairs, self._vocabulary.special_ids)
        starts = None if self._starts is None else _starts_of_rows(self._starts, pairs, offsets, lengths_a)
        rules = mask_rules(self._config.masking, self._vocabulary, self._config.pairing.max_seq_length)
        masked = mask(ids, offsets, keys, rules, starts, in_place=True)
        return _rows(self._documents, pairs, offsets, lengths_a, masked, starts)


def build_instances(
    documents: TokenizedDocuments, config: Config, vocabulary: Vocabulary, *, split: str, shard: int
) -> tuple[Rows, dict[str, int]]:
    """Returns the rows of all passes over the documents of one shard, and the counts; see `Instances`."""
    shards = [ShardDocuments(shard, 0, len(documents))]
    instances = Instances(documents, config, vocabulary, split=split, shards=shards)
    rows = Rows.concatenate([rows for rows, _ in instances])
    return rows, instances.counts


def mask_rules(masking: MaskingConfig, vocabulary: Vocabulary, max_seq_length: int) -> MaskRules:
    """Returns the masking settings, with the ids and flags that they need from the vocabulary."""
    return MaskRules(
        strategy=masking.strategy,
        masked_lm_prob=masking.masked_lm_prob,
        mask_share=masking.mask_share,
        random_share=masking.random_share,
        max_predictions=masking.predictions(max_seq_length),
        mask_id=vocabulary.special_ids["[MASK]"],
        specials=vocabulary.specials,
        continuations=vocabulary.continuations,
    )


def _word_starts(documents: TokenizedDocuments, config: Config, vocabulary: Vocabulary) -> NDArray[np.uint8] | None:
    """The word starts of all tokens of a shard; None without a word segmenter."""
    name = config.masking.word_segmenter
    return word_starts(documents.ids, documents.sentence_offsets, vocabulary, make_segmenter(name)) if name else None


def _check_pool(document_ids: NDArray[np.uint64], config: Config, *, split: str, shard: int) -> None:
    if len(document_ids) and bool((document_ids == document_ids[0]).all()):
        raise InputError(
            f"shard {shard} of {split} has only documents with one id ({len(document_ids)} of them), but a negative's B comes from a "
            f"document of another id of the same shard; use fewer shards (output.num_shards is {config.output.num_shards}), "
            "give more documents, or set pairing.negatives to same_document, or pairing.objective to sop or none"
        )


def _pairs(documents: TokenizedDocuments, config: Config, bits: np.random.Philox) -> Pairs:
    settings = config.pairing
    if settings.objective == "none":
        return full_sentences(
            documents.sentence_offsets, documents.document_offsets, max_tokens=settings.max_seq_length - 2
        )
    return pair(
        Text(documents.ids, documents.sentence_offsets, documents.document_offsets),
        documents.document_ids,
        bits,
        objective=settings.objective,
        unit=settings.unit,
        negatives=settings.negatives,
        fill=settings.fill,
        max_tokens=settings.max_seq_length - 3,
        short_seq_prob=settings.short_seq_prob,
        random_next_prob=settings.random_next_prob,
    )


def assemble(
    ids: NDArray[Any], pairs: Pairs, special_ids: dict[str, int]
) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64]]:
    """`[CLS] A [SEP] B [SEP]` of each pair, or `[CLS] A [SEP]` if there is no B.

    Returns:
        ids, shape (num_tokens,); row offsets, shape (num_pairs + 1,), int64; tokens of type 0 in each row, shape (num_pairs,), int64.
    """
    lengths_a = pairs.length_a + 2
    offsets = offsets_of(lengths_a + pairs.length_b + (pairs.length_b > 0))
    out = np.empty(int(offsets[-1]), ids.dtype)
    begins = offsets[:-1]
    out[begins] = special_ids["[CLS]"]
    out[begins + lengths_a - 1] = special_ids["[SEP]"]
    out[offsets[1:] - 1] = special_ids["[SEP]"]
    _write_runs(ids, pairs.start_a, pairs.length_a, out, begins + 1)
    _write_runs(ids, pairs.start_b, pairs.length_b, out, begins + lengths_a)
    return out, offsets, lengths_a


def _starts_of_rows(
    starts: NDArray[np.uint8], pairs: Pairs, offsets: NDArray[np.int64], lengths_a: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """The word starts of the rows that `assemble` makes: shape (num_tokens,), uint8; 1 at [CLS], [SEP] and the token after them."""
    out, begins = np.ones(int(offsets[-1]), np.uint8), offsets[:-1]
    _write_runs(starts, pairs.start_a, pairs.length_a, out, begins + 1)
    _write_runs(starts, pairs.start_b, pairs.length_b, out, begins + lengths_a)
    out[begins + 1] = 1
    out[np.minimum(begins + lengths_a, offsets[1:] - 1)] = 1
    return out


@compiled
def _write_runs(
    values: NDArray[Any],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    out: NDArray[Any],
    places: NDArray[np.int64],
) -> None:
    for run in range(len(starts)):
        begin, place = np.uint64(starts[run]), np.uint64(places[run])  # unsigned: no check for negative indices
        for step in range(lengths[run]):  # numba takes much longer to compile an assignment of slices
            out[place + np.uint64(step)] = values[begin + np.uint64(step)]


def _rows(
    documents: TokenizedDocuments,
    pairs: Pairs,
    offsets: NDArray[np.int64],
    lengths_a: NDArray[np.int64],
    masked: Masked,
    starts: NDArray[np.uint8] | None,
) -> Rows:
    firsts = documents.document_offsets
    return Rows(
        input_ids=masked.ids,
        offsets=offsets,
        lengths_a=lengths_a,
        next_sentence_label=pairs.label.astype(np.uint8),
        masked_lm_positions=masked.positions,
        masked_lm_labels=masked.labels,
        masked_offsets=masked.offsets,
        document_a=documents.document_ids[pairs.document_a],
        document_b=documents.document_ids[pairs.document_b],
        sentence_a=(pairs.sentence_a - firsts[pairs.document_a]).astype(np.uint32),
        sentence_b=(pairs.sentence_b - firsts[pairs.document_b]).astype(np.uint32),
        word_starts=starts,
    )
