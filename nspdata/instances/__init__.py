"""Segments A and B: the procedure of the BERT paper on flat offsets. A pair is a few integers.

Sources: Devlin et al. 2019, section 3.1 and appendix A.2, and Google's `create_pretraining_data.py` (`nsp`); Lan et al. 2020,
ALBERT (`sop`); Liu et al. 2019, RoBERTa's DOC-SENTENCES (`none`).
"""

from __future__ import annotations

from nspdata.instances.pairs import Pairs, cuts, pair
from nspdata.instances.pool import Pool, Text, groups, make_pool
from nspdata.instances.single import full_sentences

__all__ = ["Pairs", "Pool", "Text", "cuts", "full_sentences", "groups", "make_pool", "pair"]
