"""Statistics of a dataset: a monoid, computed shard by shard while a dataset is built, and again from its shards."""

from nspdata.statistics.histograms import Histogram
from nspdata.statistics.summarize import (
    summarize_documents,
    summarize_files,
    summarize_reading,
    summarize_rows,
    summarize_shard,
    summarize_texts,
)
from nspdata.statistics.values import Part, Statistics, from_dict, from_json, merge, to_dict, to_json, zero

__all__ = [
    "Histogram",
    "Part",
    "Statistics",
    "from_dict",
    "from_json",
    "merge",
    "summarize_documents",
    "summarize_files",
    "summarize_reading",
    "summarize_rows",
    "summarize_shard",
    "summarize_texts",
    "to_dict",
    "to_json",
    "zero",
]
