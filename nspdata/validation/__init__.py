"""Checks a finished dataset: every file, every row and every rule; with the source, every row against its documents."""

from __future__ import annotations

from nspdata.validation.fetching import local_directory
from nspdata.validation.findings import RULES, Finding, report, to_json
from nspdata.validation.run import validate
from nspdata.validation.skipping import skipped_rules
from nspdata.validation.source import validate_source

__all__ = ["RULES", "Finding", "local_directory", "report", "skipped_rules", "to_json", "validate", "validate_source"]
