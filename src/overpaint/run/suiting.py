"""What a model suggests for the options of an edit, from what its two prompts ask for."""

from collections.abc import Mapping, Sequence
from typing import Any

from overpaint.errors import UsageError
from overpaint.guides.concept import Concept
from overpaint.method import Method
from overpaint.model import Model
from overpaint.run.asked import asked
from overpaint.run.request import EditRequest
from overpaint.run.resolve import known_settings, nested
from overpaint.run.settings import name_of

TUNED, AUTO, PUBLISHED = "tuned", "auto", "published"
"""The option by which a method says that it takes such suggestions, and the values that do and do not."""
LEARNED, LEARNING = "learned", "learning"
"""The options for what was learned before, and for how it is learned."""
STRENGTH = 5.0
"""That of a concept that nobody gave one, as published."""


def suggested(request: EditRequest, model: Model) -> Mapping[str, Any]:
    """The model's suggestions for what these prompts ask for: the finest there are.

    They give way to everything a user sets. None where the method takes none, where the published defaults
    were asked for. Of several targets those that are suggested for each; without two prompts those that are
    suggested whatever is asked for.
    """
    table = model.suits.edits.get(request.kind.card.name, {})
    source, target = request.request.source, request.request.target
    if not table or TUNED not in request.kind.model_fields or request.options.get(TUNED) == PUBLISHED:
        return {}
    several = list(table.values())
    if source and target:
        given = nested(request.options, known_settings(request.kind))
        said = {name: name_of(value) for name, value in given.items()}
        several = [suits(table, source, one, model, said) for one in (target, *request.request.also)]
    return without_learning(request, alike(several))


def without_learning(request: EditRequest, found: Mapping[str, Any]) -> Mapping[str, Any]:
    """Suggestions but for how to learn, where a file says what was learned."""
    learned = bool(request.options.get(LEARNED))
    return {name: value for name, value in found.items() if not (learned and name == LEARNING)}


def alike(several: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """What all of several suggestions have in common."""
    first, *others = several
    return {name: value for name, value in first.items() if all(one.get(name) == value for one in others)}


def put_into(request: EditRequest) -> Mapping[str, Any]:
    """The target prompt as the one concept to add, for a method that is told concepts and nothing else."""
    option, target = request.kind.card.prompts_into, request.request.target
    if not option or not target.strip():
        return {}
    return {option: (Concept(text=target, sign="+", strength=STRENGTH),)}


def check_put(request: EditRequest, method: Method) -> None:
    """Refuse a target prompt beside other concepts; a recipe holds both, the target as its concept.

    Raises:
        UsageError: the target would do nothing.
    """
    for option, put in put_into(request).items():
        if getattr(method, option) != put:
            raise UsageError(
                f"The method {request.kind.card.name!r} goes by --{option} alone, so the target prompt would "
                "do nothing; leave one of them out."
            )


def suits(
    table: Mapping[str, Mapping[str, Any]],
    source: str,
    target: str,
    model: Model,
    said: Mapping[str, str],
) -> Mapping[str, Any]:
    """What is suggested for a source and a target.

    Where the user chose a component of another name (``said``) than the finest suggestion has, the one of
    that name from a coarser suggestion holds, if there is one.
    """
    tables = [table[kind] for kind in asked(source, target, model.suits.words) if kind in table]
    best = dict(tables[0]) if tables else {}
    for option in best.keys() & said.keys():
        fitting = (one[option] for one in tables if option in one and name_of(one[option]) == said[option])
        best[option] = next(fitting, best[option])
    return best
