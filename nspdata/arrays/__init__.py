"""Flat arrays: ragged values, random streams, hashes, compiled loops. Knows nothing of documents."""
