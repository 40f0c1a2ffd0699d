"""The shortcut test: how well simple classifiers can guess the label of a pair."""

from nspdata.inspection.shortcuts.measure import Guess, Shortcuts, cautions, measure_shortcuts

__all__ = ["Guess", "Shortcuts", "cautions", "measure_shortcuts"]
