"""The shortcut test: how far the label of a pair can be guessed without understanding it."""

from nspdata.inspection.shortcuts.measure import Guess, Shortcuts, cautions, measure

__all__ = ["Guess", "Shortcuts", "cautions", "measure"]
