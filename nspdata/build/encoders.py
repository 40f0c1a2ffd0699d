"""One encoder a process, kept between units of work: its tables of remembered text are what makes it fast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nspdata.encoding import make_encoder

if TYPE_CHECKING:
    from nspdata.build.plan import BuildPlan
    from nspdata.encoding import Encoder

_KEPT: dict[str, Encoder] = {}


def encoder_of(plan: BuildPlan) -> Encoder:
    """The encoder of a plan: made at the first call in a process, forgotten when another is wanted."""
    settings = plan.config.sentences
    key = repr((settings, plan.tokenizer_identity))
    if key not in _KEPT:
        _KEPT.clear()
        _KEPT[key] = make_encoder(
            plan.wordpiece, language=settings.language, model=settings.model, paragraphs=settings.paragraphs
        )
    return _KEPT[key]
