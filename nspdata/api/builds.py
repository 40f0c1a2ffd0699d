"""Tokenizer training, builds and their estimates."""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nspdata.api.datasets import open_dataset
from nspdata.api.inputs import as_paths, describe, named_paths
from nspdata.config.build import Config
from nspdata.config.keywords import nested_settings
from nspdata.config.parsing import from_dict
from nspdata.errors import BuildWarning, ConfigError, InputError, naming_extra

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from nspdata.api.datasets import Dataset
    from nspdata.api.inputs import Inputs
    from nspdata.building.estimate import Estimate


def build(  # noqa: PLR0913 - the options of the command
    inputs: Inputs,
    output: str | os.PathLike[str],
    *,
    tokenizer: str | os.PathLike[str],
    config: Config | str | os.PathLike[str] | Mapping[str, Any] | None = None,
    workers: int = 0,
    overwrite: bool = False,
    strict: bool = False,
    progress: bool = True,
    beam_options: Sequence[str] = (),
    **settings: Any,
) -> Dataset:
    """Builds a dataset of BERT pretraining rows; the same call again resumes an interrupted build.

    Figures out of range are given with `warnings.warn`, as `nspdata.BuildWarning`: those of a sample before the work, and at its end
    those that the sample did not show. `Dataset.warnings` has all of the finished dataset.

    Args:
        inputs: paths, URLs, texts, records, or a table; see `nspdata.Inputs`.
        output: the dataset directory to write, a path or a URL.
        tokenizer: a `vocab.txt`, a `tokenizer.json`, or a directory with one of them.
        config: settings as a `BuildConfig`, the path of a TOML file, or a mapping of tables.
        workers: processes of a local build; 0 takes one per CPU.
        overwrite: whether a different dataset in `output` is replaced.
        strict: whether any warning is an error: of the sample before the build, or of the finished dataset, which is kept.
        progress: whether progress is shown on stderr.
        beam_options: options for Apache Beam, such as `["--runner=DataflowRunner", ...]`.
        settings: settings by name, such as `max_seq_length=512` or `pairing__max_seq_length=512`; see docs/settings.md.

    Raises:
        ConfigError: a setting is wrong, or `output` holds another dataset.
        InputError: an input is missing or cannot be used, or a figure is over a hard limit (with `strict`, out of range).

    >>> import nspdata
    >>> dataset = nspdata.build("corpus.jsonl", "small", tokenizer="tokenizer", max_seq_length=64, seed=1, workers=1)
    >>> dataset.splits["train"].rows > 100
    True
    """
    resolved = build_config(config, settings)
    with naming_extra("nspdata.build"):
        _import_spacy(resolved)
        from nspdata.building.prepare import prepare
        from nspdata.files.any import AnyFiles
        from nspdata.files.options import configure
        from nspdata.pipelines.options import check, detached, local
        from nspdata.pipelines.run import run_build

    if named_paths(inputs) is None and not local(beam_options):
        raise ConfigError(
            "values in memory are built on this machine; write them to files that all workers reach, or use nspdata.beam.BuildShards"
        )
    configure(beam_options)
    check(beam_options)
    if detached(beam_options):
        raise ConfigError(
            "nspdata.build waits for its job and opens the dataset; submit one with the command `nspdata build`"
        )
    target = os.fspath(output)
    command = f"nspdata.build({describe(inputs)}, {target!r}, tokenizer={os.fspath(tokenizer)!r}, ...)"
    with as_paths(inputs, resolved.input, near=target) as paths:
        with _stderr(progress=progress):
            prepared = prepare(
                paths,
                target,
                os.fspath(tokenizer),
                resolved,
                AnyFiles(),
                command=command,
                overwrite=overwrite,
                local=local(beam_options),
                strict=strict,
            )
        for warning in prepared.warnings:
            warnings.warn(f"sample: {warning.message}", BuildWarning, stacklevel=2)
        with naming_extra("nspdata.build"), _stderr(progress=progress):
            run_build(prepared, beam_options, num_workers=workers)
    dataset = open_dataset(target)
    known = {warning.key for warning in prepared.warnings}
    for warning in dataset.warnings:
        if warning.key not in known and not warning.stops:
            warnings.warn(warning.message, BuildWarning, stacklevel=2)
    if failing := [warning for warning in dataset.warnings if warning.stops or strict]:
        raise InputError(f"{failing[0].message} (the dataset {target} is complete and is kept)")
    return dataset


