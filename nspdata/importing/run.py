"""Turns files of rows into a dataset directory: one pass to measure them, one to write the shards."""

from __future__ import annotations

import posixpath
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Literal

from nspdata.config.build import Config, MaskingConfig, OutputConfig, PairingConfig
from nspdata.dataset.manifest import MANIFEST, OWNED, SPLITS, Manifest, ShardEntry, shard_name
from nspdata.dataset.schema import OTHER, RowMetadata, row_schema
from nspdata.dataset.shards import write_shard
from nspdata.errors import ConfigError, InputError
from nspdata.files.any import AnyFiles
from nspdata.files.local import join
from nspdata.files.lock import WORK, locked
from nspdata.files.swap import NEW, clear, commit, complete, pending, sweep
from nspdata.importing import delimited, tfrecord
from nspdata.importing.record import check_record, to_rows
from nspdata.metadata.describe import describe
from nspdata.metadata.huggingface import dataset_files
from nspdata.reading.content import content_of
from nspdata.statistics import merge, summarize_files, summarize_rows, zero
from nspdata.tokenization.wordpiece import WordPiece

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from nspdata.files.lease import Lease
    from nspdata.files.local import Files
    from nspdata.importing.record import Record
    from nspdata.statistics import Statistics
    from nspdata.tokenization.vocabulary import Vocabulary

Kind = Literal["tfrecord", "csv"]

ROWS_PER_SHARD = 100_000


