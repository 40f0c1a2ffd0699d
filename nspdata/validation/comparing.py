"""Compares a dataset with its documents, in this process or in several: first the input is read, then each shard is checked."""

from __future__ import annotations

import dataclasses
import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nspdata.building.parallel import processes
from nspdata.building.workers import how_many
from nspdata.dataset.manifest import MANIFEST
from nspdata.files.any import AnyFiles
from nspdata.interrupts import temporary_directory
from nspdata.reading import expand_inputs
from nspdata.reading.units import make_units
from nspdata.tokenization.encoders import DocumentEncoder
from nspdata.tokenization.spacy_import import import_spacy, leave_torch_out
from nspdata.tokenization.wordpiece import WordPiece
from nspdata.validation.directory import check_manifest
from nspdata.validation.findings import Findings
from nspdata.validation.shard_source import ShardSource, SourceReport
from nspdata.validation.source_totals import check_totals
from nspdata.validation.spilling import Spiller, append_to, documents_of, spills_of
from nspdata.validation.tokenizer import check_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nspdata.config.build import SentencesConfig
    from nspdata.dataset.manifest import Manifest
    from nspdata.reading import Source
    from nspdata.tokenization.vocabulary import Vocabulary
    from nspdata.validation.findings import Finding
    from nspdata.validation.spec import RowSpec
    from nspdata.validation.spilling import Reading


def compare(
    directory: Path, inputs: Sequence[str], *, fast: bool, num_workers: int, on_read: Callable[[int], None]
) -> list[Finding]:
    """Checks every row of a local dataset directory against the documents; see `validate_source`."""
    findings = Findings()
    settled = check_manifest(directory, findings)
    spec = check_tokenizer(directory, *settled, findings) if settled else None
    if settled is None or spec is None:
        return findings.to_list()
    manifest, _ = settled
    sources = expand_inputs(inputs, AnyFiles(), spec.config.input)
    check_inputs(manifest, sources, findings)
    with temporary_directory("nspdata-validate-") as spills:
        encoding = Encoding.of(directory, manifest, spec, fast=fast)
        work = _Work(directory, named_shards(manifest), spec, Path(spills), encoding)
        report = _compared(work, make_units(sources), num_workers, on_read)
    findings.add_all(report.findings)
    check_totals(directory, manifest, report, findings)
    return findings.to_list()


def _compared(
    work: _Work, units: Sequence[Sequence[Source]], num_workers: int, on_read: Callable[[int], None]
) -> SourceReport:
    """Reads the units of input, then checks the shards; returns the sum of what was found."""
    shards = work.spec.partition.all_paths
    if not work.spec.config.sentences.model:
        leave_torch_out()
    work.encoding.encoder()  # before the processes are forked, which then share it
    if work.spec.config.sentences.splitter == "spacy":
        import_spacy()  # every process splits a sample with it
    whole = SourceReport()
    with processes(how_many(num_workers, max(len(units), len(shards))), _begin, work) as spread:
        for reading in spread(_lay_down, units, title=lambda unit: f"reading {unit[0].name}"):
            whole.reading += reading
            on_read(whole.reading.counts["text_bytes"])
        np.save(work.names, np.unique(np.concatenate([np.zeros(0, np.uint64), *whole.reading.names])))
        for report in spread(_check, enumerate(shards), title=lambda shard: f"checking {shard[1]}"):
            whole += report
    return whole


def named_shards(manifest: Manifest) -> frozenset[str]:
    """The paths of the shards that a manifest names."""
    return frozenset(entry.path for entries in manifest.splits.values() for entry in entries)


@dataclasses.dataclass(frozen=True, slots=True)
class Encoding:
    """How the documents of a dataset become ids.

    Attributes:
        sentences: the settings `sentences`.
        vocabulary: with the description in `tokenizer.json`, if that is needed to encode.
        lowercase, strip_accents: of the tokenizer.
        fast: whether the fast encoder is used, and the plain one for a sample; otherwise the plain one.
    """

    sentences: SentencesConfig
    vocabulary: Vocabulary
    lowercase: bool
    strip_accents: bool
    fast: bool

    @staticmethod
    def of(directory: Path, manifest: Manifest, spec: RowSpec, *, fast: bool) -> Encoding:
        """Returns the encoding of a local dataset directory."""
        vocabulary = spec.vocabulary
        if "tokenizer_json" in manifest.tokenizer:
            described = (directory / "tokenizer/tokenizer.json").read_text(encoding="utf-8")
            vocabulary = dataclasses.replace(vocabulary, tokenizer_json=described)
        flags = (manifest.tokenizer["lowercase"], manifest.tokenizer["strip_accents"])
        return Encoding(spec.config.sentences, vocabulary, *flags, fast)

    def encoder(self) -> DocumentEncoder:
        """The encoder whose result is compared with the rows."""
        return _make_encoder(self)

    def plain(self) -> DocumentEncoder | None:
        """The plain encoder for a sample; None if the plain one encodes everything."""
        return _make_encoder(dataclasses.replace(self, fast=False)) if self.fast else None


@lru_cache(maxsize=2)
def _make_encoder(encoding: Encoding) -> DocumentEncoder:
    """Cached, because creating an encoder takes half a second."""
    wordpiece = WordPiece(encoding.vocabulary, lowercase=encoding.lowercase, strip_accents=encoding.strip_accents)
    return DocumentEncoder(wordpiece, encoding.sentences, fast=encoding.fast)


@dataclasses.dataclass(frozen=True, slots=True)
class _Work:
    """What each process needs to know."""

    directory: Path
    named: frozenset[str]
    spec: RowSpec
    spills: Path
    encoding: Encoding

    @property
    def names(self) -> Path:
        """The file of the hashes of all documents' ids, shape (any,), uint64, sorted, each once."""
        return self.spills / "names.npy"

    @property
    def own_spills(self) -> Path:
        """Returns the directory for the temporary files of this process."""
        return self.spills / str(os.getpid())


_work: list[_Work] = []


def _begin(work: _Work) -> None:
    """Stores what this process needs to know."""
    _work[:] = [work]
    work.own_spills.mkdir()


def _lay_down(unit: Sequence[Source]) -> Reading:
    work = _work[0]
    encoder, plain = work.encoding.encoder(), work.encoding.plain()
    return Spiller(work.spec, AnyFiles(), encoder, plain, append_to(work.own_spills)).lay_down(unit)


def _check(shard: tuple[int, str]) -> SourceReport:
    work, (key, path) = _work[0], shard
    documents, dropped = documents_of(spills_of(key, work.spills), work.spec)
    checks = ShardSource(work.directory, work.named, work.spec, np.load(work.names, mmap_mode="r"))
    return checks.check(path, documents, dropped)


def check_inputs(manifest: Manifest, sources: Sequence[Source], findings: Findings) -> None:
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
