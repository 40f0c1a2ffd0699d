"""Computes the statistics of a dataset's shards, or of raw documents, on any Beam runner.

```
python -m beam_jobs.compute_statistics --input gs://bucket/data --output gs://bucket/rows.json \
    --runner DataflowRunner --project P --region R --temp_location gs://bucket/tmp --sdk_container_image IMAGE
python -m beam_jobs.compute_statistics --input 'gs://corpus/*.jsonl' --tokenizer vocab.txt --output corpus.json
```

For shards it computes the part `rows` of `statistics.json`; for documents, with `--tokenizer`, the part `corpus` without the
counts of pairing. The options for reading documents are those of `nspdata build`; unknown options are passed to Beam.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from beam_jobs.options import command_named, finish, split
from nspdata.boundary import run_program
from nspdata.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "compute_statistics"


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the options and runs the pipeline."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if "--help" in given:
        print(__doc__)  # noqa: T201 - the help of a program
        return
    command = command_named("build")
    own, inputs, beam_options = split(given, command)
    documents = any(word.partition("=")[0] == "--tokenizer" for word in own)
    if not inputs:
        raise ConfigError("compute_statistics needs --input: a dataset directory, or documents with --tokenizer")
    tokenizer = [] if documents else ["--tokenizer", "none"]
    finish(lambda: _run(command.make_context(NAME, [*own, *tokenizer, *inputs]), beam_options, documents=documents))


def _run(context: Any, beam_options: Sequence[str], *, documents: bool) -> None:
    import apache_beam as beam

    from nspdata.cli.build import settings_of
    from nspdata.files.options import configure
    from nspdata.pipelines import statistics as job
    from nspdata.pipelines.options import check
    from nspdata.pipelines.run import run_pipeline

    given = context.params
    configure(beam_options)
    check(beam_options, own=[name for param in context.command.params for name in param.opts])
    config = settings_of(given)

    def steps(pipeline: beam.Pipeline) -> None:
        if documents:
            statistics = job.statistics_of_documents(pipeline, given["inputs"], given["tokenizer"], config)
        else:
            statistics = job.statistics_of_shards(pipeline, given["inputs"][0])
        _ = statistics | "Write" >> beam.Map(job.write_statistics, given["output"])

    submitted = run_pipeline(steps, beam_options)
    place = submitted.title if submitted else "wrote " + given["output"]
    print(f"compute_statistics: {place}", file=sys.stderr)  # noqa: T201 - the last line of a program


if __name__ == "__main__":
    run_program(main, program=NAME, advice="run the same command again")
