"""Rows of other programs, imported."""
