r"""Altered files and hard texts: each is read, or refused with one line; the fast encoder gives what the plain one gives.

    python -m tests.fuzz [--seconds 3600] [--seed 0] [--only BEGINNING-OF-A-NAME...] [--record FILE.json]

The targets take turns. A failure is printed with the target and the number of the mutation, which repeats it.
"""

from __future__ import annotations

import argparse
import io
import json
import pkgutil
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from nspdata.errors import NspdataError
from nspdata.files.lease import OWNERS, check_job, leased
from nspdata.files.local import LocalFiles
from nspdata.files.state import seal
from nspdata.files.swap import complete
from tests.building.plainly import build_plainly, settings
from tests.building.small import small_lines, write_small_vocabulary
from tests.datasets import write_dataset
from tests.faults import stopped_in_the_swap
from tests.files.mutations import mutated
from tests.reading.formats import COMPRESSIONS, DOCUMENTS, FIELDED, arrow_stream
from tests.reading.formats import read as read_inputs


class Target(NamedTuple):
    """A file and what reads it."""

    name: str
    data: bytes
    read: Callable[[bytes], object]
    json: bool = True


def spoiled(data: bytes, number: int) -> bytes:
    """The bytes with a few of them changed, removed, added, doubled or cut off."""
    chance, result = random.Random(number), bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 8])):
        at, length = chance.randrange(len(result) + 1), chance.choice([0, 1, 1, 4, 50])
        new = chance.choice(
            [b"", chance.randbytes(length), bytes(length), bytes(result[at : at + 200]), b'"', b"\n", b"\\"]
        )
        result[at : at + length] = new
    return bytes(result[: chance.randrange(len(result) + 1)]) if chance.random() < 0.1 else bytes(result)


def datasets_of_hugging_face(place: Path) -> Iterator[Target]:
    """The files of `save_to_disk`."""
    saved = place / "saved"
    (saved / "train").mkdir(parents=True)
    (saved / "train" / "data-00000-of-00001.arrow").write_bytes(arrow_stream(DOCUMENTS))
    state = {"_data_files": [{"filename": "data-00000-of-00001.arrow"}], "_fingerprint": "1", "_split": "train"}
    files = {
        "train/state.json": json.dumps(state).encode(),
        "train/dataset_info.json": b'{"features": {"text": {"dtype": "string", "_type": "Value"}}, "splits": {}}',
        "dataset_dict.json": b'{"splits": ["train"]}',
    }
    for name, data in files.items():
        (saved / name).write_bytes(data)

    def read(name: str, data: bytes) -> object:
        (saved / name).write_bytes(data)
        try:
            return read_inputs(saved)
        finally:
            (saved / name).write_bytes(files[name])

    for name, data in files.items():
        yield Target(f"saved {name}", data, lambda data, name=name: read(name, data))


def states_of_a_build(place: Path) -> Iterator[Target]:
    """The state files of an unfinished build, sealed again after the mutation; the same command ends."""
    corpus, vocabulary, output = place / "in.jsonl", place / "vocab.txt", place / "out"
    corpus.write_text(small_lines(map(str, range(12)), random.Random(0)))
    write_small_vocabulary(vocabulary)

    def build(files: LocalFiles) -> None:
        build_plainly([corpus], output, vocabulary, settings(), files)

    left = place / "left"
    stopped_in_the_swap(build, output, left)
    for name in ("plan.json", "contents.json", "swap.json", "shards/00000.json"):
        path = f".build/{name}"

        def read(data: bytes, path: str = path) -> None:
            shutil.rmtree(output, ignore_errors=True)
            shutil.copytree(left, output)
            if path != ".build/swap.json":
                (output / ".build/swap.json").unlink()
            (output / path).write_bytes(seal(data))
            build(LocalFiles())

        yield Target(f"build {name}", (left / path).read_bytes().split(b"\n", 1)[1][:-2], read)

    def read_journal(data: bytes) -> None:
        shutil.rmtree(output, ignore_errors=True)
        shutil.copytree(left, output)
        (output / ".build/swap.json").write_bytes(seal(data))
        before = {path for path in place.rglob("*") if output not in path.parents}
        try:
            complete(str(output), LocalFiles())
        finally:
            after = {path for path in place.rglob("*") if output not in path.parents}
            assert before == after, before ^ after

    yield Target("journal", (left / ".build/swap.json").read_bytes().split(b"\n", 1)[1][:-2], read_journal)


def states_of_an_export(place: Path, data: Path) -> Iterator[Target]:
    """The manifest of an export, and the record of a part."""
    import nspdata
    from nspdata.exporting.manifest import read_exported
    from nspdata.exporting.options import ExportOptions
    from nspdata.exporting.parts import finished_parts
    from nspdata.exporting.plan import make_plan

    dataset = nspdata.open_dataset(data)
    exported = dataset.export(place / "csv", to="csv", workers=1)
    manifest = place / "csv" / "manifest.json"
    good = manifest.read_bytes()

    def read(data: bytes) -> None:
        manifest.write_bytes(data)
        read_exported(str(place / "csv"), LocalFiles())

    yield Target("export manifest", good, read)
    plan = make_plan(dataset.directory, str(place / "parts"), ExportOptions.of("csv"))
    part = Path(plan.part_path(0))
    part.parent.mkdir(parents=True)

    def read_part(data: bytes) -> None:
        part.write_bytes(seal(data))
        finished_parts(plan, LocalFiles())

    record = {**plan.identity, "files": [asdict(entry) for entry in exported.splits["train"]]}
    yield Target("export part", json.dumps(record).encode(), read_part)


