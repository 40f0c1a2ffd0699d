"""The errors that a user can mend; each message names the rule, the value and the remedy."""

from __future__ import annotations


class NspdataError(Exception):
    """Base of every error that nspdata raises on purpose."""


class ConfigError(NspdataError):
    """A setting or an argument is wrong (exit code 2)."""


class InputError(NspdataError):
    """The documents, or the place they are in, cannot be used (exit code 1)."""


class ShardError(NspdataError):
    """A dataset directory is unfinished, damaged, or not what its manifest says (exit code 1)."""
