"""The schema of a shard: columns, types and metadata of a row."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from nspdata.errors import ShardError
from nspdata.files.checked_json import INTEGER, TEXT, check, exactly, map_of, parse, record
from nspdata.tokenization.vocabulary import id_dtype

if TYPE_CHECKING:
    from nspdata.config.build import MaskingConfig, PairingConfig
    from nspdata.tokenization.vocabulary import Vocabulary

SCHEMA_VERSION = 1
"""Version of the row schema and of the manifest; a reader refuses any other."""

METADATA_KEY = b"nspdata"
"""Key of the schema metadata: a JSON object, the fields of `RowMetadata`."""

IS_NEXT = 0

NOT_NEXT = 1

LABELS = {
    "nsp": {IS_NEXT: "B follows A", NOT_NEXT: "B is from another document"},
    "sop": {IS_NEXT: "B follows A", NOT_NEXT: "A and B are swapped: A follows B"},
    "none": {},
}
"""What each value of `next_sentence_label` means, by objective: Google's and Hugging Face's convention."""

OTHER, SAME_DOCUMENT = "other", "same_document"
"""Values of `pairing.negatives`."""

SAME_DOCUMENT_LABELS = {IS_NEXT: "B follows A", NOT_NEXT: "B is from the same document as A, but not adjacent to A"}
"""`LABELS` of `nsp` if `pairing.negatives` is `same_document`."""


def label_meanings(objective: str, negatives: str = OTHER) -> dict[int, str]:
    """What each value of `next_sentence_label` means; empty if it has no meaning.

    >>> label_meanings("nsp", "same_document")[1]
    'B is from the same document as A, but not adjacent to A'
    """
    return SAME_DOCUMENT_LABELS if (objective, negatives) == ("nsp", SAME_DOCUMENT) else LABELS[objective]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowMetadata:
    """What a reader must know about a shard's rows; stored in the metadata of the Arrow schema.

    Attributes:
        objective: `nsp`, `sop` or `none` (then `next_sentence_label` is 0 everywhere and has no meaning).
        max_seq_length: maximum tokens per row.
        max_predictions_per_seq: masked positions a row at most.
        vocab_size: entries of the vocabulary, every id is below it.
        special_ids: id of each of `SPECIAL_TOKENS`.
        tokenizer_sha256: of the vocabulary, one token a line, as hexadecimal.
        label_convention: what the labels mean, for a reader.
        negatives: `same_document` if B of a row with label 1 is from A's document, otherwise `other`.
        word_segmenter: name of the word segmenter; rows have the column `word_starts` if it is not "".
    """

    version: int = SCHEMA_VERSION
    objective: str
    max_seq_length: int
    max_predictions_per_seq: int
    vocab_size: int
    special_ids: dict[str, int]
    tokenizer_sha256: str
    label_convention: str = "0 = B follows A, 1 = B is from another document (sop: 1 = A and B swapped)"
    negatives: str = OTHER
    word_segmenter: str = ""

    @staticmethod
    def of(pairing: PairingConfig, masking: MaskingConfig, vocabulary: Vocabulary) -> RowMetadata:
        """The metadata of rows that are built with these settings and this vocabulary."""
        metadata = RowMetadata(
            objective=pairing.objective,
            max_seq_length=pairing.max_seq_length,
            max_predictions_per_seq=masking.predictions(pairing.max_seq_length),
            vocab_size=len(vocabulary),
            special_ids=vocabulary.special_ids,
            tokenizer_sha256=vocabulary.sha256,
            word_segmenter=masking.word_segmenter,
        )
        if not pairing.same_document:
            return metadata
        meanings = ", ".join(f"{label} = {text}" for label, text in SAME_DOCUMENT_LABELS.items())
        return replace(metadata, negatives=SAME_DOCUMENT, label_convention=meanings)

    @property
    def labels(self) -> dict[int, str]:
        """What each value of `next_sentence_label` means."""
        return label_meanings(self.objective, self.negatives)

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, without optional ones that have their default."""
        values = asdict(self)
        return {name: value for name, value in values.items() if name not in OPTIONAL or value != OPTIONAL[name]}


OPTIONAL = {"negatives": OTHER, "word_segmenter": ""}
"""Fields that the JSON of the metadata has only if they differ from these values."""


def row_schema(metadata: RowMetadata) -> pa.Schema:
    """The Arrow schema of a shard."""
    ids = pa.list_(pa.from_numpy_dtype(id_dtype(metadata.vocab_size)))
    fields: list[tuple[str, pa.DataType]] = [
        ("input_ids", ids),
        ("token_type_ids", pa.list_(pa.uint8())),
        ("next_sentence_label", pa.uint8()),
        ("masked_lm_positions", pa.list_(pa.uint16())),
        ("masked_lm_labels", ids),
        ("document_a", pa.uint64()),
        ("document_b", pa.uint64()),
        ("sentence_a", pa.uint32()),
        ("sentence_b", pa.uint32()),
    ]
    if metadata.word_segmenter:
        fields.append(("word_starts", pa.list_(pa.uint8())))
    described = json.dumps(metadata.to_dict(), sort_keys=True).encode()
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in fields], {METADATA_KEY: described})


_LENGTH = {"type": "integer", "minimum": 0, "maximum": 65_535}
_TOKENS = {"type": "integer", "minimum": 0, "maximum": 2**32 - 1}

METADATA_SCHEMA = exactly(
    {
        "version": INTEGER,
        "objective": {"enum": ["nsp", "sop", "none"]},
        "max_seq_length": _LENGTH,
        "max_predictions_per_seq": _TOKENS,
        "vocab_size": _TOKENS,
        "special_ids": map_of(_TOKENS),
        "tokenizer_sha256": TEXT,
        "label_convention": TEXT,
    },
    optional={"negatives": {"enum": [OTHER, SAME_DOCUMENT]}, "word_segmenter": TEXT},
)
"""What `row_metadata` accepts."""


def row_metadata(schema: pa.Schema, *, name: str) -> RowMetadata:
    """Reads the metadata back and compares the schema with it.

    Args:
        schema: the schema of a shard.
        name: the shard's name, for the error.

    Raises:
        ShardError: the metadata is missing or of another version, or a column differs from the schema.
    """
    described = (schema.metadata or {}).get(METADATA_KEY)
    if described is None:
        raise ShardError(f"{name}: not a shard of nspdata (its Arrow schema has no {METADATA_KEY.decode()!r} metadata)")
    title = f"{name}: Arrow schema metadata"
    values = parse(described, name=title, schema=record({"version": INTEGER}))
    if values["version"] != SCHEMA_VERSION:
        raise ShardError(
            f"{name}: schema version {values['version']}; this nspdata reads version {SCHEMA_VERSION}. "
            "Read it with the nspdata that wrote it, or build it again"
        )
    check(values, METADATA_SCHEMA, name=title)
    metadata = RowMetadata(**values)
    expected = row_schema(metadata)
    if not schema.equals(expected, check_metadata=False):
        wrong = [
            f"{field.name}: {schema.field(field.name).type if field.name in schema.names else 'absent'}, not {field.type}"
            for field in expected
            if field.name not in schema.names or not schema.field(field.name).equals(field)
        ]
        extra = [f"{extra}: unknown" for extra in schema.names if extra not in expected.names]
        raise ShardError(
            f"{name}: columns are not those of schema version {SCHEMA_VERSION}: {'; '.join(wrong + extra)}"
        )
    return metadata
