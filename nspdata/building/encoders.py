"""One encoder per process, reused between units of work, because its cache makes it fast."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from nspdata.tokenization.encoders import make_encoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nspdata.building.plan import BuildPlan
    from nspdata.tokenization.encoded import Encoded, Encoder

_KEPT: dict[str, OneAtATime] = {}
_LOCK = Lock()


class OneAtATime:
    """Serializes access to an encoder: neither its cache nor spaCy is thread-safe."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.lock = Lock()

    def encode(self, texts: Sequence[str], sentences: Sequence[Sequence[str]] | None = None) -> Encoded:
        """See `Encoder.encode`."""
        with self.lock:
            return self.encoder.encode(texts, sentences)


def encoder_of(plan: BuildPlan) -> Encoder:
    """Returns the encoder of a plan: created at the first call in a process, and again if the plan changes."""
    settings = plan.config.sentences
    key = repr((settings, plan.tokenizer_identity))
    with _LOCK:
        if key not in _KEPT:
            _KEPT.clear()
            _KEPT[key] = OneAtATime(make_encoder(plan.wordpiece, settings))
        return _KEPT[key]
