"""The Beam pipelines: build, statistics, tokenizer. Beam is imported here and in `nspdata.files.beam` only."""
