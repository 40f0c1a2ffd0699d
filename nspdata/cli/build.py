"""`nspdata build`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core

if TYPE_CHECKING:
    from nspdata.building.prepare import Prepared
    from nspdata.dataset.manifest import Manifest


class WithBeamOptions(typer.core.TyperCommand):
    """A command whose arguments after `--` are Beam's."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keeps what follows `--` in the context."""
        own, beam_options = args, []
        if "--" in args:
            cut = args.index("--")
            own, beam_options = args[:cut], args[cut + 1 :]
        ctx.obj = beam_options
        return super().parse_args(ctx, own)


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
    text_field: Annotated[str | None, typer.Option(help="Field of the text (default: text).")] = None,
    id_field: Annotated[str | None, typer.Option(help="Field of the document's id (default: id).")] = None,
    input_format: Annotated[
        str | None,
        typer.Option(
            help="jsonl, parquet, arrow, csv, tsv, text_document, text_line, text_sentence or dataset (default: by suffix)."
        ),
    ] = None,
    max_rejected: Annotated[
        str | None, typer.Option(help="Share of records that may be rejected, like 0.5% (default: 1%).")
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes of a local build; 0: one a processor.", min=0)] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace another build in OUT.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read a sample; print what to expect; write nothing.")
    ] = False,
) -> None:
    """Turns documents into shards of BERT pretraining data.

    The same command again goes on where an interrupted one stopped. Settings: docs/settings.md.
    """
    from nspdata.config.build import load_config
    from nspdata.config.parsing import share

    flags = {
        "seed": seed,
        "input.text_field": text_field,
        "input.id_field": id_field,
        "input.format": input_format,
        "input.max_rejected": share(max_rejected),
    }
    settings = load_config(config, assignments or [], flags)
    if not settings.sentences.model:
        from nspdata.tokenization.sentences import import_spacy_alone

        import_spacy_alone()
    from nspdata.building.prepare import prepare
    from nspdata.files.any import Places
    from nspdata.pipelines.run import run_build

    files = Places()
    if dry_run:
        from nspdata.cli.dry_run import print_estimate

        print_estimate(inputs, tokenizer, settings, files, workers=workers)
        return
    command = shlex.join(["nspdata", *sys.argv[1:]])
    prepared = prepare(inputs, output, tokenizer, settings, files, command=command, overwrite=overwrite)
    manifest = run_build(prepared, context.obj, num_workers=workers)
    _print_summary(prepared, manifest)


def _print_summary(prepared: Prepared, manifest: Manifest) -> None:
    from rich.console import Console
    from rich.table import Table

    console, output = Console(highlight=False), prepared.plan.output
    if prepared.manifest:
        console.print(
            f"{output} already holds this very dataset; nothing to do (--overwrite builds it anew).", soft_wrap=True
        )
        return
    table = Table(title=f"Built {output}", title_justify="left", show_header=True)
    for column in ("split", "shards", "rows", "tokens", "MB"):
        table.add_column(column, justify="left" if column == "split" else "right")
    for split, entries in manifest.splits.items():
        rows, tokens, size = (sum(getattr(entry, key) for entry in entries) for key in ("rows", "tokens", "bytes"))
        table.add_row(split, f"{len(entries):,}", f"{rows:,}", f"{tokens:,}", f"{size / 1e6:,.1f}")
    console.print(table)
    for line in _account(manifest):
        console.print(line, soft_wrap=True)
    place = shlex.quote(output)
    console.print(
        f"Look at it:  nspdata show {place}   nspdata stats {place}   nspdata validate {place}", soft_wrap=True
    )


def _account(manifest: Manifest) -> list[str]:
    read, built = manifest.counts["read"], manifest.counts["built"]
    rejected = sum(read["rejected"].values())
    lines = [
        (
            f"{read['documents']:,} documents ({read['text_bytes'] / 1e6:,.1f} MB of text), {built['sentences']:,} sentences, "
            f"{built['tokens']:,} tokens read; {built['duplicates_dropped']:,} exact duplicates dropped, "
            f"{built.get('forced_negatives', 0):,} forced negatives made up for."
        )
    ]
    if rejected:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in read["rejected"].items())
        lines.append(f"{rejected:,} of {read['records']:,} records rejected ({reasons}): see rejected/.")
    return lines
