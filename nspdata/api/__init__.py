"""The Python interface behind `import nspdata`: builds, datasets, validation, training."""
