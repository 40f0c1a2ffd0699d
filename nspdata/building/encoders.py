"""One encoder a process, kept between units of work: its tables of remembered text are what makes it fast."""

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
    """An encoder that the threads of a worker share: neither its tables nor spaCy's bear two at once."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.lock = Lock()

    def encode(self, texts: Sequence[str], sentences: Sequence[Sequence[str]] | None = None) -> Encoded:
        """See `Encoder.encode`."""
        with self.lock:
            return self.encoder.encode(texts, sentences)


def encoder_of(plan: BuildPlan) -> Encoder:
    """The encoder of a plan: made at the first call in a process, forgotten when another is wanted."""
    settings = plan.config.sentences
    key = repr((settings, plan.tokenizer_identity))
    with _LOCK:
        if key not in _KEPT:
            _KEPT.clear()
            encoder = make_encoder(
                plan.wordpiece, language=settings.language, model=settings.model, paragraphs=settings.paragraphs
            )
            _KEPT[key] = OneAtATime(encoder)
        return _KEPT[key]
