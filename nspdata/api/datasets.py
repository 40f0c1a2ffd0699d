"""A finished dataset: figures, warnings, rows, report, loader."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from nspdata.api import views
from nspdata.dataset.directory import open_directory
from nspdata.errors import naming_extra

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

    from nspdata.api.inputs import Inputs
    from nspdata.dataset.cache import Cache
    from nspdata.dataset.directory import Directory, SplitSize
    from nspdata.dataset.manifest import Manifest
    from nspdata.dataset.schema import RowMetadata
    from nspdata.exporting.manifest import Exported
    from nspdata.inspection import Overview
    from nspdata.inspection.examples import Shown
    from nspdata.inspection.shortcuts import Shortcuts
    from nspdata.loading.loader import Loader
    from nspdata.statistics import Statistics
    from nspdata.statistics.checks import DataWarning
    from nspdata.tokenization.vocabulary import Vocabulary
    from nspdata.validation.findings import Finding


class Examples(Sequence["Shown"]):
    """Some rows of a dataset, decoded; prints as text, and as HTML in a notebook.

    >>> import nspdata
    >>> nspdata.open_dataset("data").show(2)
    train row 0, label ...
      A  ...
    """

    def __init__(self, rows: Sequence[Shown], vocabulary: Vocabulary) -> None:
        self._rows, self._vocabulary = list(rows), vocabulary

    @overload
    def __getitem__(self, index: int) -> Shown: ...

    @overload
    def __getitem__(self, index: slice) -> list[Shown]: ...

    def __getitem__(self, index: int | slice) -> Shown | list[Shown]:
        return self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def to_json(self) -> list[dict[str, Any]]:
        """The rows as JSON's types, as `nspdata show --json` prints them."""
        return [row.to_json(self._vocabulary) for row in self._rows]

    def __repr__(self) -> str:
        return views.rows_text(self._rows, self._vocabulary) or "no row matches"

    def _repr_html_(self) -> str:
        return views.rows_html(self._rows, self._vocabulary)


