"""What the jobs' command lines have in common: inputs, an output, settings; whatever else stands there is Beam's."""

from __future__ import annotations

import argparse
from pathlib import Path

INPUTS = "files, directories, globs or URLs"

TOKENIZER = "a vocab.txt, a tokenizer.json, or a directory, on this machine"


def job_parser(description: str | None, *, inputs: str = INPUTS, output: str) -> argparse.ArgumentParser:
    """A parser with `--input`, `--output`, `--config` and `--set`; call `parse_known_args`, the rest are Beam's options.

    Args:
        description: the job's docstring.
        inputs: what `--input` takes.
        output: what `--output` is.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", nargs="+", required=True, help=inputs)
    parser.add_argument("--output", required=True, help=output)
    parser.add_argument("--config", type=Path, help="settings as TOML")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="single settings")
    return parser
