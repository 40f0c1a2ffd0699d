"""Reads input files of every format into batches of documents; bad records are counted and kept."""

from nspdata.reading.inputs import expand_inputs
from nspdata.reading.read import read_source
from nspdata.reading.records import REASONS, ReadBatch, Rejected
from nspdata.reading.sampling import sample_documents
from nspdata.reading.sources import Source
from nspdata.reading.units import split_sources

__all__ = [
    "REASONS",
    "ReadBatch",
    "Rejected",
    "Source",
    "expand_inputs",
    "read_source",
    "sample_documents",
    "split_sources",
]