def records_of_owners(place: Path) -> Iterator[Target]:
    """The record of a lease, of a job, and of a local lock."""
    from nspdata.files.owners import busy, gone, me, parsed

    directory = place / "leased"
    record = json.dumps({**me(), "token": "t", "renewed": 1.0, "job": "x"}).encode()

    def read(name: str, data: bytes) -> None:
        shutil.rmtree(directory, ignore_errors=True)
        (directory / OWNERS).mkdir(parents=True)
        (directory / OWNERS / name).write_bytes(seal(data))
        check_job(str(directory), LocalFiles())
        with leased(str(directory), LocalFiles()):
            pass

    yield Target("job", record, lambda data: read("job.json", data))

    def read_lock(data: bytes) -> None:
        owner = parsed(data)
        gone(owner)
        str(busy("x", owner))

    yield Target("lock", record, read_lock)


def states_of_training(place: Path, data: Path) -> Iterator[Target]:
    """The state of a loader, and the files of a run."""
    from nspdata.loading import Loader

    loader = Loader(data, batch_size=8)
    next(iter(loader))

    def read_state(text: bytes) -> None:
        try:
            state = json.loads(text)
        except (ValueError, RecursionError):
            return
        Loader(data, batch_size=8).load_state_dict(state)

    yield Target("loader state", json.dumps(loader.state_dict()).encode(), read_state)
    try:
        from nspdata.training.checkpoint import Progress, load_progress
        from nspdata.training.metrics import read_metrics
    except ImportError:
        return
    run = place / "run"
    checkpoint = run / "step-00000003"
    checkpoint.mkdir(parents=True)

    def read_progress(text: bytes) -> None:
        (checkpoint / "progress.json").write_bytes(text)
        load_progress(checkpoint)

    progress = Progress(step=3, loaders={"train": loader.state_dict()}, best={"mlm_loss": 2.0})
    yield Target("progress", json.dumps(asdict(progress)).encode(), read_progress)

    def read_lines(text: bytes) -> None:
        (run / "metrics.jsonl").write_bytes(text + b"\n")
        read_metrics(run)

    yield Target("metrics", b'{"kind": "train", "step": 3, "mlm_loss": 2.5}', read_lines)


def files_of_documents(place: Path) -> Iterator[Target]:
    """Input files of every format, plain and compressed."""
    documents = [(name, text[:300]) for name, text in DOCUMENTS]
    for name, form in FIELDED.items():
        for ending, compress in COMPRESSIONS.items():
            if ending and name.startswith(("parquet", "arrow")):
                continue
            path = place / f"documents{form.suffix}{ending}"

            def read(data: bytes, path: Path = path) -> None:
                path.write_bytes(data)
                read_inputs(path)
                path.unlink()

            yield Target(f"{name}{ending}", compress(form.write(documents)), read, json=False)


