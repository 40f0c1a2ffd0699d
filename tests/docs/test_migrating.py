"""docs/migrating.md names settings and options that exist."""

from __future__ import annotations

import re
from pathlib import Path

from nspdata.config.build import Config

ROOT = Path(__file__).parents[2]

PAGE = (ROOT / "docs" / "migrating.md").read_text(encoding="utf-8")


def known_settings() -> set[str]:
    """Every dotted key."""
    tables = Config().to_dict()
    found = {f"{table}.{key}" for table, values in tables.items() if isinstance(values, dict) for key in values}
    return found | {key for key, value in tables.items() if not isinstance(value, dict)}


def test_settings_exist() -> None:
    """Each `table.key` of a table of settings is a setting, so that a copied line works."""
    tables = "|".join(key for key, value in Config().to_dict().items() if isinstance(value, dict))
    named = set(re.findall(rf"`((?:{tables})\.\w+)`", PAGE))
    assert len(named) > 10
    assert named <= known_settings()


def test_defaults_are_those_of_the_code() -> None:
    """A number after a setting is its default."""
    values = Config().to_dict()
    found = re.findall(r"`(\w+)\.(\w+)` (\d+(?:\.\d+)?)(?![\d%])", PAGE)
    assert len(found) >= 8
    for table, key, number in found:
        assert float(number) == values[table][key], f"{table}.{key}"


def test_every_flag_of_googles_script_is_named() -> None:
    """The flags of create_pretraining_data.py, as its source defines them."""
    for flag in [
        "input_file",
        "output_file",
        "vocab_file",
        "do_lower_case",
        "do_whole_word_mask",
        "max_seq_length",
        "max_predictions_per_seq",
        "random_seed",
        "dupe_factor",
        "masked_lm_prob",
        "short_seq_prob",
    ]:
        assert f"`--{flag}`" in PAGE or f"`--{flag} " in PAGE, flag
