"""Writes the table of rules in docs/validation.md: `python docs/generate_rules.py`."""

from __future__ import annotations

from pathlib import Path

from nspdata.validation import RULES

PAGE = Path(__file__).with_name("validation.md")

HEAD = "| rule | meaning |\n| --- | --- |\n"


def page(text: str) -> str:
    """The page with its table, which is at its end."""
    return text.partition(HEAD)[0] + HEAD + "".join(f"| `{name}` | {meaning} |\n" for name, meaning in RULES.items())


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
