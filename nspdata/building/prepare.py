"""Everything that can go wrong before a build begins, made to go wrong before it begins."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nspdata.building.encoders import encoder_of
from nspdata.building.plan import TRAIN, VALIDATION, WORK, BuildPlan
from nspdata.building.preflight import preflight
from nspdata.building.shard import ShardResult
from nspdata.config.parsing import flat
from nspdata.dataset.manifest import MANIFEST, read_manifest
from nspdata.errors import ConfigError, InputError, NspdataError
from nspdata.files.local import join
from nspdata.reading import expand_inputs
from nspdata.reading.units import expected_text_bytes, make_units
from nspdata.tokenization.wordpiece import WordPiece

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nspdata.config.build import Config
    from nspdata.dataset.manifest import Manifest
    from nspdata.files.local import Files
    from nspdata.reading import Source
    from nspdata.statistics.checks import DataWarning

SHARD_BYTES = 64_000_000
"""Text of one shard where the number of shards is derived: the pool that negatives come from."""

PLAN = f"{WORK}/plan.json"

OURS = (
    MANIFEST,
    "statistics.json",
    "README.md",
    "croissant.json",
    "dataset_dict.json",
    "report.html",
    "tokenizer",
    "rejected",
    TRAIN,
    VALIDATION,
    WORK,
)
"""What a build writes in OUT; `--overwrite` removes nothing else."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A build that can start.

    Attributes:
        plan: what to build.
        units: sources, grouped to units of work.
        expected_bytes: bytes of text to expect.
        manifest: that of the finished dataset, where the very same build was done already.
        warnings: what is out of range in a sample of the input.
    """

    plan: BuildPlan
    units: list[list[Source]]
    expected_bytes: int
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
) -> Prepared:
    """Checks the inputs, the tokenizer and the output, and settles the plan.

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
    if manifest := _finished_before(plan, files, overwrite=overwrite):
        return Prepared(plan, [], 0, manifest)
    encoder_of(plan)  # an unknown language or pipeline is told here
    found = preflight(plan, sources, files, strict=strict)
    plan = dataclasses.replace(plan, finished=_take_over(plan, files, overwrite=overwrite))
    _check_output(plan, files)
    if local and "://" not in plan.output:
        plan = dataclasses.replace(plan, spill_directory=join(plan.output, f"{WORK}/spill"))
    return Prepared(plan, make_units(sources), expected_text_bytes(sources), warnings=found)


def make_plan(
    sources: Sequence[Source], output: str, wordpiece: WordPiece, config: Config, *, command: str = ""
) -> BuildPlan:
    """The plan of a build; nothing is read or written for it."""
    return BuildPlan(
        output=output.rstrip("/") or "/",
        config=_resolved(config, sources),
        inputs=tuple(sorted((source.name, source.size_bytes) for source in sources)),
        vocabulary=wordpiece.vocabulary,
        tokenizer_identity=wordpiece.identity(),
        command=command,
    )


def _resolved(config: Config, sources: Sequence[Source]) -> Config:
    if config.output.num_shards:
        return config
    num_shards = max(1, -(-expected_text_bytes(sources) // SHARD_BYTES))
    return dataclasses.replace(config, output=dataclasses.replace(config.output, num_shards=num_shards))


def _finished_before(plan: BuildPlan, files: Files, *, overwrite: bool) -> Manifest | None:
    """The manifest of OUT where it is of this very build; otherwise None, if OUT may be written."""
    if overwrite or not files.exists(join(plan.output, MANIFEST)):
        return None
    manifest = read_manifest(plan.output, files=files)
    inputs = [{"name": name, "bytes": size} for name, size in plan.inputs]
    changes = {
        "settings": manifest.config == plan.config.to_dict(),
        "tokenizer": manifest.tokenizer == plan.tokenizer_identity,
        "input files": manifest.inputs == inputs,
    }
    if differing := [what for what, same in changes.items() if not same]:
        raise ConfigError(
            f"{plan.output} holds a finished dataset of other {' and '.join(differing)}{_difference(manifest, plan)}; "
            "give another -o, or --overwrite to replace it"
        )
    return manifest


def _difference(manifest: Manifest, plan: BuildPlan) -> str:
    old, new = flat(manifest.config), flat(plan.config.to_dict())
    changed = [f"{key} {old.get(key)!r} there, {new.get(key)!r} here" for key in new if old.get(key) != new[key]]
    return f" ({'; '.join(changed)})" if changed else ""


def _take_over(plan: BuildPlan, files: Files, *, overwrite: bool) -> frozenset[int]:
    """Clears what is stale in OUT and says which shards an unfinished run of the same plan has left."""
    left, planned = {}, join(plan.output, PLAN)
    if files.exists(planned):
        with files.open(planned) as stream:
            left = json.loads(stream.read())
    elif not files.exists(join(plan.output, MANIFEST)) and (foreign := files.match(plan.output)):
        raise ConfigError(
            f"{plan.output} is not empty and holds no build of nspdata (there is {foreign[0][0]}); "
            "give a directory of its own with -o"
        )
    same = left.get("fingerprint") == plan.fingerprint
    finished = _finished_shards(plan, files) if same and not overwrite else frozenset()
    other = left and not same and files.match(join(plan.output, f"{WORK}/shards/*.json"))
    if other and not overwrite:
        raise ConfigError(
            f"{plan.output} holds an unfinished build of other settings, tokenizer or input files; run that command again "
            "to finish it, give another -o, or --overwrite to begin anew"
        )
    stale = ("rejected", f"{WORK}/spill") if finished else OURS
    for name in stale:
        files.delete(join(plan.output, name))
    return finished


def _finished_shards(plan: BuildPlan, files: Files) -> frozenset[int]:
    """The shards that are whole: their result is there, and their file has the size that it names."""
    finished = set()
    for key in range(plan.total_shards):
        if not files.exists(plan.result_path(key)):
            continue
        with files.open(plan.result_path(key)) as stream:
            entry = ShardResult.from_json(stream.read()).entry
        if [size for _, size in files.match(join(plan.output, entry.path))] == [entry.bytes]:
            finished.add(key)
    return frozenset(finished)


def _check_output(plan: BuildPlan, files: Files) -> None:
    """Writes the plan, which also shows that OUT can be written."""
    record = {"fingerprint": plan.fingerprint, **plan.identity()}
    try:
        files.write(join(plan.output, PLAN), json.dumps(record).encode())
    except NspdataError:
        raise
    except Exception as error:
        raise InputError(f"{plan.output} cannot be written ({error}); give a directory that can be with -o") from error
