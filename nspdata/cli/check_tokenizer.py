"""`nspdata check-tokenizer`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from nspdata.cli.input_options import Exclude, IdField, InputFormat, TextField, input_flags

SHOWN_CHARACTERS = 20


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("check-tokenizer")(check_tokenizer)


def check_tokenizer(
    tokenizer: Annotated[str, typer.Argument(metavar="PATH", help="A vocab.txt, a tokenizer.json, or a directory.")],
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT...", help="Files, directories, globs or URLs, as for build.")
    ],
    sample_bytes: Annotated[int, typer.Option(help="Bytes of text to look at, at most.")] = 10_000_000,
    exclude: Exclude = None,
    text_field: TextField = None,
    id_field: IdField = None,
    input_format: InputFormat = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Settings as TOML.")] = None,
    assignments: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Checks that a vocabulary fits a corpus: [UNK], tokens per word, letters that accent stripping changes. Exit code 1 if not."""
    from nspdata.api.inputs import FileName
    from nspdata.api.tokenizers import check_tokenizer as check
    from nspdata.config.build import load_config

    flags = input_flags(exclude=exclude, text_field=text_field, id_field=id_field, input_format=input_format)
    settings = load_config(config, assignments or [], flags)
    found = check(tokenizer, [FileName(name) for name in inputs], config=settings, sample_bytes=sample_bytes)
    if as_json:
        typer.echo(json.dumps(found.to_json(), indent=1, ensure_ascii=True))
    else:
        _print(found.to_json())
    for problem in found.problems:
        typer.echo(problem.message, err=True)
    raise typer.Exit(0 if found.fits else 1)


def _print(result: dict[str, Any]) -> None:
    casing = "lower-cased" if result["lowercase"] else "cased"
    accents = "accents stripped" if result["strip_accents"] else "accents kept"
    typer.echo(f"texts           {result['texts']:,} ({result['tokens']:,} tokens, {casing}, {accents})")
    typer.echo(f"[UNK] share     {result['unknown_share']:.3%}  (at most {result['max_unknown']:.1%})")
    typer.echo(f"tokens per word {result['tokens_per_word']:.3f}  (at most {result['max_tokens_per_word']:.2f})")
    typer.echo(
        f"letters changed {result['stripped_share']:.3%}  (accents stripped; at most {result['max_stripped_share_per_script']:.0%} of a script)"
    )
    if not result["fast"]:
        typer.echo(
            f"encoder         `tokenizers`, as the files say; the fast encoder does not apply: {result['reason']}"
        )
    typer.echo(f"result          {'fits' if result['fits'] else 'does not fit'}")
    unwritable = result["unwritable"]
    for entry in unwritable[:SHOWN_CHARACTERS]:
        character = entry["character"]
        typer.echo(
            f"cannot write    {_visible(character)}  U+{ord(character):04X}  {entry['count']:,} times, as in {_visible(entry['example'])}"
        )
    if len(unwritable) > SHOWN_CHARACTERS:
        typer.echo(
            f"                and {len(unwritable) - SHOWN_CHARACTERS:,} characters more (all of them with --json)"
        )


def _visible(text: str) -> str:
    """Returns the text with control and unprintable characters as escapes."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
