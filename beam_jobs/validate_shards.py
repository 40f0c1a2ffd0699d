"""Checks a dataset, and with its source every row against its documents, on any Beam runner: the checks of `nspdata validate`.

```
python -m beam_jobs.validate_shards --dataset gs://bucket/data --output gs://bucket/findings.json \
    --source 'gs://corpus/*.jsonl' --runner DataflowRunner --project P --region R --temp_location gs://bucket/tmp \
    --sdk_container_image IMAGE
```

`--output` gets one JSON object, as `nspdata validate --json` prints it. With `--source` (any number of values: everything that
the dataset was built from), documents are encoded by the fast encoder, and a sample of 1% of them by the plain one too;
`--plain` encodes all of them by the plain one. Unknown options are passed to Beam. The exit code is 1 if anything is wrong; if
the job is only submitted, look into `--output`.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from nspdata.boundary import run_program

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nspdata.validation import Finding

NAME = "validate_shards"


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the options and runs the pipeline."""
    parser = argparse.ArgumentParser(
        prog=f"python -m beam_jobs.{NAME}",
        description=__doc__,
        allow_abbrev=False,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--dataset", required=True, help="directory or URL of the dataset; all workers must reach it")
    parser.add_argument("--output", required=True, help="where the findings are written, as JSON")
    parser.add_argument("--source", nargs="+", default=[], action="extend", help="inputs that it was built from")
    parser.add_argument("--plain", action="store_true", help="encode every document by the plain encoder")
    given, beam_options = parser.parse_known_args(arguments)
    _run(given, beam_options)


def _run(given: argparse.Namespace, beam_options: Sequence[str]) -> None:
    import apache_beam as beam

    from nspdata.files.any import AnyFiles
    from nspdata.files.options import configure
    from nspdata.pipelines.options import check
    from nspdata.pipelines.run import run_pipeline
    from nspdata.pipelines.validation import findings_of_dataset

    configure(beam_options)
    check(beam_options, own=["--dataset", "--output", "--source", "--plain"])

    def steps(pipeline: beam.Pipeline) -> None:
        findings = findings_of_dataset(pipeline, given.dataset, given.source, fast=not given.plain)
        _ = findings | "Write" >> beam.Map(write_findings, given.dataset, given.source, given.output)

    submitted = run_pipeline(steps, beam_options)
    if submitted:
        print(f"{NAME}: {submitted.title}", file=sys.stderr)  # noqa: T201 - the last line of a program
        return
    with AnyFiles().open(given.output) as stream:
        found = json.loads(stream.read())
    word = "valid" if found["valid"] else f"not valid: {len(found['findings'])} findings"
    print(f"{given.dataset} is {word}; wrote {given.output}", file=sys.stderr)  # noqa: T201 - the last line of a program
    if not found["valid"]:
        raise SystemExit(1)


def write_findings(findings: list[Finding], directory: str, source: Sequence[str], path: str) -> None:
    """Writes the findings as `nspdata validate --json` prints them."""
    from nspdata.files.any import AnyFiles
    from nspdata.validation import report

    AnyFiles().write(path, f"{report(findings, directory, source)}\n".encode())


if __name__ == "__main__":
    run_program(main, program=NAME, advice="run the same command again")
