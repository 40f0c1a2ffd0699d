"""F1 of sentence ends on gold sentences, for each splitter and setting.

Gold sets are files `seg_*.jsonl` of `{"text", "spans": [[start, end], ...]}`, the language in their name (`seg_de_pud...`). White
space at the end of a sentence is left out. Prints a table and writes benchmarks/results/sentences.json.

    python benchmarks/sentences.py ../shared/data/segmentation
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from nspdata.config.build import SentencesConfig
from nspdata.errors import ConfigError
from nspdata.tokenization.encoders import make_splitter

AS_SPACY = {"opening_marks": "as_spacy", "end_marks": "as_spacy"}

SETTINGS: dict[str, dict[str, str]] = {
    "spaCy's rules": AS_SPACY,
    "opening marks": {"end_marks": "as_spacy"},
    "default": {},
    "sentencex": {"splitter": "sentencex"},
}


def ends(text: str, spans: list[tuple[int, int]]) -> set[int]:
    """Where sentences end, white space left out."""
    return {start + len(text[start:end].rstrip()) for start, end in spans if text[start:end].strip()}


def score(path: Path, settings: SentencesConfig) -> float:
    """F1 over all the texts of a gold set."""
    splitter, right, found = make_splitter(settings), 0, 0
    with path.open(encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    for record, spans in zip(records, splitter.split([record["text"] for record in records]), strict=True):
        gold, ours = ends(record["text"], record["spans"]), ends(record["text"], spans)
        right, found = right + len(gold & ours), found + len(gold) + len(ours)
    return 2 * right / found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument(
        "--model", action="append", default=[], metavar="LANGUAGE=PIPELINE", help="a pipeline to measure too"
    )
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent / "results/sentences.json")
    arguments = parser.parse_args()
    models = dict(model.split("=") for model in arguments.model)
    results: dict[str, dict[str, float]] = {}
    for path in sorted(arguments.directory.glob("seg_*.jsonl")):
        language = path.stem.split("_")[1]
        tried = {
            **SETTINGS,
            **({f"model {models[language]}": {"model": models[language]}} if language in models else {}),
        }
        results[path.stem] = {}
        for name, settings in tried.items():
            try:
                figure = round(score(path, SentencesConfig(language=language, **settings)), 4)  # type: ignore[arg-type]
            except ConfigError as error:
                print(f"{path.stem}, {name}: {error}")
                continue
            results[path.stem][name] = figure
        print(f"{path.stem:28}", "  ".join(f"{name} {figure:.4f}" for name, figure in results[path.stem].items()))
    shared = [name for name in SETTINGS if all(name in row for row in results.values())]
    means = {name: round(sum(row[name] for row in results.values()) / len(results), 4) for name in shared}
    means["best of each"] = round(sum(max(row.values()) for row in results.values()) / len(results), 4)
    print(f"{'mean':28}", "  ".join(f"{name} {figure:.4f}" for name, figure in means.items()))
    arguments.output.write_text(json.dumps({"sets": results, "mean": means}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
