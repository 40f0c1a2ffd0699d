"""The pipeline: from units of input to a finished dataset.

```
units ──▶ TokenizeUnits ──(group, spill)──▶ GroupByShard ──▶ FinishShards ──▶ MergeShards ──▶ FinishBuild
               └──────── what was read ──▶ MergeReading ──────────▲───────────────────────────────▲
```

On a runner, a large file that one worker must read leaves TokenizeUnits in parts, which TokenizeParts tokenizes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import apache_beam as beam

from nspdata.building.finish import finish_build
from nspdata.files.any import AnyFiles
from nspdata.pipelines.lineage import report_sink
from nspdata.pipelines.transforms import (
    PARTS,
    READING,
    FinishShards,
    MergeReading,
    MergeShards,
    TokenizeParts,
    TokenizeUnits,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nspdata.building.plan import BuildPlan
    from nspdata.building.results import Built
    from nspdata.building.tokenize import ReadSummary
    from nspdata.dataset.manifest import Manifest


def finish(built: Built, summary: ReadSummary, plan: BuildPlan) -> Manifest:
    """Writes the tokenizer, statistics and card, and the manifest last; reports the sink."""
    manifest = finish_build(plan, summary, built, AnyFiles())
    report_sink(plan.output)
    return manifest


def build_pipeline(
    pipeline: beam.Pipeline, plan: BuildPlan, units: Sequence[bytes], *, with_parts: bool = False
) -> beam.PCollection:
    """The whole build as a pipeline: labelled steps, one GroupByKey, one manifest at the end.

    Args:
        pipeline: to add the steps to.
        plan: of the build.
        units: of the input.
        with_parts: whether large files that one worker must read are divided among all by the runner's shuffle.
    """
    outputs = (
        pipeline
        | "Units" >> beam.Create(list(units), reshuffle=False).with_output_types(bytes)
        | "SpreadUnits" >> beam.Reshuffle()
        | "Tokenize"
        >> beam.ParDo(TokenizeUnits(plan, divide=with_parts))
        .with_output_types(tuple[int, bytes])
        .with_outputs(READING, PARTS, main="spills")
    )
    if not with_parts:
        return finish_pipeline(pipeline, plan, outputs.spills, outputs[READING])
    parts = (
        outputs[PARTS]
        | "SpreadParts" >> beam.Reshuffle()
        | "TokenizeParts"
        >> beam.ParDo(TokenizeParts(plan)).with_output_types(tuple[int, bytes]).with_outputs(READING, main="spills")
    )
    spills = (outputs.spills, parts.spills) | "AllSpills" >> beam.Flatten()
    return finish_pipeline(pipeline, plan, spills, (outputs[READING], parts[READING]) | "AllRead" >> beam.Flatten())


def finish_pipeline(
    pipeline: beam.Pipeline, plan: BuildPlan, spills: beam.PCollection, read: beam.PCollection
) -> beam.PCollection:
    """The second half of a build: from tokenized documents by group of shards, and the summary of reading, to the manifest."""
    summary = beam.pvalue.AsSingleton(read | "MergeReading" >> beam.CombineGlobally(MergeReading()))
    every_group = [(group, b"") for group in range(len(plan.groups))]
    seeds = pipeline | "EveryShard" >> beam.Create(every_group, reshuffle=False).with_output_types(tuple[int, bytes])
    return (
        ((spills, seeds) | "WithEveryShard" >> beam.Flatten())
        | "GroupByShard" >> beam.GroupByKey()
        | "FinishShards" >> beam.ParDo(FinishShards(plan), summary)
        | "MergeShards" >> beam.CombineGlobally(MergeShards()).without_defaults()
        | "FinishBuild" >> beam.Map(finish, summary, plan)
    )
