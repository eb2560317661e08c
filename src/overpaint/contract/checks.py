"""What every method promises, a check for each promise."""

from collections.abc import Callable
from functools import partial
from itertools import product

import torch

from overpaint.card import KINDS, Law, Need
from overpaint.contract.trial import (
    FURTHER,
    SIZE,
    SOURCE,
    TARGET,
    BrokenContract,
    Kind,
    State,
    demand,
    encoded,
    error_of,
    network,
    result,
    run,
    short,
    task,
)
from overpaint.errors import UsageError
from overpaint.families.tiny import Shape
from overpaint.meter import Cancelled, Meter
from overpaint.model import Model

EXACT = 1e-8
"""What rounding may change on a network in double precision, as a share of the largest value."""
STOPS = 6
"""At how many places a run is stopped."""
Check = Callable[[Kind, Shape], None]


def default_constructible(kind: Kind, shape: Shape) -> None:
    """A method needs no argument."""
    kind()


def frozen(kind: Kind, shape: Shape) -> None:
    """A method cannot be changed after it was made, nor take a field it does not have."""
    name = next(iter(kind.model_fields))
    try:
        setattr(kind(), name, getattr(kind(), name))
    except ValueError:
        pass
    else:
        raise BrokenContract(f"{kind.__name__} lets its options be changed; make it frozen.")
    try:
        kind.model_validate({"no such option": 1})
    except ValueError:
        return
    raise BrokenContract(f"{kind.__name__} takes options it does not have; forbid extra fields.")


def documented(kind: Kind, shape: Shape) -> None:
    """Every option says what it is, and every number within which bounds."""
    demand(bool(kind.__doc__), f"{kind.__name__} has no docstring.")
    for name, spec in kind.model_json_schema()["properties"].items():
        demand("description" in spec, f"The option {name} of {kind.__name__} has no description.")
        if spec.get("type") in ("number", "integer"):
            low = {"minimum", "exclusiveMinimum"} & spec.keys()
            high = {"maximum", "exclusiveMaximum"} & spec.keys()
            demand(bool(low and high), f"The option {name} of {kind.__name__} has no bounds.")


def card_complete(kind: Kind, shape: Shape) -> None:
    """The card names its method, its idea, its papers and families that exist."""
    card = kind.card
    demand(bool(card.name and card.idea), f"The card of {kind.__name__} lacks a name or an idea.")
    demand(bool(card.papers), f"The card of {card.name} cites no paper.")
    for paper in card.papers:
        demand("@" in paper.bibtex() and paper.year > 2000, f"The paper {paper.key} cannot be cited.")
        demand(bool(paper.licence) or not paper.code, f"The paper {paper.key} names no licence of its code.")
    demand(bool(card.families), f"The card of {card.name} names no family.")
    for preset in card.families.values():
        kind.model_validate(dict(preset))


def runs(kind: Kind, shape: Shape) -> None:
    """The result is finite and of the right shape, on every family the card declares."""
    model = network(kind, shape)
    given = task(model, kind)
    method = short(kind)
    made, wanted = run(model, method, given), kind.card.results(method)
    count, layers = len(made.latents or made.pixels), frozenset(made.layers)
    demand(count == wanted, f"{kind.card.name} gives {count} results, not {wanted} as its card says.")
    demand(
        layers == kind.card.layers(method),
        f"{kind.card.name} gives the layers {sorted(layers)}; its card errs.",
    )
    pixels = (1, 3, *SIZE)
    for want, several in ((given.shape, made.latents), (pixels, made.pixels)):
        for one in several:
            demand(tuple(one.shape) == want, f"{kind.card.name} gives the shape {tuple(one.shape)}.")
            demand(bool(torch.isfinite(one).all()), f"{kind.card.name} gives values that are not finite.")
            demand(one.dtype == torch.float32, f"{kind.card.name} gives results in {one.dtype}.")


