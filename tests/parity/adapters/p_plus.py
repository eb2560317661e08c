"""P+: what each layer reads, one call with many prompts, a walk with them; and five updates of a word."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor

from overpaint.controls.layers import LayerPrompt
from overpaint.methods.p_plus import PPlus
from overpaint.network import Residuals, Text, by_layer
from overpaint.noise import Key, Replay
from overpaint.outcome import outcome_of
from overpaint.task import Task
from overpaint.tune.xti import XTI
from tests.parity.adapters.base import Adapter, Reach
from tests.parity.figures import Row
from tests.parity.walking import watched

USUAL, SINGLE = 1e-4, 1e-2
"""Bounds that the files state: of arrays, and of what one layer alone changes."""
OPTIMISER = "Adam(0.9,0.999,eps 1e-8), no weight decay, constant rate, batch 1, no accumulation"
KEPT = 0.9
"""How much of its mean of gradients Adam keeps."""


@dataclass
class Pages:
    """A draft that keeps every state it is given."""

    found: list[dict[str, Tensor]] = field(default_factory=list[dict[str, Tensor]])

    def read(self) -> Mapping[str, Tensor]:
        """Nothing: all is learned here."""
        return {}

    def keep(self, found: Mapping[str, Tensor]) -> None:
        """A page more."""
        self.found.append({name: one.clone() for name, one in found.items()})

    def all_of(self, what: str, layers: int) -> Tensor:
        """One kind of state after every update, by layer."""
        rows = [torch.cat([page[f"{what}.{k}.0"] for k in range(layers)]) for page in self.found]
        return torch.stack(rows)


class PPlusFile(Adapter):
    """``p_plus`` and ``p_plus-xti``"""

    method = "p_plus"
    measure = "norm"
    inputs = frozenset({"noise", "timesteps", "probe_latents", "start_latents", "initial_embedding"})

    def read(self) -> None:
        """Prompts by layer and a walk, or a learning."""
        s = self.settings
        sites = [site for site in self.model.tap.sites if site.kind == "cross"]
        order = tuple(site.name.partition(".transformer_blocks")[0] for site in sites)
        if s.take("layer_order", tuple) != order:
            raise s.odd("layer_order", "another than ours")
        s.label("size")
        self.count, self.learns = len(sites), "templates" in s
        if self.learns:
            s.must("optimiser", OPTIMISER)
            s.must("clip_ti_decay", False)
            self.xti = XTI(
                init=s.text("initializer"),
                sentences=s.take("templates", tuple),
                rate=s.number("learning_rate"),
                updates=len(self.golden["losses"]),
                batch=1,
                flip=False,
            )
            return
        s.label("scheduler")
        s.must("negative_prompt", None)
        self.level, self.prompts = s.count("timestep"), s.take("prompts", tuple)
        self.base, self.probe = self.text("base_prompt"), self.text("probe_prompt")
        said = tuple(LayerPrompt(start=k, stop=k + 1, prompt=prompt) for k, prompt in enumerate(self.prompts))
        self.edit = PPlus(
            steps=s.count("num_inference_steps"),
            guidance=s.number("guidance_scale"),
            layer_prompt=said,
        )

    def bound(self, name: str) -> float:
        """What the files state."""
        return SINGLE if name == "probe_single_layer" else USUAL

    def rows(self, reach: Reach) -> int:
        """An update counts three; calls are on a quarter of the grid."""
        if self.learns:
            return self.xti.updates
        return (2 * self.edit.steps + self.count + 2) // 4

    def ends(self) -> Iterator[Row]:
        """All of it: it is short."""
        return self.whole()

    def whole(self) -> Iterator[Row]:
        """The learning, or the calls and the walk."""
        yield from self.learned() if self.learns else self.told()

    def told(self) -> Iterator[Row]:
        """What the layers read, what the network says to it, and where it leads."""
        golden, read = self.golden, self.model.family.text
        texts = [read(prompt) for prompt in self.prompts]
        yield self.compare("contexts", torch.cat([text.states for text in texts]))
        yield self.compare("probe_noise_prediction", self.asked(by_layer(texts)))
        base = self.asked(self.base)
        yield self.compare("probe_base_noise_prediction", base)
        own = [
            [self.probe if k == place else self.base for k in range(self.count)]
            for place in range(self.count)
        ]
        moved = torch.cat([self.asked(by_layer(one)) for one in own]) - base
        yield self.compare("probe_single_layer", moved, golden["probe_single_layer"] - base)
        model, start = watched(self.model), golden["start_latents"]
        shape = cast("tuple[int, int, int, int]", tuple(start.shape))
        task = Task(
            shape,
            model.family.null(),
            Replay({("start",): start}),
            given_target=self.base,
            encode=model.family.text,
        )
        self.edit.check(model, task)
        (end,) = outcome_of(self.edit(model, task)).latents
        entered = [xs["tgt"][0] for xs in model.entered[1:]]
        yield self.series("latents", dict(enumerate([*entered, end[0]])))

    def asked(self, text: Text) -> Tensor:
        """The network's answer to the stored latents."""
        family, x = self.model.family, self.golden["probe_latents"]
        return family.call(self.model.net, x, torch.tensor(self.level), text, Residuals())

    def learned(self) -> Iterator[Row]:
        """Every update with the stored pictures and draws."""
        golden, pages = self.golden, Pages()
        (start,) = self.model.family.vectors(self.xti.init)
        yield self.compare("initial_embedding", start[0])
        found = self.xti.run(self.model, [one[None] for one in golden["latents"]], {}, self.draws(), pages)
        yield self.compare("losses", pages.found[-1]["losses"])
        means = pages.all_of("exp_avg", self.count)
        before = torch.cat([torch.zeros_like(means[:1]), means[:-1]])
        yield self.compare("gradients", (means - KEPT * before) / (1 - KEPT))
        yield self.compare("embeddings", pages.all_of("value", self.count))
        patch = self.xti.patch(found, self.model)
        yield self.compare("final_embeddings", torch.cat(list(patch.every.values())))

    def draws(self) -> Replay:
        """Each update with its own picture, sentence, noise and level."""
        stored: dict[tuple[Key, ...], Tensor] = {}
        for k, (noise, level) in enumerate(zip(self.golden["noise"], self.golden["timesteps"], strict=True)):
            place = torch.tensor([k])
            stored["xti", k, "picture"] = stored["xti", k, "sentence"] = place
            stored["xti", k, "noise"], stored["xti", k, "level"] = noise[None], level[None].long()
        return Replay(stored)
