"""The statistics of a dataset's shards, or of raw documents, on any Beam runner.

```
python -m beam_jobs.compute_statistics --input gs://bucket/data --output gs://bucket/rows.json \
    --runner DataflowRunner --project P --region R --temp_location gs://bucket/tmp --sdk_container_image IMAGE
python -m beam_jobs.compute_statistics --input 'gs://corpus/*.jsonl' --tokenizer vocab.txt --output corpus.json
```

Of shards it computes what `statistics.json` has under `rows`; with `--tokenizer`, of documents, what it has under `corpus`,
but for what only pairing can count.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from beam_jobs.options import INPUTS, TOKENIZER, job_parser
from nspdata.boundary import run_program
from nspdata.config.build import load_config

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Our options, and Beam's."""
    parser = job_parser(
        __doc__, inputs=f"a dataset directory; with --tokenizer, documents: {INPUTS}", output="the JSON file to write"
    )
    parser.add_argument("--tokenizer", help=f"of documents: {TOKENIZER}")
    return parser.parse_known_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Options, settings, pipeline."""
    import apache_beam as beam

    from nspdata.files.options import configure
    from nspdata.pipelines import statistics as job
    from nspdata.pipelines.run import run_pipeline

    own, beam_options = parse(sys.argv[1:] if arguments is None else arguments)
    configure(beam_options)
    config = load_config(own.config, own.set, {})

    def steps(pipeline: beam.Pipeline) -> None:
        if own.tokenizer:
            statistics = job.statistics_of_documents(pipeline, own.input, own.tokenizer, config)
        else:
            statistics = job.statistics_of_shards(pipeline, own.input[0])
        _ = statistics | "Write" >> beam.Map(job.write_statistics, own.output)

    run_pipeline(steps, beam_options)


if __name__ == "__main__":
    run_program(main, program="compute_statistics", advice="run the same command again")
