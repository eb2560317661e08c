"""CycleDiffusion as an editor: the source comes back, and the best of several tries comes first."""

from collections.abc import Callable, Sequence

import pytest
import torch
from jaxtyping import Float
from tests.inversions.setting import Setting, setting
from tests.kit import Sight, gap
from torch import Tensor

from overpaint.errors import UsageError
from overpaint.inversions import Cycle
from overpaint.methods.cycle import CycleEdit
from overpaint.model import Model
from overpaint.network import Pixels, Text
from overpaint.noise import Draws, Further, Noise
from overpaint.outcome import Outcome
from overpaint.task import Task


def task(s: Setting, target: Text | None = None, noise: Draws | None = None) -> Task:
    wish, black = s.target if target is None else target, torch.zeros(1, 3, 32, 32)
    return Task((1, 4, 8, 8), s.null, noise or Noise(0), s.x0, s.source, wish, black)


def made(s: Setting, method: CycleEdit, given: Task) -> Outcome:
    with torch.no_grad():
        method.check(s.model, given)
        return method(s.model, given)


def test_the_source_prompt_at_the_encoders_guidance_is_the_picture() -> None:
    s = setting(steps=6, dtype=torch.float64)
    found = made(s, CycleEdit(steps=6, guidance=1), task(s, s.source)).latents[0]
    assert gap(found, s.x0) < 1e-9
    assert gap(made(s, CycleEdit(steps=6), task(s)).latents[0], s.x0) > 1e-2


def test_another_eta_is_another_edit_of_a_source_that_comes_back_all_the_same() -> None:
    s = setting(steps=6, dtype=torch.float64)
    methods = [CycleEdit(steps=6, guidance=1, inversion=Cycle(skip=0.31, eta=eta)) for eta in (0.1, 1.0)]
    assert all(gap(made(s, one, task(s, s.source)).latents[0], s.x0) < 1e-9 for one in methods)
    edits = [made(s, one, task(s)).latents[0] for one in methods]
    assert gap(*edits) > 1e-2


class Eye(Sight):
    """Sees two pixels and reads the first letters."""

    fingerprint = "two pixels"

    def __init__(self, seen: float = 1.0, read: float = 1.0) -> None:
        self.seen, self.told = seen, read

    def look(self, pixels: Pixels) -> Float[Tensor, "rows features"]:
        return self.seen * pixels.flatten(1)[:, :2]

    def read(self, prompts: Sequence[str]) -> Float[Tensor, "rows features"]:
        return self.told * torch.tensor([[float(len(p)), 0.0] for p in prompts])


def seeing(s: Setting, eye: Callable[[], Eye] = Eye) -> Setting:
    model = Model(s.model.net, s.model.family, dtype=s.model.dtype, open_eye=eye)
    return Setting(model, s.path, s.x0, s.source, s.target, s.null)


def test_of_several_tries_the_one_that_changes_as_the_prompts_do_is_first() -> None:
    s = seeing(setting(steps=3))
    given = task(s)
    found = made(s, CycleEdit(steps=3, tries=3), given)
    single = made(s, CycleEdit(steps=3), given).latents[0]
    apart = [made(s, CycleEdit(steps=3), task(s, noise=Further(Noise(0), k))).latents[0] for k in (1, 2)]
    every = [single, *apart]
    change = [s.model.decode(x).flatten(1)[:, :2] for x in every]  # from black, towards more letters
    scores = [float(c[0, 0] / c.square().sum().sqrt()) for c in change]
    order = sorted(range(3), key=lambda k: -scores[k])
    assert all(torch.equal(a, every[k]) for a, k in zip(found.latents, order, strict=True))
    assert list(found.scores["direction"]) == pytest.approx([scores[k] for k in order], abs=1e-5)
    meter, cost = s.model.meter, CycleEdit.card.cost(CycleEdit(steps=3, tries=3))
    assert cost.looks == (4, 4) and cost.decodes == (3, 3)
    meter.rows = meter.looks = meter.decodes = 0
    made(s, CycleEdit(steps=3, tries=3), given)
    assert (meter.rows, meter.looks, meter.decodes) == (cost.rows[1], 4, 3)


def test_the_order_does_not_depend_on_how_large_features_are() -> None:
    orders = list[Outcome]()
    for eye in (Eye, lambda: Eye(seen=8), lambda: Eye(read=0.125), lambda: Eye(4, 16)):
        s = seeing(setting(steps=2), eye)
        orders.append(made(s, CycleEdit(steps=2, tries=3), task(s)))
    usual = orders[0]
    assert len(set(usual.scores["direction"])) == 3
    for one in orders[1:]:
        assert all(torch.equal(a, b) for a, b in zip(one.latents, usual.latents, strict=True))
        assert list(one.scores["direction"]) == pytest.approx(list(usual.scores["direction"]), abs=1e-5)


def test_ranking_without_clip_is_a_sentence_before_any_work() -> None:
    s = setting(steps=3)
    with pytest.raises(UsageError, match="no image tower of CLIP"):
        made(s, CycleEdit(steps=3, tries=2), task(s))
    assert s.model.meter.calls == 0
