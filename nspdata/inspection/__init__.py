"""Datasets for people: figures and warnings in one value, as a table and as a report; rows as text."""

from nspdata.inspection.overview import Overview, names, overview

__all__ = ["Overview", "names", "overview"]
