"""Is this dataset right? Every file, every row and every law; with the source, every row against its documents."""

from __future__ import annotations

from nspdata.validation.fetching import local_directory
from nspdata.validation.findings import LAWS, Finding, to_json
from nspdata.validation.run import validate
from nspdata.validation.source import validate_source

__all__ = ["LAWS", "Finding", "local_directory", "to_json", "validate", "validate_source"]
