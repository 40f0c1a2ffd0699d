"""Documents in, BERT pretraining shards out, and everything to read them; importing this loads nothing heavy.

The names below are the public interface, see docs/python.md. Each is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nspdata import beam, torch
    from nspdata.api.builds import build, estimate, submit
    from nspdata.api.datasets import Dataset, Examples, open_dataset
    from nspdata.api.imports import import_rows
    from nspdata.api.inputs import Inputs
    from nspdata.api.sentences import sample_sentences, split_sentences
    from nspdata.api.tokenizers import TokenizerFit, TrainedTokenizer, check_tokenizer, train_tokenizer
    from nspdata.api.trainings import Scorer, evaluate, train
    from nspdata.api.validations import validate
    from nspdata.building.estimate import Estimate
    from nspdata.config.build import Config as BuildConfig
    from nspdata.config.build import MaskingConfig
    from nspdata.config.train import TrainConfig
    from nspdata.dataset.cache import Cache
    from nspdata.errors import BuildWarning, ConfigError, InputError, NspdataError, ShardError
    from nspdata.loading.loader import Loader
    from nspdata.loading.mixture import Mixture
    from nspdata.validation.findings import Finding

__version__ = "0.1.0"

__all__ = [
    "BuildConfig",
    "BuildWarning",
    "Cache",
    "ConfigError",
    "Dataset",
    "Estimate",
    "Examples",
    "Finding",
    "InputError",
    "Inputs",
    "Loader",
    "MaskingConfig",
    "Mixture",
    "NspdataError",
    "Scorer",
    "ShardError",
    "TokenizerFit",
    "TrainConfig",
    "TrainedTokenizer",
    "__version__",
    "beam",
    "build",
    "check_tokenizer",
    "estimate",
    "evaluate",
    "import_rows",
    "open_dataset",
    "sample_sentences",
    "split_sentences",
    "submit",
    "torch",
    "train",
    "train_tokenizer",
    "validate",
]

_MODULES = {
    "nspdata.api.builds": ("build", "estimate", "submit"),
    "nspdata.api.datasets": ("Dataset", "Examples", "open_dataset"),
    "nspdata.api.imports": ("import_rows",),
    "nspdata.api.inputs": ("Inputs",),
    "nspdata.api.sentences": ("sample_sentences", "split_sentences"),
    "nspdata.api.tokenizers": ("TokenizerFit", "TrainedTokenizer", "check_tokenizer", "train_tokenizer"),
    "nspdata.api.trainings": ("Scorer", "evaluate", "train"),
    "nspdata.api.validations": ("validate",),
    "nspdata.building.estimate": ("Estimate",),
    "nspdata.config.build": ("MaskingConfig",),
    "nspdata.config.train": ("TrainConfig",),
    "nspdata.errors": ("BuildWarning", "ConfigError", "InputError", "NspdataError", "ShardError"),
    "nspdata.loading.loader": ("Loader",),
    "nspdata.loading.mixture": ("Mixture",),
    "nspdata.dataset.cache": ("Cache",),
    "nspdata.validation.findings": ("Finding",),
}

_ORIGINS = {name: (module, name) for module, names in _MODULES.items() for name in names}
_ORIGINS["BuildConfig"] = ("nspdata.config.build", "Config")

_SUBMODULES = frozenset({"beam", "torch"})


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used (PEP 562)."""
    from nspdata.errors import naming_extra

    with naming_extra(f"{__name__}.{name}"):
        if name in _SUBMODULES:
            return import_module(f"{__name__}.{name}")
        if name not in _ORIGINS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module, attribute = _ORIGINS[name]
        value = globals()[name] = getattr(import_module(module), attribute)
        return value


def __dir__() -> list[str]:
    """The public names, imported or not."""
    return sorted({*globals(), *__all__})
