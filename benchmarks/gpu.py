"""The trainer on one GPU, case by case, compared with `transformers.Trainer`; needs no Beam, no spaCy and no network.

    python benchmarks/gpu.py DATASET... [-o DIRECTORY] [--sizes base large] [--steps 120] [--timeout 400]
    python benchmarks/gpu.py DATASET... --sizes tiny --steps 9 --trace      # on a CPU: the CUDA branch with stand-in kernels

The datasets are finished ones, built elsewhere, for example of 128 and of 512 tokens. Each case is a process of its own with its own
timeout; its result is written to DIRECTORY as soon as it is known, also if it failed, and the next case starts. A case that has
a result is not run again, so the same command continues after a stop. At the end DIRECTORY/summary.json holds all of them.

The case `trainer` needs accelerate, as `transformers.Trainer` does; without it that case is reported as failed.

MFU is given over the device's measured peak of a large bf16 matrix product, and over the data sheet's.
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
BATCH_TOKENS = {"tiny": 4_096, "mini": 65_536, "small": 65_536, "base": 65_536, "large": 32_768}
DATA_SHEET = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L40": 181e12, "L4": 121e12}
"""Dense bf16 operations per second of the data sheets, by a part of the device's name."""

VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "dropout": {"model": {"dropout": 0.1}},
    "max-autotune": {"device": {"compile": "max"}},
    "fa3": {"device": {"flash_attention": "fa3"}},
    "residual-bf16": {"device": {"residual": "bf16"}},
    "fused-qkv": {"device": {"fused_qkv": True}},
    "checkpointed": {"model": {"activation_checkpointing": True}},
    "saving": {"checkpoint": {"every": 10}},
    "fp32-tf32": {"device": {"precision": "fp32", "tf32": True}},
    "muon": {"optimizer": {"name": "muon"}},
}
"""Settings that a case changes; the effect of each is its tokens per second compared with `plain`."""

WAYS = ("plain", "trainer", "saving", "dropout", "max-autotune", "fa3", "residual-bf16", "fused-qkv", "checkpointed")
WAYS += ("fp32-tf32", "muon")
"""The order of the cases: the most important first."""


