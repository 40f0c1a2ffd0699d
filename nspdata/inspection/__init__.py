"""A dataset, told to people: everything that is known of it in one value, as a table and as a page."""

from nspdata.inspection.overview import Overview, names, overview

__all__ = ["Overview", "names", "overview"]
