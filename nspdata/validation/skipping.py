"""Rules that cannot be checked for imported rows: their build, its settings and its documents are unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nspdata.dataset.manifest import Manifest
    from nspdata.validation.findings import Finding

SKIPPED = {
    "manifest_counts": "the counts of the build are unknown",
    "mask_count": "masked_lm_prob of the build is unknown",
    "mask_shares": "the shares of [MASK], random and kept tokens are unknown",
    "mask_replacement": "Google's script may replace a token by a special token",
    "whole_words": "the masking strategy is unknown",
    "label_documents": "the documents of the rows are unknown",
    "negative_adjacent": "the documents of the rows are unknown",
    "sentence_order": "the documents of the rows are unknown",
    "label_share": "random_next_prob is unknown; Google's script gives 0.55 to 0.64",
    "split_overlap": "the documents of the rows are unknown",
    "tokens_lost": "the documents of the rows are unknown",
    "duplicated_rows": "dupe_factor may have repeated rows",
}
"""Why each rule is skipped, by its name."""


def skipped_rules(manifest: Manifest) -> dict[str, str]:
    """The rules that are not checked for this dataset, with the reason; none for a build of nspdata."""
    return SKIPPED if manifest.imported else {}


def without_skipped(findings: list[Finding], manifest: Manifest) -> list[Finding]:
    """The findings of the rules that are checked."""
    skipped = skipped_rules(manifest)
    return [finding for finding in findings if finding.rule not in skipped]
