r"""What a unit of input and a shard cost a worker on a cluster: memory, bytes in the shuffle, and the processor time of dividing and collecting them.

    python benchmarks/shuffle.py CORPUS.jsonl[.gz] --tokenizer vocab.txt [--megabytes 66] [--shards 16000]

Each figure comes from a process of its own, without Beam. `books`: the documents of CORPUS, repeated with a number in front. `short`: each sentence is a
document. Writes benchmarks/results/shuffle.json.
"""

from __future__ import annotations

import argparse
import json
import pickle
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from scaling import write_corpus

from nspdata.building.encoders import encoder_of
from nspdata.building.prepare import prepare
from nspdata.building.shard import finish_group
from nspdata.building.tokenize import ReadSummary, spill, tokenize_batch, tokenize_unit, unspill
from nspdata.config.build import Config, LimitsConfig, OutputConfig
from nspdata.files.local import LocalFiles
from nspdata.reading import read_source
from nspdata.tokenization.encoded import TokenizedDocuments

if TYPE_CHECKING:
    from nspdata.building.plan import BuildPlan
    from nspdata.reading import Source

RESULTS = Path(__file__).parent / "results" / "shuffle.json"


def save_plan(work: Path, corpus: str, num_shards: int) -> None:
    """Prepares the build of a corpus in the work directory, as the launcher does; its one unit is the whole corpus."""
    config = Config(output=OutputConfig(num_shards=num_shards), limits=LimitsConfig(max_label_error=1.0))
    prepared = prepare(
        [str(work / f"{corpus}.jsonl")],
        str(work / "out"),
        str(work / "vocab.txt"),
        config,
        LocalFiles(),
        overwrite=False,
        local=False,
    )
    (work / "plan").write_bytes(pickle.dumps((prepared.plan, prepared.sources)))


def plan_of(work: Path) -> tuple[BuildPlan, list[Source]]:
    """What a worker gets: the plan and a unit of input."""
    return pickle.loads((work / "plan").read_bytes())  # type: ignore[no-any-return]  # noqa: S301 - our own


def tokenize(work: Path) -> dict[str, float]:
    """Tokenizes one unit as a worker does; the spills go to files, which the other parts read."""
    plan, sources = plan_of(work)
    start, text_bytes, documents = time.process_time(), 0, 0
    with (work / "spills").open("wb") as shuffled:
        for value in tokenize_unit(plan, sources, LocalFiles(), encoder_of(plan)):
            if isinstance(value, ReadSummary):
                text_bytes, documents = value.counts["text_bytes"], value.counts["documents"]
            else:
                pickle.dump(value, shuffled)
    megabytes = text_bytes / 1e6
    return {
        "text_mb": round(megabytes, 1),
        "documents": documents,
        "cpu_ms_per_mb": round((time.process_time() - start) * 1e3 / megabytes, 1),
    }


def divide(work: Path) -> dict[str, float]:
    """Divides the tokens of a unit by shard, then collects them by shard."""
    plan, sources = plan_of(work)
    parts, megabytes = [], 0.0
    for source in sources:
        for batch in read_source(source, LocalFiles(), plan.config.input):
            documents, summary = tokenize_batch(plan, batch.documents, encoder_of(plan))
            parts.append(documents)
            megabytes += summary.counts["text_bytes"] / 1e6
    start = time.process_time()
    spills = list(spill(plan, parts))
    divided = time.process_time()
    for _, data in spills:
        TokenizedDocuments.concatenate([unspill(data)], plan.vocabulary.dtype)
    collected = time.process_time()
    return {
        "text_mb": round(megabytes, 1),
        "shards": plan.total_shards,
        "spills": len(spills),
        "bytes_per_byte_of_text": round(sum(len(data) for _, data in spills) / 1e6 / megabytes, 3),
        "divide_ms_per_mb": round((divided - start) * 1e3 / megabytes, 1),
        "collect_ms_per_mb": round((collected - divided) * 1e3 / megabytes, 1),
    }


def finish(work: Path) -> dict[str, float]:
    """Builds the first shard from the spills of `tokenize`."""
    plan, _ = plan_of(work)
    spills = defaultdict(list)
    with (work / "spills").open("rb") as shuffled, suppress(EOFError):
        while True:
            key, data = pickle.load(shuffled)  # noqa: S301 - our own
            spills[key].append(data)
    start = time.process_time()
    entry = finish_group(plan, 0, spills.pop(0), LocalFiles()).entries[0]
    return {
        "tokens": entry.tokens,
        "rows": entry.rows,
        "file_mb": round(entry.bytes / 1e6, 1),
        "cpu_s": round(time.process_time() - start, 1),
    }


PARTS = {part.__name__: part for part in (tokenize, divide, finish)}


def measured(work: Path, part: str, corpus: str, num_shards: int) -> dict[str, object]:
    """Runs a part in a process of its own; adds the peak of its memory."""
    save_plan(work, corpus, num_shards)
    command = [sys.executable, __file__, "--part", part, str(work)]
    figures = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    print(part, corpus, figures, flush=True)
    return {"part": part, "corpus": corpus, **figures}


def main() -> None:
    """Measures all parts, or one of them for `measured`."""
    if sys.argv[1:2] == ["--part"]:
        part, work = sys.argv[2:]
        figures = PARTS[part](Path(work))
        peak_mb = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)
        print(json.dumps({**figures, "peak_mb": peak_mb}))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--megabytes", type=float, default=66)
    parser.add_argument("--shards", type=int, default=16_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        (work / "vocab.txt").write_bytes(arguments.tokenizer.read_bytes())
        write_corpus(arguments.corpus, arguments.megabytes, work / "books.jsonl")
        with (work / "books.jsonl").open() as books, (work / "short.jsonl").open("w") as short:
            for line in books:
                record = json.loads(line)
                sentences = (text for text in re.split(r"(?<=[.!?])\s+", record["text"]) if text)
                short.writelines(
                    json.dumps({"id": f"{record['id']}.{number}", "text": text}, ensure_ascii=False) + "\n"
                    for number, text in enumerate(sentences)
                )
        results = [
            measured(work, part, corpus, num_shards)
            for corpus in ("books", "short")
            for part, num_shards in (("tokenize", 1), ("finish", 1), ("divide", arguments.shards))
        ]
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
