"""Builds and their estimates."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any

from nspdata.api.datasets import open_dataset
from nspdata.api.inputs import as_paths, describe
from nspdata.api.runs import RunOptions, leave_torch_out, run
from nspdata.config.build import Config
from nspdata.config.keywords import nested_settings
from nspdata.config.parsing import from_dict
from nspdata.errors import BuildWarning, ConfigError, InputError, naming_extra

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nspdata.api.datasets import Dataset
    from nspdata.api.inputs import Inputs
    from nspdata.building.estimate import Estimate
    from nspdata.pipelines.run import Submitted
    from nspdata.statistics.checks import DataWarning


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
    target = os.fspath(output)
    known: set[str] = set()

    def warn_of_sample(found: Sequence[DataWarning]) -> None:
        for warning in found:
            known.add(warning.key)
            warnings.warn(f"sample: {warning.message}", BuildWarning, stacklevel=4)

    options = RunOptions(
        workers=workers,
        overwrite=overwrite,
        strict=strict,
        progress=progress,
        on_sample=warn_of_sample,
        beam_options=beam_options,
        command=f"nspdata.build({describe(inputs)}, {target!r}, tokenizer={os.fspath(tokenizer)!r}, ...)",
    )
    _require_waiting(beam_options)
    resolved = build_config(config, settings)
    with naming_extra("nspdata.build"):
        run(inputs, target, tokenizer, resolved, options)
    dataset = open_dataset(target)
    _report_warnings(dataset, target, known, strict=strict)
    return dataset


def _report_warnings(dataset: Dataset, output: str, known: set[str], *, strict: bool) -> None:
    """Warns of the figures of a finished dataset that are out of range, except the known ones; fails over a hard limit."""
    for warning in dataset.warnings:
        if warning.key not in known and not warning.stops:
            warnings.warn(warning.message, BuildWarning, stacklevel=3)
    if failing := [warning for warning in dataset.warnings if warning.stops or strict]:
        raise InputError(f"{failing[0].message} (the dataset {output} is complete and is kept)")


def submit(  # noqa: PLR0913 - the options of the command
    inputs: Inputs,
    output: str | os.PathLike[str],
    *,
    tokenizer: str | os.PathLike[str],
    beam_options: Sequence[str],
    config: Config | str | os.PathLike[str] | Mapping[str, Any] | None = None,
    overwrite: bool = False,
    strict: bool = False,
    **settings: Any,
) -> Submitted:
    """Starts a build on a cluster and returns; the dataset is complete when its `manifest.json` exists.

    Args:
        inputs: paths or URLs that all workers reach.
        output: the dataset directory to write, a URL.
        tokenizer: a `vocab.txt`, a `tokenizer.json`, or a directory with one of them.
        beam_options: options for Apache Beam, which name a runner other than the local ones; `--no_wait` is added.
        config: settings as a `BuildConfig`, the path of a TOML file, or a mapping of tables.
        overwrite: whether a different dataset in `output` is replaced.
        strict: whether any warning of the sample is an error.
        settings: settings by name, as for `build`.

    Raises:
        ConfigError: a setting or option is wrong, or the runner ends with this process.
        InputError: an input is missing or cannot be used.

    >>> import nspdata
    >>> dataflow = ["--runner=DataflowRunner", "--project=P", "--region=R", "--temp_location=gs://bucket/tmp"]
    >>> nspdata.submit("gs://corpus/*.jsonl", "gs://bucket/data", tokenizer="tokenizer", beam_options=dataflow)  # doctest: +SKIP
    Submitted(location='the job runs on DataflowRunner (job 2026-01-31_...)')
    """
    from nspdata.pipelines.options import NO_WAIT, detached

    waits = not detached(beam_options)
    options = RunOptions(
        overwrite=overwrite,
        strict=strict,
        beam_options=[*beam_options, *([NO_WAIT] if waits else [])],
        command=f"nspdata.submit({describe(inputs)}, {os.fspath(output)!r}, tokenizer={os.fspath(tokenizer)!r}, ...)",
    )
    resolved = build_config(config, settings)
    with naming_extra("nspdata.submit"):
        built = run(inputs, output, tokenizer, resolved, options)
    if built.submitted is None:
        raise ConfigError(f"{built.output} already holds this dataset; open it with nspdata.open_dataset")
    return built.submitted


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
        leave_torch_out(resolved)
        from nspdata.building.estimate import estimate as estimated
        from nspdata.files.any import AnyFiles

    with as_paths(inputs, resolved.input, language_field=resolved.sentences.language_field) as paths:
        return estimated(paths, os.fspath(tokenizer), resolved, AnyFiles(), num_workers=workers)


def build_config(
    config: Config | str | os.PathLike[str] | Mapping[str, Any] | None, settings: Mapping[str, Any]
) -> Config:
    """The settings of a build from its arguments."""
    if isinstance(config, Config) and not settings:
        return config
    return from_dict(Config, nested_settings(Config, config, settings))


def _require_waiting(beam_options: Sequence[str]) -> None:
    from nspdata.pipelines.options import detached

    if detached(beam_options):
        raise ConfigError("nspdata.build waits for its job and opens the dataset; use nspdata.submit to return at once")
