"""Measures of the source tree: which way imports point, how long things are, how much is repeated."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

WINDOW = 6
PUBLIC = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Source:
    """One Python file: where it is, its dotted name, its text."""

    path: Path
    name: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())


def sources(root: Path, base: Path) -> list[Source]:
    """Every Python file under `root`, with dotted names counted from `base`."""
    return [
        Source(path, dotted(path.relative_to(base)), path.read_text()) for path in sorted(root.rglob("*.py"))
    ]


def dotted(relative: Path) -> str:
    """`a/b/c.py` is `a.b.c`, `a/b/__init__.py` is `a.b`."""
    parts = relative.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(source: Source, late: bool = True) -> set[str]:
    """Dotted names of what the file imports; without `late` what is imported with the file alone."""
    found: set[str] = set()
    for node in ast.walk(source.tree) if late else early(source.tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = absolute(node, source)
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return found


def early(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes outside functions."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from early(child)


def absolute(node: ast.ImportFrom, source: Source) -> str:
    """The module an import names, relative dots resolved."""
    if not node.level:
        return node.module or ""
    is_package = source.path.name == "__init__.py"
    parts = source.name.split(".")
    keep = parts[: len(parts) - node.level + is_package]
    return ".".join([*keep, *([node.module] if node.module else [])])


def uphill(sources: Sequence[Source], layers: Sequence[set[str]], package: str) -> list[str]:
    """Imports that point from a lower layer to a higher one, and modules that no layer names."""
    level = {name: i for i, layer in enumerate(layers) for name in layer}
    wrong: list[str] = []
    for source in sources:
        own = part(source.name, package)
        if own is None:
            continue  # the package's front door may name anything
        if own not in level:
            wrong.append(f"{source.name} has no layer; add {own!r} to LAYERS")
            continue
        for target in sorted(imports(source)):
            other = part(target, package)
            if other in level and level[other] > level[own]:
                wrong.append(f"{source.name} imports {target}, which is above it")
    return wrong


def part(name: str, package: str) -> str | None:
    """The first name below the package: `overpaint.masks.given` is `masks`; None where there is none."""
    parts = name.split(".")
    return parts[1] if parts[0] == package and len(parts) > 1 else None


def cycle(sources: Sequence[Source]) -> list[str]:
    """One ring of files that import each other, or an empty list."""
    names = {source.name for source in sources}
    graph = {
        source.name: {nearest(target, names) for target in imports(source, late=False)} - {""}
        for source in sources
    }
    done: set[str] = set()
    for start in graph:
        ring = walk(start, graph, [], done)
        if ring:
            return ring
    return []


def nearest(target: str, names: set[str]) -> str:
    """The file an imported name lives in; nothing for other packages and for the package's front door."""
    while target and target not in names:
        target = target.rpartition(".")[0]
    return target if "." in target else ""


def walk(name: str, graph: Mapping[str, set[str]], trail: list[str], done: set[str]) -> list[str]:
    """Depth first; the trail from the second visit on is a ring."""
    if name in trail:
        return [*trail[trail.index(name) :], name]
    if name in done:
        return []
    for target in sorted(graph.get(name, set()) - {name}):
        ring = walk(target, graph, [*trail, name], done)
        if ring:
            return ring
    done.add(name)
    return []


def outsiders(sources: Sequence[Source], libraries: set[str], allowed: set[str], package: str) -> list[str]:
    """Files outside the allowed parts that import one of the libraries."""
    return [
        f"{source.name} imports {target}"
        for source in sources
        if part(source.name, package) not in allowed
        for target in sorted(imports(source))
        if target.split(".")[0] in libraries
    ]


def repeats(texts: Sequence[str]) -> float:
    """Share of the lines, blank ones and comments aside, inside a run of six that stands elsewhere too."""
    files = [[line.strip() for line in text.splitlines() if counts(line)] for text in texts]
    runs = Counter(run for lines in files for run in windows(lines))
    total = sum(map(len, files))
    return sum(len(repeated(lines, runs)) for lines in files) / max(total, 1)


def counts(line: str) -> bool:
    """Whether a line is neither blank nor a comment."""
    return bool(line.strip()) and not line.strip().startswith("#")


def windows(lines: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Every run of six neighbouring lines."""
    return (tuple(lines[i : i + WINDOW]) for i in range(len(lines) - WINDOW + 1))


def repeated(lines: Sequence[str], runs: Counter[tuple[str, ...]]) -> set[int]:
    """Numbers of the lines inside a run seen more than once."""
    return {i + k for i, run in enumerate(windows(lines)) if runs[run] > 1 for k in range(WINDOW)}


def long_classes(source: Source, limit: int) -> list[str]:
    """Classes of more lines than the limit."""
    return [
        f"{source.name}.{node.name} has {length(node)} lines"
        for node in source.tree.body
        if isinstance(node, ast.ClassDef) and length(node) > limit
    ]


def length(node: ast.ClassDef) -> int:
    """Lines of a class from its first decorator to its last line."""
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return (node.end_lineno or first) - first + 1


def forbidden(source: Source, words: Sequence[str]) -> list[str]:
    """Words that must not be there at all, in code or prose."""
    text = source.text.lower()
    return [f"{source.name} mentions {word!r}" for word in words if word in text]


def batch_indices(source: Source) -> list[str]:
    """Subscripts that pick rows by number: `x[0]`, `x[:1]`, `x[1:, 2]`; not `x[-1]`, the last of a list."""
    return [
        f"{source.name}:{node.lineno} {ast.unparse(node)}"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Subscript) and by_number(node.slice) and holds_rows(node.value)
    ]


def holds_rows(value: ast.expr) -> bool:
    """Whether the thing before the brackets may be a batch: neither a shape nor a type."""
    return not ast.unparse(value).endswith(("Literal", ".shape"))


def by_number(index: ast.expr) -> bool:
    """Whether the first thing between the brackets is a number or is bounded by one."""
    if isinstance(index, ast.Tuple):
        return bool(index.elts) and by_number(index.elts[0])
    if isinstance(index, ast.Slice):
        return any(isinstance(bound, ast.Constant | ast.UnaryOp) for bound in (index.lower, index.upper))
    return isinstance(index, ast.Constant) and type(index.value) is int


def undocumented(source: Source) -> list[str]:
    """The module (unless it is an empty file) and its public functions and classes that lack a docstring."""
    found = [] if ast.get_docstring(source.tree) or not source.text.strip() else [source.name]
    return found + [
        f"{source.name}.{node.name}"
        for node in source.tree.body
        if isinstance(node, PUBLIC) and not node.name.startswith("_") and not ast.get_docstring(node)
    ]


def silencers(source: Source) -> list[str]:
    """Comments that tell the type checker to look away, save `# pyright: ignore[rule]` for a named rule."""
    comments = (
        token
        for token in tokenize.generate_tokens(io.StringIO(source.text).readline)
        if token.type == tokenize.COMMENT
    )
    return [
        f"{source.name}:{token.start[0]} {token.string}"
        for token in comments
        if re.search(r"#\s*(type:\s*ignore|pyright:)", token.string)
        and not re.search(r"#\s*pyright:\s*ignore\[\w+(, \w+)*\]", token.string)
    ]
