"""The pipeline that trains a tokenizer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import apache_beam as beam

from nspdata.building.train_tokenizer import train_from_inputs
from nspdata.files.any import AnyFiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nspdata.config.build import Config


def tokenizer_pipeline(pipeline: beam.Pipeline, inputs: Sequence[str], output: str, config: Config) -> beam.PCollection:
    """Trains a tokenizer as one element on one worker, because training needs the whole sample."""
    return (
        pipeline
        | "Inputs" >> beam.Create([json.dumps(list(inputs)).encode()], reshuffle=False)
        | "TrainTokenizer" >> beam.Map(_trained_size, output, config)
    )


def _trained_size(inputs: bytes, output: str, config: Config) -> int:
    # A retried element finds the files of the first attempt; the job checked the directory before it started.
    trained = train_from_inputs(json.loads(inputs), output, config, AnyFiles(), overwrite=True)
    return len(trained.wordpiece.vocabulary)
