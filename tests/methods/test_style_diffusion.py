"""StyleDiffusion as an editor: Prompt-to-Prompt over tuned values, and its window without a prompt."""

from typing import Any

import pytest
import torch
from tests.kit import clean, draw, gap, shared, text
from tests.methods.watching import Shared, watched
from tests.parity.walking import Known

from overpaint.controls import SelfReplace
from overpaint.errors import UsageError
from overpaint.families.tiny import SHAPES, Shape, tiny
from overpaint.inversions import DDIM, AnyInversion, Direct, NegativePrompt, Style, Trajectory
from overpaint.inversions.ddim import inverted
from overpaint.inversions.style import SCALE, SHIFT
from overpaint.meter import Meter
from overpaint.methods.p2p import PromptToPrompt, parts
from overpaint.methods.style_diffusion import StyleDiffusion
from overpaint.model import Model
from overpaint.noise import Noise
from overpaint.outcome import Outcome
from overpaint.path import Latent
from overpaint.task import Task

SOURCE, TARGET = "a cat on the grass", "a dog on the grass"
STEPS = 4
FEW = {"name": "style", "inner": 2, "decay": 0}
X0 = draw(1, 4, 8, 8, seed=11)


def task(shape: Shape = "sd1", target: str = TARGET) -> Task:
    null = shared(shape).family.null()
    return Task((1, 4, 8, 8), null, Noise(0), X0, text(shape, SOURCE), text(shape, target))


def edited(model: Model, given: Task, method: StyleDiffusion | PromptToPrompt) -> Latent:
    with torch.no_grad():
        made = method(model, given)
    assert not isinstance(made, Outcome), "one target is one latent"
    return made


def style(**fields: Any) -> StyleDiffusion:
    return StyleDiffusion.model_validate({"steps": STEPS, "inversion": FEW, **fields})


def p2p(**fields: Any) -> PromptToPrompt:
    return PromptToPrompt.model_validate({"steps": STEPS, **fields})


@pytest.mark.parametrize("shape", SHAPES)
def test_with_values_as_they_are_it_is_prompt_to_prompt_over_ddim_bit_for_bit(shape: Shape) -> None:
    model, given = watched(shared(shape)), task(shape)
    path, size = model.path(STEPS), (STEPS, *given.source.states.shape[1:])
    still = {SCALE: torch.ones(size), SHIFT: torch.zeros(size)}
    windows: dict[str, Any] = {"cross_replace": 0.6, "self_replace": 0.8, "unconditional_replace": 0.5}
    with torch.no_grad():
        latents = inverted(model, path, X0, given.source)
    model.cache = Known(Trajectory(path.t, latents, more=still))
    mine = edited(model, given, style())
    model.cache = None
    assert torch.equal(mine, edited(model, given, p2p(inversion=DDIM(), **windows)))


def test_it_is_prompt_to_prompt_over_its_inversion_with_its_windows() -> None:
    given, model = task(), shared()
    same = p2p(inversion=FEW, cross_replace=0.6, self_replace=0.8, unconditional_replace=0.5)
    assert torch.equal(edited(model, given, style()), edited(model, given, same))
    for fields in ({"cross_replace": 0.0}, {"self_replace": 0.0}, {"unconditional_replace": 0.0}):
        assert gap(edited(model, given, style(**fields)), edited(model, given, style())) > 1e-5, fields


@pytest.mark.parametrize("shape", SHAPES)
def test_the_source_does_not_depend_on_target_and_windows(shape: Shape) -> None:
    ends, net = list[Latent](), tiny(shape)
    net.net.double()  # with windows closed other kernels run, which differ in the last digits
    for target, fields in (
        (TARGET, {}),
        ("a bird on the grass", {}),
        (TARGET, {"cross_replace": 0, "self_replace": 0, "unconditional_replace": 0}),
        (TARGET, {"inversion": {**FEW, "values": 0}}),
    ):
        model = watched(net)
        edited(model, task(shape, target), style(**fields))
        ends.append(model.ends["src"])
    assert max(gap(end, ends[0]) for end in ends) <= 1e-5


@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_prompt_with_all_its_values_is_the_source_bit_for_bit(shape: Shape) -> None:
    model = watched(shared(shape))
    made = edited(model, task(shape, SOURCE), style(inversion={**FEW, "values": 1}))
    assert torch.equal(made, model.ends["src"])


def test_what_was_tuned_does_not_reach_the_next_edit() -> None:
    model, given = shared(), task()
    before = edited(model, given, p2p())
    first = edited(model, given, style())
    assert torch.equal(edited(model, given, p2p()), before)
    assert torch.equal(edited(model, given, style()), first) and clean(model)


@pytest.mark.parametrize(
    ("inversion", "rows"),
    [(Shared(), 4), (Direct(), 5), (NegativePrompt(), 5), (DDIM(), 5)],
    ids=lambda o: type(o).__name__,
)
def test_the_window_without_a_prompt_asks_for_the_rows_it_reads(inversion: AnyInversion, rows: int) -> None:
    model, method = watched(shared()), p2p(inversion=inversion, unconditional_replace=0.5)
    with model.metered(Meter()) as meter:
        edited(model, task(), method)
    assert meter.rows == rows * STEPS
    if not isinstance(inversion, Shared):
        assert method.card.cost(method).rows == (meter.rows, meter.rows)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_window_without_a_prompt(shape: Shape) -> None:
    model, given = watched(shared(shape)), task(shape)
    closed = p2p(inversion=Shared())
    shut = p2p(inversion=Shared(), unconditional_replace=(0.5, 0.5))
    assert torch.equal(edited(model, given, shut), edited(model, given, closed))
    opened = edited(model, given, p2p(inversion=Shared(), unconditional_replace=1.0))
    assert gap(opened, edited(model, given, closed)) > 1e-5
    same = edited(model, task(shape, SOURCE), p2p(inversion=Shared(), unconditional_replace=1.0))
    assert torch.equal(same, model.ends["src"])
    controls, _ = parts(p2p(unconditional_replace=0.4), model, given)
    last = controls[-1]
    assert isinstance(last, SelfReplace) and last.reads == {"src-", "tgt-"} and last.writes == {"tgt-"}


def test_defaults_are_those_of_the_published_script() -> None:
    o = StyleDiffusion()
    assert (o.steps, o.guidance, o.inversion.values, o.inversion.inner) == (30, 7.5, 0.6, 100)
    assert (o.cross_replace, o.self_replace, o.unconditional_replace) == (0.6, 0.8, 0.5)
    assert o.card.cost(o).updates == (30, Style().pace.total(30))


def test_what_prompt_to_prompt_refuses_is_refused_before_the_first_call() -> None:
    model, method = shared(), style(blend="cats=>dog")
    with model.metered(Meter()) as meter, pytest.raises(UsageError, match="did you mean 'cat'"):
        method.check(model, task())
    assert meter.calls == 0
