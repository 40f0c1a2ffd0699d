"""The end of a build: writes all files except the shards, the manifest last; then replaces the old content of OUT."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from nspdata.building.listed import with_inputs
from nspdata.dataset.manifest import MANIFEST, OWNED, Manifest
from nspdata.dataset.schema import row_schema
from nspdata.errors import InputError
from nspdata.files.lease import check_held, end_job
from nspdata.files.local import join
from nspdata.files.swap import clear, commit, complete, pending
from nspdata.metadata.describe import describe
from nspdata.metadata.huggingface import dataset_files
from nspdata.reading.content import hexadecimal
from nspdata.statistics import merge, summarize_files, summarize_reading
from nspdata.statistics.values import REJECTED, REJECTED_BYTES

if TYPE_CHECKING:
    from nspdata.building.plan import BuildPlan
    from nspdata.building.results import Built
    from nspdata.building.tokenize import ReadSummary
    from nspdata.files.local import Files


def finish_build(plan: BuildPlan, summary: ReadSummary, built: Built, files: Files) -> Manifest:
    """Writes the tokenizer, the statistics, the card, the files for `datasets` and then the manifest, and moves all to OUT.

    Idempotent, because engines retry steps: a build that is already in OUT is not changed.

    Raises:
        InputError: another build has taken OUT, because this one did not renew its lease in time.
    """
    plan = with_inputs(plan, files)
    manifest = make_manifest(plan, summary, built)
    if pending(plan.output, files):
        check_held(plan.output, plan.lease, files)
        complete(plan.output, files)
    if _in_place(plan, manifest, files):
        with suppress(InputError):  # a retry of a step that has ended the lease: there is nothing to clear
            _clear(plan, files)
        return manifest
    check_held(plan.output, plan.lease, files)
    statistics = merge(summary.statistics, summarize_reading(summary.counts))
    statistics = merge(statistics, built.statistics)
    statistics = merge(statistics, summarize_files(entry for _, entry in sorted(built.entries.items())))
    written = {f"tokenizer/{name}": data for name, data in plan.wordpiece.files().items()}
    written |= dataset_files(manifest.splits, row_schema(plan.metadata))
    written |= describe(manifest, statistics, plan.command)
    for path, data in sorted(written.items()):
        files.write(join(plan.root, path), data)
    check_held(plan.output, plan.lease, files)
    files.write(join(plan.root, MANIFEST), manifest.to_json().encode())
    if plan.root != plan.output:
        commit(plan.output, files, last=MANIFEST, owned=OWNED, lease=plan.lease)
    _clear(plan, files)
    return manifest


def _clear(plan: BuildPlan, files: Files) -> None:
    check_held(plan.output, plan.lease, files)
    clear(plan.output, files)
    end_job(plan.output, files)


def _in_place(plan: BuildPlan, manifest: Manifest, files: Files) -> bool:
    """Whether an earlier attempt of this step has already moved this dataset to OUT, with all its shards."""
    if files.stat(join(plan.output, MANIFEST)) is None:
        return False
    with files.open(join(plan.output, MANIFEST)) as stream:
        if stream.read() != manifest.to_json().encode():
            return False
    return plan.root == plan.output or not files.listing(plan.root)


def make_manifest(plan: BuildPlan, summary: ReadSummary, built: Built) -> Manifest:
    """The manifest of these shards."""
    counts = {key: number for key, number in summary.counts.items() if not key.startswith((REJECTED, REJECTED_BYTES))}
    splits: dict[str, list[object]] = {split: [] for split in plan.num_shards}
    for key, entry in sorted(built.entries.items()):
        splits[plan.locate(key)[0]].append(entry)
    return Manifest(
        config=plan.config.to_dict(),
        config_fingerprint=plan.config.fingerprint(),
        tokenizer=plan.tokenizer_identity,
        inputs=[
            {"name": name, "bytes": size, "content": hexadecimal(summary.contents[name])} for name, size in plan.inputs
        ],
        counts={
            "read": {**counts, "rejected": summary.rejected, "rejected_bytes": summary.rejected_bytes},
            "built": built.counts,
        },
        splits=splits,  # type: ignore[arg-type]
    )
