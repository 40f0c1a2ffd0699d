"""`nspdata check-tokenizer`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("check-tokenizer")(check_tokenizer)


def check_tokenizer(
    tokenizer: Annotated[str, typer.Argument(metavar="PATH", help="A vocab.txt, a tokenizer.json, or a directory.")],
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT...", help="Files, directories, globs or URLs, as for build.")
    ],
    sample_bytes: Annotated[int, typer.Option(help="Bytes of text to look at, at most.")] = 10_000_000,
    text_field: Annotated[str | None, typer.Option(help="Field of the text (default: text).")] = None,
    input_format: Annotated[str | None, typer.Option(help="As for build (default: by suffix).")] = None,
    assignments: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Says how a vocabulary fits a corpus; exit code 1 where more than tokenizer.max_unknown (5%) becomes [UNK]."""
    from nspdata.settings import load_config

    flags = {"input.text_field": text_field, "input.format": input_format}
    settings = load_config(None, assignments or [], flags)
    from nspdata.fitness import measure
    from nspdata.reading import expand_inputs, sample_documents
    from nspdata.transforms import BeamFiles
    from nspdata.wordpiece import WordPiece

    files = BeamFiles()
    wordpiece = WordPiece.load(
        tokenizer, lowercase=settings.tokenizer.lowercase, strip_accents=settings.tokenizer.strip_accents
    )
    sources = expand_inputs(inputs, files, input_format=settings.input.format)
    texts = sample_documents(
        sources,
        files,
        text_field=settings.input.text_field,
        id_field=settings.input.id_field,
        sample_bytes=sample_bytes,
    )
    fitness = measure(wordpiece, texts)
    fits = fitness.unknown_share <= settings.tokenizer.max_unknown
    result: dict[str, Any] = {
        "fits": fits,
        "texts": fitness.texts,
        "tokens": fitness.tokens,
        "unknown_share": fitness.unknown_share,
        "tokens_a_word": fitness.tokens_a_word,
        "lowercase": wordpiece.lowercase,
        "unwritable": dict(fitness.unwritable.most_common(50)),
    }
    if as_json:
        typer.echo(json.dumps(result, indent=1, ensure_ascii=False))
    else:
        _print(result)
    raise typer.Exit(0 if fits else 1)


def _print(result: dict[str, Any]) -> None:
    typer.echo(
        f"texts           {result['texts']:,} ({result['tokens']:,} tokens, {'lower-cased' if result['lowercase'] else 'cased'})"
    )
    typer.echo(f"[UNK] share     {result['unknown_share']:.3%}  ({'fits' if result['fits'] else 'does not fit'})")
    typer.echo(f"tokens a word   {result['tokens_a_word']:.3f}")
    for character, count in list(result["unwritable"].items())[:20]:
        typer.echo(
            f"cannot write    {ascii(character)[1:-1] if not character.isprintable() else character}  U+{ord(character):04X}  {count:,} times"
        )
