"""Documents in, BERT pretraining shards out, and everything to read them; importing this loads nothing heavy."""

__version__ = "0.1.0"
