"""`nspdata sentences`."""

from __future__ import annotations

import dataclasses
import json
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from nspdata.tokenization.inspecting import Sentence

MOST_TEXTS = 200
"""Maximum documents of the sample to split."""

TEXT_CHARACTERS = 20_000
"""Maximum characters of a document to split."""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("sentences")(sentences)


def sentences(
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT...", help="Files, directories, globs or URLs, as for build.")
    ],
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="Sentences to print.")] = 20,
    tokenizer: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="As for build: prints lengths in tokens, and what is cut and why."),
    ] = None,
    language: Annotated[str | None, typer.Option(help="Language code (default: en).")] = None,
    text_field: Annotated[str | None, typer.Option(help="Field of the text (default: text).")] = None,
    id_field: Annotated[str | None, typer.Option(help="Field of the id (default: id).")] = None,
    input_format: Annotated[str | None, typer.Option(help="As for build (default: by suffix).")] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Settings as TOML.")] = None,
    assignments: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per sentence.")] = False,
) -> None:
    """Prints sentences of a sample as a build makes them; with --tokenizer also their tokens and where they are cut."""
    from nspdata.config.build import load_config

    flags = {"input.text_field": text_field, "input.id_field": id_field, "input.format": input_format}
    settings = load_config(config, assignments or [], {**flags, "sentences.language": language})
    from nspdata.files.any import AnyFiles
    from nspdata.reading import expand_inputs, sample_documents
    from nspdata.tokenization.encoders import make_splitter
    from nspdata.tokenization.inspecting import inspect_sentences

    wordpiece = None
    if tokenizer is not None:
        from nspdata.tokenization.wordpiece import WordPiece

        casing = settings.tokenizer
        wordpiece = WordPiece.load(tokenizer, lowercase=casing.lowercase, strip_accents=casing.strip_accents)
    files = AnyFiles()
    sources = expand_inputs(inputs, files, settings.input)
    sample = sample_documents(sources, files, settings.input, sample_bytes=1_000_000)
    texts = [text[:TEXT_CHARACTERS] for text in islice(sample, MOST_TEXTS)]
    found = inspect_sentences(
        texts, make_splitter(settings.sentences), wordpiece, max_tokens=settings.max_sentence_tokens
    )
    spread = ((text, sentence) for text, parts in zip(texts, found, strict=True) for sentence in _some(parts, count))
    for text, sentence in islice(spread, count):
        typer.echo(_as_json(text, sentence) if as_json else _line(text, sentence))


def _some(parts: list[Sentence], count: int) -> list[Sentence]:
    """Returns the first sentences of a document: a quarter of the printed sentences, so that several documents are shown."""
    return parts[: max(1, -(-count // 4))]


def _pieces(text: str, sentence: Sentence) -> list[str]:
    places = [sentence.start, *(place for place, _ in sentence.cuts), sentence.end]
    return [text[start:end] for start, end in pairwise(places)]


def _line(text: str, sentence: Sentence) -> str:
    """Formats one line: tokens, and the sentence with its cuts marked, such as ` |cut: clause_mark| `."""
    pieces = [" ".join(piece.split()) for piece in _pieces(text, sentence)]
    marked = pieces[0] + "".join(
        f" |cut: {reason}| {piece}" for (_, reason), piece in zip(sentence.cuts, pieces[1:], strict=True)
    )
    shown = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in marked)
    return shown if sentence.tokens is None else f"{sentence.tokens:5,}  {shown}"


def _as_json(text: str, sentence: Sentence) -> str:
    values = {key: value for key, value in dataclasses.asdict(sentence).items() if key != "cuts"}
    cuts = [{"at": place, "reason": reason} for place, reason in sentence.cuts]
    return json.dumps({"text": text[sentence.start : sentence.end], **values, "cuts": cuts}, ensure_ascii=True)
