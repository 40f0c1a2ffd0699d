"""Mutation test of the pairs, the masks and the order: how many small changes of the code do the tests notice?

    python benchmarks/mutation.py --sample 60 --output benchmarks/results/mutation.json

Each mutant changes one operator, constant or condition of one module. It is imported in a forked process in place of the
module, and the tests of the module run until one fails. numba is switched off, so that a mutant costs no compilation, and
properties are tried with few examples. A mutant that no test notices survives.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib.abc
import importlib.util
import json
import os
import random
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

os.environ.setdefault("NUMBA_DISABLE_JIT", "1")
ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

MASKING = "tests/instances/test_masking.py"
PAIRS = "tests/instances/test_pairs.py"
RULES = "tests/instances/test_laws.py"
ROWS = "tests/instances/test_rows.py"
ORDER = "tests/loading/test_order.py"

TESTS: dict[str, list[list[str]]] = {
    "nspdata.instances.masking": [
        [MASKING, "-k", "obeys or neighbours or whole_words_are_whole or spans_begin or no_mask or special"],
        [MASKING],
    ],
    "nspdata.instances.pairs": [[PAIRS, "-k", "plain_procedure and not real"], [PAIRS, RULES]],
    "nspdata.instances.pool": [[PAIRS, "-k", "plain_procedure and not real"], [PAIRS, RULES]],
    "nspdata.instances.assemble": [[RULES, "-k", "obeys"], [RULES]],
    "nspdata.instances.rows": [[ROWS], [ROWS, RULES]],
    "nspdata.loading.order": [[ORDER, "-k", "plan or whole or unshuffled or epochs"], [ORDER]],
}
"""Modules, and the pytest arguments that should notice a change: first a few quick tests, then, if they pass, all tests of the module."""

EXAMPLES = 12
"""Examples per property in the quick tests; the other tests have all of theirs."""

SECONDS = 90
"""CPU time of the quick tests of a mutant, a tenth of the limit for all its tests; a mutant that loops forever counts as noticed."""

COMPARE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
BINARY: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.Mult,
    ast.RShift: ast.LShift,
    ast.LShift: ast.RShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
    ast.Pow: ast.Mult,
}
NAMES = {"minimum": "maximum", "maximum": "minimum", "min": "max", "max": "min", "left": "right", "right": "left"}


def changes(node: ast.AST) -> Iterator[ast.AST]:  # noqa: C901 - one case per kind of node
    """The mutants of one node."""
    new: Any = copy.deepcopy(node)
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in COMPARE:
            new.ops = [COMPARE[type(operator)]()]
            yield new
        case ast.BinOp(op=operator) | ast.AugAssign(op=operator) if type(operator) in BINARY:
            new.op = BINARY[type(operator)]()
            yield new
        case ast.BoolOp(op=operator):
            new.op = ast.Or() if isinstance(operator, ast.And) else ast.And()
            yield new
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert()):
            yield new.operand
        case ast.Constant(value=bool() as value):
            new.value = not value
            yield new
        case ast.Constant(value=int() as value):
            new.value = value + 1
            yield new
        case ast.Constant(value=str() as value) if value in NAMES:
            new.value = NAMES[value]
            yield new
        case ast.Attribute(attr=name) if name in NAMES:
            new.attr = NAMES[name]
            yield new
        case ast.Name(id=name) if name in NAMES:
            new.id = NAMES[name]
            yield new
        case ast.Break():
            yield ast.copy_location(ast.Continue(), node)
        case ast.Continue():
            yield ast.copy_location(ast.Break(), node)


def skipped(tree: ast.Module) -> set[int]:
    """Nodes that do nothing when the module runs: annotations, decorators, docstrings, imports, error messages."""
    found: set[int] = set()
    for node in ast.walk(tree):
        parts: list[Any] = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        parts += getattr(node, "decorator_list", [])
        if isinstance(node, ast.Raise | ast.JoinedStr | ast.Import | ast.ImportFrom):
            parts.append(node)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            parts.append(node)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            parts.append(node)
        found.update(id(child) for part in parts if part is not None for child in ast.walk(part))
    return found


def mutants(source: str) -> list[tuple[int, str, ast.Module]]:
    """Every mutant of a module: line, description, tree."""
    tree = ast.parse(source)
    excluded = skipped(tree)
    found = []
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            for index, node in enumerate(value if isinstance(value, list) else [value]):
                if not isinstance(node, ast.AST) or id(node) in excluded:
                    continue
                for new in changes(node):
                    before = ast.unparse(node)
                    if isinstance(value, list):
                        value[index] = new
                    else:
                        setattr(parent, field, new)
                    found.append((getattr(node, "lineno", 0), f"{before} -> {ast.unparse(new)}", copy.deepcopy(tree)))
                    if isinstance(value, list):
                        value[index] = node
                    else:
                        setattr(parent, field, node)
    return sorted(found, key=lambda entry: entry[:2])


class Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports a changed tree in place of a module."""

    def __init__(self, name: str, path: Path, tree: ast.Module) -> None:
        self.name, self.path, self.tree = name, path, tree

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """The module, if it is the changed one."""
        del path, target
        return importlib.util.spec_from_file_location(name, self.path, loader=self) if name == self.name else None

    def create_module(self, spec: Any) -> None:
        """The default."""

    def exec_module(self, module: ModuleType) -> None:
        """Runs the changed tree."""
        exec(compile(ast.fix_missing_locations(self.tree), str(self.path), "exec"), module.__dict__)  # noqa: S102


