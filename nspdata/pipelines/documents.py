"""Transforms for a Beam pipeline that already has documents: tokenize them, or build a dataset from them."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import apache_beam as beam
import xxhash

from nspdata.building.encoders import encoder_of
from nspdata.building.prepare import make_plan
from nspdata.building.tokenize import ReadSummary, add_counts, spill, tokenize_batch
from nspdata.config.build import Config
from nspdata.config.keywords import nested_settings
from nspdata.config.parsing import from_dict
from nspdata.errors import ConfigError, InputError
from nspdata.files.any import AnyFiles
from nspdata.files.local import join
from nspdata.files.owners import WORK
from nspdata.pipelines.build import finish_pipeline
from nspdata.pipelines.transforms import READING, in_global_window
from nspdata.reading.records import Gathering, count_rejected
from nspdata.reading.sources import Source
from nspdata.tokenization.languages import Languages
from nspdata.tokenization.wordpiece import WordPiece

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nspdata.building.plan import BuildPlan
    from nspdata.dataset.manifest import Manifest
    from nspdata.reading.records import ReadBatch
    from nspdata.tokenization.encoded import TokenizedDocuments

    Settings = Config | str | os.PathLike[str] | Mapping[str, Any] | None

DOCUMENTS = Source(path="", name="PCollection", format="jsonl", size_bytes=0)
"""Name of the source in the records of rejected elements."""

BATCH_CHARACTERS = 1 << 20
"""Size of the text that is tokenized in one call."""

SPILL_TOKENS = 4_000_000
"""Tokens that a bundle collects before it outputs them to the shuffle."""

REJECTED = "rejected"
"""Tag of the output of rejected elements."""

REJECTED_FILES = 16


class TokenizeDocuments(beam.PTransform):
    """Splits and tokenizes documents as a build does.

    The input is a PCollection of `(id, text)`, or of `(id, text, language)` with `language_field`; the output one of `(id, sentences)`, where each sentence is a list of token
    ids. A text that a build would reject (not a string, empty, with U+0000) is skipped.

    >>> import apache_beam as beam
    >>> import nspdata
    >>> with beam.Pipeline() as pipeline:  # doctest: +SKIP
    ...     documents = pipeline | beam.Create([("a", "He left. She stayed.")])
    ...     tokenized = documents | nspdata.beam.TokenizeDocuments(tokenizer="tokenizer")
    """

    def __init__(
        self, *, tokenizer: str | os.PathLike[str], config: Settings = None, label: str | None = None, **settings: Any
    ) -> None:
        """Loads the tokenizer.

        Args:
            tokenizer: a `vocab.txt`, a `tokenizer.json`, or a directory with one of them.
            config: settings as a `BuildConfig`, the path of a TOML file, or a mapping of tables.
            label: the label of the step.
            settings: settings by name, such as `language="de"`; see docs/settings.md.
        """
        super().__init__(label)
        self._plan = _plan(tokenizer, "", config, settings)

    def expand(self, documents: beam.PCollection) -> beam.PCollection:
        """`(id, text)` to `(id, sentences)`."""
        return documents | "Tokenize" >> beam.ParDo(_TokenizeEach(self._plan))


class BuildShards(beam.PTransform):
    """Builds a dataset from documents; the shards are byte-identical to those of a build from files with the same documents.

    The input is a bounded PCollection of `(id, text)`, or of `(id, text, language)` with `language_field`, in the global window;
    ids are unique strings. The output is one element, the manifest, after the dataset has been written. Run it into an empty directory: nothing is resumed.

    >>> import apache_beam as beam
    >>> import nspdata
    >>> with beam.Pipeline() as pipeline:  # doctest: +SKIP
    ...     documents = pipeline | beam.Create([("a", "He left. She stayed."), ("b", "It rained. It poured.")])
    ...     documents | nspdata.beam.BuildShards("data", tokenizer="tokenizer", num_shards=1)
    """

    def __init__(
        self,
        output: str | os.PathLike[str],
        *,
        tokenizer: str | os.PathLike[str],
        config: Settings = None,
        label: str | None = None,
        **settings: Any,
    ) -> None:
        """Loads the tokenizer and checks the settings.

        Args:
            output: the dataset directory to write, a path or a URL that all workers can access.
            tokenizer: a `vocab.txt`, a `tokenizer.json`, or a directory with one of them.
            config: settings as a `BuildConfig`, the path of a TOML file, or a mapping of tables.
            label: the label of the step.
            settings: settings by name, such as `num_shards=64`; see docs/settings.md. `num_shards` is required, as the size
                of the input is not known in advance: take one for each 64 MB of text.

        Raises:
            ConfigError: a setting is wrong, `num_shards` is missing, or the directory is not empty.
        """
        super().__init__(label)
        self._plan = _plan(tokenizer, os.fspath(output), config, settings)
        if AnyFiles().exists(self._plan.output) and AnyFiles().match(self._plan.output):
            raise ConfigError(f"{self._plan.output} is not empty; give the directory of a new dataset")

    def expand(self, documents: beam.PCollection) -> beam.PCollection:
        """`(id, text)` to the manifest."""
        outputs = documents | "Tokenize" >> beam.ParDo(_TokenizeForShards(self._plan)).with_output_types(
            tuple[int, bytes]
        ).with_outputs(READING, REJECTED, main="spills")
        rejected = (
            outputs[REJECTED]
            | "GroupRejected" >> beam.GroupByKey()
            | "WriteRejected" >> beam.Map(_write_rejected, self._plan)
        )
        # rejected records are written before the manifest, which depends on their empty summary
        read = (outputs[READING], rejected) | "ReadAndWritten" >> beam.Flatten()
        manifest = finish_pipeline(documents.pipeline, self._plan, outputs.spills, read)
        return manifest | "DeleteWorkFiles" >> beam.Map(_delete_work_files, self._plan)


class _Documents(beam.DoFn):
    """Collects documents of a bundle until there is about a megabyte of text."""

    def __init__(self, plan: BuildPlan) -> None:
        super().__init__()
        self.plan = plan

    def start_bundle(self) -> None:
        """Starts an empty batch."""
        self.languages = Languages.of(self.plan.config.sentences)
        self.gathering = Gathering(DOCUMENTS, self.languages)

    def process(self, element: tuple[str, ...]) -> Iterator[Any]:
        """Adds one document."""
        try:
            document_id, text, language = (*element, None) if self.languages is None else element
        except (TypeError, ValueError) as error:
            wanted = "(id, text)" if self.languages is None else "(id, text, language) with sentences.language_field"
            raise InputError(f"each element must be {wanted}, not {element!r:.200}") from error
        if not isinstance(document_id, str) or not document_id:
            raise InputError(f"the id of a document must be a string that is not empty, not {document_id!r:.200}")
        if isinstance(text, str):
            self.gathering.input_bytes += len(text.encode("utf-8", "surrogatepass"))
        self.gathering.add(0, document_id, text, language=language)
        if self.gathering.text_size >= BATCH_CHARACTERS:
            yield from self.batch(self.gathering.take())

    def finish_bundle(self) -> Iterator[Any]:
        """Outputs the remaining documents."""
        if not self.gathering.is_empty():
            yield from map(_windowed, self.batch(self.gathering.take()))
        yield from map(_windowed, self.rest())

    def batch(self, batch: ReadBatch) -> Iterator[Any]:
        """Yields the output of a batch."""
        raise NotImplementedError

    def rest(self) -> Iterator[Any]:
        """Yields the output at the end of a bundle."""
        yield from ()


class _TokenizeEach(_Documents):
    """Yields `(id, sentences)` of each document."""

    def batch(self, batch: ReadBatch) -> Iterator[Any]:
        documents, _ = tokenize_batch(self.plan, batch.documents, encoder_of(self.plan))
        ids, ends = documents.ids.tolist(), documents.sentence_offsets.tolist()
        bounds = documents.document_offsets.tolist()
        for name, begin, end in zip(batch.documents.ids, bounds, bounds[1:], strict=False):
            yield name, [ids[ends[i] : ends[i + 1]] for i in range(begin, end)]


class _TokenizeForShards(_Documents):
    """Yields `(group of shards, spill)`, and under their tags the summary of reading and the rejected elements."""

    def start_bundle(self) -> None:
        super().start_bundle()
        self.documents: list[TokenizedDocuments] = []

    def batch(self, batch: ReadBatch) -> Iterator[Any]:
        documents, part = tokenize_batch(self.plan, batch.documents, encoder_of(self.plan))
        counts = {"records": batch.records, "input_bytes": batch.input_bytes, **count_rejected(batch.rejected)}
        summary = ReadSummary(counts=add_counts(part.counts, counts), statistics=part.statistics)
        yield beam.pvalue.TaggedOutput(READING, summary)
        for record in batch.rejected:
            line = json.dumps(asdict(record), ensure_ascii=True)
            yield beam.pvalue.TaggedOutput(REJECTED, (xxhash.xxh3_64_intdigest(line.encode()) % REJECTED_FILES, line))
        self.documents.append(documents)
        if sum(len(held.ids) for held in self.documents) >= SPILL_TOKENS:
            yield from self.rest()

    def rest(self) -> Iterator[Any]:
        yield from spill(self.plan, self.documents)
        self.documents = []


def _windowed(value: Any) -> Any:
    if isinstance(value, beam.pvalue.TaggedOutput):
        return beam.pvalue.TaggedOutput(value.tag, in_global_window(value.value))
    return in_global_window(value)


def _write_rejected(group: tuple[int, Iterable[str]], plan: BuildPlan) -> ReadSummary:
    """Writes rejected elements in a fixed order; returns the empty summary, so that the manifest waits for it."""
    key, lines = group
    path = join(plan.output, f"rejected/{key:02d}.jsonl")
    AnyFiles().write(path, "".join(f"{line}\n" for line in sorted(lines)).encode())
    return ReadSummary()


def _delete_work_files(manifest: Manifest, plan: BuildPlan) -> Manifest:
    AnyFiles().delete(join(plan.output, WORK))
    return manifest


def _plan(tokenizer: str | os.PathLike[str], output: str, base: Settings, settings: Mapping[str, Any]) -> BuildPlan:
    config = from_dict(Config, nested_settings(Config, base, settings))
    if output and not config.output.num_shards:
        raise ConfigError(
            "num_shards is required: the size of a PCollection is not known in advance; take one shard for each 64 MB of text"
        )
    wordpiece = WordPiece.load(
        os.fspath(tokenizer), lowercase=config.tokenizer.lowercase, strip_accents=config.tokenizer.strip_accents
    )
    command = f"nspdata.beam.BuildShards({output!r}, tokenizer={os.fspath(tokenizer)!r}, ...)"
    plan = make_plan([], output, wordpiece, config, command=command)
    encoder_of(plan)  # raises for an unknown language or pipeline
    return plan
