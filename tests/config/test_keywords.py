"""Settings as Python keywords."""

from __future__ import annotations

from pathlib import Path

import pytest

from nspdata.config.build import Config, PairingConfig
from nspdata.config.keywords import nested_settings, setting_names
from nspdata.config.parsing import flat, from_dict
from nspdata.config.train import TrainConfig
from nspdata.errors import ConfigError


def test_a_last_part_stands_for_the_whole_name() -> None:
    """The last part of a name is enough if it is unique; a top-level setting wins over a setting in a table."""
    assert nested_settings(Config, None, {"max_seq_length": 64, "seed": 2}) == {
        "pairing": {"max_seq_length": 64},
        "seed": 2,
    }
    assert nested_settings(TrainConfig, None, {"masking": "dynamic"}) == {"masking": "dynamic"}
    assert nested_settings(TrainConfig, None, {"evaluation__batch_size": 8}) == {"evaluation": {"batch_size": 8}}


def test_a_table_can_be_given_whole() -> None:
    """A mapping sets several settings of a table, and keeps the others."""
    tables = nested_settings(Config, {"pairing": {"unit": "sentences"}}, {"pairing": {"max_seq_length": 64}})
    assert tables == {"pairing": {"unit": "sentences", "max_seq_length": 64}}


def test_keywords_override_the_base(tmp_path: Path) -> None:
    """The base may be settings, a file or a mapping; it is not changed."""
    base = Config(seed=1, pairing=PairingConfig(unit="sentences"))
    path = tmp_path / "build.toml"
    path.write_text('seed = 1\n[pairing]\nunit = "sentences"\n', encoding="utf-8")
    mapping = {"seed": 1, "pairing": {"unit": "sentences"}}
    for given in (base, path, str(path), mapping):
        config = from_dict(Config, nested_settings(Config, given, {"seed": 2}))
        assert (config.seed, config.pairing.unit) == (2, "sentences")
    assert mapping == {"seed": 1, "pairing": {"unit": "sentences"}}
    assert base.seed == 1


@pytest.mark.parametrize(
    ("keyword", "message"),
    [
        ("max_sequence_length", "unknown keyword 'max_sequence_length'; did you mean 'pairing__max_seq_length'"),
        ("pairing__max_sequence", "did you mean 'pairing__max_seq_length'"),
        ("sed", "did you mean 'seed'"),
    ],
)
def test_a_wrong_keyword_names_the_nearest(keyword: str, message: str) -> None:
    """An unknown keyword names the nearest setting, matched by its full name or its last part."""
    with pytest.raises(ConfigError, match=message):
        nested_settings(Config, None, {keyword: 1})


def test_an_ambiguous_keyword_names_all(tmp_path: Path) -> None:
    """`every` is a setting of three tables; the error names all three."""
    with pytest.raises(ConfigError, match="write evaluation__every or checkpoint__every or log__every"):
        nested_settings(TrainConfig, None, {"every": 1})
    with pytest.raises(ConfigError, match="cannot be read"):
        nested_settings(Config, tmp_path / "absent.toml", {})
    with pytest.raises(ConfigError, match="config must be settings"):
        nested_settings(Config, 3, {})


def test_every_setting_has_a_name() -> None:
    """Keywords accept the names of all settings and tables."""
    names = setting_names(Config)
    assert set(flat(Config().to_dict())) <= set(names)
    assert "pairing" in names
