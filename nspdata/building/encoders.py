"""One encoder per process, reused between units of work, because its cache makes it fast."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from nspdata.arrays.compiled import interpreted, is_interpreted
from nspdata.tokenization.encoders import DocumentEncoder

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nspdata.building.plan import BuildPlan
    from nspdata.tokenization.encoded import Encoded

_KEPT: dict[str, OneAtATime] = {}
_LOCK = Lock()


class OneAtATime:
    """Serializes access to an encoder: neither its cache nor spaCy is thread-safe."""

    def __init__(self, encoder: DocumentEncoder) -> None:
        self.encoder = encoder
        self.lock = Lock()

    def encode(
        self,
        texts: Sequence[str],
        sentences: Sequence[Sequence[str]] | None = None,
        languages: Sequence[str] | None = None,
    ) -> Encoded:
        """See `DocumentEncoder.encode`."""
        with self.lock:
            return self.encoder.encode(texts, sentences, languages)

    def encode_pieces(self, pieces: Iterable[str], language: str = "") -> Encoded:
        """See `DocumentEncoder.encode_pieces`."""
        with self.lock:
            return self.encoder.encode_pieces(pieces, language)


SLOWDOWN = {"sentences.model": "at least 50", "sentences.splitter": "about 4"}
"""Times the CPU time of the fast encoder for splitting and tokenizing, by the beginning of the reason. Measured on English books: 6.4 MB
a CPU-second, 0.39 with spaCy's rules and `tokenizers` one after the other, 1.6 with sentencex."""

OTHER_SLOWDOWN = "about 16"


def slow_note(plan: BuildPlan) -> str:
    """Says why the fast encoder does not apply to the documents encoded so far, and what it costs; "" if it applies."""
    with interpreted(when=plan.interpreted):
        reasons = sorted(set(encoder_of(plan).encoder.slow.values()))
    if not reasons:
        return ""
    known = (times for start, times in SLOWDOWN.items() if reasons[0].startswith(start))
    return (
        f"the fast encoder does not apply: {'; '.join(reasons)}; splitting and tokenizing takes {next(known, OTHER_SLOWDOWN)} "
        "times the processor time"
    )


def encoder_of(plan: BuildPlan) -> OneAtATime:
    """Returns the encoder of a plan: created at the first call in a process, and again if the plan changes or loops are now compiled."""
    settings = plan.config.sentences
    key = repr((settings, plan.tokenizer_identity, is_interpreted()))
    with _LOCK:
        if key not in _KEPT:
            _KEPT.clear()
            _KEPT[key] = OneAtATime(DocumentEncoder(plan.wordpiece, settings))
        return _KEPT[key]
