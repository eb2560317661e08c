"""The style adapter: words made of a picture, read behind the prompt and out of sight of controls."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from tests.kit import clean, draw, equal, gap, pair, text
from tests.sides.kit import save, style_weights
from tests.test_api import SOURCE, TARGET, same, smooth
from transformers import CLIPVisionConfig
from transformers.models.clip.modeling_clip import CLIPEncoderLayer

from overpaint.api import edit, rerun
from overpaint.attention import Control as AttentionControl
from overpaint.attention import Moment, Site
from overpaint.errors import UsageError
from overpaint.families.tiny import tiny, tiny_eye
from overpaint.model import Line, Model
from overpaint.network import Text, by_layer, readers
from overpaint.path import Prediction
from overpaint.run.loading import load
from overpaint.sides import Control, StyleAdapter, side_net
from overpaint.sides.tiny import tiny_style

ROLES = ("tgt-", "tgt+")


def model_with_eyes() -> Model:
    return replace(tiny(), open_eye=tiny_eye)


MODEL = model_with_eyes()
NET = tiny_style(MODEL)


def side(seed: int = 0, **how: object) -> StyleAdapter:
    picture = torch.rand(1, 3, 40, 24, generator=torch.Generator().manual_seed(seed))
    return StyleAdapter(NET, picture, tiny_eye(), Control.model_validate(how))


def rows(i: int = 0, texts: Any = None) -> torch.Tensor:
    null, cat = texts or (text("sd1", ""), text("sd1", "a cat"))
    with torch.no_grad():
        p = MODEL.rows(draw(2, 4, 8, 8), i, MODEL.path(4), ROLES, [Line("-", null), Line("+", cat)])
    return p.eps


def called(i: int = 1) -> dict[str, Prediction]:
    with torch.no_grad():
        return MODEL.predict({"src": draw(1, 4, 8, 8), "tgt": draw(1, 4, 8, 8)}, i, MODEL.path(4), pair())


def test_its_layers_are_those_of_clip() -> None:
    """Held against the library's own, whose queries, keys and values have weights of their own."""
    config = CLIPVisionConfig(
        hidden_size=16, num_attention_heads=8, intermediate_size=64, hidden_act="quick_gelu"
    )
    config._attn_implementation = "eager"  # pyright: ignore[reportPrivateUsage]
    seen = draw(2, 17, 16)
    own = NET.module.state_dict()
    x = NET.module.before(torch.cat([seen, own["questions"].expand(2, -1, -1)], 1))
    for k in range(2):
        layer: Any = CLIPEncoderLayer(config).eval()
        told = {name.removeprefix(f"layers.{k}."): v for name, v in own.items() if f"layers.{k}." in name}
        for part, end in ((part, end) for part in ("weight", "bias") for end in ("q", "k", "v")):
            told[f"self_attn.{end}_proj.{part}"] = told[f"self_attn.in_proj_{part}"].chunk(3)[
                "qkv".index(end)
            ]
        for name in [name for name in told if "in_proj" in name]:
            del told[name]
        names = {"norm1": "layer_norm1", "norm2": "layer_norm2", "linear1": "mlp.fc1", "linear2": "mlp.fc2"}
        for old, new in names.items():
            told = {name.replace(old, new): v for name, v in told.items()}
        layer.load_state_dict(told)
        with torch.no_grad():
            made = layer(x, None)
        x = cast(torch.Tensor, made[0] if isinstance(made, tuple) else made)
    want = NET.module.after(x[:, -3:]) @ own["out"]
    with torch.no_grad():
        assert gap(NET.module(seen), want) < 1e-5


def test_rows_with_a_prompt_read_its_tokens_and_others_their_own_again() -> None:
    one, null, cat = side(scale=0.5), text("sd1", ""), text("sd1", "a cat")
    with MODEL.side(one):
        found = rows()
    longer = [torch.cat([null.states, null.states[:, -3:]], 1), torch.cat([cat.states, 0.5 * one.tokens], 1)]
    assert torch.equal(found, rows(texts=[Text(states) for states in longer]))
    assert gap(found, rows()) > 1e-4


def test_silent_it_leaves_every_bit_and_it_costs_a_row_a_picture() -> None:
    plain, before = called(), MODEL.meter.sides
    ways: list[dict[str, Any]] = [{"scale": 0}, {"start": 1.0}, {"stop": 0.0}]
    for how in ways:
        with MODEL.side(side(**how)):
            assert equal(called(), plain)
    assert MODEL.meter.sides == before
    with MODEL.side(side()):
        called()
        called()
    assert MODEL.meter.sides == before + 1 and equal(called(), plain) and clean(MODEL)
    assert [k for k in range(10) if side(stop=0.5).residuals(*asked(k)).tokens is not None] == list(range(5))


