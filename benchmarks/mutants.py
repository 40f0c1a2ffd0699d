"""Small changes of a module: each mutant changes one operator, constant or condition of its source."""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Mutant:
    """A changed module: where it is changed and how, and the whole tree."""

    line: int
    column: int
    text: str
    tree: ast.Module

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.text}"


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


def mutants(source: str) -> list[Mutant]:
    """Every mutant of a module."""
    tree = ast.parse(source)
    excluded = skipped(tree)
    found = []
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            for index, node in enumerate(value if isinstance(value, list) else [value]):
                if not isinstance(node, ast.AST) or id(node) in excluded:
                    continue
                for new in changes(node):
                    text = f"{ast.unparse(node)} -> {ast.unparse(new)}"
                    replace(parent, field, index, new)
                    changed = ast.fix_missing_locations(copy.deepcopy(tree))
                    replace(parent, field, index, node)
                    line, column = getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
                    found.append(Mutant(line, column, text, changed))
    return sorted(found, key=lambda mutant: (mutant.line, mutant.column, mutant.text))


def replace(parent: ast.AST, field: str, index: int, node: ast.AST) -> None:
    """Puts a node in the place of another."""
    value = getattr(parent, field)
    if isinstance(value, list):
        value[index] = node
    else:
        setattr(parent, field, node)
