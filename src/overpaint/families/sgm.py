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


_DOWN = re.compile(r"down_blocks\.(\d+)\.(resnets|attentions|downsamplers)\.(\d+)\.(.+)")
_MID = re.compile(r"mid_block\.(resnets|attentions)\.(\d+)\.(.+)")
_FIRST = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
}
_WITHIN = {own: re.sub(r"layers_(\d)", r"layers.\1", first) for first, own in _RESIDUAL.items()}


def as_first(name: str, layers: int = 2) -> str:
    """The first name of a weight of an encoder or a middle, from that which diffusers has; dots in both.

    Args:
        name: such as ``down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q.weight``.
        layers: residual blocks a level of the network has going down.
    """
    stem, _, end = name.rpartition(".")
    if stem in _FIRST:
        return f"{_FIRST[stem]}.{end}"
    if found := _DOWN.fullmatch(name):
        level, kind, k, rest = found.groups()
        place = 1 + int(level) * (layers + 1) + (layers if kind == "downsamplers" else int(k))
        if kind == "downsamplers":
            return f"input_blocks.{place}.0.op.{end}"
        return f"input_blocks.{place}.{_inside(kind, rest)}"
    if found := _MID.fullmatch(name):
        kind, k, rest = found.groups()
        return f"middle_block.{_inside(kind, rest, 1 if kind == 'attentions' else 2 * int(k))}"
    return name


def _inside(kind: str, rest: str, place: int | None = None) -> str:
    """The name within a block: first the residual layer, then its attention."""
    if kind == "attentions":
        return f"{1 if place is None else place}.{rest}"
    layer, _, end = rest.partition(".")
    return f"{place or 0}.{_WITHIN[layer]}.{end}"
