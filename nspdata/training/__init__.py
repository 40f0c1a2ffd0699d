"""The trainer: from a dataset directory to a BERT checkpoint, on one device or many. `run.train` is the way in."""
