"""Mutation test of the instances and of the order of rows: how many small changes of the code do the tests notice?

    python benchmarks/mutation.py --sample 20 --output benchmarks/results/mutation.json

The tests are collected once, in this process. Each mutant runs in a forked child: the code of the changed function is replaced
there, and the tests that call the function run, the quickest first, until one fails. numba is off, because compiling a mutant
takes longer than its tests, and properties are tried with few examples. `--confirm` runs all tests of the module on the mutants
that survived, with numba and with all examples, in a copy of the tree.

A mutant that takes more than four times the CPU time of its tests counts as killed: it loops forever.
"""

from __future__ import annotations

import argparse
import ast
import datetime as dt
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mutants import mutants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mutants import Mutant

ROOT = Path(__file__).parents[1]
INSTANCES = "tests/instances"
PROPERTIES = f"{INSTANCES}/test_laws.py"
ROWS = [PROPERTIES, *(f"{INSTANCES}/test_{name}.py" for name in ("rows", "reference", "masking", "compiled"))]
PAIRS = [
    *(f"{INSTANCES}/test_{name}.py" for name in ("chunks", "pool", "elsewhere", "pairs")),
    PROPERTIES,
    *(f"{INSTANCES}/test_{name}.py" for name in ("rows", "reference")),
]
ORDER = [f"tests/loading/test_{name}.py" for name in ("order", "batches", "stream")]

TESTS: dict[str, list[str]] = {
    "nspdata.instances.assemble": ROWS,
    "nspdata.instances.chunks": PAIRS,
    "nspdata.instances.elsewhere": PAIRS,
    "nspdata.instances.masking": [ROWS[3], ROWS[4], *ROWS[:3]],
    "nspdata.instances.pairs": PAIRS[3:],
    "nspdata.instances.pool": PAIRS,
    "nspdata.instances.rows": ROWS,
    "nspdata.instances.single": PAIRS[3:],
    "nspdata.instances.usage": ROWS,
    "nspdata.loading.order": ORDER,
}
"""Modules, and the test files that should notice a change of them."""

SLOW = ("share_of_label_1", "swaps_are_drawn", "paper_says", "real_documents", "same_bytes_without_numba")
"""Tests that take minutes without numba: they run only with `--confirm`."""

EXAMPLES = 12
"""Examples per property without `--confirm`."""

SECONDS = 3
"""CPU time of a test on a mutant without `--confirm`, beside four times its time on the unchanged code."""

TOTAL_SECONDS = 30
"""CPU time of the tests of a mutant without `--confirm`, on the unchanged code; slower tests run only with `--confirm`."""

CONFIRM_SECONDS = 500
"""CPU time of a mutant with `--confirm`."""


