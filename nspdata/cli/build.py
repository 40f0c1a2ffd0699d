"""`nspdata build`."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nspdata.cli.beam_options import WithBeamOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nspdata.config.build import Config
    from nspdata.statistics.checks import DataWarning


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(cls=WithBeamOptions, options_metavar="[OPTIONS] [-- BEAM OPTIONS]")(build)


def build(
    context: typer.Context,
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="Files, directories, globs or URLs: .jsonl, .parquet, .arrow, .csv, .tsv, .txt, a save_to_disk directory; also .gz, .zst, .bz2.",
        ),
    ],
    output: Annotated[str, typer.Option("-o", "--output", metavar="OUT", help="The dataset directory to write.")],
    tokenizer: Annotated[
        str, typer.Option(metavar="PATH", help="A vocab.txt, a tokenizer.json, or a directory with one.")
    ],
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Settings as TOML.")] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="One setting, such as pairing.max_seq_length=512."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of pairs and masks (default 12345).")] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="Files of INPUT to skip; may be repeated.")
    ] = None,
    text_field: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[GLOB=]FIELD", help="Field of the text (default: text); repeat it with GLOB= for other files."
        ),
    ] = None,
    id_field: Annotated[
        list[str] | None, typer.Option(metavar="[GLOB=]FIELD", help="Field of the document's id (default: id).")
    ] = None,
    input_format: Annotated[
        str | None,
        typer.Option(
            help="jsonl, parquet, arrow, csv, tsv, text_document, text_line, text_sentence or dataset (default: by suffix)."
        ),
    ] = None,
    max_rejected: Annotated[
        str | None,
        typer.Option(help="Share of the records, and of the bytes, that may be rejected, such as 0.5% (default: 1%)."),
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes of a local build; 0: one per processor.", min=0)] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace another build in OUT.")] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Estimate from a sample; write nothing. Exit code 1 if the build would stop."),
    ] = False,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Fail on any warning: before the work on a sample, at the end on the whole."),
    ] = False,
) -> None:
    """Turns documents into shards of BERT pretraining data.

    A sample is checked first: over a hard limit the build stops before its work. Run the same command again to resume an
    interrupted build. Settings: docs/settings.md; warnings: docs/statistics.md.
    """
    settings = settings_of(context.params)
    if not settings.sentences.model:
        from nspdata.tokenization.sentences import import_spacy_alone

        import_spacy_alone()
    from nspdata.building.memory import peak_bytes
    from nspdata.building.prepare import prepare
    from nspdata.cli.layout import make_console, print_warnings
    from nspdata.cli.summary import cost_line, print_summary, read_result
    from nspdata.files.any import AnyFiles
    from nspdata.files.options import configure
    from nspdata.pipelines.options import check, local
    from nspdata.pipelines.run import Submitted, run_build

    configure(context.obj)
    check(context.obj, own=[name for param in context.command.params for name in param.opts])
    files = AnyFiles()
    if dry_run:
        from nspdata.cli.dry_run import print_estimate

        found = print_estimate(inputs, tokenizer, settings, files, workers=workers)
        raise typer.Exit(1 if any(warning.stops or strict for warning in found) else 0)
    command = shlex.join(["nspdata", *sys.argv[1:]])
    prepared = prepare(
        inputs,
        output,
        tokenizer,
        settings,
        files,
        command=command,
        overwrite=overwrite,
        local=local(context.obj),
        strict=strict,
    )
    print_warnings(make_console(stderr=True), prepared.warnings, of="sample")
    started = time.perf_counter()
    manifest = run_build(prepared, context.obj, num_workers=workers)
    if isinstance(manifest, Submitted):
        typer.echo(f"Submitted: {manifest.location}. The job writes {output}; its manifest.json comes last.")
        return
    statistics, found = read_result(prepared.plan.output, manifest, files)
    if prepared.manifest:
        typer.echo(f"{output} already holds this dataset; nothing to do (--overwrite builds it again).")
        print_warnings(make_console(), found)
    else:
        seconds = time.perf_counter() - started
        peak = peak_bytes() if local(context.obj) else 0
        cost = cost_line(seconds, manifest.counts["read"]["text_bytes"], peak)
        print_summary(prepared.plan.output, manifest, statistics, found, cost=cost)
    _require_in_range(output, found, strict=strict)


def settings_of(values: Mapping[str, Any]) -> Config:
    """Returns the settings that are set by options of `build`, by the names of its parameters."""
    from nspdata.config.build import load_config
    from nspdata.config.parsing import share

    flags = {
        "seed": values["seed"],
        "input.exclude": _joined(values["exclude"]),
        "input.text_field": _joined(values["text_field"]),
        "input.id_field": _joined(values["id_field"]),
        "input.format": values["input_format"],
        "input.max_rejected": share(values["max_rejected"]),
    }
    return load_config(values["config"], values["assignments"] or [], flags)


def _joined(values: Sequence[str] | None) -> str | None:
    return ",".join(values) if values else None


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
