"""How builds and tokenizer trainings are run, for `nspdata.build` and for the commands."""

from __future__ import annotations

import contextlib
import io
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nspdata.api.inputs import as_paths, named_paths
from nspdata.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from nspdata.api.inputs import Inputs
    from nspdata.building.prepare import Prepared
    from nspdata.building.train_tokenizer import Training
    from nspdata.config.build import Config
    from nspdata.dataset.manifest import Manifest
    from nspdata.pipelines.run import Submitted
    from nspdata.statistics import Statistics
    from nspdata.statistics.checks import DataWarning


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How a build is run; nothing here changes a byte of the dataset.

    Attributes:
        workers: processes of a local build; 0 takes one per CPU.
        overwrite: whether a different dataset in the output directory is replaced.
        strict: whether any warning is an error.
        progress: whether progress is shown on stderr.
        beam_options: options for Apache Beam.
        command: the command or call, for the dataset card.
        on_sample: called with the warnings of the sample, before the build.
        light: whether libraries are imported without what a local build does not use, because the process ends with the build.
        on_note: called before work that takes long, with a sentence about it: loops are compiled, or the fast encoder does not apply.
    """

    workers: int = 0
    overwrite: bool = False
    strict: bool = False
    progress: bool = True
    beam_options: Sequence[str] = ()
    command: str = ""
    on_sample: Callable[[Sequence[DataWarning]], None] | None = None
    light: bool = False
    on_note: Callable[[str], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A finished build, or a submitted one.

    Attributes:
        output: the dataset directory.
        manifest: of the dataset; None if the job was submitted and not waited for.
        submitted: the job, if it was not waited for.
        unchanged: whether the directory already held this dataset, so that nothing was done.
        seconds: wall time.
    """

    output: str
    manifest: Manifest | None
    submitted: Submitted | None = None
    unchanged: bool = False
    seconds: float = 0.0

    def result(self) -> tuple[Statistics, list[DataWarning]]:
        """The statistics of the dataset, and its warnings."""
        from nspdata.config.build import Config
        from nspdata.config.parsing import from_dict
        from nspdata.dataset.manifest import STATISTICS
        from nspdata.files.any import AnyFiles
        from nspdata.files.local import join
        from nspdata.statistics import from_json
        from nspdata.statistics.checks import find_warnings

        assert self.manifest is not None
        path = join(self.output, STATISTICS)
        with AnyFiles().open(path) as stream:
            statistics = from_json(stream.read(), name=path)
        config = from_dict(Config, self.manifest.config)
        found = find_warnings(statistics, config, strip_accents=self.manifest.tokenizer["strip_accents"])
        return statistics, found


def run(
    inputs: Inputs,
    output: str | os.PathLike[str],
    tokenizer: str | os.PathLike[str],
    config: Config,
    options: RunOptions,
) -> Built:
    """Builds a dataset, or submits the build if Beam's options say not to wait.

    Args:
        inputs: see `nspdata.Inputs`.
        output: the dataset directory.
        tokenizer: a `vocab.txt`, a `tokenizer.json`, or a directory with one of them.
        config: the settings.
        options: how the build is run.

    Raises:
        ConfigError: a setting or option is wrong, or `output` holds another dataset.
        InputError: an input cannot be used, or a figure of the sample is over a limit.
    """
    from nspdata.pipelines.light import collection_paused

    target = os.fspath(output)
    with contextlib.ExitStack() as stack:
        with collection_paused() if options.light else contextlib.nullcontext():
            _import_libraries(config, options)
            from nspdata.building.encoders import slow_note
            from nspdata.pipelines.run import Submitted, run_build

            check_options(inputs, options.beam_options)
            started = time.perf_counter()
            field = config.sentences.language_field
            paths = stack.enter_context(as_paths(inputs, config.input, near=target, language_field=field))
            prepared = _prepared(paths, target, os.fspath(tokenizer), config, options)
        if options.on_sample:
            options.on_sample(prepared.warnings)
        if options.on_note and not prepared.manifest and (note := slow_note(prepared.plan)):
            options.on_note(note)
        with _stderr(progress=options.progress):
            done = run_build(prepared, options.beam_options, num_workers=options.workers)
    return Built(
        output=prepared.plan.output,
        manifest=None if isinstance(done, Submitted) else done,
        submitted=done if isinstance(done, Submitted) else None,
        unchanged=prepared.manifest is not None,
        seconds=time.perf_counter() - started,
    )


def _import_libraries(config: Config, options: RunOptions) -> None:
    if options.light:
        from nspdata.pipelines.light import import_arrays_alone

        import_arrays_alone()
    leave_torch_out(config, private=options.light)


def _prepared(paths: Sequence[str], output: str, tokenizer: str, config: Config, options: RunOptions) -> Prepared:
    from nspdata.building.prepare import prepare
    from nspdata.files.any import AnyFiles
    from nspdata.pipelines.options import local

    with _stderr(progress=options.progress):
        return prepare(
            paths,
            output,
            tokenizer,
            config,
            AnyFiles(),
            command=options.command,
            overwrite=options.overwrite,
            local=local(options.beam_options),
            strict=options.strict,
            on_note=options.on_note,
        )


def run_tokenizer_training(
    inputs: Inputs, output: str | os.PathLike[str], config: Config, options: RunOptions, *, progress: bool = False
) -> Training | Submitted | None:
    """Trains a tokenizer here, or on a worker of the runner that Beam's options name.

    Returns:
        The training; the submitted job if it was not waited for; None if a worker trained.

    Raises:
        ConfigError: an option is wrong, or `output` must not be written.
        InputError: an input cannot be used.
    """
    from nspdata.building.train_tokenizer import check_tokenizer_directory, train_from_inputs
    from nspdata.files.any import AnyFiles
    from nspdata.pipelines.options import local

    check_options(inputs, options.beam_options)
    target, files = os.fspath(output), AnyFiles()
    check_tokenizer_directory(target, files, overwrite=options.overwrite)
    with as_paths(inputs, config.input, near=target) as paths:
        if local(options.beam_options):
            return train_from_inputs(paths, target, config, files, overwrite=options.overwrite, show_progress=progress)
        from nspdata.pipelines.run import run_pipeline
        from nspdata.pipelines.tokenizer import tokenizer_pipeline

        return run_pipeline(lambda pipeline: tokenizer_pipeline(pipeline, paths, target, config), options.beam_options)


def check_options(inputs: Inputs, beam_options: Sequence[str]) -> None:
    """Checks Beam's options, and passes those of file systems on.

    Raises:
        ConfigError: an option is unknown or wrong, or the inputs are values that remote workers cannot read.
    """
    from nspdata.files.options import configure
    from nspdata.pipelines.options import check, local

    if named_paths(inputs) is None and not local(beam_options):
        raise ConfigError(
            "values in memory are built on this machine, without a runner; write them to files that all workers can read, or use nspdata.beam.BuildShards"
        )
    configure(beam_options)
    check(beam_options)


def leave_torch_out(config: Config, *, private: bool = False) -> None:
    """Lets spaCy be imported without torch, which only its pipelines need; see `spacy_import.leave_torch_out`."""
    if not config.sentences.model:
        from nspdata.tokenization import spacy_import

        spacy_import.leave_torch_out(private=private)


def _stderr(*, progress: bool) -> AbstractContextManager[object]:
    return contextlib.nullcontext() if progress else contextlib.redirect_stderr(io.StringIO())
