"""The input files of a large job, in files of OUT/.build: a job with a million names would be too large to submit.

`.build/units` has the units of work one after the other, and the elements of the pipeline only say where each one is.
`.build/inputs.json` has the names, sizes and versions of all files, which are left out of the pickled plan.
"""

from __future__ import annotations

import dataclasses
import hashlib
from itertools import accumulate
from typing import TYPE_CHECKING

from nspdata.dataset.manifest import MANIFEST, read_manifest
from nspdata.errors import InputError
from nspdata.files.checked_json import NUMBER, TEXT, list_of, record, tuple_of
from nspdata.files.local import join
from nspdata.files.owners import WORK
from nspdata.files.state import read_state, write_state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nspdata.building.plan import BuildPlan
    from nspdata.files.local import Files

UNITS, INPUTS = f"{WORK}/units", f"{WORK}/inputs.json"

MOST_BYTES = 1 << 20
"""Units of more bytes than this are listed in files."""

RECORD = record({"inputs": list_of(tuple_of(TEXT, NUMBER)), "versions": list_of(TEXT)})


def listed(plan: BuildPlan, units: Sequence[bytes], files: Files) -> tuple[BuildPlan, Sequence[bytes]]:
    """Writes the units and the names of the inputs to files, if they are large; returns the plan and the elements of the job."""
    if sum(map(len, units)) <= MOST_BYTES:
        return plan, units
    write_state(files, join(plan.output, INPUTS), {"inputs": plan.inputs, "versions": plan.versions})
    files.write(join(plan.output, UNITS), b"".join(units))
    starts = accumulate(map(len, units), initial=0)
    places = [b"%d:%d:%s" % (start, len(unit), _checksum(unit)) for start, unit in zip(starts, units, strict=False)]
    return dataclasses.replace(plan, listed=True), places


def unit_at(plan: BuildPlan, unit: bytes, files: Files) -> bytes:
    """Returns the unit of an element of the job.

    Raises:
        InputError: the file of the units is missing or damaged.
    """
    if not plan.listed:
        return unit
    start, length, checksum = unit.split(b":")
    try:
        with files.open(join(plan.output, UNITS)) as stream:
            stream.seek(int(start))
            found = stream.read(int(length))
    except FileNotFoundError:
        found = b""
    if _checksum(found) != checksum:
        raise _damaged(plan, UNITS)
    return found


def with_inputs(plan: BuildPlan, files: Files) -> BuildPlan:
    """Returns the plan with the names, sizes and versions of its inputs.

    If this job has already finished and removed the file, they are those of the dataset: engines retry steps.

    Raises:
        InputError: the file of the inputs is missing or damaged.
    """
    if not plan.listed or plan.inputs:
        return plan
    found = read_state(files, join(plan.output, INPUTS), RECORD)
    if found is not None:
        inputs = tuple((name, size) for name, size in found["inputs"])
        return dataclasses.replace(plan, inputs=inputs, versions=tuple(found["versions"]))
    if files.stat(join(plan.output, MANIFEST)) is None:
        raise _damaged(plan, INPUTS)
    entries = read_manifest(plan.output, files=files).inputs
    return dataclasses.replace(plan, inputs=tuple((entry["name"], entry["bytes"]) for entry in entries))


def _damaged(plan: BuildPlan, name: str) -> InputError:
    return InputError(f"{join(plan.output, name)}: missing or damaged; run the same command again, which writes it")


def _checksum(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=8).hexdigest().encode()
