r"""The rows of `table.py` that are no whole build on one core.

    python benchmarks/table_steps.py encode CORPUS.jsonl[.gz] vocab.txt [--language en] [--megabytes 20]

prints MB per CPU-second to split and encode in one process, with empty tables and a second time, and those of sentencex and tokie.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from corpora import code_of, numbered, texts, with_languages, write
from peer import HAVE_PEER, run_apart

from nspdata.config.build import SentencesConfig
from nspdata.tokenization.encoders import make_encoder
from nspdata.tokenization.wordpiece import WordPiece

BATCH_CHARACTERS = 8_000_000
"""Text of one call of the encoder, as in a build."""


def first_texts(corpus: Path, megabytes: float) -> tuple[list[str], float]:
    """The first texts of a corpus, and their MB."""
    found, size = [], 0
    for text in texts(corpus):
        if size >= megabytes * 1e6:
            break
        found.append(text)
        size += len(text.encode())
    return found, size / 1e6


def encode(corpus: Path, tokenizer: Path, language: str, megabytes: float) -> dict[str, float]:
    """MB per CPU-second to split and encode, `cold` (with empty tables) and `warm` (the same text again), and of the `peer`. Runs in this process."""
    found, size = first_texts(corpus, megabytes)
    os.environ["NSPDATA_SHAPE_CACHE"] = "0"  # no answers of earlier processes
    wordpiece, settings = WordPiece.load(str(tokenizer)), SentencesConfig(language=language)
    make_encoder(wordpiece, settings).encode([found[0][:2000]])  # compiles
    encoder = make_encoder(wordpiece, settings)
    rates = {"text_mb": round(size, 1)}
    for name in ("cold", "warm"):
        start, batch, characters = time.process_time(), list[str](), 0
        for text in found:
            batch.append(text)
            characters += len(text)
            if characters >= BATCH_CHARACTERS:
                encoder.encode(batch)
                batch, characters = [], 0
        encoder.encode(batch)
        rates[name] = round(size / (time.process_time() - start), 2)
    if HAVE_PEER:
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / "tokenizer.json"
            wordpiece.backend.save(str(file))
            peer = run_apart(file, corpus, language=language, megabytes=megabytes)
        rates["peer"] = round(peer["text_mb"] / peer["cpu_s"], 2)
    return rates


def encode_apart(corpus: Path, tokenizer: Path, language: str, megabytes: float) -> dict[str, float]:
    """`encode` in a process of its own."""
    command = [sys.executable, __file__, "encode", str(corpus), str(tokenizer)]
    options = ["--language", language, "--megabytes", str(megabytes)]
    return json.loads(subprocess.run([*command, *options], capture_output=True, text=True, check=True).stdout)  # type: ignore[no-any-return]


def encode_languages(corpora: list[Path], tokenizer: Path, megabytes: float) -> dict[str, float]:
    """`encode` of each corpus in the language that begins its name, as one rate over all of them: text by CPU-seconds."""
    sums: dict[str, float] = {}
    for corpus in corpora:
        rates = encode_apart(corpus, tokenizer, code_of(corpus), megabytes)
        for name, rate in rates.items():
            sums[name] = sums.get(name, 0) + (rate if name == "text_mb" else rates["text_mb"] / rate)
    return {name: round(value if name == "text_mb" else sums["text_mb"] / value, 2) for name, value in sums.items()}


def build_languages(corpora: list[Path], tokenizer: Path) -> dict[str, float]:
    """MB per CPU-second of a whole build of all languages on one core after the start-up (a build of their beginnings), and of the peer."""
    with tempfile.TemporaryDirectory() as directory:
        few, corpus = Path(directory) / "few.jsonl", Path(directory) / "languages.jsonl"
        write((record | {"text": record["text"][:500]} for record in with_languages(corpora, documents=2)), few)
        size = write(with_languages(corpora), corpus)

        def seconds(source: Path, output: str) -> float:
            command = [sys.executable, "-m", "nspdata", "build", str(source), "-o", f"{directory}/{output}"]
            settings = "sentences.language_field=lang", "tokenizer.max_unknown=1.0", "limits.max_unused_tokens=1.0"
            options = [option for setting in settings for option in ("--set", setting)]
            return cpu_and_wall([*command, "--tokenizer", str(tokenizer), "--workers", "1", *options])[0]

        seconds(few, "first")
        start_up = seconds(few, "again")
        rates = {"text_mb": round(size, 1), "build": round(size / (seconds(corpus, "out") - start_up), 2)}
        if HAVE_PEER:
            rates["peer"] = round(size / run_apart(tokenizer / "tokenizer.json", corpus)["cpu_s"], 2)
    return rates


TRAIN = """
import json, sys
from tokenizers import BertWordPieceTokenizer
tokenizer = BertWordPieceTokenizer(lowercase=True)
with open(sys.argv[1], encoding="utf-8") as lines:
    tokenizer.train_from_iterator((json.loads(line)["text"] for line in lines), vocab_size=30522, limit_alphabet=6000, show_progress=False)
tokenizer.save(sys.argv[2])
"""


def cpu_and_wall(command: list[str], environment: dict[str, str] | None = None) -> tuple[float, float, float]:
    """CPU-seconds of a command with its children, seconds on the clock, and the peak memory of the largest process in MB."""
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=errors, env=os.environ | (environment or {})
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            raise SystemExit(f"{' '.join(command)} failed: {errors.read()[-1000:]}")
    return used.ru_utime + used.ru_stime, time.perf_counter() - start, used.ru_maxrss / 1e3


def train(books: Path, megabytes: float) -> dict[str, float]:
    """CPU-seconds of `nspdata train-tokenizer` and of `BertWordPieceTokenizer.train_from_iterator` on the same text, start-up included."""
    with tempfile.TemporaryDirectory() as directory:
        corpus = Path(directory) / "books.jsonl"
        size = write(numbered(texts(books)), corpus, megabytes=megabytes)
        command = [sys.executable, "-m", "nspdata", "train-tokenizer", str(corpus), "-o", f"{directory}/tokenizer"]
        ours, wall, peak = cpu_and_wall([*command, "--sample-bytes", str(int(size * 2e6))])
        peer, peer_wall, peer_peak = cpu_and_wall([sys.executable, "-c", TRAIN, str(corpus), f"{directory}/peer.json"])
    return {"text_mb": round(size, 1), "cpu_s": round(ours, 2), "s": round(wall, 2), "mb": round(peak)} | {
        "peer_cpu_s": round(peer, 2),
        "peer_s": round(peer_wall, 2),
        "peer_mb": round(peer_peak),
    }


def two_workers(corpus: Path, tokenizer: Path) -> dict[str, float]:
    """Seconds of a build with one and with two workers."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as directory:
        for workers in (1, 2):
            command = [sys.executable, "-m", "nspdata", "build", str(corpus), "-o", f"{directory}/{workers}"]
            _, wall, _ = cpu_and_wall([*command, "--tokenizer", str(tokenizer), "--workers", str(workers)])
            found[f"s_{workers}"] = round(wall, 2)
    return found | {"ratio": round(found["s_2"] / found["s_1"], 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["encode"])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("--language", default="en")
    parser.add_argument("--megabytes", type=float, default=20.0)
    arguments = parser.parse_args()
    print(json.dumps(encode(arguments.corpus, arguments.tokenizer, arguments.language, arguments.megabytes)))


if __name__ == "__main__":
    main()
