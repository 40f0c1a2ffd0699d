"""The main job as plain functions: prepare a plan, tokenize a unit of input, build a shard, finish a dataset."""