class Session:
    """A pytest plugin: finds the functions that each test calls, then runs the tests on mutants, instead of the normal run."""

    def __init__(self, modules: list[str], given: argparse.Namespace) -> None:
        self.modules, self.given = modules, given
        self.result: dict[str, Any] = {}

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Removes slow tests and limits the examples of properties."""
        from hypothesis import settings

        items[:] = [item for item in items if not any(word in item.name for word in SLOW)]
        for item in items:
            before = getattr(item.obj, "_hypothesis_internal_use_settings", None)
            if before is not None:
                few = settings(before, max_examples=min(EXAMPLES, before.max_examples), derandomize=True, database=None)
                getattr(item.obj, "__func__", item.obj).__dict__["_hypothesis_internal_use_settings"] = few

    def pytest_runtestloop(self, session: Any) -> bool:
        """Tries the mutants."""
        calls = self.calls(session.items)
        started = time.monotonic()
        for name in self.modules:
            source = path_of(name).read_text(encoding="utf-8")
            drawn, total = draw(mutants(source), self.given)
            found = self.result[name] = {"mutants": total, "sampled": 0, "killed": 0, "not_run": [], "survivors": []}
            for mutant in drawn:
                if self.given.seconds and time.monotonic() - started > self.given.seconds:
                    break
                self.try_one(name, mutant, session.items, calls, found)
                save(self.result, self.given)
            print(f"{name}: {found['killed']} of {found['sampled']} killed, {total} mutants", flush=True)
        return True

    def try_one(
        self, name: str, mutant: Mutant, items: list[Any], calls: dict[str, Any], found: dict[str, Any]
    ) -> None:
        """Runs the tests that call the changed function, the quickest first."""
        changed = changed_code(path_of(name), mutant)
        if changed is None:
            found["not_run"].append(str(mutant))
            return
        function = f"{name}:{changed.co_qualname}"
        some = sorted(
            (call["seconds"], index) for index, call in enumerate(calls["tests"]) if function in call["functions"]
        )
        while sum(seconds for seconds, _ in some) > TOTAL_SECONDS:
            some.pop()
        child = os.fork()
        if not child:
            run_child(lambda: patch(name, changed), [(items[index], seconds) for seconds, index in some])
        killed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
        found["sampled"] += 1
        found["killed"] += killed
        if not killed:
            found["survivors"].append(str(mutant))
            print(f"{name}:{mutant} survives {len(some)} tests", flush=True)

    def calls(self, items: list[Any]) -> dict[str, Any]:
        """The functions of the modules that each test calls, and its CPU time; found in a child and kept for the next run."""
        cache = Path(tempfile.gettempdir()) / f"mutation-calls-{os.getuid()}.json"
        key = {
            "items": [item.nodeid for item in items],
            "sources": {name: path_of(name).read_text() for name in self.modules},
        }
        if cache.exists() and (kept := json.loads(cache.read_text()))["key"] == key:
            return kept  # type: ignore[no-any-return]
        child = os.fork()
        if not child:
            tests: list[dict[str, Any]] = []
            trace_child(self.modules, items, tests)
            cache.write_text(json.dumps({"key": key, "tests": tests}))
            os._exit(0)
        if os.waitpid(child, 0)[1]:
            raise SystemExit("the tests fail on the unchanged code")
        return json.loads(cache.read_text())  # type: ignore[no-any-return]


def trace_child(modules: list[str], items: list[Any], tests: list[dict[str, Any]]) -> None:
    """Runs all tests and notes which functions of the modules they call."""
    names = {str(path_of(name)): name for name in modules}
    functions: set[str] = set()

    def note(frame: types.FrameType, event: str, argument: object) -> None:
        del event, argument
        if name := names.get(frame.f_code.co_filename):
            functions.add(f"{name}:{frame.f_code.co_qualname.split('.<locals>')[0]}")

    for item in items:
        functions.clear()
        started = time.process_time()
        sys.settrace(note)
        failed = fails(item)
        sys.settrace(None)
        if failed:
            print("fails:", item.nodeid, flush=True)
            os._exit(1)
        tests.append({"seconds": round(time.process_time() - started, 3), "functions": sorted(functions)})


def run_child(prepare: Any, items: list[tuple[Any, float]]) -> None:
    """Runs tests until one fails; ends the process, with 1 if one failed."""
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    code = 1
    try:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        prepare()
        code = 0
        for item, seconds in items:
            limit = int(time.process_time() + SECONDS + 4 * seconds)
            resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
            if fails(item):
                code = 1
                break
    finally:
        os._exit(code)


def fails(item: Any) -> bool:
    """Runs one test; True if it fails. Its fixtures are removed at once."""
    from _pytest.runner import runtestprotocol

    return any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))


def path_of(module: str) -> Path:
    """The file of a module."""
    return ROOT / (module.replace(".", "/") + ".py")


def changed_code(path: Path, mutant: Mutant) -> types.CodeType | None:
    """The code of the changed function; None if the change is not in a function."""
    before = dict(codes(compile(path.read_text(encoding="utf-8"), str(path), "exec")))
    after = codes(compile(mutant.tree, str(path), "exec"))
    return next(
        (
            code
            for name, code in after
            if before[name].co_code != code.co_code or constants(before[name]) != constants(code)
        ),
        None,
    )


def constants(code: types.CodeType) -> list[Any]:
    """What a function uses: constants with their types, names, nested functions by their content."""
    return [
        (one.co_code, constants(one)) if isinstance(one, types.CodeType) else (type(one), one) for one in code.co_consts
    ] + [code.co_names]


def codes(code: types.CodeType) -> Iterator[tuple[str, types.CodeType]]:
    """The functions and methods of a module, by their qualified names; functions inside a function belong to it."""
    for one in code.co_consts:
        if isinstance(one, types.CodeType):
            if one.co_flags & 2:  # CO_NEWLOCALS: a function; the body of a class has no such flag
                yield one.co_qualname, one
            else:
                yield from codes(one)


def patch(module: str, code: types.CodeType) -> None:
    """Replaces the code of a function or method of an imported module."""
    parts = code.co_qualname.split(".")
    owner: Any = sys.modules[module]
    for part in parts[:-1]:
        owner = vars(owner)[part]
    found: Any = vars(owner)[parts[-1]]
    found = (
        getattr(found, "fget", None) or getattr(found, "__wrapped__", None) or getattr(found, "__func__", None) or found
    )
    found.__code__ = code


def draw(every: list[Mutant], given: argparse.Namespace) -> tuple[list[Mutant], int]:
    """The mutants to try, and the number of all."""
    if given.lines:
        first, last = map(int, given.lines.split("-"))
        every = [mutant for mutant in every if first <= mutant.line <= last]
    count = min(given.sample or len(every), len(every))
    drawn = sorted(random.Random(given.seed).sample(range(len(every)), count))  # noqa: S311
    return [every[index] for index in drawn], len(every)


def save(result: dict[str, Any], given: argparse.Namespace) -> None:
    """Writes the score."""
    sampled, killed = (sum(found[name] for found in result.values()) for name in ("sampled", "killed"))
    document = {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "command": " ".join(["python", *sys.argv]),
        "sampled": sampled,
        "killed": killed,
        "survived": sampled - killed,
        "score": round(killed / sampled, 3) if sampled else None,
        "modules": result,
    }
    if given.output:
        given.output.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def confirm(path: Path) -> None:
    """Runs all tests on the survivors of a result, and removes from them the ones that are killed."""
    document = json.loads(path.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as directory:
        tree = Path(directory, "tree")
        for name in ("nspdata", "tests", "benchmarks"):
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", tree)
        for name, found in document["modules"].items():
            every = {str(mutant): mutant for mutant in mutants(path_of(name).read_text(encoding="utf-8"))}
            for text in list(found["survivors"]):
                killed = is_killed_in(tree, name, every[text])
                print(f"{name}:{text}", f"killed by {killed}" if killed else "survives", flush=True)
                if killed:
                    found["survivors"].remove(text)
                    found["killed"] += 1
                    document["killed"] += 1
                    document["survived"] -= 1
                document["score"] = round(document["killed"] / document["sampled"], 3)
                path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def is_killed_in(tree: Path, name: str, mutant: Mutant) -> str:
    """Runs all tests of a module in a copy of the tree that has the mutant in it; returns what failed, "" if nothing did."""
    target = tree / path_of(name).relative_to(ROOT)
    before = target.read_text(encoding="utf-8")
    target.write_text(ast.unparse(mutant.tree), encoding="utf-8")
    try:
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider", *TESTS[name]]
        done = subprocess.run(
            command,
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree), "NUMBA_CACHE_DIR": str(tree / "numba")},
            check=False,
            capture_output=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (CONFIRM_SECONDS, CONFIRM_SECONDS)),
        )
    finally:
        target.write_text(before, encoding="utf-8")
    failed = [line for line in done.stdout.decode().splitlines() if line.startswith(("FAILED", "ERROR"))]
    return "" if done.returncode == 0 else (failed or [f"exit code {done.returncode}"])[0]


def main() -> None:
    """Draws mutants, runs the tests on them, writes the score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--module", action="append", choices=TESTS, help="default: all")
    parser.add_argument("--sample", type=int, default=20, help="mutants of each module, drawn at random; 0: all")
    parser.add_argument("--lines", help="only mutants of these lines, as first-last")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0, help="stop after this time; 0: no limit")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--confirm", type=Path, metavar="RESULT", help="run all tests on the survivors of this result")
    given = parser.parse_args()
    if given.confirm:
        confirm(given.confirm)
        return
    os.environ["NUMBA_DISABLE_JIT"] = "1"
    sys.path.insert(0, str(ROOT))
    import pytest

    modules = given.module or list(TESTS)
    files = sorted({file for name in modules for file in TESTS[name]})
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--assert=plain", "-W", "default"]
    os.chdir(ROOT)
    pytest.main([*options, *files], plugins=[Session(modules, given)])


if __name__ == "__main__":
    main()
