"""Which objective teaches a small BERT most for the same compute: nsp with three kinds of negatives, sop, and none.

    python benchmarks/objectives.py CORPUS... [--steps 300] [--size tiny] [--length 128] [--record NAME]

Each dataset is built from the same documents with the same tokenizer, and each model trains as many steps of as many sequences. All
are then evaluated on the held-out rows of the same dataset (nsp, other documents): MLM loss, pair accuracy, and the mean reciprocal
rank of a true B among 10. A kind of negatives that this nspdata does not have is left out and named.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
WAYS = {
    "nsp/other": ["pairing.objective=nsp", "pairing.negatives=other"],
    "nsp/similar": ["pairing.objective=nsp", "pairing.negatives=similar"],
    "nsp/same_document": ["pairing.objective=nsp", "pairing.negatives=same_document"],
    "sop": ["pairing.objective=sop"],
    "none": ["pairing.objective=none"],
}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "nspdata", *arguments], capture_output=True, text=True, check=False)


def assigned(settings: list[str]) -> list[str]:
    return [part for setting in settings for part in ("--set", setting)]


def measured(way: str, corpus: list[str], directory: Path, given: argparse.Namespace) -> dict[str, object]:
    """One way: built, trained, evaluated."""
    name = way.replace("/", "-")
    data, trained = str(directory / name), directory / f"run-{name}"
    settings = ["output.validation_fraction=0.15", f"pairing.max_seq_length={given.length}", "output.num_shards=1"]
    settings += ["duplicate_factor=5", *WAYS[way]]
    built = run("build", *corpus, "-o", data, "--tokenizer", str(directory / "tokenizer"), *assigned(settings))
    if built.returncode:
        return {"way": way, "failed": built.stderr.strip().splitlines()[-1]}
    options = [
        f"batch_sequences={given.batch}",
        "model.dropout=0",
        "log.to=[]",
        f"log.every={max(1, given.steps // 4)}",
    ]
    done = run(
        "train", data, "-o", str(trained), "--model", given.size, "--steps", str(given.steps), *assigned(options)
    )
    if done.returncode:
        return {"way": way, "failed": done.stderr.strip().splitlines()[-1]}
    told = run("evaluate", str(trained / "model"), str(directory / "nsp-other"), "--rows", str(given.rows), "--json")
    figures = json.loads(told.stdout) if told.returncode == 0 else {"failed": told.stderr.strip()}
    return {"way": way, **figures}


def table(results: list[dict[str, object]]) -> str:
    """The results as a Markdown table."""
    keys = ("mlm_loss", "mlm_accuracy", "pseudo_perplexity", "nsp_accuracy", "mean_reciprocal_rank")
    lines = [f"| objective | {' | '.join(key.replace('_', ' ') for key in keys)} |", f"| --- |{' --- |' * len(keys)}"]
    for each in results:
        cells = [
            f"{each[key]['value']:.3f} ± {(each[key]['high'] - each[key]['low']) / 2:.3f}" if key in each else ""
            for key in keys
        ]
        lines.append(f"| {each['way']} | {each.get('failed') or ' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument(
        "corpus",
        nargs="*",
        default=[str(path) for path in sorted((HERE.parent / "nspdata" / "corpus").glob("*.jsonl"))],
    )
    options.add_argument("--size", default="tiny", help="tiny on a CPU; base on a GPU")
    options.add_argument("--steps", type=int, default=300)
    options.add_argument("--batch", type=int, default=32, help="sequences of an update")
    options.add_argument("--length", type=int, default=128)
    options.add_argument("--rows", type=int, default=1000, help="held-out rows to evaluate")
    options.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    options.add_argument("--record", metavar="NAME", help="write benchmarks/results/NAME.json")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        run("train-tokenizer", *given.corpus, "-o", str(directory / "tokenizer"), "--vocab-size", "3000")
        results = [measured(way, given.corpus, directory, given) for way in dict.fromkeys(["nsp/other", *given.ways])]
    print(table(results))
    if given.record:
        record = {"command": ["python", *sys.argv], "results": results}
        (HERE / "results" / f"{given.record}.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
