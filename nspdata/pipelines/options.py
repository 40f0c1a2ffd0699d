"""Beam's options: unknown options are refused, and the runner is created before anything is written."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import logging
import shutil
from typing import TYPE_CHECKING, Any

from nspdata.config.build import Config
from nspdata.config.parsing import flat
from nspdata.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from apache_beam.options.pipeline_options import PipelineOptions

LOCAL_RUNNER = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
"""Beam's in-process engine. `DirectRunner` is not used, because it tries to download another engine at every start."""

LOCAL_RUNNERS = (
    "",
    "DirectRunner",
    "FnApiRunner",
    "BundleBasedDirectRunner",
    "SwitchingDirectRunner",
    "InteractiveRunner",
)

BEAM_HERE = ("", "DirectRunner", "FnApiRunner", "SwitchingDirectRunner")
"""Those that start worker processes with `--direct_running_mode=multi_processing`."""

SERVED = ("PortableRunner", "FlinkRunner", "SparkRunner", "PrismRunner")
"""Runners whose job server has additional options that only the server knows."""

NO_WAIT = "--no_wait"
"""The option of nspdata among Beam's options: submit the job and return."""

DRY_RUN = "nothing was submitted, the job was only translated (--dry_run)"

JOB_SERVER_SECONDS = 10
"""How long a job server may take to answer, without `--job_server_timeout`."""

ALIKE = 0.8
"""Similarity to a known option from which an unknown option is treated as a typing error, even if a job server may know it."""


def local(beam_options: Sequence[str]) -> bool:
    """Whether nspdata's own processes do the work: the options name neither a runner nor a Beam mode with several processes.

    >>> local([]), local(["--runner=DataflowRunner"]), local(["--direct_running_mode=multi_processing"])
    (True, False, False)
    """
    return not named(beam_options, "runner") and not named(beam_options, "direct_running_mode")


def named(beam_options: Sequence[str], name: str) -> str:
    """Returns the value of an option, or "".

    >>> named(["--runner", "FlinkRunner"], "runner"), named(["--runner=X"], "runner"), named([], "runner")
    ('FlinkRunner', 'X', '')
    """
    for index, option in enumerate(beam_options):
        key, separator, value = option.partition("=")
        if key == f"--{name}":
            return value if separator else next(iter(beam_options[index + 1 : index + 2]), "")
    return ""


def detached(beam_options: Sequence[str]) -> str:
    """Describes where a job runs if the launcher does not wait for it; "" if the launcher waits.

    Raises:
        ConfigError: the engine would end with the launcher.
    """
    if place := named(beam_options, "template_location"):
        return f"the template is {place}; run it with `gcloud dataflow jobs run`"
    if any(option.partition("=")[0] == "--dry_run" and not option.endswith("=False") for option in beam_options):
        return DRY_RUN
    if NO_WAIT not in beam_options:
        return ""
    runner = named(beam_options, "runner").rpartition(".")[2]
    if runner in LOCAL_RUNNERS:
        raise ConfigError(
            f"{NO_WAIT} needs a runner that outlives this process, not {runner or 'the local engine'}; name one with --runner"
        )
    return f"the job runs on {runner}"


def log_level(beam_options: Sequence[str]) -> int:
    """Returns the level from which Beam's own logs are shown: all of a cluster's (job id, state), warnings of an engine here.

    >>> log_level(["--runner=DataflowRunner"]), log_level(["--runner=FnApiRunner"])
    (20, 30)
    """
    runner = named(beam_options, "runner").rpartition(".")[2]
    return logging.WARNING if runner in LOCAL_RUNNERS else logging.INFO


def pipeline_options(beam_options: Sequence[str]) -> PipelineOptions:
    """Returns the checked options of a pipeline.

    Raises:
        ConfigError: an option is unknown, or has a wrong value.
    """
    from apache_beam.options.pipeline_options import PipelineOptions

    check(beam_options)
    if "--no_auth" in beam_options:
        _without_credentials()
    given = [option for option in beam_options if option != NO_WAIT]
    added, runner = [], named(beam_options, "runner")
    if named(beam_options, "direct_running_mode") == "multi_processing" and runner.rpartition(".")[2] in BEAM_HERE:
        added = ["--runner=nspdata.pipelines.local_runner.LocalRunner"]
    elif not runner:
        added = [f"--runner={LOCAL_RUNNER}"]
    elif runner.rpartition(".")[2] in {"DirectRunner", "SwitchingDirectRunner"}:
        # No effect without triggers, but it prevents a download of Prism, Beam's other runner.
        added = ["--allow_unsafe_triggers"]
    return PipelineOptions([*given, *added], save_main_session=False)


