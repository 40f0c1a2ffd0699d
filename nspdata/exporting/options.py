"""The options of an export, checked when they are created."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from nspdata.errors import ConfigError

if TYPE_CHECKING:
    from nspdata.dataset.schema import RowMetadata
    from nspdata.tokenization.vocabulary import Vocabulary

Format = Literal["mds", "parquet", "tfrecord", "hf", "csv"]
Convention = Literal["hf", "ibm"]
Masking = Literal["static", "none"]

FORMATS: tuple[Format, ...] = get_args(Format)

CONVENTIONS = {
    "hf": "next_sentence_label: 0 = B follows A, 1 = it does not",
    "ibm": "Is Next: 1 = B follows A, 0 = it does not",
}
"""What the label of a convention means; written in every row of a CSV file and in `manifest.json`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """What an export writes.

    Attributes:
        to: the format: `mds`, `parquet`, `tfrecord`, `hf` or `csv`.
        convention: of labels and segment ids in a CSV file: `hf`, or `ibm` (1 = next; segments 1 and 2, 0 for padding).
        masking: `static` writes the masks of the dataset, `none` the original ids without masks.
        trace: whether to write `document_a`, `document_b`, `sentence_a` and `sentence_b` too; Parquet files always have them.
    """

    to: Format
    convention: Convention = "hf"
    masking: Masking
    trace: bool = False

    @staticmethod
    def of(to: str, *, convention: str = "hf", masking: str | None = None, trace: bool = False) -> ExportOptions:
        """The options with the default masking of the format: `none` for `mds`, because its trainers mask themselves, else `static`.

        Raises:
            ConfigError: a value is unknown, or two do not fit.

        >>> ExportOptions.of("mds").masking, ExportOptions.of("csv").masking
        ('none', 'static')
        """
        masking = masking or ("none" if to == "mds" else "static")
        for name, value, known in (
            ("--to", to, FORMATS),
            ("--convention", convention, get_args(Convention)),
            ("--masking", masking, get_args(Masking)),
        ):
            if value not in known:
                more = "; a loader draws masks in every epoch, a file cannot" if value == "dynamic" else ""
                raise ConfigError(f"{name} must be one of {', '.join(known)}, not {value!r}{more}")
        if convention != "hf" and to != "csv":
            raise ConfigError(f"--convention {convention} is for --to csv, not for --to {to}; leave it out")
        if masking == "none" and to == "tfrecord":
            raise ConfigError(
                "--masking none does not fit --to tfrecord: Google's loops train on the masks in the file and draw none; "
                "use --masking static"
            )
        return ExportOptions(to=to, convention=convention, masking=masking, trace=trace)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What an encoder must know beside the rows.

    Attributes:
        options: of the export.
        metadata: of the rows.
        vocabulary: the tokens by id.
    """

    options: ExportOptions
    metadata: RowMetadata
    vocabulary: Vocabulary

    @property
    def pad_id(self) -> int:
        """Id of [PAD]."""
        return self.metadata.special_ids["[PAD]"]
