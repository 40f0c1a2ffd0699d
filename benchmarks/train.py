"""Compares the trainer with `transformers.Trainer`: the same model, batch and rows in one run, on a GPU if there is one.

    python benchmarks/train.py [--sizes base large] [--lengths 128 512] [--steps 60] [--record NAME]

Rows are built by `nspdata` from the corpus inside the package, so their lengths are those of real data; the vocabulary is filled up
with unused entries to `--vocab-size`, so that the head has the cost of BERT's. Each measurement is a process of its own. The first
third of the steps is not counted: compilers and allocators warm up. Real tokens are counted, padding is not. The baseline's rows
are padded and in memory before its clock starts; on CUDA it has bf16, sdpa and torch.compile, on a processor fp32 and sdpa.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
CORPUS = HERE.parent / "nspdata" / "corpus" / "inaugural_addresses.jsonl"
BATCH_TOKENS = {"cuda": 65_536, "cpu": 4_096}
DUPLICATES = 8


def build(directory: Path, length: int, vocab_size: int) -> Path:
    """A dataset of rows of this length."""
    nspdata = [sys.executable, "-m", "nspdata"]
    tokenizer, dataset = directory / "tokenizer", directory / f"data{length}"
    if not tokenizer.exists():
        command = [*nspdata, "train-tokenizer", str(CORPUS), "-o", str(directory / "small"), "--vocab-size", "8000"]
        subprocess.run(command, check=True, capture_output=True)
        tokens = (directory / "small" / "vocab.txt").read_text(encoding="utf-8").split("\n")[:-1]
        tokens += [f"[unused{number}]" for number in range(vocab_size - len(tokens))]
        tokenizer.mkdir()
        (tokenizer / "vocab.txt").write_text("\n".join(tokens[:vocab_size]) + "\n", encoding="utf-8")
    settings = [f"pairing.max_seq_length={length}", f"duplicate_factor={DUPLICATES}", "output.num_shards=1"]
    assigned = [part for setting in settings for part in ("--set", setting)]
    command = [
        *nspdata,
        "build",
        str(CORPUS),
        "-o",
        str(dataset),
        "--tokenizer",
        str(tokenizer / "vocab.txt"),
        *assigned,
    ]
    subprocess.run(command, check=True, capture_output=True)
    return dataset


def ours(dataset: Path, size: str, batch_size: int, steps: int) -> dict[str, float]:
    """The trainer of nspdata, at its defaults for the device."""
    from nspdata.config.train import train_config
    from nspdata.training.run import train

    settings = {
        "model": {"source": size},
        "batch_sequences": batch_size,
        "steps": steps,
        "checkpoint": {"every": 0},
        "log": {"every": steps // 3, "to": []},
    }
    with tempfile.TemporaryDirectory() as run:
        outcome = train(dataset, Path(run) / "run", train_config(settings))
    _, *lines = [line for line in outcome.lines if line["kind"] == "train"]
    keys = ("tokens_per_s", "mfu", "data_wait_share")
    return {key: sum(line[key] for line in lines) / len(lines) for key in keys} | {"loss": lines[-1]["loss"]}


def trainer(dataset: Path, size: str, batch_size: int, steps: int) -> dict[str, float]:
    """`transformers.Trainer` over the same rows in the same order, padded to the longest possible."""
    import torch
    from transformers import Trainer, TrainerCallback, TrainingArguments

    from nspdata.config.train import ModelConfig
    from nspdata.loading import Loader
    from nspdata.training.data import open_training_data
    from nspdata.training.model import fresh_model

    opened = open_training_data(str(dataset))
    cuda = torch.cuda.is_available()
    loader = Loader(dataset, batch_size=batch_size, seed=12345, padding="max", drop_last=True)
    batches = [
        {key: torch.from_numpy(value) for key, value in batch.items()}
        for _, batch in zip(range(steps), loader, strict=False)
    ]
    rows = [{key: value[row] for key, value in batch.items()} for batch in batches for row in range(batch_size)]
    times, counts = [], [int(batch["attention_mask"].sum()) for batch in batches]

    class Clock(TrainerCallback):
        def on_step_end(self, *_: object, **__: object) -> None:
            if len(times) in {steps // 3 - 1, steps - 1} and cuda:
                torch.cuda.synchronize()
            times.append(time.perf_counter())

    class InOrder(Trainer):
        def _get_train_sampler(self, *_: object) -> torch.utils.data.Sampler[int]:
            return torch.utils.data.SequentialSampler(rows)

    torch.manual_seed(0)
    model = fresh_model(
        size, opened.directories[0].vocabulary, max_seq_length=opened.metadata.max_seq_length, config=ModelConfig()
    )
    model.set_attn_implementation("sdpa")
    with tempfile.TemporaryDirectory() as directory:
        arguments = TrainingArguments(
            directory, per_device_train_batch_size=batch_size, max_steps=steps, learning_rate=1e-4, bf16=cuda, torch_compile=cuda,
            optim="adamw_torch_fused", dataloader_num_workers=4 if cuda else 0, dataloader_pin_memory=cuda, logging_steps=steps, use_cpu=not cuda,
            report_to=[], save_strategy="no", disable_tqdm=True, max_grad_norm=1.0, weight_decay=0.01,
        )  # fmt: skip
        InOrder(model, arguments, train_dataset=rows, callbacks=[Clock()]).train()
    begin, first = steps // 3 - 1, steps // 3
    done = len(times)
    return {"tokens_per_s": sum(counts[i % len(counts)] for i in range(first, done)) / (times[-1] - times[begin])}


def memory_mb() -> float:
    """Peak memory of this process: on the GPU if there is one, else resident."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(way: str, dataset: Path, size: str, batch_size: int, steps: int) -> dict[str, float]:
    """One measurement, in a process of its own."""
    one = [way, str(dataset), size, str(batch_size), str(steps)]
    done = subprocess.run([sys.executable, __file__, "--one", *one], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(one)} failed:\n{done.stderr[-3000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def machine() -> dict[str, object]:
    """The machine that it ran on."""
    import torch
    import transformers

    cuda = torch.cuda.is_available()
    device = (
        torch.cuda.get_device_name()
        if cuda
        else f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
    )
    versions = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
    return {"device": device, "threads": torch.get_num_threads(), "load": os.getloadavg()[0], **versions}


def main() -> None:
    import torch

    cuda = torch.cuda.is_available()
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sizes", nargs="+", default=["base", "large"] if cuda else ["tiny"])
    options.add_argument("--lengths", nargs="+", type=int, default=[128, 512])
    options.add_argument("--steps", type=int, default=60 if cuda else 30, help="a multiple of 3")
    options.add_argument("--vocab-size", type=int, default=30_522)
    options.add_argument("--record", metavar="NAME", help="write benchmarks/results/NAME.json")
    options.add_argument("--one", nargs=5, metavar=("WAY", "DATASET", "SIZE", "BATCH", "STEPS"), help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.one:
        way, dataset, size, batch_size, steps = given.one
        told = (ours if way == "ours" else trainer)(Path(dataset), size, int(batch_size), int(steps))
        print(json.dumps(told | {"memory_mb": memory_mb()}))
        return
    results = []
    with tempfile.TemporaryDirectory() as directory:
        for length in given.lengths:
            dataset = build(Path(directory), length, given.vocab_size)
            for size in given.sizes:
                batch_size = BATCH_TOKENS["cuda" if cuda else "cpu"] // length // (2 if size == "large" else 1)
                pair = {way: measured(way, dataset, size, batch_size, given.steps) for way in ("ours", "trainer")}
                pair["ratio"] = pair["ours"]["tokens_per_s"] / pair["trainer"]["tokens_per_s"]
                results.append({"size": size, "max_seq_length": length, "batch_size": batch_size, **pair})
                print(told_line(results[-1]), flush=True)
    if given.record:
        record = {
            "date": dt.datetime.now(dt.UTC).date().isoformat(),
            "command": ["python", *sys.argv],
            "machine": machine(),
            "results": results,
        }
        (HERE / "results" / f"{given.record}.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def told_line(result: dict[str, object]) -> str:
    """A result as text."""
    ours_, theirs = result["ours"], result["trainer"]
    return (
        f"{result['size']} at {result['max_seq_length']}, batch {result['batch_size']}: {ours_['tokens_per_s']:,.0f} real tokens/s, "
        f"MFU {ours_['mfu']:.1%}, waiting for data {ours_['data_wait_share']:.2%}, {ours_['memory_mb']:,.0f} MB; "
        f"Trainer {theirs['tokens_per_s']:,.0f} tokens/s, {theirs['memory_mb']:,.0f} MB; {result['ratio']:.2f} times"
    )


if __name__ == "__main__":
    main()
