"""A Beam pipeline with a cleaning step before the build.

    python examples/beam_pipeline.py --input corpus.jsonl --output data --tokenizer tokenizer

The records may come from anywhere that Beam reads: replace `ReadFromText` by `ReadFromBigQuery`, for example.
"""

import argparse
import json
import sys

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

import nspdata


def clean(record: dict[str, str]) -> tuple[str, str]:
    """The id of a document, and its text without lines that are too short to be prose."""
    lines = [line for line in record["text"].splitlines() if not line.strip() or len(line.split()) > 2]
    return record["id"], "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Runs the pipeline."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--input", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--num-shards", type=int, default=1)
    own, beam_arguments = parser.parse_known_args(arguments)
    with beam.Pipeline(options=PipelineOptions(beam_arguments)) as pipeline:
        (
            pipeline
            | "Read" >> beam.io.ReadFromText(own.input)
            | "Parse" >> beam.Map(json.loads)
            | "Clean" >> beam.Map(clean)
            | "Build" >> nspdata.beam.BuildShards(own.output, tokenizer=own.tokenizer, num_shards=own.num_shards)
        )


if __name__ == "__main__":
    main(sys.argv[1:])
