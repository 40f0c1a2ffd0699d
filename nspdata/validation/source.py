"""Checks a dataset against its source: reads and tokenizes the documents again, and looks up every row in them."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from nspdata.dataset.manifest import MANIFEST, STATISTICS
from nspdata.dataset.schema import row_schema
from nspdata.errors import ShardError
from nspdata.instances.rows import Rows
from nspdata.statistics import PartStatistics, from_json, summarize_documents
from nspdata.statistics.summarize import FROM_BUILD
from nspdata.validation.coverage import Origin, check_cover
from nspdata.validation.descriptions import differences
from nspdata.validation.directory import check_manifest
from nspdata.validation.fetching import local_directory
from nspdata.validation.findings import Findings, Notes
from nspdata.validation.shard_files import read_batches, sound_parts
from nspdata.validation.tokenizer import check_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from nspdata.config.build import SentencesConfig
    from nspdata.dataset.manifest import Manifest
    from nspdata.reading import Source
    from nspdata.tokenization.encoded import TokenizedDocuments
    from nspdata.tokenization.encoders import DocumentEncoder
    from nspdata.tokenization.vocabulary import Vocabulary
    from nspdata.validation.findings import Finding
    from nspdata.validation.spec import RowSpec
    from nspdata.validation.spilling import Reading


def validate_source(
    directory: str | Path,
    inputs: Sequence[str],
    *,
    fast: bool = False,
    on_read: Callable[[int], None] = lambda _size: None,
) -> list[Finding]:
    """Checks every row of a dataset directory against the documents that it was built from.

    Rows with an invalid shape are skipped here; `validate` reports them.

    Args:
        directory: a dataset directory; one behind a URL is copied to a temporary directory first.
        inputs: what it was built from, all of it, as `build` was given it.
        fast: whether the fast encoder of a build is used instead of the plain one.
        on_read: called with the number of bytes of text read so far.

    Returns:
        What is wrong; an empty list if the dataset is valid.

    Raises:
        ShardError: the directory holds no manifest.
        InputError: an input cannot be read.
        ConfigError: the pipeline that split the sentences is not installed.
    """
    with local_directory(directory) as place:
        return _validate(place, inputs, fast=fast, on_read=on_read)


def _validate(place: Path, inputs: Sequence[str], *, fast: bool, on_read: Callable[[int], None]) -> list[Finding]:
    from nspdata.files.any import AnyFiles  # these need the packages of nspdata[build]
    from nspdata.reading import expand_inputs
    from nspdata.validation.spilling import lay_down

    findings = Findings()
    settled = check_manifest(place, findings)
    spec = check_tokenizer(place, *settled, findings) if settled else None
    if settled is None or spec is None:
        return findings.to_list()
    manifest, _ = settled
    files = AnyFiles()
    sources = expand_inputs(inputs, files, spec.config.input)
    _check_inputs(manifest, sources, findings)
    with tempfile.TemporaryDirectory(prefix="nspdata-validate-") as spills:
        encoder = _encoder(place, manifest, spec, fast=fast)
        laid_down = lay_down(sources, spec, files, encoder, Path(spills), on_read=on_read)
        SourceChecks(place, manifest, spec, findings).check(*laid_down, Path(spills))
    return findings.to_list()


def _encoder(place: Path, manifest: Manifest, spec: RowSpec, *, fast: bool) -> DocumentEncoder:
    flags = (manifest.tokenizer["lowercase"], manifest.tokenizer["strip_accents"])
    vocabulary = spec.vocabulary
    if "tokenizer_json" in manifest.tokenizer:
        described = (place / "tokenizer/tokenizer.json").read_text(encoding="utf-8")
        vocabulary = dataclasses.replace(vocabulary, tokenizer_json=described)
    return _make_encoder(spec.config.sentences, vocabulary, *flags, fast)


@lru_cache(maxsize=1)
def _make_encoder(
    sentences: SentencesConfig,
    vocabulary: Vocabulary,
    lowercase: bool,  # noqa: FBT001
    strip_accents: bool,  # noqa: FBT001
    fast: bool,  # noqa: FBT001
) -> DocumentEncoder:
    """The encoder of the settings; cached, because creating it takes half a second."""
    from nspdata.tokenization.encoders import DocumentEncoder
    from nspdata.tokenization.wordpiece import WordPiece

    wordpiece = WordPiece(vocabulary, lowercase=lowercase, strip_accents=strip_accents)
    return DocumentEncoder(wordpiece, sentences, fast=fast)


def _check_inputs(manifest: Manifest, sources: Sequence[Source], findings: Findings) -> None:
    """Compares the given files with those that the manifest names."""
    named = {entry["name"]: entry["bytes"] for entry in manifest.inputs}
    given = {source.name: source.size_bytes for source in sources}
    for name in sorted(named.keys() | given.keys()):
        if name not in given:
            findings.add("source_files", f"{name} is not among the inputs given", file=MANIFEST)
        elif name not in named:
            findings.add("source_files", f"{name} was given, but the dataset was not built from it", file=MANIFEST)
        elif named[name] != given[name]:
            message = f"{name} has {given[name]:,} bytes, the manifest says {named[name]:,}"
            findings.add("source_files", message, file=MANIFEST)


class SourceChecks:
    """Checks a dataset against its documents, shard by shard."""

    def __init__(self, directory: Path, manifest: Manifest, spec: RowSpec, findings: Findings) -> None:
        self.directory = directory
        self.manifest = manifest
        self.spec = spec
        self.findings = findings
        self.built: dict[str, int] = {}
        self.corpus = PartStatistics()
        self.origin = Origin()
        self.rebuilt: dict[str, int] = {}
        self.paths = {entry.path for entries in manifest.splits.values() for entry in entries}

    def check(self, reading: Reading, names: NDArray[np.uint64], spills: Path) -> None:
        """Looks up every shard in the tokenized documents, and compares the counts."""
        from nspdata.validation.spilling import take_up

        for key, path in enumerate(chain(*self.spec.partition.paths.values())):
            documents, dropped = take_up(key, self.spec, spills)
            (spills / str(key)).unlink(missing_ok=True)
            held = {
                "documents": len(documents),
                "sentences": documents.num_sentences,
                "tokens": len(documents.ids),
                **dropped,
            }
            self.built = {name: self.built.get(name, 0) + count for name, count in held.items()}
            self.corpus += summarize_documents(documents, self.spec.vocabulary)
            self.origin += self._look_up(path, documents, names)
        self._check_counts(reading)
        self._check_rejected(reading)
        self._check_statistics(reading)

    def _look_up(self, path: str, documents: TokenizedDocuments, names: NDArray[np.uint64]) -> Origin:
        """Looks up the rows of a shard, and builds it again if all of them are right."""
        from nspdata.validation.lookup import look_up  # compiled
        from nspdata.validation.rebuilding import check_rebuilt

        read = self._read(path)
        if read is None:
            return Origin(placed=False)
        (rows, notes, whole), before = read, len(self.findings)
        places = look_up(rows, documents, names, self.spec, notes)
        if not whole:
            return Origin(placed=False)
        origin = check_cover(rows, places, documents, self.spec, notes)
        if len(self.findings) == before:
            counts = check_rebuilt(rows, documents, self.spec, notes, self.spec.partition.place(path))
            self.rebuilt = {name: self.rebuilt.get(name, 0) + count for name, count in counts.items()}
        return origin

    def _read(self, path: str) -> tuple[Rows, Notes, bool] | None:
        """The rows of a shard with a valid shape, and whether these are all rows; `validate` reports the others."""
        ignored = Findings()
        batches = None
        if path in self.paths and (self.directory / path).exists():
            batches = read_batches(self.directory / path, path, self.spec, ignored)
        if batches is None:
            return None
        parts = list(sound_parts(batches, path, self.spec, ignored))
        numbers = np.concatenate([np.zeros(0, np.int64), *(notes.numbers for _, notes in parts)])
        none = Rows.from_batch(pa.RecordBatch.from_pylist([], schema=row_schema(self.spec.metadata)))
        rows = Rows.concatenate([none, *(rows for rows, _ in parts)])
        return rows, Notes(self.findings, path, numbers), len(rows) == sum(map(len, batches))

    def _check_counts(self, reading: Reading) -> None:
        read, built = self.manifest.counts.get("read", {}), self.manifest.counts.get("built", {})
        pairs = [(name, read.get(name, 0), found) for name, found in reading.counts.items()]
        rejected = read.get("rejected", {})
        pairs += [
            (f"rejected records of reason {name!r}", rejected.get(name, 0), reading.rejected.get(name, 0))
            for name in sorted({*rejected, *reading.rejected})
        ]
        sizes = read.get("rejected_bytes", {})
        pairs += [
            (f"bytes of rejected records of reason {name!r}", sizes.get(name, 0), reading.rejected_bytes.get(name, 0))
            for name in sorted({*sizes, *reading.rejected_bytes})
        ]
        pairs += [(name, built.get(name, 0), found) for name, found in self._built().items()]
        for name, counted, found in pairs:
            if counted != found:
                message = f"{name}: the manifest counts {counted:,}, the input gives {found:,}"
                self.findings.add("source_counts", message, file=MANIFEST)
        origin = self.origin
        bounds = {
            "forced_negatives": (origin.least_forced, origin.most_forced),
            "tokens_truncated": (origin.least_truncated, origin.most_truncated),
        }
        for name, (least, most) in bounds.items() if origin.placed else ():
            if not least <= built.get(name, 0) <= most:
                message = f"{name}: the manifest counts {built.get(name, 0):,}, the rows give {least:,} to {most:,}"
                self.findings.add("source_counts", message, file=MANIFEST)
        for name, count in self.rebuilt.items() if not len(self.findings) else ():
            if built.get(name, 0) != count:
                message = f"{name}: the manifest counts {built.get(name, 0):,}, building again {count:,}"
                self.findings.add("source_counts", message, file=MANIFEST)

    def _check_rejected(self, reading: Reading) -> None:
        """Compares the records in `rejected/` with those of the input, in any order."""
        from nspdata.validation.spilling import digest_rejected

        digest = 0
        for path in self.directory.glob("rejected/*.jsonl"):
            try:
                for line in path.read_text(encoding="utf-8").splitlines():
                    digest ^= digest_rejected(json.loads(line))
            except ValueError:
                return  # reported by `validate`
        if digest != reading.rejected_digest:
            self.findings.add("rejected", "the records are not those that the input gives", file="rejected")

    def _built(self) -> dict[str, int]:
        """The counts of the second half of the build, from the documents and the rows."""
        if not self.origin.placed:
            return self.built
        return {**self.built, "sentences_unpaired": self.origin.sentences_unpaired}

    def _check_statistics(self, reading: Reading) -> None:
        """Compares the corpus part of `statistics.json` with the documents."""
        try:
            written = from_json((self.directory / STATISTICS).read_bytes()).corpus
        except (OSError, ShardError):
            return  # reported by `validate`
        counts = {name: count for name, count in self._built().items() if name in FROM_BUILD}
        expected = reading.summarize().corpus + self.corpus + PartStatistics(counts=counts)
        known = PartStatistics(
            counts={name: count for name, count in written.counts.items() if name in expected.counts},
            histograms=written.histograms,
            token_counts=written.token_counts,
        )
        for name in differences(known, expected):
            self.findings.add("source_statistics", f"corpus.{name} is not what the input gives", file=STATISTICS)
