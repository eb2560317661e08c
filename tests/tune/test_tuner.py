"""What learns is kept by the content of all it depends on, as inversions are."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from pydantic import Field
from tests.kit import draw, shared, text
from torch import Tensor

from overpaint.card import Cost, Paper
from overpaint.files.store import Draft, Store
from overpaint.model import Model, Patch
from overpaint.network import Text
from overpaint.noise import Draws, Noise, Replay
from overpaint.path import Latent
from overpaint.tune.learn import learn
from overpaint.tune.patch import Weights
from overpaint.tune.tuner import Tuner


class Bias(Tuner):
    """Learns the last bias to be the mean of the examples."""

    rate: float = Field(default=0.1, gt=0, le=1, description="learning rate")

    @property
    def papers(self) -> tuple[Paper, ...]:
        return ()

    def cost(self) -> Cost:
        return Cost.of(0, 3, updates=3)

    def run(
        self, model: Model, examples: Sequence[Latent], texts: Mapping[str, Text], noise: Draws, draft: Draft
    ) -> dict[str, Tensor]:
        bias = {"conv_out.bias": torch.zeros(4, requires_grad=True)}
        goal = torch.cat(list(examples)).mean((0, 2, 3))
        learn(
            model.meter,
            bias,
            lambda k: (bias["conv_out.bias"] - goal).square().sum(),
            3,
            self.rate,
            draft=draft,
        )
        return {name: p.detach() for name, p in bias.items()}

    def patch(self, tensors: Mapping[str, Tensor], model: Model) -> Patch:
        return Weights(tensors, model.fingerprint)


def learned(
    store: Store | None, tuner: Tuner | None = None, seed: int = 0, noise: Draws | None = None
) -> int:
    """Updates that one learning took."""
    model = shared()
    before = model.meter.updates
    examples, texts = [draw(1, 4, 8, 8)], {"target": text("sd1", "a cat")}
    (tuner or Bias())(model, examples, texts, noise or Noise(seed), store)
    return model.meter.updates - before


def test_what_was_learned_is_found_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert [learned(store), learned(store)] == [3, 0]
    assert [learned(store, seed=1), learned(store, Bias(rate=0.2))] == [3, 3]
    assert learned(None) == 3 and learned(store, noise=Replay({})) == 3
    assert len(list(tmp_path.glob("*.safetensors"))) == 3


def test_a_patch_that_is_on_makes_it_another_model(tmp_path: Path) -> None:
    store, model = Store(tmp_path), shared()
    learned(store)
    with model.patched(Weights({"conv_out.bias": torch.ones(4)})):
        assert learned(store) == 3
    assert learned(store) == 0
