"""Checks the inputs, the tokenizer and the output before a build, and makes its plan."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nspdata.arrays.compiled import interpreted
from nspdata.building.contents import changed_inputs
from nspdata.building.encoders import encoder_of
from nspdata.building.loops import compiling_note, pays_to_interpret
from nspdata.building.plan import TEST, TRAIN, VALIDATION, BuildPlan
from nspdata.building.preflight import preflight
from nspdata.building.staging import check_foreign, differences
from nspdata.config.parsing import flat
from nspdata.dataset.manifest import MANIFEST, read_manifest
from nspdata.errors import ConfigError, InputError
from nspdata.files.local import join
from nspdata.files.owners import WORK
from nspdata.files.swap import pending
from nspdata.reading import expand_inputs
from nspdata.reading.units import expected_text_bytes, make_units
from nspdata.tokenization.wordpiece import WordPiece

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nspdata.config.build import Config
    from nspdata.dataset.manifest import Manifest
    from nspdata.files.local import Files
    from nspdata.reading import Source
    from nspdata.statistics.checks import DataWarning

SHARD_BYTES = 64_000_000
"""Bytes of text per shard if the number of shards is derived. Negatives come from the same shard."""

GROUP_BYTES = 4_000_000
"""Bytes of text of the small shards that are built together. A killed build loses the groups that its workers were building."""

GROUP_SHARDS = 64
"""Shards that are built together at most."""

LEAST_GROUPS = 32
"""With fewer shards than this, each is built by itself, so that all workers have work."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A build that can start.

    Attributes:
        plan: what to build.
        sources: the input files.
        units: the input files, divided and grouped into units of work.
        expected_bytes: bytes of text to expect.
        overwrite: whether another dataset or unfinished build in OUT may be replaced.
        manifest: of the finished dataset, if OUT already has the result of this build.
        warnings: what is out of range in a sample of the input.
    """

    plan: BuildPlan
    sources: list[Source]
    units: list[list[Source]]
    expected_bytes: int
    overwrite: bool = False
    manifest: Manifest | None = None
    warnings: list[DataWarning] = field(default_factory=list)


def prepare(  # noqa: PLR0913 - the arguments of the command
    inputs: Sequence[str],
    output: str,
    tokenizer: str,
    config: Config,
    files: Files,
    *,
    command: str = "",
    overwrite: bool = False,
    local: bool = True,
    strict: bool = False,
    on_note: Callable[[str], None] | None = None,
) -> Prepared:
    """Checks the inputs, the tokenizer and the output, and makes the plan. Nothing is written.

    Args:
        inputs: paths and URLs.
        output: the dataset directory.
        tokenizer: path of the tokenizer.
        config: the settings.
        files: the file system of the inputs.
        command: the command as the user gave it, for the dataset card.
        overwrite: whether another dataset in `output` may be replaced.
        local: whether the build runs on this machine.
        strict: whether any warning of the sample is an error.
        on_note: called before work that takes long, with a sentence about it.

    Raises:
        ConfigError: a setting is wrong, or OUT holds another build.
        InputError: an input is missing or cannot be read, a sample of it is over a hard limit (with `strict`: any figure is out of
            range), or OUT cannot be written.
    """
    sources = expand_inputs(inputs, files, config.input)
    wordpiece = WordPiece.load(
        tokenizer, lowercase=config.tokenizer.lowercase, strip_accents=config.tokenizer.strip_accents
    )
    plan = make_plan(sources, output, wordpiece, config, command=command)
    check_output(plan.output)
    if not overwrite and (manifest := _finished_before(plan, sources, files)):
        return Prepared(plan, sources, [], 0, manifest=manifest)
    check_foreign(plan, files)
    plan = dataclasses.replace(plan, interpreted=local and pays_to_interpret(sources, config))
    if on_note and not plan.interpreted and (note := compiling_note()):
        on_note(note)
    with interpreted(when=plan.interpreted):
        encoder_of(plan)  # raises for an unknown language or pipeline
        found = preflight(plan, sources, files, strict=strict)
    if local and "://" not in plan.output:
        plan = dataclasses.replace(plan, spill_directory=join(plan.output, f"{WORK}/spill"))
    return Prepared(
        plan, sources, make_units(sources), expected_text_bytes(sources), overwrite=overwrite, warnings=found
    )


def make_plan(
    sources: Sequence[Source], output: str, wordpiece: WordPiece, config: Config, *, command: str = ""
) -> BuildPlan:
    """The plan of a build; nothing is read or written for it."""
    config = _resolved(config, sources)
    ordered = sorted(sources, key=lambda source: (source.name, source.size_bytes))
    return BuildPlan(
        output=output.rstrip("/") or "/",
        config=config,
        given_splits=_given_splits(config, sources),
        inputs=tuple((source.name, source.size_bytes) for source in ordered),
        versions=tuple(source.version for source in ordered),
        vocabulary=wordpiece.vocabulary,
        tokenizer_identity=wordpiece.identity(),
        command=command,
        group_size=_group_size(config.output.num_shards, expected_text_bytes(ordered)),
    )


def _group_size(num_shards: int, text_bytes: int) -> int:
    """How many shards are built together.

    >>> _group_size(2000, 10_000_000), _group_size(2000, 10_000_000_000), _group_size(40, 1_000_000), _group_size(2000, 0)
    (62, 1, 1, 1)
    """
    if not text_bytes:  # unknown
        return 1
    return max(1, min(GROUP_SHARDS, num_shards // LEAST_GROUPS, GROUP_BYTES * num_shards // text_bytes))


def _resolved(config: Config, sources: Sequence[Source]) -> Config:
    if config.output.num_shards:
        return config
    train = [source for source in sources if source.split in {"", TRAIN}]
    num_shards = max(1, -(-expected_text_bytes(train) // SHARD_BYTES))
    return dataclasses.replace(config, output=dataclasses.replace(config.output, num_shards=num_shards))


def _given_splits(config: Config, sources: Sequence[Source]) -> tuple[tuple[str, int], ...]:
    """The splits of the input other than `train`, with the number of shards of each, in proportion to the shards of `train`.

    Raises:
        ConfigError: a split has another name than `train`, `validation` or `test`, or there would be two validation splits.
    """
    found = {source.split for source in sources} - {"", TRAIN}
    if unknown := sorted(found - {VALIDATION, TEST}):
        raise ConfigError(
            f"the input has a split {unknown[0]!r}; a dataset has the splits train, validation and test: rename it, or give the "
            "directories of the splits to build from, one dataset each"
        )
    if VALIDATION in found and config.output.validation_fraction:
        raise ConfigError(
            f"output.validation_fraction is {config.output.validation_fraction}, and the input has a validation split of its own; "
            "set output.validation_fraction=0 to keep that one"
        )
    sizes = {
        split: expected_text_bytes([source for source in sources if (source.split or TRAIN) == split])
        for split in (TRAIN, VALIDATION, TEST)
    }
    shards = config.output.num_shards
    return tuple(
        (split, max(1, round(shards * min(1.0, sizes[split] / max(1, sizes[TRAIN])))))
        for split in (VALIDATION, TEST)
        if split in found
    )


def _finished_before(plan: BuildPlan, sources: Sequence[Source], files: Files) -> Manifest | None:
    """Returns the manifest of OUT if it is from this build: same settings, tokenizer and content of the input files."""
    if not (files.stat(join(plan.output, MANIFEST)) or pending(plan.output, files)):
        return None
    manifest = read_manifest(plan.output, files=files)
    remedy = "give another directory with -o, or --overwrite to replace it"
    if differing := differences(manifest, plan):
        raise ConfigError(
            f"{plan.output} holds a finished dataset of other {' and '.join(differing)}{_difference(manifest, plan)}; {remedy}"
        )
    recorded = {entry["name"]: (entry.get("content", ""), "") for entry in manifest.inputs}
    if changed := changed_inputs(sources, recorded, files):
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise ConfigError(
            f"{plan.output} holds a finished dataset of other content of the input files: {changed[0]}{more} changed since; {remedy}"
        )
    return manifest


def check_output(output: str) -> None:
    """Checks that a local directory can be created and written.

    Raises:
        ConfigError: it is a file, or is inside the path of a file.
        InputError: there is no permission to write to it.
    """
    if "://" in output:
        return
    place = Path(output).absolute()
    while not os.path.lexists(place):
        place = place.parent
    if not place.is_dir():
        below = "is a file" if place == Path(output).absolute() else f"is inside the file {place}"
        raise ConfigError(f"{output} {below}; give a directory with -o")
    if not os.access(place, os.W_OK | os.X_OK):
        raise InputError(f"{output}: no permission to write to {place}; give another directory with -o")


def _difference(manifest: Manifest, plan: BuildPlan) -> str:
    old, new = flat(manifest.config), flat(plan.config.to_dict())
    changed = [f"{key} {old.get(key)!r} there, {new.get(key)!r} here" for key in new if old.get(key) != new[key]]
    return f" ({'; '.join(changed)})" if changed else ""