class Few:
    """A pytest plugin: few examples per property, and always the same."""

    def __init__(self, examples: int) -> None:
        self.examples = examples

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Limits the examples."""
        from hypothesis import settings

        for item in items:
            given = getattr(getattr(item, "obj", None), "_hypothesis_internal_use_settings", None)
            if given is not None:
                few = settings(
                    given, max_examples=min(self.examples, given.max_examples), derandomize=True, database=None
                )
                item.obj.__dict__["_hypothesis_internal_use_settings"] = few


def is_noticed(name: str, path: Path, tree: ast.Module | None, *, quiet: bool = True) -> bool:
    """Runs the quick tests on a mutant, then the others."""
    return any(fails(name, path, tree, arguments, quiet=quiet) for arguments in TESTS[name])


def fails(name: str, path: Path, tree: ast.Module | None, tests: list[str], *, quiet: bool) -> bool:
    """Runs tests on a mutant in a forked process."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    quick = tests is TESTS[name][0]
    limit = SECONDS if quick else 10 * SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    if quiet:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
    code = 1
    try:
        import pytest

        if tree is not None:
            sys.meta_path.insert(0, Mutated(name, path, tree))
        options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--assert=plain", "-W", "default"]
        code = int(
            pytest.main(
                [*options, *(str(ROOT / test) if test.endswith(".py") else test for test in tests)],
                plugins=[Few(EXAMPLES if quick else 100)],
            )
        )
    except BaseException:  # noqa: BLE001 - a mutant may raise anything
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def main() -> None:
    """Draws mutants, runs them, writes the score."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--module", action="append", choices=TESTS, help="default: all")
    parser.add_argument("--sample", type=int, default=60, help="mutants of each module, drawn at random; 0: all")
    parser.add_argument("--lines", help="only mutants of these lines, as first-last")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0, help="stop after this time; 0: no limit")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--baseline", action="store_true", help="only run the tests on the unchanged code")
    given = parser.parse_args()
    import hypothesis  # noqa: F401
    import numba  # noqa: F401
    import numpy  # noqa: F401, ICN001
    import pyarrow  # noqa: F401, ICN001
    import pytest  # noqa: F401
    import tokenizers  # noqa: F401

    result: dict[str, Any] = {}
    started = time.monotonic()
    for name in given.module or TESTS:
        path = ROOT / (name.replace(".", "/") + ".py")
        if given.baseline:
            print(name, "fails" if is_noticed(name, path, None, quiet=False) else "passes", flush=True)
            continue
        every = mutants(path.read_text(encoding="utf-8"))
        if given.lines:
            first, last = map(int, given.lines.split("-"))
            every = [entry for entry in every if first <= entry[0] <= last]
        count = len(every) if not given.sample else min(given.sample, len(every))
        drawn = sorted(random.Random(given.seed).sample(range(len(every)), count))  # noqa: S311
        found = result[name] = {"mutants": len(every), "tried": 0, "noticed": 0, "survivors": []}
        for index in drawn:
            if given.seconds and time.monotonic() - started > given.seconds:
                break
            line, text, tree = every[index]
            noticed = is_noticed(name, path, tree)
            found["tried"] += 1
            found["noticed"] += noticed
            if not noticed:
                found["survivors"].append(f"{line}: {text}")
                print(f"{name}:{line}: {text}", flush=True)
            if given.output:
                given.output.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{name}: {found['noticed']} of {found['tried']} noticed, of {count} drawn", flush=True)


if __name__ == "__main__":
    main()