def estimate(
    inputs: Inputs,
    *,
    tokenizer: str | os.PathLike[str],
    config: Config | str | os.PathLike[str] | Mapping[str, Any] | None = None,
    workers: int = 0,
    **settings: Any,
) -> Estimate:
    """What a build would give and cost, from a sample of the inputs; nothing is written.

    Args:
        inputs: paths, URLs, texts, records, or a table; see `nspdata.Inputs`.
        tokenizer: a `vocab.txt`, a `tokenizer.json`, or a directory with one of them.
        config: settings as a `BuildConfig`, the path of a TOML file, or a mapping of tables.
        workers: processes of the build; 0 takes one per CPU.
        settings: settings by name, as for `build`.

    Raises:
        ConfigError: a setting is wrong.
        InputError: an input is missing, or holds no document.

    >>> import nspdata
    >>> expected = nspdata.estimate("corpus.jsonl", tokenizer="tokenizer", max_seq_length=64)
    >>> expected.counts["rows"] > 100, expected.warnings
    (True, [...])
    """
    resolved = build_config(config, settings)
    with naming_extra("nspdata.estimate"):
        _import_spacy(resolved)
        from nspdata.building.estimate import estimate as estimated
        from nspdata.files.any import AnyFiles

    with as_paths(inputs, resolved.input) as paths:
        return estimated(paths, os.fspath(tokenizer), resolved, AnyFiles(), num_workers=workers)


@dataclass(frozen=True, slots=True)
class TrainedTokenizer(os.PathLike[str]):
    """A tokenizer that was trained; stands for its directory wherever a path is taken.

    Attributes:
        directory: holds `vocab.txt` and `tokenizer.json`; `transformers.AutoTokenizer` loads it.
        vocab_size: number of tokens.
        text_bytes: bytes of text that it was trained on.

    >>> TrainedTokenizer("tokenizer", vocab_size=30522, text_bytes=10**9)
    TrainedTokenizer(directory='tokenizer', vocab_size=30522, text_bytes=1000000000)
    """

    directory: str
    vocab_size: int
    text_bytes: int

    def __fspath__(self) -> str:
        return self.directory


def train_tokenizer(
    inputs: Inputs,
    output: str | os.PathLike[str],
    *,
    config: Config | str | os.PathLike[str] | Mapping[str, Any] | None = None,
    overwrite: bool = False,
    progress: bool = True,
    **settings: Any,
) -> TrainedTokenizer:
    """Trains a WordPiece vocabulary on a sample of the inputs.

    Args:
        inputs: paths, URLs, texts, records, or a table; see `nspdata.Inputs`.
        output: the directory to write.
        config: settings as a `BuildConfig`, the path of a TOML file, or a mapping of tables.
        overwrite: whether a tokenizer in `output` is replaced.
        progress: whether progress is shown on stderr if that is a terminal.
        settings: settings by name, such as `vocab_size=30522` or `lowercase="no"`; see docs/settings.md.

    Raises:
        ConfigError: a setting is wrong, or `output` holds a tokenizer or anything else.
        InputError: an input is missing, or holds no word.

    >>> import nspdata
    >>> nspdata.train_tokenizer("corpus.jsonl", "small-tokenizer", vocab_size=500).vocab_size
    500
    """
    import sys

    resolved = build_config(config, settings)
    with naming_extra("nspdata.train_tokenizer"):
        from nspdata.building.train_tokenizer import train_from_inputs
        from nspdata.files.any import AnyFiles

    target = os.fspath(output)
    with as_paths(inputs, resolved.input, near=target) as paths:
        trained = train_from_inputs(
            paths, target, resolved, AnyFiles(), overwrite=overwrite, show_progress=progress and sys.stderr.isatty()
        )
    return TrainedTokenizer(target, vocab_size=len(trained.wordpiece.vocabulary), text_bytes=trained.text_bytes)


def build_config(
    config: Config | str | os.PathLike[str] | Mapping[str, Any] | None, settings: Mapping[str, Any]
) -> Config:
    """The settings of a build from its arguments."""
    if isinstance(config, Config) and not settings:
        return config
    return from_dict(Config, nested_settings(Config, config, settings))


def _stderr(*, progress: bool) -> AbstractContextManager[object]:
    return contextlib.nullcontext() if progress else contextlib.redirect_stderr(io.StringIO())


def _import_spacy(config: Config) -> None:
    """Imports spaCy without torch, which only its pipelines need."""
    if not config.sentences.model:
        from nspdata.tokenization.sentences import import_spacy_alone

        import_spacy_alone()
