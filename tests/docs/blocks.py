"""The code blocks of the pages."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

GENERATED = {"_build", "reference"}

PAGES = sorted(
    [
        ROOT / "README.md",
        *(page for page in (ROOT / "docs").rglob("*.md") if not GENERATED & set(page.relative_to(ROOT).parts)),
    ]
)

SHELL = {"", "sh", "console", "bash"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block.

    Attributes:
        kind: the word after the fence.
        code: the lines between the fences.
        line: number of its first line in the page.
        not_run: the reason of the comment before it, `<!-- not run: REASON -->`; "" without one.
    """

    kind: str
    code: str
    line: int
    not_run: str


def blocks(page: Path) -> list[Block]:
    """All blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in re.finditer(r"^( *)```([^\n`]*)\n(.*?)^\1```$", text, flags=re.MULTILINE | re.DOTALL):
        before = text[: match.start()].rstrip().rsplit("\n", 1)[-1]
        marked = re.fullmatch(r"<!-- not run:? ?(.*?) ?-->", before.strip())
        line = text.count("\n", 0, match.start()) + 2
        found.append(Block(kind=match[2].strip(), code=match[3], line=line, not_run=marked[1] if marked else ""))
    return found


def commands(block: Block) -> Iterator[list[str]]:
    """The words after `nspdata` of each command of a shell block, without comments, redirections and what follows a pipe."""
    if block.kind not in SHELL:
        return
    prompt = any(line.startswith("$ ") for line in block.code.splitlines())
    for line in block.code.replace("\\\n", " ").splitlines():
        if prompt and not line.startswith("$ "):
            continue  # output
        try:
            words = shlex.split(line.removeprefix("$ "), comments=True)
        except ValueError:  # output with an apostrophe
            continue
        for position, word in enumerate(words):
            starts = position == 0 or words[position - 1] == "-m" or words[position - 1] in {"|", "&&"}
            if word == "nspdata" and starts:
                rest = words[position + 1 :]
                ends = [rest.index(sign) for sign in ("|", ">", "&&", ">>", "2>") if sign in rest]
                yield rest[: min(ends, default=len(rest))]
