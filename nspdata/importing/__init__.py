"""Rows that other programs made, as a dataset directory: Google's TFRecord files and CSV files of ids."""
