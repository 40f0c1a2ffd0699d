"""Accuracy of guessing the label from shortcuts, with negatives from any document, from similar ones, and from the same one.

    python benchmarks/shortcuts.py CORPUS... --tokenizer vocab.txt [--set key=value]... [--record NAME]

Each corpus is built with `pairing.negatives` = `other`, `similar` and `same_document`, and with `pairing.objective` = `sop`, 10% of the documents
held out, and the three guessers of `nspdata stats --shortcuts` learn from one split and are scored on the other.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from nspdata.inspection.shortcuts import measure_shortcuts

HERE = Path(__file__).parent

PAIRS = (
    "pairing.negatives=other",
    "pairing.negatives=similar",
    "pairing.negatives=same_document",
    "pairing.objective=sop",
)


def guessed(corpus: str, tokenizer: str, setting_of_pairs: str, settings: list[str]) -> dict:
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "out"
        command = [sys.executable, "-m", "nspdata", "build", corpus, "-o", str(out), "--tokenizer", tokenizer]
        for setting in (setting_of_pairs, "output.validation_fraction=0.1", *settings):
            command += ["--set", setting]
        subprocess.run(command, check=True, capture_output=True)
        found = measure_shortcuts(out)
    assert found is not None
    return {"corpus": Path(corpus).name, "setting": setting_of_pairs, **found.to_json()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", nargs="+")
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument(
        "--pairs", action="append", metavar="KEY=VALUE", help="only with this setting of the pairs; may be repeated"
    )
    parser.add_argument("--record", help="write benchmarks/results/NAME.json")
    options = parser.parse_args()
    lines = []
    for corpus in options.corpora:
        for setting in options.pairs or PAIRS:
            line = guessed(corpus, options.tokenizer, setting, options.set)
            lines.append(line)
            print(f"{line['corpus']}, {setting}: blindly {line['majority']:.1%} ({line['scored']:,} pairs)")
            for guess in line["guesses"]:
                print(
                    f"    {guess['title']:34} {guess['accuracy']:.1%} ({guess['low']:.1%} to {guess['high']:.1%})",
                    flush=True,
                )
    if options.record:
        when = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        path = HERE / "results" / f"{options.record}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(
            json.dumps({"when": when, "settings": options.set, "lines": lines}, indent=1) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
