"""A build without Beam: the same functions in the same order, in this process, on files of the test's choice."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from nspdata.building.contents import keep_contents
from nspdata.building.encoders import encoder_of
from nspdata.building.finish import finish_build
from nspdata.building.prepare import prepare
from nspdata.building.results import Built
from nspdata.building.shard import check_rejected, finish_group
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
    inputs: list[Path],
    output: Path,
    tokenizer: Path,
    config: Config,
    files: Files,
    *,
    overwrite: bool = False,
    group_size: int = 1,
) -> Manifest:
    """Builds as `nspdata build` does, with the spills in memory."""
    names = [str(path) for path in inputs]
    prepared = prepare(names, str(output), str(tokenizer), config, files, overwrite=overwrite, local=False)
    prepared = replace(prepared, plan=replace(prepared.plan, group_size=group_size))
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
        results = [finish_group(plan, group, spills[group], files) for group in range(len(plan.groups))]
        return finish_build(plan, summary, Built.merged(results), files)
