"""Imports spaCy when it is first needed, and knows whether others may have changed its languages in this process."""

from __future__ import annotations

import sys
import types
from importlib.util import find_spec
from typing import Any

from nspdata.absent import absent

_STATE = {"without_torch": False, "private": False, "ours": False}
"""How spaCy is to be imported; whether the process ends with its command; whether spaCy was imported by `import_spacy`."""


def leave_torch_out(*, private: bool = False) -> None:
    """Lets `import_spacy` import spaCy without torch. It is not imported yet, but it must be installed.

    Args:
        private: the process belongs to one command of this package, so that no other code changes spaCy's languages in it.

    Raises:
        ModuleNotFoundError: spaCy is not installed.
    """
    if sys.modules.get("spacy") is None and ("spacy" in sys.modules or find_spec("spacy") is None):
        raise ModuleNotFoundError("No module named 'spacy'", name="spacy")
    _STATE["without_torch"] = True
    _STATE["private"] = _STATE["private"] or private


def import_spacy() -> Any:
    """The module `spacy`, imported now if it was not yet."""
    if "spacy" not in sys.modules:
        _STATE["ours"] = True
        if _STATE["without_torch"]:
            import_spacy_alone()
    import spacy

    return spacy


def is_untouched() -> bool:
    """Whether the languages of spaCy are those that are installed: no code of others can have changed them in this process."""
    return "spacy" not in sys.modules or (_STATE["private"] and _STATE["ours"])


def import_spacy_alone() -> None:
    """Imports spaCy without torch, which its `thinc` imports if it is installed: 1.2 s and 190 MB that no rule uses.

    For a process that splits by rules; a pipeline with a network in torch cannot be loaded in it afterwards. spaCy's command line
    is left out as well, with `requests` and `jinja2`: 0.2 s. It is imported when it is used.
    """
    if "spacy" in sys.modules or "torch" in sys.modules:
        return
    commands, info = types.ModuleType("spacy.cli"), types.ModuleType("spacy.cli.info")
    info.info = _spacy_info  # type: ignore[attr-defined]
    sys.modules.update({"spacy.cli": commands, "spacy.cli.info": info})
    try:
        with absent("torch"):
            import spacy
    finally:
        del sys.modules["spacy.cli"], sys.modules["spacy.cli.info"]
    vars(spacy).pop("cli", None)


def _spacy_info(*arguments: Any, **options: Any) -> Any:
    """`spacy.info`, which needs spaCy's command line."""
    from spacy.cli.info import info

    return info(*arguments, **options)
