"""Text for a terminal of any width, and for a file: a table of names and values, and warnings."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from nspdata.statistics.checks import DataWarning

NARROW = 56
"""Width in columns below which a value is printed under its name."""


def make_console(*, stderr: bool = False) -> Console:
    """Returns a console that prints text without interpreting markup."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False, stderr=stderr)


def print_pairs(console: Console, pairs: Sequence[tuple[str, str]], *, title: str = "") -> None:
    """Prints names and values in two columns."""
    width = console.width if console.is_terminal else 0
    if title:
        console.print("\n".join(fold(title, width)), style="bold", soft_wrap=True)
    for line in pair_lines(pairs, width):
        console.print(line, soft_wrap=True)


def print_warnings(console: Console, found: Sequence[DataWarning], *, of: str = "") -> None:
    """Prints each warning: on one line in a file, folded on a terminal."""
    width = console.width if console.is_terminal else 0
    head = f"warning ({of})" if of else "warning"
    for warning in found:
        text = "\n".join(fold(f"{head}: {warning.message}", width, indent="  "))
        console.print(text, style="yellow", soft_wrap=True)


def print_note(console: Console, text: str) -> None:
    """Prints a note: on one line in a file, folded on a terminal."""
    width = console.width if console.is_terminal else 0
    console.print("\n".join(fold(f"note: {text}", width, indent="  ")), soft_wrap=True)


def pair_lines(pairs: Sequence[tuple[str, str]], width: int) -> list[str]:
    """Formats a table of names and values as lines.

    Args:
        pairs: names and values.
        width: columns of the terminal; 0 folds nothing.

    >>> pair_lines([("rows", "45,123"), ("tokens", "5,102,334")], 80)
    ['  rows    45,123', '  tokens  5,102,334']
    >>> pair_lines([("tokens", "5,102,334; 99% used")], 24)
    ['  tokens', '    5,102,334; 99% used']
    """
    column = max((len(name) for name, _ in pairs), default=0) + 4
    lines = []
    for name, value in pairs:
        if width and width < NARROW and column + len(value) > width:
            lines += [f"  {name}", *(f"    {part}" for part in fold(value, width and width - 4))]
            continue
        first, *others = fold(value, width and width - column) or [""]
        lines += [f"  {name}".ljust(column) + first, *(" " * column + part for part in others)]
    return lines


def fold(text: str, width: int, *, indent: str = "") -> list[str]:
    """Breaks a text between words into lines of at most this many columns (at least 20); 0 folds nothing.

    >>> fold("one two three four five six", 20, indent="  ")
    ['one two three four', '  five six']
    """
    if not width:
        return [text]
    return textwrap.wrap(text, max(20, width), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def duration(seconds: float) -> str:
    """Formats a duration.

    >>> duration(0.42), duration(8.4), duration(75), duration(7384)
    ('0.4 s', '8 s', '1 min 15 s', '2 h 3 min')
    """
    whole = round(seconds)
    if seconds < 3:
        return f"{seconds:.1f} s"
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
