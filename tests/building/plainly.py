"""A build without Beam: the same functions in the same order, in this process, on files of the test's choice."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from nspdata.building.contents import keep_contents
from nspdata.building.encoders import encoder_of
from nspdata.building.finish import finish_build
from nspdata.building.prepare import prepare
from nspdata.building.shard import Built, check_rejected, finish_shard
from nspdata.building.staging import claimed, discard_leftovers
from nspdata.building.tokenize import ReadSummary, tokenize_unit
from nspdata.config.build import Config
from nspdata.config.parsing import from_dict, read_settings
from nspdata.dataset.manifest import Manifest
from nspdata.files.local import Files

SMALL = ("output.num_shards=2", "pairing.max_seq_length=16", "tokenizer.max_unknown=1.0", "input.max_rejected=0.5")


def settings(*assignments: str) -> Config:
    """Settings as `--set` gives them, over those that suit a small corpus."""
    return from_dict(Config, read_settings("", [*SMALL, *assignments]))


def build_plainly(
    inputs: list[Path], output: Path, tokenizer: Path, config: Config, files: Files, *, overwrite: bool = False
) -> Manifest:
    """Builds as `nspdata build` does, with the spills in memory."""
    names = [str(path) for path in inputs]
    prepared = prepare(names, str(output), str(tokenizer), config, files, overwrite=overwrite, local=False)
    if prepared.manifest:
        discard_leftovers(prepared.plan, files)
        return prepared.manifest
    with claimed(prepared.plan, prepared.sources, files, overwrite=prepared.overwrite) as claim:
        if claim.manifest:
            return claim.manifest
        plan, summary, spills = claim.plan, ReadSummary(), defaultdict(list)
        for unit in prepared.units:
            for value in tokenize_unit(plan, unit, files, encoder_of(plan)):
                if isinstance(value, ReadSummary):
                    summary += value
                else:
                    spills[value[0]].append(value[1])
        check_rejected(plan, summary)
        keep_contents(plan, summary, files)
        results = [finish_shard(plan, key, spills[key], files) for key in range(plan.total_shards)]
        return finish_build(plan, summary, Built.merged(map(Built.of, results)), files)