class Dataset:
    """A finished dataset; `open_dataset` and `build` return it.

    >>> import nspdata
    >>> nspdata.open_dataset("data")
    Dataset('data': train ... rows, ... tokens; ...)
    """

    def __init__(self, directory: Directory) -> None:
        """Use `open_dataset`."""
        self.directory = directory

    @property
    def name(self) -> str:
        """The path or URL of the directory."""
        return self.directory.name

    @property
    def manifest(self) -> Manifest:
        """What `manifest.json` says: settings, tokenizer, inputs, counts, shards."""
        return self.directory.manifest

    @property
    def metadata(self) -> RowMetadata:
        """What the rows have in common: `objective`, `max_seq_length`, `vocab_size`, `special_ids`, ..."""
        return self.directory.metadata

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokens by id."""
        return self.directory.vocabulary

    @property
    def splits(self) -> dict[str, SplitSize]:
        """The size of each split, by its name."""
        return self.directory.sizes

    @property
    def statistics(self) -> Statistics:
        """The counts and histograms of `statistics.json`."""
        return self._overview.statistics

    @property
    def figures(self) -> dict[str, float]:
        """The figures that `nspdata stats` prints, by key; see docs/statistics.md."""
        return {figure.key: figure.value for figure in self.overview().figures}

    def to_json(self) -> dict[str, Any]:
        """Statistics, figures, warnings and frequent tokens as JSON's types, as `nspdata stats --json` prints them."""
        return self.overview().to_json()

    @property
    def warnings(self) -> list[DataWarning]:
        """Figures that are out of range, each with a remedy."""
        return self._overview.warnings

    @cached_property
    def _overview(self) -> Overview:
        from nspdata.inspection import overview

        return overview(self.directory)

    def overview(self, *, shortcuts: bool = False) -> Overview:
        """The statistics, figures and warnings in one value, as `nspdata stats` prints them.

        Args:
            shortcuts: whether to include the test of `shortcuts`, which takes some seconds.
        """
        if not shortcuts:
            return self._overview
        from nspdata.inspection.overview import with_shortcuts

        return with_shortcuts(self._overview, self.shortcuts())

    def recompute(self) -> Dataset:
        """The same dataset with the statistics of the rows computed again from the shards."""
        from nspdata.inspection import overview

        result = Dataset(self.directory)
        result.__dict__["_overview"] = overview(self.directory, recomputed=True)
        return result

    def shortcuts(self) -> Shortcuts | None:
        """Tests how well simple classifiers guess the label; None if the rows have no label. Needs scikit-learn."""
        with naming_extra("Dataset.shortcuts"):
            from nspdata.inspection.shortcuts import measure_shortcuts

            return measure_shortcuts(self.directory)

    def table(self, split: str = "train") -> pa.Table:
        """The rows of a split as one Arrow table, memory-mapped: no row is copied."""
        import pyarrow as pa

        return pa.concat_tables(shard.table() for shard in self.directory.shards(split))

    def rows(self, split: str = "train") -> Iterator[dict[str, Any]]:
        """The rows of a split in the order of the shards, each as a dictionary of integers and lists of integers."""
        for shard in self.directory.shards(split):
            for batch in shard.table().to_batches(max_chunksize=1000):
                yield from batch.to_pylist()

    def show(  # noqa: PLR0913 - the options of the command
        self,
        n: int | None = None,
        *,
        split: str | None = None,
        row: int | None = None,
        label: int | None = None,
        document: str | None = None,
        contains: str | None = None,
    ) -> Examples:
        """Some rows, decoded: A, B, the label, and what was masked.

        Args:
            n: number of rows; 5 by default, or 1 with `row`.
            split: name of the split; the first by default.
            row: index of the first row to show; otherwise the rows are spread over the split.
            label: only rows with this label.
            document: only rows with a segment of the document of this id, or of this hash as `show` prints it.
            contains: only rows with this token, masked or not.

        Raises:
            ShardError: there is no such split.
            ConfigError: the split has no such row, or the vocabulary no such token.
        """
        rows = select_rows(self, n, split=split, row=row, label=label, document=document, contains=contains)
        return Examples(list(rows), self.vocabulary)

    def report(
        self,
        path: str | os.PathLike[str],
        *,
        compare: Dataset | str | os.PathLike[str] | None = None,
        shortcuts: bool = False,
    ) -> Path:
        """Writes a report with plots as one HTML file.

        Args:
            path: the file to write.
            compare: another dataset, shown next to this one.
            shortcuts: whether to include the test of `shortcuts`.

        Returns:
            The path.
        """
        with naming_extra("Dataset.report"):
            from nspdata.inspection.report.page import write_report

            datasets = [self, *([] if compare is None else [open_dataset(compare)])]
            write_report([dataset.overview(shortcuts=shortcuts) for dataset in datasets], os.fspath(path))
        return Path(path)

    def validate(self, source: Inputs | None = None, *, fast: bool = False, workers: int = 1) -> list[Finding]:
        """See `nspdata.validate`."""
        from nspdata.api.validations import validate

        return validate(self.name, source=source, fast=fast, workers=workers)

    def export(  # noqa: PLR0913 - the options of the command
        self,
        destination: str | os.PathLike[str],
        *,
        to: str,
        splits: Sequence[str] | None = None,
        convention: str = "hf",
        masking: str | None = None,
        trace: bool = False,
        workers: int = 0,
        overwrite: bool = False,
        on_part: Callable[[int, int], None] | None = None,
    ) -> Exported:
        """Writes the rows in the format of another training loop; see docs/export.md.

        Args:
            destination: the directory to write, a path or a URL. An interrupted export is resumed.
            to: `mds`, `parquet`, `tfrecord`, `hf` or `csv`.
            splits: names of the splits; all by default.
            convention: of labels and segment ids in a CSV file: `hf` (0 = next) or `ibm` (1 = next).
            masking: `static` for the masks of the dataset, `none` for the original ids; by default `none` for `mds`, else `static`.
            trace: whether to write the documents and sentences that a row comes from.
            workers: number of processes; 0 for one per processor.
            overwrite: whether another export in the directory may be replaced.
            on_part: called with the number of finished shards and of all shards.

        Raises:
            ConfigError: an option is unknown or does not fit, or the directory holds something else.
            ShardError: a shard is corrupt.
        """
        from nspdata.exporting.options import ExportOptions
        from nspdata.exporting.plan import make_plan
        from nspdata.exporting.run import run_export

        options = ExportOptions.of(to, convention=convention, masking=masking, trace=trace)
        plan = make_plan(self.directory, os.fspath(destination), options, splits)
        return run_export(plan, num_workers=workers, overwrite=overwrite, on_part=on_part)

    def loader(self, *, batch_size: int, **options: Any) -> Loader:
        """Batches of this dataset; the options are those of `nspdata.Loader`."""
        from nspdata.loading.loader import Loader

        return Loader(self.name, batch_size=batch_size, **options)

    def __repr__(self) -> str:
        return views.dataset_text(self.directory)

    def _repr_html_(self) -> str:
        labels = [None] if self.metadata.objective == "none" else [0, 1]
        rows = [row for label in labels for row in self.show(views.SAMPLE_ROWS // len(labels), label=label)]
        return views.dataset_html(self._overview, rows)


def select_rows(  # noqa: PLR0913 - the options of the command
    dataset: Dataset,
    n: int | None = None,
    *,
    split: str | None = None,
    row: int | None = None,
    label: int | None = None,
    document: str | None = None,
    contains: str | None = None,
) -> Iterator[Shown]:
    """The rows of `Dataset.show`, one by one."""
    from nspdata.inspection.examples import Selection, document_named, select, token_named

    selection = Selection(
        num_rows=n or (5 if row is None else 1),
        first=row,
        label=label,
        document=None if document is None else document_named(document),
        token=None if contains is None else token_named(contains, dataset.vocabulary),
    )
    return select(dataset.directory, split or min(dataset.manifest.splits), selection)


def open_dataset(
    dataset: Dataset | str | os.PathLike[str],
    *,
    cache: Cache | None = None,
    storage_options: dict[str, Any] | None = None,
) -> Dataset:
    """Opens a finished dataset; the manifest and the tokenizer are read and checked, rows are read when they are needed.

    Args:
        dataset: a path, or a URL that fsspec reads. An open dataset is returned as it is.
        cache: where shards from a URL are kept; the default is `nspdata.Cache()`.
        storage_options: options of the fsspec filesystem.

    Raises:
        ShardError: the dataset is unfinished or corrupt.

    >>> import nspdata
    >>> dataset = nspdata.open_dataset("data")
    >>> dataset.metadata.max_seq_length
    128
    """
    if isinstance(dataset, Dataset):
        return dataset
    from nspdata.dataset.stores import open_store

    store = open_store(os.fspath(dataset), cache=cache, storage_options=storage_options)
    return Dataset(open_directory(store))
