"""What a user can set of a side network: which one, what it looks at, how strongly and when it speaks."""

from typing import Any, Literal

from pydantic import Field, model_validator

from overpaint.options import Options


class Control(Options):
    """One side network beside the model."""

    net: str = Field(
        default="",
        description="a file or a diffusers folder of a ControlNet or T2I-Adapter, or a file of a style "
        "adapter; for Still Life also canny, depth or segmentation",
    )
    picture: str = Field(
        default="auto",
        description="its condition: a file, a way to make one from the source picture (canny, sobel, "
        "scribble, colours, picture; of Still Life also segmentation, depth, normals), or auto: the way that "
        "the network's name tells",
    )
    scale: float = Field(default=1.0, ge=-10, le=10, description="how strongly it speaks; 0 is silence")
    start: float = Field(default=0.0, ge=0, le=1, description="share of the steps before it begins")
    stop: float = Field(default=1.0, ge=0, le=1, description="share of the steps at which it ends")
    guess: Literal["off", "released", "logspace"] = Field(
        default="off",
        description="ControlNet: speak to rows with a prompt alone and less in fine layers, by the powers of "
        "0.825 that were released, or by those that diffusers has",
    )
    layers: tuple[float, ...] = Field(
        default=(), description="a factor for each place it speaks into, fine to coarse; none: 1 for all"
    )
    only_mid: bool = Field(default=False, description="ControlNet: speak into the middle alone")
    text: Literal["own", "source", "target"] = Field(
        default="own", description="ControlNet: the prompt it reads; own is that of each row"
    )
    clip: str = Field(
        default="", description="style adapter: the CLIP that looks at the picture; none: the model's own"
    )
    rounding: Literal["official", "diffusers"] = Field(
        default="official",
        description="T2I-Adapter and style adapter: how the published codes round the share of the steps",
    )

    def __init__(self, net: str = "", **told: Any) -> None:
        """The network may come first and by itself: ``Control("canny", scale=0.8)``."""
        super().__init__(**{"net": net, **told})

    @model_validator(mode="after")
    def in_order(self) -> "Control":
        """Refuse an end ahead of the beginning."""
        if self.stop < self.start:
            raise ValueError(f"a side network cannot stop at {self.stop:g} and start at {self.start:g}")
        return self


PLAIN = Control()
"""At full strength in every step."""
