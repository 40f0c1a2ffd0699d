"""The messages of `nspdata.statistics.checks`: what was found, what is usual, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nspdata.reading.records import REASONS
from nspdata.statistics.evidence import foreign_letters, languages_of, stripped_shares
from nspdata.statistics.languages import script_shares, scripts_of, suggest
from nspdata.statistics.rejected import rejected_shares
from nspdata.statistics.values import CHARACTERS, with_prefix
from nspdata.tokenization.fit import expected_tokens_per_word

if TYPE_CHECKING:
    from nspdata.statistics.evidence import Evidence

MOSTLY = 0.7
"""Minimum share of the letters for a text to count as text of one script."""

CHECK_TOKENIZER = "run `nspdata check-tokenizer`, and train a vocabulary on this text with `nspdata train-tokenizer`"


def rejected(evidence: Evidence, _value: float) -> str:
    """Records that could not be read."""
    shares = rejected_shares(evidence.corpus)
    named = "; ".join(f"{count:,}: {REASONS.get(reason, reason)}" for reason, count in shares.reasons.items())
    return (
        f"{shares.records:.2%} of the records and {shares.bytes:.2%} of the bytes of the input are rejected ({named}); "
        "usual: at most 0.1%; fix the input (a build keeps these records in rejected/)"
    )


def empty(_evidence: Evidence, value: float) -> str:
    """Records without text."""
    return f"{value:.1%} of the records have no text; usual: at most 10%; check input.text_field, and where the records come from"


def language(evidence: Evidence, value: float) -> str:
    """Text in a script that `sentences.language` is not written in."""
    settings, languages = evidence.config.sentences, languages_of(evidence)
    shares = script_shares(with_prefix(evidence.corpus, CHARACTERS))
    main = ", ".join(f"{share:.0%} {script}" for script, share in list(shares.items())[:4] if share >= 0.01)
    codes = _codes(evidence)
    if settings.language_field:
        return (
            f"{value:.0%} of the letters are in a script that none of the languages in {settings.language_field!r} "
            f"({', '.join(languages)}) is written in (letters: {main}); usual: at most 10%; correct the codes ({codes})"
        )
    mixed = value < MOSTLY and shares.keys() & scripts_of(settings.language)
    remedy = (
        f"name the field of each document's language with sentences.language_field, or build each language alone ({codes})"
        if mixed
        else f"set sentences.language to the language of the text ({codes})"
    )
    return (
        f"{value:.0%} of the letters are in a script that sentences.language = {settings.language!r} is not written in (letters: {main}); "
        f"usual: at most 10%; {remedy}"
    )


def _codes(evidence: Evidence) -> str:
    """Returns the languages of the text in scripts that `sentences.language` does not use."""
    shares = script_shares(with_prefix(evidence.corpus, CHARACTERS))
    own = set().union(*map(scripts_of, languages_of(evidence)))
    codes = suggest({script: share for script, share in shares.items() if script not in own})
    return "; ".join(f"{written}: {code}" for written, code in codes.items())


def unknown(_evidence: Evidence, value: float) -> str:
    """Tokens that the vocabulary cannot write."""
    return f"{value:.2%} of the tokens are [UNK]; usual: at most 1%; {CHECK_TOKENIZER}, or use the vocabulary of its language"


def stripped(evidence: Evidence, value: float) -> str:
    """Letters that accent stripping deletes."""
    shares = stripped_shares(evidence)
    script = max(shares, key=lambda name: (shares[name], name))
    return (
        f"the tokenizer strips accents, which deletes or changes {value:.1%} of the letters and marks in {script} script; usual: at "
        "most 5%; set tokenizer.strip_accents=no if the vocabulary contains these marks, train a vocabulary with them, or set "
        "tokenizer.strip_accents=yes to accept this"
    )


def tokens_per_word(evidence: Evidence, _value: float) -> str:
    """Words in too many pieces."""
    size = int(evidence.figures["vocabulary_size"])
    return (
        f"{evidence.figures['tokens_per_word']:.2f} tokens per word; usual for a vocabulary of {size:,} tokens on its own language: "
        f"at most {expected_tokens_per_word(size):.2f}; {CHECK_TOKENIZER}"
    )


def unused(evidence: Evidence, value: float) -> str:
    """Tokens in no row of their own document."""
    return f"{value:.1%} of the tokens of the corpus are in no row of their own document; usual: at most 5%; {_longer(evidence)}"


def cut(evidence: Evidence, value: float) -> str:
    """Sentences that are pieces of longer ones."""
    return (
        f"{value:.1%} of the sentences are pieces of sentences with more than {evidence.config.max_sentence_tokens} tokens, which were "
        f"cut; usual: at most 50%; {_sentences(evidence)}, or accept this for text without punctuation"
    )


def truncated(evidence: Evidence, value: float) -> str:
    """Tokens cut off to fit a row."""
    return (
        f"{value:.1%} of the tokens of the segments are cut off to fit a row; usual: at most 20%; {_longer(evidence)}"
    )


def label(evidence: Evidence, _value: float) -> str:
    """Too many or too few rows of label 1."""
    share, wanted = evidence.figures["label_1_share"], evidence.config.pairing.random_next_prob
    forced = evidence.corpus.get("forced_negatives", 0)
    fixed = evidence.corpus.get("forced_positives", 0)
    cause = f" ({forced:,} of them because their document has no other segment)" if forced and share > wanted else ""
    if fixed and share < wanted:
        cause = f" ({fixed:,} rows have label 0 because their document has no other place for B)"
    return (
        f"{share:.1%} of the rows have label 1{cause}; wanted: pairing.random_next_prob = {wanted:.1%}; {_sentences(evidence)}, join "
        "short documents, lower pairing.max_seq_length, or set pairing.unit=sentences"
    )


def one_sentence(evidence: Evidence, value: float) -> str:
    """Documents without a row of label 0."""
    lost = "no row" if evidence.config.pairing.same_document else "no row of label 0"
    return (
        f"{value:.1%} of the documents have one sentence and give {lost}; usual: at most 20%; {_sentences(evidence)}, or "
        "join short documents"
    )


def duplicates(_evidence: Evidence, value: float) -> str:
    """Exact duplicates."""
    return (
        f"{value:.1%} of the documents are exact duplicates and are dropped; usual: at most 10%; check where the input comes from: "
        "near duplicates are kept"
    )


def repeated(_evidence: Evidence, value: float) -> str:
    """Boilerplate and near duplicates."""
    return (
        f"{value:.1%} of the tokens are in sentences that occur before in the same shard; usual: at most 10%; remove headers, footers "
        "and near duplicates of documents from the input"
    )


def padding(evidence: Evidence, value: float) -> str:
    """Padding of whole batches."""
    figures = evidence.figures
    return (
        f"{value:.1%} of a batch padded to pairing.max_seq_length is padding; usual: at most 25%; load with length bins "
        f"({figures['padding_share_binned']:.1%}) or packed ({figures['padding_share_packed']:.1%}), or lower pairing.max_seq_length"
    )


def unseen(_evidence: Evidence, value: float) -> str:
    """A vocabulary of another language."""
    return f"{value:.1%} of the vocabulary is in no row; usual: at most 50%; {CHECK_TOKENIZER}"


def masked(evidence: Evidence, _value: float) -> str:
    """Too few or too many predictions."""
    return (
        f"{evidence.figures['masked_share']:.2%} of the tokens are predicted; wanted: masking.masked_lm_prob = "
        f"{evidence.config.masking.masked_lm_prob:.1%} within 1.5%; check masking.max_predictions_per_seq (0 derives it), and "
        "whether the rows are very short"
    )


def unjoined(evidence: Evidence, _value: float) -> str:
    """A word segmenter without effect."""
    return (
        f"masking.word_segmenter = {evidence.config.masking.word_segmenter!r} found no word of several Chinese characters, so it has no "
        "effect; remove the setting, or check that the text is Chinese and that the vocabulary has its characters"
    )


def masked_as_mask(evidence: Evidence, _value: float) -> str:
    """Share of [MASK] that differs from the settings."""
    return _not_as_set(evidence, "masked_as_mask_share", "masking.mask_share", evidence.config.masking.mask_share)


def masked_as_random(evidence: Evidence, _value: float) -> str:
    """Share of random tokens that differs from the settings."""
    return _not_as_set(evidence, "masked_as_random_share", "masking.random_share", evidence.config.masking.random_share)


def _not_as_set(evidence: Evidence, key: str, setting: str, wanted: float) -> str:
    return (
        f"{evidence.figures[key]:.2%} of the predicted tokens; wanted: {setting} = {wanted:.1%} within 1%; the rows are not those of "
        "the settings: check them with `nspdata validate`"
    )


def _sentences(evidence: Evidence) -> str:
    """Returns the remedy for too few sentences."""
    settings = evidence.config.sentences
    if (foreign_letters(evidence) or 0) > MOSTLY and (codes := _codes(evidence)):
        return f"set sentences.language to the language of the text ({codes}; it is {settings.language!r})"
    known = f"sentences.language ({settings.language!r})" if not settings.model else "sentences.model"
    return f"check {known} and sentences.paragraphs ({settings.paragraphs!r}) with `nspdata sentences`"


def _longer(evidence: Evidence) -> str:
    """Returns the remedy for tokens that do not fit in a row."""
    sentences, tokens = evidence.corpus.get("sentences", 0), evidence.corpus.get("tokens", 0)
    mean, room = tokens / max(1, sentences), evidence.config.pairing.max_seq_length
    ways = []
    if mean > room / 2:
        ways.append(f"sentences have {mean:,.0f} tokens on average: {_sentences(evidence)}")
    if evidence.config.pairing.fill == "overshoot":
        ways.append("set pairing.fill=fit, which cuts off nothing")
    return ", or ".join([*ways, "raise pairing.max_seq_length"])