def asked(step: int) -> tuple[Any, ...]:
    return draw(1, 4, 8, 8), torch.tensor(300), text("sd1", "a cat"), Moment(step, 10, ("tgt+",), 8, 8)


def test_several_come_in_turn_and_are_known_by_what_they_see() -> None:
    a, b = side(), side(1)
    both = a.residuals(*asked(0)) + b.residuals(*asked(0))
    assert both.tokens is not None and torch.equal(both.tokens, torch.cat([a.tokens, b.tokens], 1))
    known = {one.fingerprint for one in (a, b, side(scale=0.5), side(stop=0.5))}
    assert len(known) == 4 and side().fingerprint == a.fingerprint


class Watching(AttentionControl):
    """Sees words alone, whatever is read behind them, and may give the values another text."""

    needs_probs = True

    def __init__(self, values: float = 1.0) -> None:
        self.scale, self.seen = values, set[tuple[str, int]]()

    def where(self, site: Site) -> bool:
        return site.kind != "conv"

    def values(self, site: Site, at: Moment, states: torch.Tensor) -> torch.Tensor:
        return self.scale * states

    def probs(self, site: Site, at: Moment, p: torch.Tensor) -> torch.Tensor:
        if site.kind == "cross":
            self.seen.add(("cross", p.shape[-1]))
        return p


def test_controls_see_the_words_alone() -> None:
    window = MODEL.family.window
    plain = Watching()
    with MODEL.side(side()):
        free = rows()
        with MODEL.control(plain):
            assert gap(rows(), free) < 1e-4
        with MODEL.control(Watching(1.5)):
            assert gap(rows(), free) > 1e-4
    assert plain.seen == {("cross", window)}


def test_it_speaks_to_every_layer_of_a_text_by_layer() -> None:
    null, cat = text("sd1", ""), text("sd1", "a cat")
    apart = by_layer([cat] * readers(MODEL.tap.sites))
    with MODEL.side(side()):
        assert torch.equal(rows(texts=(null, apart)), rows())


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(save(tmp_path / "t2iadapter_style.safetensors", style_weights(NET)))


def test_it_is_read_in_both_layouts(file: str, tmp_path: Path) -> None:
    named = save(tmp_path / "named.safetensors", style_weights(NET, "adapter."))
    for place in (file, named):
        found = side_net(place, MODEL)
        assert found.kind == "style-adapter"
        own = NET.module.state_dict()
        assert all(torch.equal(v, own[name]) for name, v in found.module.state_dict().items())


@pytest.mark.parametrize("method", ["p2p", "sdedit", "edit-friendly"])
def test_it_combines_with_editors_and_takes_a_picture_of_any_shape(
    method: str, file: str, tmp_path: Path
) -> None:
    told: dict[str, Any] = {"source": SOURCE, "target": TARGET, "model": MODEL, "steps": 3, "method": method}
    plain, own = (edit(smooth(), **told, control=control) for control in ([], [file]))
    other = edit(smooth(), **told, control=[(Control(net=file), smooth(20, 50))])
    assert not torch.equal(plain.latent, own.latent) and not torch.equal(own.latent, other.latent)
    assert own.figures.sides == 1 and own.figures.rows == plain.figures.rows and clean(MODEL)
    assert other.conditions[0].size == (20, 50)
    assert same(other, rerun(other.save(tmp_path / "a.png"), model=MODEL))


def refused(control: str, model: Model = MODEL) -> str:
    with pytest.raises(UsageError) as caught:
        edit(smooth(), source=SOURCE, target=TARGET, model=model, method="sdedit", steps=2, control=[control])
    return str(caught.value)


def test_what_cannot_be_is_one_sentence(file: str, tmp_path: Path) -> None:
    assert "has no image tower of CLIP beside it" in refused(file, tiny())
    wide = save(tmp_path / "wide.safetensors", style_weights(tiny_style(MODEL, width=24)))
    assert "reads what a CLIP of width 24 sees, and this one's is 16" in refused(str(wide))
    assert "was not made for sdxl models" in refused(file, replace(tiny("sdxl"), open_eye=tiny_eye))
    assert "'canny' is no picture for a style adapter" in refused(f"{file}=canny")
    assert "The option guess does nothing for a style adapter" in refused(f"{file},guess")
    weights = style_weights(NET)
    del weights["ln_pre.bias"]
    assert "lacks 1 weights" in refused(str(save(tmp_path / "cut.safetensors", weights)))
    with pytest.raises(UsageError, match="is a style adapter, which is given by --control beside a model"):
        load(file, device="cpu")
