"""Settings: every key is known, every value is checked, and the error says what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from nspdata.config.build import Config, load_config
from nspdata.config.parsing import from_dict, read_settings, read_text, share
from nspdata.errors import ConfigError


def test_defaults_are_those_of_bert() -> None:
    """Defaults equal those of Google's create_pretraining_data.py, by name and value."""
    config = Config()
    assert (config.pairing.max_seq_length, config.pairing.short_seq_prob, config.pairing.random_next_prob) == (
        128,
        0.1,
        0.5,
    )
    assert (config.masking.masked_lm_prob, config.masking.mask_share, config.masking.random_share) == (0.15, 0.8, 0.1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"pairing": {"max_seq_len": 128}},
            r"unknown setting 'pairing.max_seq_len'; did you mean 'pairing.max_seq_length'",
        ),
        ({"max_seq_length": 9}, r"unknown setting 'max_seq_length'; did you mean 'pairing.max_seq_length'\?$"),
        ({"output": {"language": "de"}}, r"unknown setting 'output.language'; did you mean 'sentences.language'\?$"),
        ({"strategi": "span"}, r"unknown setting 'strategi'; did you mean 'masking.strategy'"),
        ({"pairng": {"unit": "sentences"}}, r"unknown setting 'pairng'; did you mean 'pairing."),
        ({"sed": 1}, r"unknown setting 'sed'; did you mean 'seed'"),
        ({"pairing": {"unit": "words"}}, r"pairing.unit must be one of 'segments', 'sentences', not 'words'"),
        ({"pairing": {"max_seq_length": "128"}}, r"pairing.max_seq_length must be of type int, not '128'"),
        ({"pairing": {"max_seq_length": 4}}, r"pairing.max_seq_length must be from 8 to 65535, not 4"),
        ({"pairing": {"random_next_prob": 1.5}}, r"pairing.random_next_prob must be from 0 to 1, not 1.5"),
        (
            {"masking": {"mask_share": 0.8, "random_share": 0.3}},
            r"mask_share \+ masking.random_share must be at most 1",
        ),
        ({"pairing": 3}, r"pairing is a table of settings, not 3"),
        ({"seed": True}, r"seed must be of type int, not True"),
        ({"output": {"validation_fraction": 1.0}}, r"output.validation_fraction must be at least 0 and under 1"),
        ({"duplicate_factor": 0}, r"duplicate_factor must be from 1 to 1000, not 0"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, object], message: str) -> None:
    """The error names the key, the rule and the value."""
    with pytest.raises(ConfigError, match=message):
        from_dict(Config, settings)


def test_assignments_lie_over_the_file_and_flags_over_both() -> None:
    """Flags override assignments, which override the file."""
    assert read_settings("seed = 1\n[pairing]\nunit = 'segments'", ["pairing.unit=sentences", "seed=2"]) == {
        "seed": 2,
        "pairing": {"unit": "sentences"},
    }
    assert load_config(None, ["seed=2"], {"seed": 3, "input.text_field": None}).seed == 3


@pytest.mark.parametrize("assignment", ["seed", "seed.deeper=1"])
def test_a_wrong_assignment_is_an_error(assignment: str) -> None:
    """An assignment that is not `key=value`, or has a key below a value, is refused."""
    with pytest.raises(ConfigError):
        load_config(None, ["seed=1", assignment], {})


def test_a_fingerprint_is_of_the_meaning() -> None:
    """Equal settings have equal fingerprints, in every notation."""
    written = from_dict(Config, read_settings("[pairing]\nmax_seq_length = 128"))
    assert written.fingerprint() == Config().fingerprint()
    assert from_dict(Config, {"seed": 1}).fingerprint() != Config().fingerprint()


def test_shares_are_read_in_both_spellings() -> None:
    """A share can be a percentage or a fraction."""
    assert (share("1%"), share("0.25"), share(None)) == (0.01, 0.25, None)
    with pytest.raises(ConfigError, match="a share is written like"):
        share("one")


def test_a_settings_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    """The error names the path and the byte."""
    path = tmp_path / "build.toml"
    path.write_bytes(b"seed = 1 # \xff")
    with pytest.raises(ConfigError, match=r"build.toml: not UTF-8 at byte 11; save it as UTF-8"):
        read_text(path)
