"""`nspdata check-tokenizer`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

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
    text_field: Annotated[str | None, typer.Option(help="Field of the text (default: text).")] = None,
    id_field: Annotated[str | None, typer.Option(help="Field of the id (default: id).")] = None,
    input_format: Annotated[str | None, typer.Option(help="As for build (default: by suffix).")] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Settings as TOML.")] = None,
    assignments: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Says how a vocabulary fits a corpus; exit code 1 where more than tokenizer.max_unknown (5%) becomes [UNK]."""
    from nspdata.config.build import load_config

    flags = {"input.text_field": text_field, "input.id_field": id_field, "input.format": input_format}
    settings = load_config(config, assignments or [], flags)
    from nspdata.files.any import Places
    from nspdata.reading import expand_inputs, sample_documents
    from nspdata.tokenization.fit import measure, remedy
    from nspdata.tokenization.wordpiece import WordPiece

    files = Places()
    wordpiece = WordPiece.load(
        tokenizer, lowercase=settings.tokenizer.lowercase, strip_accents=settings.tokenizer.strip_accents
    )
    sources = expand_inputs(inputs, files, settings.input)
    texts = sample_documents(
        sources,
        files,
        settings.input,
        sample_bytes=sample_bytes,
    )
    fitness = measure(wordpiece, texts)
    fits = fitness.unknown_share <= settings.tokenizer.max_unknown
    result: dict[str, Any] = {
        "fits": fits,
        "texts": fitness.texts,
        "words": fitness.words,
        "tokens": fitness.tokens,
        "unknown_share": fitness.unknown_share,
        "max_unknown": settings.tokenizer.max_unknown,
        "tokens_a_word": fitness.tokens_a_word,
        "lowercase": wordpiece.lowercase,
        "strip_accents": wordpiece.strip_accents,
        "unwritable": [
            {"character": character, "count": count, "example": fitness.examples[character]}
            for character, count in sorted(fitness.unwritable.items(), key=lambda item: (-item[1], item[0]))
        ],
    }
    if as_json:
        typer.echo(json.dumps(result, indent=1, ensure_ascii=True))
    else:
        _print(result)
    if not fits:
        typer.echo(remedy(fitness, settings.tokenizer.max_unknown, tokenizer=tokenizer), err=True)
    raise typer.Exit(0 if fits else 1)


def _print(result: dict[str, Any]) -> None:
    casing = "lower-cased" if result["lowercase"] else "cased"
    accents = "without accents" if result["strip_accents"] else "with accents"
    typer.echo(f"texts           {result['texts']:,} ({result['tokens']:,} tokens, {casing}, {accents})")
    typer.echo(
        f"[UNK] share     {result['unknown_share']:.3%}  ({'fits' if result['fits'] else 'does not fit'}: at most {result['max_unknown']:.1%})"
    )
    typer.echo(f"tokens a word   {result['tokens_a_word']:.3f}")
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
    """The text, with what a terminal cannot show, or would obey, as escapes."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
