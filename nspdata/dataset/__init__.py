"""A dataset directory: row schema, manifest, shards."""