def columnar_files(place: Path) -> Iterator[Target]:
    """Parquet with pages of every kind that is looked into, and compressed Arrow; texts alone and in lists."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = [text[:120] for _, text in DOCUMENTS] * 4
    columns = {
        "text": pa.array([*texts, None]),
        "list": pa.array([[*texts[:3], None], None, [], texts[3:9], ["Last."]]),
        "dictionary": pa.array(texts).dictionary_encode(),
        "runs": pa.RunEndEncodedArray.from_arrays(pa.array([3, 5], pa.int32()), texts[:2]),
        "list view": pa.array([texts[:3], None, texts[3:9]], pa.list_view(pa.string())),
    }

    def target(name: str, data: bytes, suffix: str) -> Target:
        path = place / f"columns{suffix}"

        def read(data: bytes) -> None:
            path.write_bytes(data)
            read_inputs(path)

        return Target(name, data, read, json=False)

    for name in ("text", "list"):
        data = pa.table({"text": columns[name]})
        for encoding in ("dictionary", "PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"):
            for version, compression in (("1.0", "zstd"), ("2.0", "none")):
                sink = io.BytesIO()
                pq.write_table(
                    data,
                    sink,
                    compression=compression,
                    data_page_version=version,
                    use_dictionary=encoding == "dictionary",
                    column_encoding=None if encoding == "dictionary" else encoding,
                    row_group_size=9,
                    store_schema=False,
                )
                yield target(f"parquet {name} {encoding} {version}", sink.getvalue(), ".parquet")
    for name, column in columns.items():
        for make in (pa.ipc.new_file, pa.ipc.new_stream):
            batch = pa.record_batch({"text": column})
            for compression in ("zstd", None):
                sink = io.BytesIO()
                with make(sink, batch.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
                    writer.write_batch(batch)
                kind = "file" if make is pa.ipc.new_file else "stream"
                yield target(f"arrow {name} {kind} {compression}", sink.getvalue(), ".arrow")


def targets(place: Path) -> list[Target]:
    """All files that are altered."""
    from tests.files.test_checked_json import kinds

    data = write_dataset(place / "data", rows=40, max_seq_length=16)
    found = [Target(name, text, read) for name, (text, read) in kinds(place / "kinds").items()]
    found += datasets_of_hugging_face(place)
    found += states_of_a_build(place)
    found += states_of_an_export(place, data)
    found += records_of_owners(place)
    found += states_of_training(place, data)
    return [*found, *files_of_documents(place)]


def tried(target: Target, number: int) -> bool:
    """Reads one mutation; True if it was refused. Any exception but an error of nspdata is a failure."""
    data = mutated(target.data, number) if target.json else spoiled(target.data, number)
    try:
        target.read(data)
    except NspdataError as error:
        if len(str(error).splitlines()) != 1:
            raise AssertionError(f"not one line: {error}") from error
        return True
    except Exception as error:
        error.add_note(f"{target.name}, mutation {number}: {data[:1500]!r}")
        raise
    return False


def languages() -> list[str]:
    """Every language of spaCy."""
    import spacy.lang

    return sorted(module.name for module in pkgutil.iter_modules(spacy.lang.__path__) if module.ispkg)


class Encoders:
    """The fast encoder against the plain one, language by language."""

    def __init__(self) -> None:
        self.skipped: dict[str, str] = {}
        self.texts: Counter[str] = Counter()

    def check(self, language: str, seed: int, characters: int = 4_000) -> None:
        """One batch of hard texts, and one of code points, assigned or not."""
        from nspdata.tokenization.encoders import can_encode_fast
        from nspdata.tokenization.fast.encoder import FastEncoder
        from nspdata.tokenization.plain import PlainEncoder
        from nspdata.tokenization.sentences import Splitter
        from tests.tokenization.fuzzing import hard_texts
        from tests.tokenization.test_encoders import any_vocabulary
        from tests.tokenization.texts import assert_same, wordpiece

        if language in self.skipped:
            return
        try:
            splitter = Splitter(language)
        except Exception as error:  # noqa: BLE001 - its tokenizer is not installed
            self.skipped[language] = " ".join(str(error).split())[:200]
            return
        if not can_encode_fast(splitter):
            self.skipped[language] = "the plain encoder is used"
            return
        tokenizer = wordpiece(any_vocabulary("xx"))
        texts = [*hard_texts(language, characters, seed=seed), *code_points(seed)]
        assert_same(FastEncoder(splitter, tokenizer), PlainEncoder(splitter, tokenizer), texts)
        self.texts[language] += len(texts)


def code_points(seed: int) -> list[str]:
    """Texts of any code points, many of them unassigned."""
    draw = random.Random(seed)

    def one() -> str:
        point = draw.randrange(0x110000) if draw.random() < 0.5 else draw.randrange(0x3000)
        return chr(point) if not 0xD800 <= point < 0xE000 else "."

    return ["".join(draw.choice([one(), one(), "a", " ", ". ", "B"]) for _ in range(200)) for _ in range(10)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--record", type=Path)
    arguments = parser.parse_args()
    counts, refused, failures = Counter[str](), Counter[str](), Counter[str]()
    encoders, codes = Encoders(), languages()
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as directory:
        found = [*targets(Path(directory)), *columnar_files(Path(directory))]
        if arguments.only:
            found = [one for one in found if one.name.startswith(tuple(arguments.only))]
        number, start = arguments.seed, time.monotonic()
        start_mb = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)
        while time.monotonic() - start < arguments.seconds:
            for target in found:
                for mutation in range(number, number + 20):
                    counts[target.name] += 1
                    try:
                        refused[target.name] += tried(target, mutation)
                    except Exception:  # noqa: BLE001 - all are counted
                        failures[target.name] += 1
                        if failures[target.name] <= 3:
                            traceback.print_exc(limit=-4)
            for language in codes[number // 20 % 8 :: 8] if not arguments.only or "encoders" in arguments.only else []:
                try:
                    encoders.check(language, number)
                except Exception:  # noqa: BLE001 - all are counted
                    failures[f"encoder {language}"] += 1
                    traceback.print_exc(limit=-4)
            number += 20
    result: dict[str, Any] = {
        "seconds": round(time.monotonic() - start),
        "cpu_s": round(time.process_time()),
        "start_mb": start_mb,
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000),
        "seeds": [arguments.seed, number],
        "mutations": sum(counts.values()),
        "refused": sum(refused.values()),
        "failures": dict(failures),
        "by_target": {name: {"tried": counts[name], "refused": refused[name]} for name in counts},
        "texts_by_language": dict(encoders.texts),
        "languages_without_fast_encoder": encoders.skipped,
    }
    print(json.dumps(result, indent=1))  # noqa: T201 - a report
    if arguments.record:
        arguments.record.write_text(json.dumps(result, indent=1) + "\n")
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
