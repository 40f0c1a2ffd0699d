"""Statistics of a dataset: computed shard by shard during a build, merged exactly, and recomputed from the shards."""

from nspdata.statistics.histograms import Histogram
from nspdata.statistics.summarize import (
    summarize_corpus,
    summarize_documents,
    summarize_files,
    summarize_reading,
    summarize_rows,
    summarize_shard,
    summarize_texts,
)
from nspdata.statistics.values import PartStatistics, Statistics, from_dict, from_json, merge, to_dict, to_json, zero

__all__ = [
    "Histogram",
    "PartStatistics",
    "Statistics",
    "from_dict",
    "from_json",
    "merge",
    "summarize_corpus",
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