@dataclass(slots=True)
class Survey:
    """What the first pass measures.

    Attributes:
        rows: by split.
        width: tokens of the longest row, padding included.
        predictions: masked positions of a row at most.
        pairs: objective and negatives of the rows.
    """

    rows: dict[str, int] = field(default_factory=dict)
    width: int = 0
    predictions: int = 0
    pairs: tuple[str, str] | None = None

    def add(self, record: Record) -> None:
        """Measures a record.

        Raises:
            InputError: its pairs were made in another way than those before it.
        """
        pairs = (record.objective, record.negatives)
        if self.pairs not in {None, pairs}:
            raise InputError(
                f"{record.where}: all rows must have one objective and one kind of negatives, not {self.pairs} and {pairs}; "
                "import them into two datasets"
            )
        self.pairs = pairs
        self.width = max(self.width, record.width)
        self.predictions = max(self.predictions, len(record.positions))


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """The files to import and the settings of the import.

    Attributes:
        kind: `tfrecord` or `csv`.
        inputs: path and size of each file, by split.
        wordpiece: the tokenizer of the ids.
        command: how it was made, for the card.
    """

    kind: Kind
    inputs: dict[str, list[tuple[str, int]]]
    wordpiece: WordPiece
    command: str = ""

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokens by id."""
        return self.wordpiece.vocabulary

    def records(self, split: str, files: Files) -> Generator[Record]:
        """The rows of a split in the order of its files, each checked.

        Raises:
            InputError: a file or a record cannot be used.
        """
        pad_id = self.vocabulary.special_ids["[PAD]"]
        for path, _ in self.inputs[split]:
            with files.open(path) as stream:
                found = (
                    tfrecord.read_records(stream, path)
                    if self.kind == "tfrecord"
                    else delimited.read_records(stream, path, pad_id=pad_id)
                )
                with closing(found):
                    for record in found:
                        check_record(record, self.vocabulary)
                        yield record


def make_import(inputs: Sequence[str], kind: str, tokenizer: str, *, command: str = "") -> Import:
    """Finds the files and loads the tokenizer.

    Args:
        inputs: files, directories and globs; a file below a directory named `validation` or `test` belongs to that split.
        kind: `tfrecord` or `csv`.
        tokenizer: a `vocab.txt`, a `tokenizer.json`, or a directory.
        command: for the card.

    Raises:
        ConfigError: the kind is unknown.
        InputError: there is no such file.
    """
    if kind not in {"tfrecord", "csv"}:
        raise ConfigError(f"--from must be one of tfrecord, csv, not {kind!r}")
    files, splits = AnyFiles(), dict[str, list[tuple[str, int]]]()
    for pattern in inputs:
        found = [
            (path, size)
            for path, size in files.match(pattern)
            if (kind in posixpath.basename(path) or path == pattern) and "/." not in path
        ]
        if not found:
            raise InputError(f"{pattern} matches no {kind} file; give files, directories or globs")
        for path, size in found:
            parent = posixpath.basename(posixpath.dirname(path))
            splits.setdefault(parent if parent in SPLITS else "train", []).append((path, size))
    if "train" not in splits:
        splits = {"train": [entry for entries in splits.values() for entry in entries]}
    ordered = {split: sorted(set(splits[split])) for split in SPLITS if split in splits}
    return Import(kind=kind, inputs=ordered, wordpiece=WordPiece.load(tokenizer), command=command)  # type: ignore[arg-type]


def run_import(
    job: Import,
    output: str,
    *,
    overwrite: bool = False,
    on_rows: Callable[[int], None] = lambda _rows: None,
    files: Files | None = None,
) -> Manifest:
    """Writes the dataset directory; its manifest counts `imported` rows, so that checks of a build are skipped.

    Args:
        job: what to import.
        output: the directory to write.
        overwrite: whether a dataset in it may be replaced.
        on_rows: called with the number of rows written so far.
        files: where the dataset is written.

    Raises:
        ConfigError: the directory holds something else.
        InputError: a record cannot be used.
    """
    files = files or AnyFiles()
    work = files.exists(join(output, WORK))
    if files.stat(join(output, MANIFEST)) is None and not work and (there := files.listing(output)):
        raise ConfigError(f"{output} is not empty and holds no dataset (there is {there[0].path}); give another -o")
    with locked(output, files) as lease:
        interrupted = pending(output, files)
        if interrupted:
            complete(output, files)
        manifest = _manifest_in(output, files)
        if manifest and work and _is_of(job, manifest, files):
            sweep(output, files, owned=OWNED)
            clear(output, files)
            if interrupted:
                return manifest
        if manifest and not overwrite:
            raise ConfigError(f"{output} already holds a dataset; give another -o, or --overwrite to replace it")
        sweep(output, files, owned=OWNED)
        clear(output, files)
        _write(job, output, files, on_rows, lease)
    manifest = _manifest_in(output, files)
    assert manifest is not None
    return manifest


def _manifest_in(output: str, files: Files) -> Manifest | None:
    path = join(output, MANIFEST)
    if files.stat(path) is None:
        return None
    with files.open(path) as stream:
        return Manifest.from_json(stream.read(), name=path)


def _is_of(job: Import, manifest: Manifest, files: Files) -> bool:
    """Whether a dataset was imported from the same files with the same tokenizer."""
    same = manifest.tokenizer == job.wordpiece.identity() and "imported" in manifest.counts.get("read", {})
    return same and manifest.inputs == _described(job, files)


def survey(job: Import, files: Files) -> Survey:
    """Reads everything once."""
    result = Survey()
    for split in job.inputs:
        rows = 0
        for record in job.records(split, files):
            rows += 1
            result.add(record)
        result.rows[split] = rows
    if not sum(result.rows.values()):
        raise InputError("the files hold no record; there is nothing to import")
    return result


def _write(job: Import, output: str, files: Files, on_rows: Callable[[int], None], lease: Lease) -> None:
    measured = survey(job, files)
    config = settings(measured)
    metadata = RowMetadata.of(config.pairing, config.masking, job.vocabulary)
    stage, splits, statistics = join(output, NEW), dict[str, list[ShardEntry]](), zero()
    done = 0
    for split, total in measured.rows.items():
        num_shards = _num_shards(total)
        splits[split] = []
        for shard, records in enumerate(_parts(job.records(split, files), total, num_shards)):
            rows = to_rows(records, job.vocabulary)
            lease.check()
            path = shard_name(split, shard, num_shards)
            splits[split].append(write_shard(files, stage, path, [rows], row_schema(metadata)))
            statistics = merge(statistics, summarize_rows(rows, job.vocabulary, max_seq_length=metadata.max_seq_length))
            done += len(rows)
            on_rows(done)
    manifest = _manifest(job, config, splits, files)
    statistics = merge(statistics, summarize_files(chain(*splits.values())))
    for path, data in _other_files(job, manifest, statistics, metadata).items():
        files.write(join(stage, path), data)
    commit(output, files, last=MANIFEST, owned=OWNED, lease=lease.token)


def _parts(records: Generator[Record], total: int, num_parts: int) -> Iterator[list[Record]]:
    """The records in parts of about equal size."""
    with closing(records):
        for part in range(num_parts):
            yield list(islice(records, total * (part + 1) // num_parts - total * part // num_parts))


def settings(measured: Survey) -> Config:
    """The settings that describe the rows; those of their build are unknown and keep their defaults."""
    strategy: Literal["token", "none"] = "token" if measured.predictions else "none"
    objective, negatives = measured.pairs or ("nsp", OTHER)
    return Config(
        pairing=PairingConfig(
            objective=objective,  # type: ignore[arg-type]
            negatives=negatives,  # type: ignore[arg-type]
            max_seq_length=max(8, measured.width),
        ),
        masking=MaskingConfig(strategy=strategy, max_predictions_per_seq=measured.predictions),
        output=OutputConfig(num_shards=_num_shards(measured.rows["train"])),
    )


def _num_shards(rows: int) -> int:
    return max(1, -(-rows // ROWS_PER_SHARD))


def _manifest(job: Import, config: Config, splits: dict[str, list[ShardEntry]], files: Files) -> Manifest:
    rows = sum(entry.rows for entries in splits.values() for entry in entries)
    return Manifest(
        config=config.to_dict(),
        config_fingerprint=config.fingerprint(),
        tokenizer=job.wordpiece.identity(),
        inputs=_described(job, files),
        counts={"read": {"imported": rows, "rejected": {}, "rejected_bytes": {}}, "built": {}},
        splits=splits,
    )


def _described(job: Import, files: Files) -> list[dict[str, Any]]:
    """The input files for the manifest."""
    inputs = sorted(entry for entries in job.inputs.values() for entry in entries)
    return [{"name": path, "bytes": size, "content": content_of(path, files)} for path, size in inputs]


def _other_files(job: Import, manifest: Manifest, statistics: Statistics, metadata: RowMetadata) -> dict[str, bytes]:
    written = {f"tokenizer/{name}": data for name, data in job.wordpiece.files().items()}
    written |= dataset_files(manifest.splits, row_schema(metadata))
    written |= describe(manifest, statistics, job.command)
    return {**written, MANIFEST: manifest.to_json().encode()}
