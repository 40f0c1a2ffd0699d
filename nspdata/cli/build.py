"""`nspdata build`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nspdata.cli.beam_options import WithBeamOptions, beam_options_of
from nspdata.cli.input_options import Exclude, IdField, InputFormat, TextField, input_flags

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nspdata.api.runs import Built
    from nspdata.config.build import Config
    from nspdata.statistics.checks import DataWarning


Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT...",
        help="Files, directories, globs or URLs: .jsonl, .parquet, .arrow, .csv, .tsv, .txt, a save_to_disk directory; also .gz, .zst, .bz2.",
    ),
]
Output = Annotated[str, typer.Option("-o", "--output", metavar="OUT", help="The dataset directory to write.")]
Tokenizer = Annotated[str, typer.Option(metavar="PATH", help="A vocab.txt, a tokenizer.json, or a directory with one.")]
ConfigFile = Annotated[Path | None, typer.Option(metavar="FILE", help="Settings as TOML.")]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="One setting, such as pairing.max_seq_length=512."),
]
Seed = Annotated[int | None, typer.Option(help="Seed of pairs and masks (default 12345).")]
MaxRejected = Annotated[
    str | None,
    typer.Option(help="Share of the records, and of the bytes, that may be rejected, such as 0.5% (default: 1%)."),
]
Workers = Annotated[int, typer.Option(help="Processes of a local build; 0: one per processor.", min=0)]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace another build in OUT.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Estimate from a sample; write nothing. Exit code 1 if the build would stop.")
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Fail on any warning: before the work on a sample, at the end on the whole.")
]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(cls=WithBeamOptions, options_metavar="[OPTIONS] [-- BEAM OPTIONS]")(build)


def build(
    context: typer.Context,
    inputs: Inputs,
    output: Output,
    tokenizer: Tokenizer,
    config: ConfigFile = None,
    assignments: Assignments = None,
    seed: Seed = None,
    exclude: Exclude = None,
    text_field: TextField = None,
    id_field: IdField = None,
    input_format: InputFormat = None,
    max_rejected: MaxRejected = None,
    workers: Workers = 0,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    strict: Strict = False,
) -> None:
    """Turns documents into shards of BERT pretraining data.

    A sample is checked first: over a hard limit the build stops before its work. Run the same command again to resume an
    interrupted build. Settings: docs/settings.md; warnings: docs/statistics.md.
    """
    settings, beam_options = settings_of(context.params), beam_options_of(context)
    from nspdata.api.inputs import FileName

    files = [FileName(name) for name in inputs]
    if dry_run:
        from nspdata.api.builds import estimate
        from nspdata.cli.dry_run import print_estimate

        estimated = estimate(files, tokenizer=tokenizer, config=settings, workers=workers)
        print_estimate(estimated, settings)
        raise typer.Exit(1 if any(warning.stops or strict for warning in estimated.warnings) else 0)
    from nspdata.api.runs import RunOptions, run
    from nspdata.cli.layout import make_console, print_note, print_warnings
    from nspdata.pipelines.options import local

    options = RunOptions(
        workers=workers,
        overwrite=overwrite,
        strict=strict,
        beam_options=beam_options,
        command=shlex.join(["nspdata", *sys.argv[1:]]),
        light=True,
        on_sample=lambda found: print_warnings(make_console(stderr=True), found, of="sample"),
        on_note=lambda note: print_note(make_console(stderr=True), note),
    )
    found = print_built(run(files, output, tokenizer, settings, options), local=local(beam_options))
    _require_in_range(output, found, strict=strict)


def print_built(built: Built, *, local: bool) -> list[DataWarning]:
    """Prints the summary of a build and returns its warnings.

    Args:
        built: the build.
        local: whether it ran on this machine, so that its memory is known.
    """
    from nspdata.building.memory import peak_bytes
    from nspdata.cli.layout import make_console, print_warnings
    from nspdata.cli.summary import cost_line, print_summary

    if built.manifest is None:
        title = built.submitted.title if built.submitted else ""
        typer.echo(f"{title[:1].upper()}{title[1:]}. The job writes {built.output}; its manifest.json comes last.")
        return []
    statistics, found = built.result()
    if built.unchanged:
        typer.echo(f"{built.output} already holds this dataset; nothing to do (--overwrite builds it again).")
        print_warnings(make_console(), found)
    else:
        cost = cost_line(built.seconds, built.manifest.counts["read"]["text_bytes"], peak_bytes() if local else 0)
        print_summary(built.output, built.manifest, statistics, found, cost=cost)
    return found


def settings_of(values: Mapping[str, Any]) -> Config:
    """Returns the settings that are set by options of `build`, by the names of its parameters."""
    from nspdata.config.build import load_config
    from nspdata.config.parsing import share

    flags = {
        "seed": values["seed"],
        **input_flags(**{name: values[name] for name in ("exclude", "text_field", "id_field", "input_format")}),
        "input.max_rejected": share(values["max_rejected"]),
    }
    return load_config(values["config"], values["assignments"] or [], flags)


def _require_in_range(output: str, found: Sequence[DataWarning], *, strict: bool) -> None:
    """Fails if a figure is over a hard limit, or with `strict` if any is out of range; the dataset is kept."""
    failing = [warning.key for warning in found if warning.stops or strict]
    if failing:
        why = "--strict" if strict else "over a hard limit"
        typer.echo(
            f"nspdata: {', '.join(failing)}: out of range ({why}); the dataset {output} is complete and is kept",
            err=True,
        )
        raise typer.Exit(1)
