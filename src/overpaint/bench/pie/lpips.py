"""LPIPS with SqueezeNet 1.1 (Zhang et al., CVPR 2018, arXiv:1801.03924; Iandola et al., arXiv:1602.07360).

torchmetrics takes the network from torchvision, which this package does without; so it is written out here,
and its weights come from a safetensors file: ``features.*`` as torchvision names them, and
``lin0.model.1.weight`` to ``lin6.model.1.weight`` as the authors of LPIPS do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file  # pyright: ignore[reportUnknownVariableType]
from torch import Tensor, nn

from overpaint.errors import UsageError

FILE = "lpips-squeeze.safetensors"
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
FIRES = {3: (64, 16, 64), 4: (128, 16, 64), 6: (128, 32, 128), 7: (256, 32, 128)} | {
    9: (256, 48, 192),
    10: (384, 48, 192),
    11: (384, 64, 256),
    12: (512, 64, 256),
}
"""Layers that squeeze and expand: channels in, squeezed, and each half of those that come out."""
TAPS = (1, 4, 7, 9, 10, 11, 12)
"""After which layers features are compared."""
SMALLEST = 1e-8


class Fire(nn.Module):
    """Few channels, then many again: half of them by single pixels, half by their neighbours."""

    def __init__(self, given: int, squeezed: int, half: int) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self.squeeze = nn.Conv2d(given, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, half, 1)
        self.expand3x3 = nn.Conv2d(squeezed, half, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Squeeze and expand."""
        small = self.squeeze(x).relu()
        return torch.cat([self.expand1x1(small).relu(), self.expand3x3(small).relu()], 1)


def squeezenet() -> nn.Sequential:
    """The layers that are looked at."""
    layers: list[nn.Module] = [nn.Conv2d(3, 64, 3, stride=2), nn.ReLU()]
    for k in range(2, 13):
        layers.append(Fire(*FIRES[k]) if k in FIRES else nn.MaxPool2d(3, stride=2, ceil_mode=True))
    return nn.Sequential(*layers).eval().requires_grad_(False)


@dataclass(frozen=True)
class Lpips:
    """The distance of two pictures as people see it, learned from their judgements."""

    net: nn.Sequential
    weights: Sequence[Float[Tensor, "1 _ 1 1"]]

    @staticmethod
    def load(file: Path) -> "Lpips":
        """From a file.

        Raises:
            UsageError: it cannot be read, or lacks something.
        """
        try:
            return Lpips.of(load_file(file))
        except (OSError, KeyError, RuntimeError, SafetensorError) as error:
            said = " ".join(str(error).split())[:120]
            raise UsageError(f"The weights of LPIPS in {file} cannot be used ({said}).") from None

    @staticmethod
    def of(state: Mapping[str, Tensor]) -> "Lpips":
        """From weights by name."""
        net, head = squeezenet(), "features."
        net.load_state_dict({k.removeprefix(head): v for k, v in state.items() if k.startswith(head)})
        return Lpips(net, [state[f"lin{k}.model.1.weight"].float() for k in range(len(TAPS))])

    def __call__(self, one: Float[Tensor, "1 3 h w"], other: Float[Tensor, "1 3 h w"]) -> float:
        """The distance of two pictures in [-1, 1]."""
        shift, scale = (torch.tensor(v).view(1, 3, 1, 1) for v in (SHIFT, SCALE))
        x, total = (torch.cat([one, other]) - shift) / scale, torch.zeros(())
        with torch.no_grad():
            for k, layer in enumerate(self.net):
                x = layer(x)
                if k in TAPS:
                    unit = x / (x.square().sum(1, keepdim=True) + SMALLEST).sqrt()
                    gap = (unit[:1] - unit[1:]).square() * self.weights[TAPS.index(k)]
                    total = total + gap.sum(1).mean()
        return float(total)
