"""Loader states: what a state holds, and the checks that a state passes before a loader resumes from it."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.errors import ConfigError
from nspdata.loading.steps import Mark
from nspdata.loading.stream import ENDLESS

if TYPE_CHECKING:
    from nspdata.loading.mixture import Mixture
    from nspdata.loading.order import Plan

    State = dict[str, Any]

STATE_VERSION = 3

MAX_STEP = 1 << 24
"""Largest number of samples of one step over all ranks; a state further past its window was altered."""

MAX_WINDOWS = 1 << 20
"""Largest number of windows that an endless loader may have passed, in windows of the first one's size; the order of each epoch takes about 50 us to derive."""

INTEGERS = ("seed", "epoch", "step_rows", *Mark._fields)

MAX_BITS = 64
"""Largest size of an integer in a state."""

REMEDY = "load a state that state_dict() returned, unchanged, or start without one"


def whole(name: str, value: object) -> int:
    """The value as an int.

    Raises:
        ConfigError: it is not an integer, is negative and not the seed, or does not fit into 64 bits.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or (name != "seed" and value < 0):
        raise ConfigError(f"{name} must be an integer{'' if name == 'seed' else ', 0 or more'}, not {shown(value)}")
    if int(value).bit_length() > MAX_BITS:
        raise ConfigError(f"{name} must be an integer of at most {MAX_BITS} bits, not {shown(value)}; {REMEDY}")
    return int(value)


def shown(value: object) -> str:
    """Like `repr`, but short: a value of a state may have any size and depth.

    >>> shown([[[[[[[0]]]]]]]), shown(-(10**5000))
    ('[[[[[[...]]]]]]', 'an integer of 16610 bits')
    """
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        return f"an integer of {value.bit_length()} bits"
    return reprlib.repr(value)


def check_origin(state: object, *, dataset: str, order: str, names: str) -> dict[str, int]:
    """Checks types, version, dataset and order of a state.

    Args:
        state: the state that a user passed.
        dataset: fingerprint of the loader's datasets.
        order: hash of the loader's order.
        names: the datasets and the split, for the error.

    Returns:
        The integers of the state.

    Raises:
        ConfigError: the state is malformed, or of another dataset or order.
    """
    if not isinstance(state, Mapping):
        raise ConfigError(f"a loader state is a dictionary, not {type(state).__name__}; {REMEDY}")
    if state.get("version") != STATE_VERSION:
        raise ConfigError(
            f"the loader state has version {shown(state.get('version'))}; this nspdata reads version {STATE_VERSION}; {REMEDY}"
        )
    missing = [key for key in ("dataset", "order", "first_rows", *INTEGERS) if key not in state]
    if missing:
        raise ConfigError(f"the loader state has no {', '.join(map(repr, missing))}; {REMEDY}")
    if state["dataset"] != dataset:
        raise ConfigError(
            f"the loader state is of another dataset ({shown(state['dataset'])}) than {names} ({dataset[:12]}...); "
            "give the dataset that it was saved with, or start without a state"
        )
    if state["order"] != order:
        raise ConfigError(
            "the loader state counts samples of another order; shuffle, window_rows, bins, packing, endless and the weights "
            "of a mixture must be what they were when it was saved"
        )
    return {key: whole(key, state[key]) for key in INTEGERS}


def mixture_at(mixture: Mixture, first_rows: object) -> Mixture:
    """The mixture with the starts of a state.

    Raises:
        ConfigError: they are not numbers of rows, one of each dataset.
    """
    if not isinstance(first_rows, list) or len(first_rows) != len(mixture.weights):
        raise ConfigError(
            f"the loader state's first_rows must be {len(mixture.weights)} numbers, not {shown(first_rows)}; {REMEDY}"
        )
    starts = {name: whole("first_rows", rows) for name, rows in zip(mixture.weights, first_rows, strict=True)}
    return replace(mixture, starts={name: rows for name, rows in starts.items() if rows})


def check_mark(mark: Mark, plan: Plan, *, packs: bool) -> None:
    """Checks that a mark is a place in the plan.

    Args:
        mark: from a state.
        plan: the order that the state is of.
        packs: whether a sample consists of several rows.

    Raises:
        ConfigError: it is outside the plan, or its parts contradict each other.
    """
    most = plan.window_start(1) * MAX_WINDOWS if plan.num_rows == ENDLESS else plan.num_rows
    fits = mark.window < max(1, plan.num_windows) and mark.window <= mark.position <= most
    if fits:
        start, end = plan.window_start(mark.window), plan.window_start(mark.window + 1)
        fits = mark.window_position <= start if packs else mark.window_position == start
        fits = fits and mark.window_position <= mark.position <= mark.window_position + end - start + MAX_STEP
    if not fits:
        raise ConfigError(
            f"the loader state's position {mark.position} (window {mark.window} from {mark.window_position}) is not a place in "
            f"this dataset; {REMEDY}"
        )
