"""Names of the layers of a network as Stable Diffusion was first published, as diffusers has them."""

import re

_BLOCK = re.compile(r"(input_blocks|output_blocks)_(\d+)_(\d+)_(.+)|middle_block_(\d+)_(.+)")
_RESIDUAL = {
    "in_layers_0": "norm1",
    "in_layers_2": "conv1",
    "emb_layers_1": "time_emb_proj",
    "out_layers_0": "norm2",
    "out_layers_3": "conv2",
    "skip_connection": "conv_shortcut",
}
_OUTSIDE = {
    "input_blocks_0_0": "conv_in",
    "out_2": "conv_out",
    "time_embed_0": "time_embedding_linear_1",
    "time_embed_2": "time_embedding_linear_2",
    "label_emb_0_0": "add_embedding_linear_1",
    "label_emb_0_2": "add_embedding_linear_2",
}
_MIDDLE = ("resnets_0", "attentions_0", "resnets_1")


def as_diffusers(name: str, layers: int = 2) -> str:
    """The name of a layer, dots written as underscores; one that is not of the first layout stays.

    Args:
        name: such as ``input_blocks_4_1_transformer_blocks_0_attn1_to_q``.
        layers: residual blocks a level of the network has going down.
    """
    if name in _OUTSIDE:
        return _OUTSIDE[name]
    found = _BLOCK.fullmatch(name)
    if found is None:
        return name
    way, number, inner, rest, middle, within = found.groups()
    if way is None:
        return f"mid_block_{_MIDDLE[min(int(middle), 2)]}_{_RESIDUAL.get(within, within)}"
    down = way == "input_blocks"
    block, layer = divmod(int(number) - down, layers + 1)
    if rest in ("op", "conv"):
        return f"{'down' if down else 'up'}_blocks_{block}_{'down' if down else 'up'}samplers_0_conv"
    kind = "attentions" if inner == "1" else "resnets"
    return f"{'down' if down else 'up'}_blocks_{block}_{kind}_{layer}_{_RESIDUAL.get(rest, rest)}"
