"""Datasets as files for other training loops: MDS, Parquet, TFRecord, a padded `datasets` directory, CSV."""
