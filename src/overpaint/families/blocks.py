"""Layers of the small networks that read pictures."""

import torch
from torch import Tensor, nn


class Block(nn.Module):
    """Two convolutions beside the way straight through."""

    def __init__(self, width: int, dilation: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """The sum of both ways."""
        return torch.relu(x + self.layers(x))


def conv(inside: int, outside: int, stride: int = 1) -> nn.Sequential:
    """A convolution with its norm."""
    layer = nn.Conv2d(inside, outside, 3, stride=stride, padding=1, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outside), nn.ReLU())
