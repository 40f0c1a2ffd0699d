"""The build as transforms for a Beam pipeline of your own, which has documents as `(id, text)`."""

from nspdata.pipelines.documents import BuildShards, TokenizeDocuments

__all__ = ["BuildShards", "TokenizeDocuments"]
