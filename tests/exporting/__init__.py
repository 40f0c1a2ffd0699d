"""Exports, read back by the readers of other projects."""
