"""The style adapter of T2I-Adapter (Mou et al., 2023, arXiv:2302.08453): a picture's look as words.

CLIP looks at a picture; a few learned questions are put behind what it saw of the whole and of each patch,
and three layers of attention answer them. The answers are read behind the prompt, as if they were its words.
Rows without a prompt read their own last tokens once more in their place, so that all rows read as many.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from overpaint.attention import Moment
from overpaint.network import Eye, Residuals, Text
from overpaint.path import Latent
from overpaint.sides.net import Condition, Net, known_by
from overpaint.sides.options import PLAIN, Control
from overpaint.sides.t2i_adapter import speaks

HEADS = 8
"""As published; a file does not say it."""


class StyleNet(nn.Module):
    """The network: from what CLIP's last layer says, unnormed, to tokens of the text's width."""

    def __init__(self, width: int, context: int, questions: int, layers: int) -> None:
        super().__init__()
        self.questions = nn.Parameter(torch.zeros(1, questions, width))
        self.before, self.after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.layers = nn.ModuleList([_layer(width) for _ in range(layers)])
        self.out = nn.Parameter(torch.zeros(width, context))

    def forward(self, seen: Float[Tensor, "b tokens width"]) -> Float[Tensor, "b questions context"]:
        """The answers."""
        x = self.before(torch.cat([seen, self.questions.expand(len(seen), -1, -1)], 1))
        for layer in self.layers:
            x = layer(x)
        return self.after(x[:, -self.questions.shape[1] :]) @ self.out


def _layer(width: int) -> nn.Module:
    """Attention and two dense layers, each behind a norm, as CLIP has them."""
    how: dict[str, Any] = {"dropout": 0.0, "batch_first": True, "norm_first": True}
    return nn.TransformerEncoderLayer(width, HEADS, 4 * width, activation=quick_gelu, **how)


def quick_gelu(x: Tensor) -> Tensor:
    """CLIP's approximation of GELU."""
    return x * torch.sigmoid(1.702 * x)


@dataclass(frozen=True, eq=False)
class StyleAdapter:
    """A `overpaint.network.Side`: tokens for a picture of any shape, read behind the text of each row."""

    net: Net
    condition: Condition
    """In [0, 1]; CLIP sees the square in its middle."""
    eye: Eye
    how: Control = PLAIN

    @property
    def fingerprint(self) -> str:
        """A hash of weights, picture, settings and of the network that looks."""
        return self._known

    @cached_property
    def _known(self) -> str:
        return f"{known_by(self.net, self.how, self.condition)}/{self.eye.fingerprint}"

    @cached_property
    def tokens(self) -> Float[Tensor, "1 questions context"]:
        """What is read, at full strength; computed when it is first asked for."""
        with torch.no_grad():
            seen = self.eye.tokens(self.condition * 2 - 1, normed=False)
            return cast(Tensor, self.net.module(seen.to(self.net.dtype))).float()

    def residuals(self, x: Latent, t: Tensor, text: Text, at: Moment) -> Residuals:
        """The tokens of every row; only the first call costs anything."""
        if not self.how.scale or not speaks(self.how, at):
            return Residuals()
        rows = int("tokens" not in vars(self))
        own = (self.how.scale * self.tokens[0]).to(text.states)
        filled = text.states[
            :, -len(own) :
        ]  # behind the words of rows without a prompt is nothing but filling
        read = [filled[k] if role.endswith("-") else own for k, role in enumerate(at.rows)]
        return Residuals(tokens=torch.stack(read), rows=rows)
