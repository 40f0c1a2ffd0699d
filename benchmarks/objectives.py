"""Compares objectives for the same compute: nsp with three kinds of negatives, sop, and none.

    python benchmarks/objectives.py CORPUS... [--steps 800] [--seeds 1 2] [--size tiny] [--length 128] [--record NAME]

Each dataset is built from the same documents with the same tokenizer, and each model trains as many steps of as many full sequences.
Each is then evaluated on the held-out rows of its own dataset, and all on those of one dataset (nsp, negatives from other documents): MLM
loss, pair accuracy, and the mean reciprocal rank of the true B among 10. The intervals are 95% over held-out documents; they
do not contain the differences between seeds. A way that fails is reported, and the next one starts.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
WAYS = {
    "nsp/other": ["pairing.objective=nsp", "pairing.negatives=other"],
    "nsp/similar": ["pairing.objective=nsp", "pairing.negatives=similar"],
    "nsp/same_document": ["pairing.objective=nsp", "pairing.negatives=same_document"],
    "sop": ["pairing.objective=sop"],
    "none": ["pairing.objective=none"],
}
SHARED = "nsp/other"
"""The way whose held-out rows all models are evaluated on."""


def run(*arguments: str) -> str:
    """The output of an nspdata command.

    Raises:
        RuntimeError: it failed; the message is the last line of its output.
    """
    done = subprocess.run([sys.executable, "-m", "nspdata", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{arguments[0]}: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout


def assigned(settings: list[str]) -> list[str]:
    return [part for setting in settings for part in ("--set", setting)]


def built(way: str, directory: Path, given: argparse.Namespace) -> str:
    """The dataset of one way, built once."""
    data = directory / way.replace("/", "-")
    settings = ["output.validation_fraction=0.15", f"pairing.max_seq_length={given.length}", "output.num_shards=1"]
    settings += [f"duplicate_factor={given.duplicates}", *WAYS[way]]
    if not data.exists():
        run("build", *given.corpus, "-o", str(data), "--tokenizer", str(directory / "tokenizer"), *assigned(settings))
    return str(data)


def measured(way: str, seed: int, directory: Path, given: argparse.Namespace) -> dict[str, Any]:
    """One way with one seed: built, trained, evaluated on the shared rows and on its own."""
    try:
        own, shared = built(way, directory, given), built(SHARED, directory, given)
        trained = directory / f"run-{Path(own).name}-{seed}"
        options = [f"batch_sequences={given.batch}", "model.dropout=0", f"seed={seed}", "log.to=[]", "log.report=false"]
        steps = ["--model", given.size, "--steps", str(given.steps)]
        start = time.monotonic()
        run("train", own, "-o", str(trained), *steps, *assigned([*options, f"log.every={max(1, given.steps // 4)}"]))
        seconds = time.monotonic() - start
        figures = {
            key: json.loads(run("evaluate", str(trained / "model"), data, "--rows", str(given.rows), "--json"))
            for key, data in (("shared", shared), ("own", own))
        }
    except RuntimeError as error:
        return {"way": way, "seed": seed, "failed": str(error)}
    return {"way": way, "seed": seed, "train_seconds": round(seconds, 1)} | figures


COLUMNS = {
    "MLM loss": ("shared", "mlm_loss"),
    "MLM accuracy": ("shared", "mlm_accuracy"),
    "pairs, own rows": ("own", "nsp_accuracy"),
    "pairs, shared rows": ("shared", "nsp_accuracy"),
    "mean reciprocal rank": ("shared", "mean_reciprocal_rank"),
}
"""Columns of the table: the rows that a figure is of, and its key."""


def cell(figures: dict[str, Any], key: str) -> str:
    """A figure and half of its confidence interval."""
    if key not in figures:
        return "-"
    return f"{figures[key]['value']:.3f} ± {(figures[key]['high'] - figures[key]['low']) / 2:.3f}"


def table(results: list[dict[str, Any]]) -> str:
    """The results as a Markdown table."""
    lines = [f"| objective | seed | {' | '.join(COLUMNS)} |", "| --- |" + " --- |" * (1 + len(COLUMNS))]
    for each in results:
        cells = [each["failed"]] if "failed" in each else [cell(each[rows], key) for rows, key in COLUMNS.values()]
        lines.append(f"| {each['way']} | {each['seed']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    corpus = [str(path) for path in sorted((HERE.parent / "nspdata" / "corpus").glob("*.jsonl"))]
    parser.add_argument("corpus", nargs="*", default=corpus)
    parser.add_argument("--size", default="tiny", help="tiny on a CPU; base on a GPU")
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--batch", type=int, default=32, help="sequences of an update")
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--duplicates", type=int, default=5, help="duplicate_factor of the datasets")
    parser.add_argument("--rows", type=int, default=1000, help="held-out rows to evaluate")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1], help="of initial weights and order")
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--record", metavar="NAME", help="write benchmarks/results/NAME.json after each model")
    return parser


def main() -> None:
    given, results = options().parse_args(), []
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        run("train-tokenizer", *given.corpus, "-o", str(directory / "tokenizer"), "--vocab-size", "3000")
        for seed in given.seeds:
            for way in given.ways:
                results.append(measured(way, seed, directory, given))
                print(table(results[-1:]).splitlines()[-1], flush=True)
                if given.record:
                    record = {"command": described(given), "results": results}
                    path = HERE / "results" / f"{given.record}.json"
                    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(table(results))


def described(given: argparse.Namespace) -> dict[str, Any]:
    """The options of this run, the corpus by its names only."""
    return vars(given) | {"corpus": [Path(path).name for path in given.corpus]}


if __name__ == "__main__":
    main()
