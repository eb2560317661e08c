"""The types of what a program calls, written down for editors: ``api.pyi``.

A keyword that is an option of the chosen method completes, and one that is not is an error where it is
written. The file is made from the methods themselves, like ``registry.json``, and never by hand:
``python -m overpaint.registry``.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from inspect import isclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BeforeValidator
from pydantic.fields import FieldInfo

from overpaint import registry
from overpaint.card import Need
from overpaint.errors import OverpaintError
from overpaint.files import atomic
from overpaint.method import Method
from overpaint.methods.generate import Generate
from overpaint.methods.invert import Invert
from overpaint.options import Options

SOURCE = Path(__file__).with_name("api.py")
PLACE = SOURCE.with_suffix(".pyi")
HEAD = '''"""Written by ``python -m overpaint.registry``; changes by hand are lost."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict, Unpack, overload

'''
PLAIN: Mapping[Any, str] = {int: "int", float: "float", bool: "bool", str: "str", NoneType: "None"}
ASKED, SHARED = "_AskedOptions", "_SharedOptions"
OWN = ("image", "method", "options", "named")
"""Parameters of an edit that are no part of what all methods take."""


def stub() -> str:
    """What ``api.pyi`` must hold."""
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    imports = [ast.unparse(node) for node in tree.body if isinstance(node, ast.ImportFrom | ast.Import)]
    edit = next(node for node in functions if node.name == "edit")
    editing = [kind for kind in map(registry.find, registry.METHODS) if takes_picture(kind)]
    check_names(editing, [arg.arg for arg in edit.args.kwonlyargs])
    body = [
        *typed(ASKED, asked(edit), "What every edit can be told."),
        *(line for kind in (*editing, Generate, Invert) for line in of_kind(kind, kind in editing)),
        *typed(SHARED, shared(editing), "What every method has; more is given as ``options``.", ASKED),
        *(line for node in functions for line in signature(node, editing)),
    ]
    text = "\n".join(body)
    needed = [*imports, *sorted(set(part_imports((*editing, Generate, Invert))))]
    return f"{HEAD}{used(needed, text)}\n{text}\n"


def write_stub() -> None:
    """Write it anew."""
    atomic.write(PLACE, stub().encode())


def takes_picture(kind: type[Method]) -> bool:
    """Whether a method edits a picture."""
    return Need.IMAGE in kind.card.needs | kind.card.optional


def check_names(kinds: Iterable[type[Method]], taken: Sequence[str]) -> None:
    """Refuse an option that could not be given as a keyword.

    Raises:
        OverpaintError: it has the name of a parameter of ``edit``.
    """
    for kind in kinds:
        wrong = next((name for name in kind.model_fields if name in (*taken, *OWN)), None)
        if wrong is not None:
            raise OverpaintError(
                f"The option {wrong!r} of {kind.__name__} is a word of edit() itself; rename it."
            )


def asked(edit: ast.FunctionDef) -> dict[str, tuple[str, str]]:
    """What every edit can be told, by name: its type, and nothing to say about it."""
    args = [arg for arg in edit.args.kwonlyargs if arg.arg != "method" and arg.annotation is not None]
    return {arg.arg: (ast.unparse(arg.annotation), "") for arg in args if arg.annotation is not None}


def of_kind(kind: type[Method], editing: bool) -> Iterator[str]:
    """The options of a method as a typed dictionary."""
    base = ASKED if editing else "TypedDict"
    yield from typed(called(kind), options(kind), f"Options of {kind.card.name}.", base)


def called(kind: type[Method]) -> str:
    """What the dictionary of a method's options is called."""
    return f"_{kind.__name__}Options"


def options(kind: type[Options]) -> dict[str, tuple[str, str]]:
    """The options of a method by name: what may be written, and what it means."""
    return {name: (written(field), field.description or "") for name, field in kind.model_fields.items()}


def shared(kinds: Sequence[type[Method]]) -> dict[str, tuple[str, str]]:
    """The options that all methods have and take in the same form."""
    every = [options(kind) for kind in kinds]
    first = every[0] if every else {}
    return {
        name: (one, "")
        for name, (one, _) in first.items()
        if all(name in others and others[name][0] == one for others in every)
    }


def typed(
    name: str, fields: Mapping[str, tuple[str, str]], what: str, base: str = "TypedDict"
) -> Iterator[str]:
    """A typed dictionary of which nothing must be there."""
    yield from (f"class {name}({base}, total=False):", f"    {quoted(what)}")
    for field, (kind, meaning) in fields.items():
        yield f"    {field}: {kind}"
        if meaning:
            yield f"    {quoted(meaning)}"
    yield ""


def quoted(text: str) -> str:
    """A docstring of one line."""
    return f'"""{" ".join(text.split()).replace(chr(92), chr(92) * 2).rstrip(chr(34))}"""'


def written(field: FieldInfo) -> str:
    """What may be written for an option: its type, and text where it is read from such.

    A component is read from its names, which are there already.
    """
    named = any("name" in part.model_fields for part in parts(field.annotation))
    return joined([*forms(field.annotation), *(() if named else texts(field.metadata))])


def forms(kind: Any) -> Iterator[str]:
    """The types that a type stands for, as one writes them."""
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Annotated:
        yield from forms(inside[0])
        yield from texts(inside[1:])
    elif origin in (Union, UnionType):
        yield from (form for one in inside for form in forms(one))
    elif origin is Literal:
        yield f"Literal[{', '.join(map(repr, inside))}]"
    elif origin in (tuple, list) and (inside[1:] == (...,) or origin is list):
        yield f"Sequence[{joined(forms(inside[0]))}]"
    elif origin is tuple:
        yield f"tuple[{', '.join(joined(forms(one)) for one in inside)}]"
    elif origin is dict:
        yield f"Mapping[{', '.join(joined(forms(one)) for one in inside)}]"
    elif isclass(kind) and issubclass(kind, Options):
        yield from component(kind)
    else:
        yield PLAIN.get(kind, "Any")


def component(kind: type[Options]) -> Iterator[str]:
    """A component: itself, its name, or its options as a mapping."""
    name = kind.model_fields.get("name")
    yield kind.__name__
    if name is not None:
        yield from forms(name.annotation)
    yield "Mapping[str, Any]"


def texts(metadata: Iterable[Any]) -> Iterator[str]:
    """Text, where something makes a value of it."""
    yield from ("str" for one in metadata if isinstance(one, BeforeValidator))


def joined(kinds: Iterable[str]) -> str:
    """Each once."""
    every = list(dict.fromkeys(kinds))
    return " | ".join(every) if every else "Any"


def signature(node: ast.FunctionDef, editing: Sequence[type[Method]]) -> Iterator[str]:
    """A function without its body; an edit once for each method."""
    match node.name:
        case "edit":
            yield from overloads(node, editing)
            return
        case "generate":
            retyped(node, called(Generate))
        case "invert":
            retyped(node, called(Invert))
        case _:
            pass
    node.decorator_list, node.body = [], [ast.Expr(ast.Constant(...))]
    yield from (ast.unparse(node), "")


def retyped(node: ast.FunctionDef, name: str) -> None:
    """Say which keywords it takes besides its own."""
    if node.args.kwarg is not None:
        node.args.kwarg.annotation = ast.parse(f"Unpack[{name}]", mode="eval").body


def overloads(node: ast.FunctionDef, editing: Sequence[type[Method]]) -> Iterator[str]:
    """An edit by each method's name, by a method with its options, and by a name that is only known later."""
    usual = next(
        ast.literal_eval(value)
        for arg, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
        if arg.arg == "method" and value is not None
    )
    picture = ast.unparse(node.args.args[0])
    choices = [(f"Literal[{kind.card.name!r}]", called(kind)) for kind in editing]
    for method, taken in (*choices, ("Method", ASKED), ("str", SHARED)):
        default = " = ..." if method == f"Literal[{usual!r}]" else ""
        yield "@overload"
        yield f"def edit({picture}, *, method: {method}{default}, **named: Unpack[{taken}]) -> Edit: ..."
    yield ""


def part_imports(kinds: Iterable[type[Options]]) -> Iterator[str]:
    """Where the classes of components come from."""
    for kind in kinds:
        for field in kind.model_fields.values():
            for part in parts(field.annotation):
                yield f"from {part.__module__} import {part.__name__}"


def parts(kind: Any) -> Iterator[type[Options]]:
    """The components inside a type."""
    if isclass(kind) and issubclass(kind, Options):
        yield kind
    else:
        for one in get_args(kind):
            yield from parts(one)


def used(imports: Iterable[str], text: str) -> str:
    """The imports of which something is used, without the rest and without those of the head."""
    tree = ast.parse(text)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    found = list[str]()
    for line in imports:
        (node,) = ast.parse(line).body
        if isinstance(node, ast.ImportFrom) and not HEAD.count(f"from {node.module} import"):
            kept = [alias for alias in node.names if (alias.asname or alias.name) in names]
            if kept:
                found.append(ast.unparse(ast.ImportFrom(node.module, kept, 0)))
    return "\n".join(dict.fromkeys(found)) + "\n"