def refuses_missing(kind: Kind, shape: Shape) -> None:
    """What the card needs is asked for in one sentence, before the first network call."""
    for need in kind.card.needs:
        model, meter = network(kind, shape), Meter()
        error = error_of(partial(_encode_and_run, kind, model, need, meter))
        demand(isinstance(error, UsageError), f"{kind.card.name} does not refuse a missing {need}.")
        demand(meter.calls == 0, f"{kind.card.name} calls the network before it refuses a missing {need}.")


def _encode_and_run(kind: Kind, model: Model, lacking: Need, meter: Meter) -> object:
    return run(model, short(kind), encoded(model, kind, lacking=lacking), meter)


def leaves_as_found(kind: Kind, shape: Shape) -> None:
    """Weights, hooks, processors, stacks and gradients are what they were."""
    model = network(kind, shape)
    before = State.of(model)
    run(model, short(kind), task(model, kind))
    demand(State.of(model) == before, f"{kind.card.name} leaves the model changed.")


def leaves_as_found_when_stopped(kind: Kind, shape: Shape) -> None:
    """The same when the edit is cancelled at any of its network calls, or interrupted inside one."""
    model = network(kind, shape)
    given = task(model, kind)
    whole = Meter()
    run(model, short(kind), given, whole)
    ticks = whole.calls + whole.backwards + whole.updates + whole.looks + whole.decodes
    before = State.of(model)
    for stop, error in product(range(0, ticks, max(1, ticks // STOPS)), (Cancelled, KeyboardInterrupt)):
        left = [stop]

        def count(meter: Meter, left: list[int] = left, error: type[BaseException] = error) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise error("stopped by the contract")

        try:
            run(model, short(kind), given, Meter(on_tick=count))
        except error:
            pass
        demand(State.of(model) == before, f"{kind.card.name}, stopped at {stop}, leaves the model changed.")


def seeded(kind: Kind, shape: Shape) -> None:
    """The same seed gives the same bits; another seed gives another picture exactly if the card says so."""
    model = network(kind, shape)
    first, again, other = (result(run(model, short(kind), task(model, kind, seed=s))) for s in (0, 0, 1))
    demand(torch.equal(first, again), f"{kind.card.name} is not repeatable.")
    demand(
        torch.equal(first, other) != kind.card.random,
        f"{kind.card.name}: the card is wrong about randomness.",
    )


def _seed_globally(seed: int) -> None:
    torch.random.manual_seed(seed)  # pyright: ignore[reportUnknownMemberType]


def no_global_random(kind: Kind, shape: Shape) -> None:
    """The global random state is neither used nor moved."""
    model = network(kind, shape)
    given = task(model, kind)
    state = torch.random.get_rng_state()
    try:
        _seed_globally(1)
        first, before = result(run(model, short(kind), given)), torch.random.get_rng_state()
        _seed_globally(1)
        demand(
            torch.equal(before, torch.random.get_rng_state()),
            f"{kind.card.name} moves the global random state.",
        )
        _seed_globally(2)
        demand(
            torch.equal(first, result(run(model, short(kind), given))),
            f"{kind.card.name} uses global randomness.",
        )
    finally:
        torch.random.set_rng_state(state)


def cost_as_stated(kind: Kind, shape: Shape) -> None:
    """Rows, backward passes and whatever else is counted lie within what the card says."""
    for steps in (2, 5):
        method = short(kind, **({"steps": steps} if "steps" in kind.model_fields else {}))
        model, meter = network(kind, shape), Meter()
        run(model, method, task(model, kind), meter)
        cost = kind.card.cost(method)
        for name in KINDS:
            (low, high), seen = getattr(cost, name), getattr(meter, name)
            demand(low <= seen <= high, f"{kind.card.name} took {seen} {name}, not {low} to {high}.")


def rows_apart(kind: Kind, shape: Shape) -> None:
    """Row by row, as on a machine with little memory, the result is the same to rounding."""
    model, meters = network(kind, shape), (Meter(), Meter())
    in_double_precision(model)  # untrained networks make much of rounding, which differs between machines
    given = task(model, kind)
    whole = result(run(model, short(kind), given, meters[0]))
    with model.sparing(1):
        apart = result(run(model, short(kind), given, meters[1]))
    error = float((whole - apart).abs().max() / whole.abs().max().clamp(min=1.0))
    demand(error <= EXACT, f"{kind.card.name}, taken apart row by row, gives something else ({error:.1e}).")
    demand(meters[0].rows == meters[1].rows, f"{kind.card.name} takes more rows when it is taken apart.")


def same_prompt(kind: Kind, shape: Shape) -> None:
    """With the same prompt twice, the promise of the card holds."""
    if kind.card.law is Law.NONE:
        return
    model = network(kind, shape)
    if kind.card.law is Law.EXACT:  # what is exact is so to rounding, and rounding grows on the way
        in_double_precision(model)
    given = task(model, kind, target=SOURCE)
    same = result(run(model, short(kind), given))
    if kind.card.law is Law.EXACT:
        error = float((same - given.x0).abs().max() / given.x0.abs().max())
        demand(error <= EXACT, f"{kind.card.name} promises the picture back and misses it by {error:.1e}.")
    other = result(run(model, short(kind), task(model, kind)))
    demand(not torch.equal(other, same), f"{kind.card.name} does not look at the target prompt.")


def several_targets(kind: Kind, shape: Shape) -> None:
    """Where it takes several targets each is what it is alone, and costs what the card says."""
    more = kind.card.further
    if more is None:
        return
    model, meter = network(kind, shape), Meter()
    in_double_precision(model)
    both = run(model, short(kind), encoded(model, kind, also=(FURTHER,)), meter)
    demand(len(both.latents or both.pixels) == 2, f"{kind.card.name} does not give a result for each target.")
    for one, target in zip(both.latents or both.pixels, (TARGET, FURTHER), strict=True):
        alone = result(run(model, short(kind), encoded(model, kind, target=target)))
        error = float((one - alone).abs().max() / alone.abs().max().clamp(min=1.0))
        demand(error <= EXACT, f"{kind.card.name} gives something else beside another target ({error:.1e}).")
    low, high = (kind.card.cost(short(kind)) + more(short(kind))).rows
    demand(
        low <= meter.rows <= high,
        f"{kind.card.name} took {meter.rows} rows for two targets, not {low} to {high}.",
    )


def in_double_precision(model: Model) -> None:
    """The denoiser and the networks beside it in float64."""
    for net in (model.net, *(net for several in model.family.parts.values() for net in several)):
        net.double()
    model.dtype = torch.float64


def half_precision(kind: Kind, shape: Shape) -> None:
    """A bfloat16 network works, with latents in float32."""
    model = network(kind, shape)
    for tensor in (*model.net.parameters(), *model.net.buffers()):
        tensor.data = tensor.data.to(torch.bfloat16)
    model.dtype = torch.bfloat16
    made = result(run(model, short(kind), task(model, kind)))
    demand(made.dtype == torch.float32, f"{kind.card.name} gives {made.dtype} on a bfloat16 network.")
    demand(bool(torch.isfinite(made).all()), f"{kind.card.name} is not finite on a bfloat16 network.")


def options_survive(kind: Kind, shape: Shape) -> None:
    """Options go to JSON and back unchanged."""
    method = short(kind)
    again = kind.model_validate_json(method.model_dump_json())
    demand(again == method, f"The options of {kind.card.name} do not survive JSON.")
    demand(
        again.model_dump_json() == method.model_dump_json(),
        f"{kind.card.name}: options drift through JSON.",
    )


CHECKS: dict[str, Check] = {
    "default-constructible": default_constructible,
    "frozen": frozen,
    "documented": documented,
    "card complete": card_complete,
    "runs": runs,
    "refuses missing input": refuses_missing,
    "leaves the model as found": leaves_as_found,
    "leaves it as found when stopped": leaves_as_found_when_stopped,
    "same seed, same bits": seeded,
    "no global random state": no_global_random,
    "cost equals the card": cost_as_stated,
    "same row by row": rows_apart,
    "same-prompt law": same_prompt,
    "several targets": several_targets,
    "half precision": half_precision,
    "options survive": options_survive,
}