def ours(dataset: Path, size: str, steps: int, variant: str, *, trace: bool) -> dict[str, Any]:
    """The trainer of nspdata with one variant of the settings."""
    import torch
    from torch._dynamo.utils import counters

    from nspdata.config.train import train_config
    from nspdata.training.run import train

    settings: dict[str, Any] = {
        "model": {"source": size},
        "batch_sequences": batch_sequences(dataset, size),
        "steps": steps,
        "checkpoint": {"every": 0, "keep": 1},
        "evaluation": {"rows": 64},
        "log": {"every": max(1, steps // 6), "to": [], "report": False},
    }
    if trace:
        import cuda_on_cpu

        cuda_on_cpu.install()
        settings["device"] = {"name": "cpu", "compile": "yes", "precision": "bf16"}
    for table, values in VARIANTS[variant].items():
        settings[table] = settings.get(table, {}) | values
    with tempfile.TemporaryDirectory() as run:
        outcome = train(str(dataset), Path(run) / "run", train_config(settings))
    lines = [line for line in outcome.lines if line["kind"] == "train"]
    counted = lines[len(lines) // 3 :]  # compilers and allocators warm up
    found = {
        key: sum(line[key] for line in counted) / len(counted) for key in ("tokens_per_s", "mfu", "data_wait_share")
    }
    if trace:
        found = {}  # the kernels stand in for real ones: their speed says nothing
    found |= {"loss": lines[-1]["loss"], "graphs": counters["stats"]["unique_graphs"]}
    found |= {"graph_breaks": sum(counters["graph_break"].values()), "recompiles": recompiles()}
    stalls = [line["checkpoint_stall_s"] for line in lines if "checkpoint_stall_s" in line]
    if stalls:
        found["checkpoint_stall_s"] = sum(stalls) / len(stalls)
    if torch.cuda.is_available():
        name = torch.cuda.get_device_name()
        peak = next((value for part, value in DATA_SHEET.items() if part in name), None)
        measured = measured_peak()
        found["peak_tflops"] = measured / 1e12
        if peak:
            found["mfu_of_data_sheet"] = found["mfu"] * measured / peak
    return found


def measured_peak() -> float:
    import torch

    from nspdata.training.throughput import measured_peak as peak

    return peak(torch.device("cuda"), torch.bfloat16)


def recompiles() -> int:
    """Compilations of a frame that had been compiled before."""
    from torch._dynamo.utils import get_compilation_metrics

    frames = [metrics.co_name for metrics in get_compilation_metrics() if metrics.co_name]
    return len(frames) - len(set(frames))


def batch_sequences(dataset: Path, size: str) -> int:
    from nspdata.dataset.directory import open_directory

    return BATCH_TOKENS[size] // open_directory(dataset).metadata.max_seq_length


def one(arguments: list[str]) -> dict[str, Any]:
    """One case, in this process."""
    dataset, size, steps, way, trace = arguments
    sys.path.insert(0, str(HERE))
    import train

    if way == "trainer":
        found = train.trainer(Path(dataset), size, batch_sequences(Path(dataset), size), int(steps))
    else:
        found = ours(Path(dataset), size, int(steps), way, trace=trace == "1")
    return found | {"memory_mb": train.memory_mb()}


def case(arguments: list[str], path: Path, *, timeout: float) -> dict[str, Any]:
    """One case in a process of its own; the result is written whatever happens."""
    start = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, __file__, "--one", *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )
        lines = done.stdout.splitlines()
        found = json.loads(lines[-1]) if done.returncode == 0 and lines else {"failed": reason(done.stderr)}
    except subprocess.TimeoutExpired:
        found = {"failed": f"no result after {timeout:.0f} s"}
    except ValueError as error:
        found = {"failed": f"no result: {error}"}
    dataset, size, steps, way, _ = arguments
    found = {"dataset": Path(dataset).name, "size": size, "way": way, "steps": int(steps)} | found
    found["seconds"] = round(time.monotonic() - start, 1)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    temporary.replace(path)
    return found


def reason(stderr: str) -> str:
    """The last message of a failed case; short for out of memory."""
    memory = [line for line in stderr.splitlines() if "out of memory" in line]
    return memory[-1][:300] if memory else stderr.strip()[-1500:]


def described(found: dict[str, Any]) -> str:
    """A result in one line."""
    name = f"{found['size']}, {found['dataset']}, {found['way']}"
    if "failed" in found:
        return f"{name}: failed: {found['failed'].splitlines()[-1] if found['failed'] else 'no message'}"
    parts = [f"{found['tokens_per_s']:,.0f} real tokens/s"] if "tokens_per_s" in found else ["traced"]
    shown = (("mfu", "MFU"), ("mfu_of_data_sheet", "MFU of the data sheet"), ("data_wait_share", "waiting"))
    parts += [f"{label} {found[key]:.1%}" for key, label in shown if key in found]
    parts += [
        f"{key.replace('_', ' ')} {found[key]}" for key in ("graphs", "recompiles", "graph_breaks") if key in found
    ]
    if "checkpoint_stall_s" in found:
        parts.append(f"checkpoint stall {found['checkpoint_stall_s']:.2f} s")
    if "ratio_to_trainer" in found:
        parts.append(f"{found['ratio_to_trainer']:.2f} times Trainer")
    return f"{name}: {', '.join(parts)}, {found['memory_mb']:,.0f} MB"


def with_ratios(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The results with tokens per second over those of Trainer with the same model and dataset."""
    theirs = {(each["dataset"], each["size"]): each.get("tokens_per_s") for each in results if each["way"] == "trainer"}
    for each in results:
        base = theirs.get((each["dataset"], each["size"]))
        if base and "tokens_per_s" in each and each["way"] != "trainer":
            each["ratio_to_trainer"] = each["tokens_per_s"] / base
    return results


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("datasets", nargs="*", type=Path, metavar="DATASET")
    options.add_argument("-o", "--output", type=Path, default=Path("gpu-results"), metavar="DIRECTORY")
    options.add_argument("--sizes", nargs="+", default=["base", "large"], choices=sorted(BATCH_TOKENS))
    options.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS, metavar="WAY", help=", ".join(WAYS))
    options.add_argument("--steps", type=int, default=120, help="a multiple of 3")
    options.add_argument("--timeout", type=float, default=400, metavar="S", help="seconds of one case")
    options.add_argument("--trace", action="store_true", help="on a CPU, the CUDA branch with stand-in kernels")
    options.add_argument("--one", nargs=5, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.one:
        print(json.dumps(one(given.one)))
        return
    if not given.datasets:
        options.error("name at least one dataset")
    given.output.mkdir(parents=True, exist_ok=True)
    results = []
    for way in given.ways:
        for size in given.sizes:
            for dataset in given.datasets:
                path = given.output / f"{size}-{dataset.name}-{way}{'-trace' if given.trace else ''}.json"
                arguments = [str(dataset), size, str(given.steps), way, str(int(given.trace))]
                known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
                results.append(known or case(arguments, path, timeout=given.timeout))
                print(described(with_ratios(results)[-1]), flush=True)
    summary = {"command": sys.argv, "results": with_ratios(results)}
    (given.output / "summary.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
