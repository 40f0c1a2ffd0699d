"""One encoder a process, kept between units of work: its tables of remembered text are what makes it fast."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

from nspdata.encoding import make_encoder
from nspdata.wordpiece import WordPiece

if TYPE_CHECKING:
    from nspdata.build.plan import BuildPlan
    from nspdata.config import SentencesConfig
    from nspdata.encoding import Encoder

_TOKENIZERS: dict[str, dict[str, bytes]] = {}


def encoder_of(plan: BuildPlan) -> Encoder:
    """The encoder of a plan: made at the first call in a process."""
    identity = json.dumps(plan.tokenizer_identity, sort_keys=True)
    _TOKENIZERS[identity] = plan.tokenizer_files
    return _encoder(plan.config.sentences, identity)


@lru_cache(maxsize=1)
def _encoder(sentences: SentencesConfig, identity: str) -> Encoder:
    wordpiece = WordPiece.from_files(_TOKENIZERS[identity])
    return make_encoder(wordpiece, language=sentences.language, model=sentences.model, paragraphs=sentences.paragraphs)
