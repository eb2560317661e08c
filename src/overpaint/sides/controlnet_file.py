"""From a file or a folder to a ControlNet that fits a model."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from torch import Tensor

from overpaint.errors import UsageError
from overpaint.families.sgm import as_diffusers
from overpaint.model import Model
from overpaint.sides.control_lora import DOWN, MARK, UP, WEIGHT, restored
from overpaint.sides.file import SideFile
from overpaint.sides.net import Net, building, config_of, filled, misfit

COPIED = (
    "flip_sin_to_cos",
    "freq_shift",
    "down_block_types",
    "mid_block_type",
    "only_cross_attention",
    "block_out_channels",
    "layers_per_block",
    "downsample_padding",
    "mid_block_scale_factor",
    "act_fn",
    "norm_num_groups",
    "norm_eps",
    "cross_attention_dim",
    "transformer_layers_per_block",
    "attention_head_dim",
    "num_attention_heads",
    "use_linear_projection",
    "addition_embed_type",
    "addition_time_embed_dim",
    "upcast_attention",
    "resnet_time_scale_shift",
    "projection_class_embeddings_input_dim",
)
"""What a side network has from the network that it is a copy of."""
HINT = "input_hint_block"
_WIDTHS = ("block_out_channels", "layers_per_block", "cross_attention_dim", "addition_embed_type")
"""What has to be the same for its residuals to fit, and for it to read the same texts."""
_STEMS = {"middle_block_out_0": "controlnet_mid_block"}


def controlnet_of(file: SideFile, model: Model) -> Net:
    """Read a ControlNet for a model.

    Raises:
        UsageError: it is of another family, is not whole, or looks at pictures of another factor.
    """
    from diffusers.models.controlnets.controlnet import ControlNetModel

    found = file.weights()
    small = found.pop(MARK, None) is not None
    config = dict(file.config) or built_like(model, *hint_of(found, file))
    with building():
        net = cast(Any, ControlNetModel).from_config(config)
    _check(net.config, file, model)
    if file.layout == "original":
        found = renamed(found, net, file)
    if small:
        found = completed(found, net, model, file)
    module = filled(net, found, str(file.place), model)
    return Net("controlnet", module, file.fingerprint, model.family.factor, file.name)


def completed(found: Mapping[str, Tensor], net: Any, model: Model, file: SideFile) -> dict[str, Tensor]:
    """The whole network of a file that says how it differs from the model's own encoder.

    Raises:
        UsageError: it differs in layers that the model does not have.
    """
    try:
        return restored(found, started(net, model))
    except (KeyError, RuntimeError):
        raise misfit(str(file.place), model, "it was made as a change of another network") from None


def started(net: Any, model: Model) -> dict[str, Tensor]:
    """What a side network has of the model's own: the weights that both have names for."""
    own, wanted = model.net.state_dict(), net.state_dict()
    made = {name: own[name] for name in wanted if name in own}
    # An inpainting network reads more channels behind those of the latent.
    return made | {"conv_in.weight": own["conv_in.weight"][:, : wanted["conv_in.weight"].shape[1]]}


def built_like(model: Model, hint: Sequence[int], colours: int = 3) -> dict[str, Any]:
    """The configuration of a side network that is a copy of the model's own encoder."""
    own = config_of(model)
    return {
        **{name: own[name] for name in COPIED if name in own},
        "in_channels": model.family.channels,
        "conditioning_channels": colours,
        "conditioning_embedding_out_channels": tuple(hint),
    }


def hint_of(found: Mapping[str, Tensor], file: SideFile) -> tuple[tuple[int, ...], int]:
    """The widths of the condition's encoder, which halves the picture between them, and its colours."""
    names = [f"{HINT}.{4 * k}.weight" for k in range(len(found))]
    if file.layout == "diffusers":
        blocks = (f"controlnet_cond_embedding.blocks.{2 * k + 1}.weight" for k in range(len(found)))
        names = ["controlnet_cond_embedding.conv_in.weight", *blocks]
    widths = list[int]()
    for name in names:
        if name not in found:
            break
        widths.append(int(found[name].shape[0]))
    if not widths:
        raise UsageError(f"The side network {file.place} lacks the encoder of its condition; get it again.")
    return tuple(widths), int(found[names[0]].shape[1])


def _check(config: Any, file: SideFile, model: Model) -> None:
    """Refuse a network whose residuals would not fit, before its weights are looked at."""
    own = config_of(model)
    for name in _WIDTHS:
        theirs, ours = _plain(config[name]), _plain(own[name])
        if theirs != ours:
            raise misfit(str(file.place), model, f"{name} {theirs}, not {ours}")
    if config.in_channels != model.family.channels:
        raise misfit(str(file.place), model, f"{config.in_channels} channels, not {model.family.channels}")
    if config.conditioning_channels != 3:
        raise UsageError(
            f"The side network {file.place} looks at pictures of {config.conditioning_channels} channels; "
            "those of three colours are supported."
        )
    factor = 2 ** (len(config.conditioning_embedding_out_channels) - 1)
    if factor != model.family.factor:
        raise misfit(
            str(file.place), model, f"it makes pictures {factor} times smaller, not {model.family.factor}"
        )


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def renamed(found: Mapping[str, Tensor], net: Any, file: SideFile) -> dict[str, Tensor]:
    """Weights of the layout ControlNet was first published in, by the names diffusers has for them."""
    sizes = {name.replace(".", "_"): (name, value.shape) for name, value in net.state_dict().items()}
    last = 2 * len(net.controlnet_cond_embedding.blocks) + 2
    named: dict[str, Tensor] = {}
    for name, value in found.items():
        module, _, end = name.rpartition(".")
        layer = _module(module.replace(".", "_"), net.config.layers_per_block, last)
        if f".{end}" in (UP, DOWN) and f"{layer}_weight" in sizes:
            named[sizes[f"{layer}_weight"][0].removesuffix(WEIGHT) + f".{end}"] = value
            continue
        place = f"{layer}_{end}"
        if place not in sizes:
            raise UsageError(
                f"The side network {file.place} is built unlike others: it also holds {name}; get its "
                "diffusers folder, which says how it is built."
            )
        own, size = sizes[place]
        # A projection may be stored as the convolution of one cell that it is.
        named[own] = (
            value.reshape(size) if value.numel() == size.numel() and value.ndim != len(size) else value
        )
    return named


def _module(name: str, layers: int, last: int) -> str:
    """The name of a layer, dots written as underscores."""
    if name.startswith(HINT):
        k = int(name.rpartition("_")[2])
        inner = "conv_in" if k == 0 else "conv_out" if k == last else f"blocks_{k // 2 - 1}"
        return f"controlnet_cond_embedding_{inner}"
    if name.startswith("zero_convs_"):
        return f"controlnet_down_blocks_{name.removeprefix('zero_convs_').removesuffix('_0')}"
    return _STEMS.get(name) or as_diffusers(name, layers)
