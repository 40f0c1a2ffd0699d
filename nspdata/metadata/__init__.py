"""Files that describe a dataset: card, Croissant, Hugging Face metadata, JSON schemas."""
