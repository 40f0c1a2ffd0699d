"""The trainer: from a dataset directory to a BERT checkpoint, on one device or many. The entry point is `run.train`."""
