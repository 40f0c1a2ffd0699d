"""Writes the table of laws in docs/validation.md anew: `python docs/generate_laws.py`."""

from __future__ import annotations

from pathlib import Path

from nspdata.validation import LAWS

PAGE = Path(__file__).with_name("validation.md")

HEAD = "| law | in words |\n| --- | --- |\n"


def page(text: str) -> str:
    """The page with its table, which stands at its end."""
    return text.partition(HEAD)[0] + HEAD + "".join(f"| `{law}` | {rule} |\n" for law, rule in LAWS.items())


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