def _without_credentials() -> None:
    """Prevents Beam from searching for Google credentials with --no_auth, which would take about 20 seconds."""
    with contextlib.suppress(ImportError, AttributeError):
        from apache_beam.internal.gcp import auth

        auth._Credentials._credentials_init = True  # noqa: SLF001 - Beam's filesystem ignores --no_auth


def check(beam_options: Sequence[str], *, own: Iterable[str] = ()) -> None:
    """Refuses options that neither Beam nor nspdata knows, and creates an empty pipeline to detect a wrong runner.

    Args:
        beam_options: options for Beam.
        own: options of the command, for the hint.

    Raises:
        ConfigError: an option is unknown, has a wrong value, the runner does not exist, or no job server answers.
    """
    if not beam_options:
        return
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    parser = _parser()
    given = [option for option in beam_options if option != NO_WAIT]
    try:
        _, unknown = parser.parse_known_args(given)
    except _RefusedError as error:
        raise ConfigError(
            f"Beam refuses {' '.join(beam_options)!r}: {error}; see Beam's documentation of its options"
        ) from error
    known = sorted({*_names(parser), NO_WAIT, *own})
    served = named(beam_options, "runner").rpartition(".")[2] in SERVED
    for option in unknown:
        _refuse(option, known, served=served)
    detached(beam_options)
    options = PipelineOptions(given, save_main_session=False)
    try:
        empty = beam.Pipeline(options=options)
        shutil.rmtree(empty.local_tempdir, ignore_errors=True)
    except (ValueError, AttributeError, ImportError) as error:
        text = " ".join(str(error).split())
        raise ConfigError(
            f"Beam refuses {' '.join(beam_options)!r}: {text}; see Beam's documentation of its options"
        ) from error
    _find_job_server(options, beam_options)


def _find_job_server(options: PipelineOptions, beam_options: Sequence[str]) -> None:
    """Waits for the job server of a portable runner, which Beam does only after the work of the launcher, for 300 seconds.

    Raises:
        ConfigError: nothing answers there.
    """
    from apache_beam.options.pipeline_options import PortableOptions

    portable = options.view_as(PortableOptions)
    if not portable.job_endpoint or portable.job_endpoint == "embed":
        return
    import grpc

    given = named(beam_options, "job_server_timeout") or named(beam_options, "job-server-timeout")
    seconds = portable.job_server_timeout if given else JOB_SERVER_SECONDS
    with grpc.insecure_channel(portable.job_endpoint) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=seconds)
        except grpc.FutureTimeoutError:
            raise ConfigError(
                f"no job server answers at {portable.job_endpoint} within {seconds} seconds; start it, correct --job_endpoint, "
                "or wait longer with --job_server_timeout=SECONDS"
            ) from None


def _refuse(option: str, known: Sequence[str], *, served: bool) -> None:
    name = option.partition("=")[0]
    if not option.startswith("-"):
        if not served:
            raise ConfigError(f"{option!r} is neither an option nor the value of one; write --NAME=VALUE")
        return
    last, flag = name.lstrip("-").replace("-", "_"), name.replace("_", "-")
    settings = [key for key in flat(Config().to_dict()) if key.rpartition(".")[2] == last]
    if settings and "--set" in known and flag not in known:
        hint = " or ".join(f"--set {key}=VALUE" for key in settings)
        raise ConfigError(f"unknown option {name}: this is a setting; write {hint}, before -- if there is one")
    near = difflib.get_close_matches(name.replace("-", "_"), known, n=1, cutoff=ALIKE if served else 0.6)
    near = near or difflib.get_close_matches(name, known, n=1, cutoff=ALIKE if served else 0.6)
    if near or not served:
        hint = f"did you mean {near[0]}?" if near else "see --help and Beam's documentation of its options"
        raise ConfigError(f"unknown option {name}: neither nspdata nor this runner of Beam knows it; {hint}")


class _RefusedError(Exception):
    """Raised instead of an exit of Beam's parser."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise _RefusedError(message)


def _parser() -> argparse.ArgumentParser:
    """A parser of all options that Beam declares; it raises an exception instead of exiting the process."""
    from apache_beam.options import pipeline_options as declared

    parser = _Parser(allow_abbrev=False, conflict_handler="resolve", add_help=False)
    for options in _subclasses(declared.PipelineOptions):
        options._add_argparse_args(parser)  # noqa: SLF001 - the method with which Beam's classes declare options
    return parser


def _subclasses(kind: Any) -> Iterator[Any]:
    for subclass in kind.__subclasses__():
        if "_add_argparse_args" in vars(subclass):
            yield subclass
        yield from _subclasses(subclass)


def _names(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:  # noqa: SLF001 - argparse has no public list of its options
        yield from action.option_strings
