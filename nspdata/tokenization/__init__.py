"""Text to token ids: sentences, WordPiece, vocabularies."""
