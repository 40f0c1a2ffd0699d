"""The end of a build: everything beside the shards, and the manifest last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nspdata.building.tokenize import add_counts
from nspdata.dataset.manifest import MANIFEST, Manifest
from nspdata.dataset.schema import row_schema
from nspdata.files.local import join
from nspdata.metadata.describe import describe
from nspdata.metadata.huggingface import dataset_files
from nspdata.statistics import merge, summarize_files, summarize_reading
from nspdata.statistics.values import REJECTED, REJECTED_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nspdata.building.plan import BuildPlan
    from nspdata.building.shard import ShardResult
    from nspdata.building.tokenize import ReadSummary
    from nspdata.files.local import Files


def finish_build(plan: BuildPlan, summary: ReadSummary, results: Sequence[ShardResult], files: Files) -> Manifest:
    """Writes the tokenizer, the statistics, the card and what `datasets` needs; then the manifest."""
    results = sorted(results, key=lambda result: result.key)
    manifest = make_manifest(plan, summary, results)
    statistics = merge(summary.statistics, summarize_reading(summary.counts))
    for result in results:
        statistics = merge(statistics, result.statistics)
    statistics = merge(statistics, summarize_files(result.entry for result in results))
    written = {f"tokenizer/{name}": data for name, data in plan.wordpiece.files().items()}
    written |= dataset_files(manifest, row_schema(plan.metadata))
    written |= describe(manifest, statistics, plan.command)
    for path, data in sorted(written.items()):
        files.write(join(plan.output, path), data)
    files.write(join(plan.output, MANIFEST), manifest.to_json().encode())
    return manifest


def make_manifest(plan: BuildPlan, summary: ReadSummary, results: Sequence[ShardResult]) -> Manifest:
    """The manifest of these results, which are in the order of their keys."""
    counts = {key: number for key, number in summary.counts.items() if not key.startswith((REJECTED, REJECTED_BYTES))}
    built: dict[str, int] = {}
    splits: dict[str, list[object]] = {split: [] for split in plan.num_shards}
    for result in results:
        built = add_counts(built, result.counts)
        splits[plan.locate(result.key)[0]].append(result.entry)
    return Manifest(
        config=plan.config.to_dict(),
        config_fingerprint=plan.config.fingerprint(),
        tokenizer=plan.tokenizer_identity,
        inputs=[{"name": name, "bytes": size} for name, size in plan.inputs],
        counts={
            "read": {**counts, "rejected": summary.rejected, "rejected_bytes": summary.rejected_bytes},
            "built": built,
        },
        splits=splits,  # type: ignore[arg-type]
    )
