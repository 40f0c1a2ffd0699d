"""Where the user's caches are."""

from __future__ import annotations

import os
from pathlib import Path


def user_cache() -> Path:
    """`$NSPDATA_CACHE`, or `nspdata` below `$XDG_CACHE_HOME`, or below `~/.cache`."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("NSPDATA_CACHE") or Path(home) / "nspdata")
