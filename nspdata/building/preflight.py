"""The checks before a build: a sample is processed with the functions of the build; nothing is written."""

from __future__ import annotations

import dataclasses
import operator
from typing import TYPE_CHECKING

from nspdata.building.encoders import encoder_of
from nspdata.building.plan import TRAIN
from nspdata.building.shard import shard_documents
from nspdata.building.tokenize import ReadSummary, tokenize_batch
from nspdata.errors import InputError, UnsoundInputError
from nspdata.instances.assemble import build_instances
from nspdata.reading import REASONS
from nspdata.reading.survey import take_sample
from nspdata.reading.units import expected_text_bytes
from nspdata.statistics import Statistics, merge, summarize_documents, summarize_reading, summarize_shard
from nspdata.statistics.checks import find_warnings
from nspdata.statistics.effects import check_settings
from nspdata.statistics.values import REJECTED, with_prefix
from nspdata.tokenization.encoded import TokenizedDocuments
from nspdata.tokenization.languages import Languages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nspdata.building.plan import BuildPlan
    from nspdata.files.local import Files
    from nspdata.reading import Source
    from nspdata.reading.documents import DocumentBatch, LongText
    from nspdata.reading.survey import Sample
    from nspdata.statistics.checks import DataWarning

READ_BYTES, KEPT_BYTES = 16_000_000, 2_000_000
"""Approximate maximum of text to read, and of text to tokenize: less than a second of work."""

MAX_DUPLICATES = 3
"""Maximum passes over the sample."""


def preflight(plan: BuildPlan, sources: Sequence[Source], files: Files, *, strict: bool = False) -> list[DataWarning]:
    """Checks a sample of the input.

    Args:
        plan: the build.
        sources: whole input files.
        files: the file system of the inputs.
        strict: every warning is a failure.

    Returns:
        The warnings, if none of them stops the build.

    Raises:
        ConfigError: a language code in the sample cannot be used.
        InputError: a figure is over a hard limit, with `strict` any figure is out of range, or the sample has no document.
    """
    sample = shortened(sample_of(plan, sources, files, read_bytes=READ_BYTES, kept_bytes=KEPT_BYTES), KEPT_BYTES)
    require_documents(sample, plan)
    found = check_sample(plan, sources, summarize_sample(plan, sample), whole=sample.whole)
    require_in_range(found, strict=strict)
    return found


def sample_of(plan: BuildPlan, sources: Sequence[Source], files: Files, *, read_bytes: int, kept_bytes: int) -> Sample:
    """Takes a sample, and checks the languages of its documents.

    Raises:
        ConfigError: a language code in the sample cannot be used.
    """
    languages = Languages.of(plan.config.sentences)
    sample = take_sample(
        sources,
        files,
        plan.config.input,
        expected_bytes=expected_text_bytes(sources),
        read_bytes=read_bytes,
        kept_bytes=kept_bytes,
        languages=languages,
    )
    if languages:
        languages.require_known()
    return sample


def shortened(sample: Sample, characters: int) -> Sample:
    """The sample with the beginnings of its long texts, so that one long document is not tokenized twice.

    A text whose beginning is white space stays as it is, and so do texts with given sentences.
    """
    batches = []
    for batch in sample.batches:
        if batch.long:
            batches.append(_beginning(batch, batch.long, characters))
            continue
        texts = [text[:characters] if text[:characters].strip() else text for text in batch.texts]
        same = batch.sentences is not None or texts == batch.texts
        batches.append(batch if same else dataclasses.replace(batch, texts=texts, utf8=None))
    whole = sample.whole and all(map(operator.is_, batches, sample.batches))
    return dataclasses.replace(sample, batches=batches, whole=whole)


def _beginning(batch: DocumentBatch, text: LongText, characters: int) -> DocumentBatch:
    """`shortened` for a batch of one long text: only its beginning is decoded."""
    found = ""
    for piece in text.pieces():
        found += piece
        if len(found) > characters:
            blank = found[:characters].isspace()
            return batch if blank else dataclasses.replace(batch, texts=[found[:characters]], utf8=None)
    return batch


def check_sample(
    plan: BuildPlan, sources: Sequence[Source], statistics: Statistics, *, whole: bool
) -> list[DataWarning]:
    """Evaluates every check on the settings and on the statistics of a sample; `whole`: the sample is all of the input."""
    strip_accents = plan.tokenizer_identity["strip_accents"]
    found = find_warnings(statistics, plan.config, strip_accents=strip_accents, whole=whole)
    return [*found, *check_settings(plan.config, frozenset(source.format for source in sources))]


def require_in_range(found: Sequence[DataWarning], *, strict: bool) -> None:
    """Stops a build before it starts.

    Raises:
        UnsoundInputError: a figure is over a hard limit, or with `strict` any figure is out of range; several are a list.
    """
    stopping = [warning for warning in found if warning.stops or strict]
    if not stopping:
        return
    others = [f"warning: {warning.message}" for warning in found if warning not in stopping]
    why = "--strict: every warning is a failure" if strict else "over a hard limit"
    lines = [*(warning.message for warning in stopping), *others]
    listed = lines[0] if len(lines) == 1 else "".join(f"\n  - {' '.join(line.splitlines())}" for line in lines)
    raise UnsoundInputError(f"the build stops before its work ({why}):{'' if len(lines) > 1 else ' '}{listed}")


def require_documents(sample: Sample, plan: BuildPlan) -> None:
    """Refuses an input without documents.

    Raises:
        InputError: the sample has no document.
    """
    if sample.batches:
        return
    reasons = with_prefix({name: round(count) for name, count in sample.counts.items()}, REJECTED)
    named = ", ".join(f"{count:,} times {REASONS.get(reason, reason)}" for reason, count in reasons.items())
    raise InputError(
        f"the input holds no document ({named or 'no records'}); the text was looked for in "
        f"{plan.config.input.text_field!r}: name its field or column with --text-field, or the format with --input-format"
    )


def summarize_sample(plan: BuildPlan, sample: Sample) -> Statistics:
    """Returns the statistics of a sample: of reading, and of one shard with all its documents."""
    encoder = encoder_of(plan)
    read, tokenized = ReadSummary(), []
    for batch in sample.batches:
        documents, part = tokenize_batch(plan, batch, encoder)
        read += part
        tokenized.append(documents)
    gathered = TokenizedDocuments.concatenate(tokenized, plan.vocabulary.dtype)
    documents, dropped = shard_documents(gathered, plan.config, plan.vocabulary)
    factor = min(plan.config.duplicate_factor, MAX_DUPLICATES)
    config = dataclasses.replace(plan.config, duplicate_factor=factor)
    try:
        rows, counts = build_instances(documents, config, plan.vocabulary, split=TRAIN, shard=0)
    except InputError:
        if sample.whole:
            raise
        built = Statistics(corpus=summarize_documents(documents, plan.vocabulary))  # too few documents for pairs
    else:
        built = summarize_shard(documents, rows, {**dropped, **counts}, plan.vocabulary, config)
    return merge(built, summarize_read(sample.counts, read))


def summarize_read(counts: Mapping[str, float], read: ReadSummary) -> Statistics:
    """Returns the statistics of reading: counts of all records, and the characters of the accepted documents."""
    return merge(read.statistics, summarize_reading({name: round(count) for name, count in counts.items()}))
