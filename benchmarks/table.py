r"""How fast a build is on each kind of corpus, beside the best parts off the shelf, as one table.

    python benchmarks/table.py --tokenizer vocab.txt --books CORPUS.jsonl[.gz] [--languages DIR] [--scale 0.1] [--only web files] [--record NAME]

Each row of builds is a whole `nspdata build --workers 1` in a process of its own: MB of text per CPU-second (user and system, all processes) after the start-up,
which a build of 20 documents measures in the same run, without answers of spaCy that earlier builds kept; and the peak memory of the largest
process. A language's rules are known from the build of 20 documents. Beside it the same text through sentencex and tokie (split and encode only, `peer.py`), without their imports, in the same run, and the ratio.
`--scale 1` has the sizes of the names. The other rows: the start of a fresh install (nothing compiled yet), to split and encode in one process with
empty tables (cold) and the same text again (warm), the languages of DIR (files whose names begin with a code, such as `de_novels.jsonl.gz`, with a
tokenizer trained on all of them), `train-tokenizer` beside `BertWordPieceTokenizer.train_from_iterator`, and two workers beside one.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from corpora import make, numbered, texts, write
from peer import HAVE_PEER, run_apart
from table_steps import build_languages, cpu_and_wall, encode_apart, encode_languages, train, two_workers

HERE = Path(__file__).parent

ROWS: dict[str, tuple[str, float, list[str]]] = {
    "books, 1 GB, distinct": ("distinct", 1000, []),
    "books, 100 MB": ("books", 100, []),
    "web-like, 80 MB": ("web", 80, ["--set", "tokenizer.max_unknown=1.0"]),
    "files of 5 kB, 100 MB": ("files", 100, []),
    "documents of one sentence, 100,000": (
        "sentences",
        100_000,
        ["--set", "limits.max_unused_tokens=1.0", "--set", "limits.max_label_error=0.5"],
    ),
    "one document of 100 MB": (
        "long",
        100,
        [
            "--set",
            "pairing.objective=sop",
            "--set",
            "output.num_shards=1",
            "--set",
            "input.max_record_bytes=200000000",
        ],
    ),
    "2,000 shards of 10 MB": (
        "shards",
        10,
        ["--set", "output.num_shards=2000", "--set", "pairing.objective=sop"],
    ),
}
"""Kind of corpus, size in MB (or documents), and options of the build."""

ONE_CORE = {"TOKENIZERS_PARALLELISM": "false"}


def build(corpus: Path, output: Path, tokenizer: Path, options: list[str]) -> tuple[float, float]:
    """CPU-seconds and peak memory in MB of a build on one core."""
    command = [sys.executable, "-m", "nspdata", "build", str(corpus), "-o", str(output), "--tokenizer", str(tokenizer)]
    seconds, _, peak = cpu_and_wall([*command, "--workers", "1", *options], ONE_CORE)
    return seconds, peak


def corpus_of(kind: str, size: float, books: Path, work: Path) -> tuple[Path, float]:
    """Writes the corpus of a row; returns it and MB of text."""
    target = work / (kind if kind == "files" else f"{kind}.jsonl")
    if kind in {"books", "shards"}:
        return target, write(numbered(texts(books)), target, megabytes=size)
    return target, make(kind, target, books, size, int(size))


def row(name: str, arguments: argparse.Namespace, start_up: float) -> dict[str, object]:
    """The figures of one row."""
    kind, size, options = ROWS[name]
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        with ProcessPoolExecutor(1) as pool:  # the peak memory of a process is at least that of the one that started it
            corpus, megabytes = pool.submit(corpus_of, kind, size * arguments.scale, arguments.books, work).result()
        shutil.rmtree(Path(os.environ["NSPDATA_CACHE"]) / "shapes", ignore_errors=True)  # the answers of earlier builds
        seconds, peak = build(corpus, work / "out", arguments.tokenizer, options)
        found: dict[str, object] = {
            "corpus": name,
            "text_mb": round(megabytes, 1),
            "cpu_s": round(seconds, 2),
            "mb_per_cpu_s": round(megabytes / max(seconds - start_up, 1e-3), 2),
            "largest_process_mb": round(peak),
        }
        if kind == "web":
            again, _ = build(corpus, work / "again", arguments.tokenizer, options)
            found |= {"again_mb_per_cpu_s": round(megabytes / max(again - start_up, 1e-3), 2)}
        if arguments.peer:
            tokenizer = next((work / "out").rglob("tokenizer.json"))
            peer = run_apart(tokenizer, corpus)["cpu_s"]
            found |= {"peer_mb_per_cpu_s": round(megabytes / peer, 2)}
            found |= {"ratio": round(peer / max(seconds - start_up, 1e-3), 2)}
    return found


def steps(arguments: argparse.Namespace) -> dict[str, dict[str, float]]:
    """The rows that are no whole build on one core, printed as they come."""
    size, wanted = 100 * arguments.scale, set(arguments.only) or {"encode", "languages", "train", "workers"}
    found: dict[str, dict[str, float]] = {}

    def show(name: str, figures: dict[str, float], ratios: dict[str, tuple[str, str]]) -> None:
        figures |= {
            name: round(figures[up] / figures[down], 2)
            for name, (up, down) in ratios.items()
            if up in figures and down in figures
        }
        found[name] = figures
        print(f"{name:38}{'; '.join(f'{key} {value}' for key, value in figures.items())}", flush=True)

    to_peer = {"cold_ratio": ("cold", "peer"), "warm_ratio": ("warm", "peer")}
    with tempfile.TemporaryDirectory() as directory:
        if "encode" in wanted:
            show("split and encode, books", encode_apart(arguments.books, arguments.tokenizer, "en", size), to_peer)
        if "languages" in wanted and arguments.languages:
            corpora = sorted(arguments.languages.glob("[a-z][a-z][_-]*.jsonl*"))
            tokenizer = Path(directory) / "tokenizer"
            cpu_and_wall([sys.executable, "-m", "nspdata", "train-tokenizer", *map(str, corpora), "-o", str(tokenizer)])
            show(f"split and encode, {len(corpora)} corpora", encode_languages(corpora, tokenizer, size), to_peer)
            built = build_languages(corpora, tokenizer)
            show(f"whole build, {len(corpora)} corpora", built, {"ratio": ("build", "peer")})
        if "train" in wanted:
            show("train-tokenizer", train(arguments.books, size), {"ratio": ("cpu_s", "peer_cpu_s")})
        if "workers" in wanted:
            corpus = Path(directory) / "books.jsonl"
            write(numbered(texts(arguments.books)), corpus, megabytes=size)
            show("two workers beside one", two_workers(corpus, arguments.tokenizer), {})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--books", type=Path, required=True)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument(
        "--only",
        nargs="*",
        default=[],
        help="kinds of corpora: "
        + ", ".join(kind for kind, *_ in ROWS.values())
        + "; encode, languages, train, workers",
    )
    parser.add_argument("--languages", type=Path)
    parser.add_argument("--record")
    arguments = parser.parse_args()
    arguments.peer = HAVE_PEER
    with tempfile.TemporaryDirectory() as cache:
        os.environ["NSPDATA_CACHE"] = cache
        measure(arguments, *starts(arguments))


def starts(arguments: argparse.Namespace) -> tuple[float, float]:
    """CPU-seconds of a build of 20 documents, and of the first one of a fresh install, where nothing is compiled and no language known."""
    with tempfile.TemporaryDirectory() as directory:
        few = Path(directory) / "few.jsonl"
        write(numbered(text[:500] for text in texts(arguments.books)), few, documents=20)
        settings = "tokenizer.max_unknown=1.0", "output.num_shards=1", "limits.max_unused_tokens=1.0"
        lax = [option for setting in settings for option in ("--set", setting)]
        os.environ["NUMBA_CACHE_DIR"] = str(Path(directory) / "compiled")
        first, _ = build(few, Path(directory) / "first", arguments.tokenizer, lax)
        del os.environ["NUMBA_CACHE_DIR"]
        os.environ["NSPDATA_NUMBA"] = "1"  # compiles all loops, unless they are compiled
        build(few, Path(directory) / "again", arguments.tokenizer, lax)
        start_up, _ = build(few, Path(directory) / "second", arguments.tokenizer, lax)
    return start_up, first


def measure(arguments: argparse.Namespace, start_up: float, first: float) -> None:
    """Measures and prints all rows."""
    print(f"start-up and end of a build of 20 documents: {start_up:.2f} CPU-s; of a fresh install: {first:.2f}")
    if not arguments.peer:
        print("sentencex or tokie is not installed: no ratios")
    print(f"{'corpus':38}{'MB':>8}{'CPU-s':>9}{'MB/CPU-s':>10}{'peak MB':>9}{'peer':>8}{'ratio':>7}", flush=True)
    rows = []
    for name, (kind, *_) in ROWS.items():
        if arguments.only and kind not in arguments.only:
            continue
        rows.append(found := row(name, arguments, start_up))
        shown = [found[key] for key in ("text_mb", "cpu_s", "mb_per_cpu_s", "largest_process_mb")]
        peer = [found.get(key, "-") for key in ("peer_mb_per_cpu_s", "ratio")]
        if "again_mb_per_cpu_s" in found:
            peer.append(f"  again, with the answers kept: {found['again_mb_per_cpu_s']}")
        print(
            f"{name:38}{shown[0]:>8}{shown[1]:>9}{shown[2]:>10}{shown[3]:>9}{peer[0]:>8}{peer[1]:>7}{''.join(peer[2:])}",
            flush=True,
        )
    other = steps(arguments)
    if arguments.record:
        result = {
            "date": time.strftime("%Y-%m-%d"),
            "scale": arguments.scale,
            "start_up_cpu_s": round(start_up, 2),
            "first_start_cpu_s": round(first, 2),
            "rows": rows,
            "other_rows": other,
        }
        (HERE / "results" / f"{arguments.record}.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
