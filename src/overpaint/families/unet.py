"""Stable Diffusion 1, 2 and XL: a ``UNet2DConditionModel`` with one or two CLIP text encoders."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import repeat
from typing import Any
from unicodedata import normalize

import torch
from jaxtyping import Float
from torch import Tensor, nn

from overpaint.attention import Site
from overpaint.errors import UsageError
from overpaint.families.appended import appended
from overpaint.families.by_layer import by_layer as told_apart
from overpaint.families.codec import Codec, single
from overpaint.families.offload import Bring, stay
from overpaint.families.sites import sites_of
from overpaint.families.spoken import Vectors, spoken
from overpaint.network import Pixels, Residuals, Text, by_layer
from overpaint.path import Latent, Schedule
from overpaint.words import Words

Inputs = Float[Tensor, "rows inputs h w"]
"""Latents with the extra channels of their rows."""
ALONE = "it takes a latent alone"
"""What is said of a network that reads nothing beside its latent."""


def told_besides(x: Inputs, text: Text, factor: int, dtype: torch.dtype) -> dict[str, Any]:
    """What SDXL is told beside the states of a prompt: the pooled prompt and the picture's size in pixels."""
    if text.pooled is None:
        return {}
    height, width = (int(n) * factor for n in x.shape[-2:])
    ids = torch.tensor([[height, width, 0, 0, height, width]], dtype=dtype, device=x.device)
    return {
        "added_cond_kwargs": {"text_embeds": text.pooled.to(dtype), "time_ids": ids.expand(len(x), -1)},
    }


@dataclass(frozen=True)
class UNetFamily:
    """What a Stable Diffusion UNet needs around it."""

    name: str
    schedule: Schedule
    codec: Codec
    tokenizers: Sequence[Any]
    encoders: Sequence[Any]
    side: int
    zero_null: bool = False
    """SDXL was trained with zeros in place of an empty prompt."""
    extra: int = 0
    """Channels read beside the latent (`Line.concat`): 5 for inpainting, mask and masked picture."""
    learned: dict[str, tuple[tuple[int, ...], ...]] = field(
        default_factory=dict[str, tuple[tuple[int, ...], ...]]
    )
    """Words that were taught (`overpaint.families.embedding`), in small letters: their tokens, by encoder."""
    concepts: dict[str, tuple[tuple[tuple[int, ...], ...], ...]] = field(
        default_factory=dict[str, tuple[tuple[tuple[int, ...], ...], ...]]
    )
    """Those among them that every layer of the network reads in its own way: the same, by layer."""
    bring: Bring = stay
    """Told which networks are about to work."""

    @property
    def channels(self) -> int:
        """Channels of a latent."""
        return self.codec.channels

    @property
    def factor(self) -> int:
        """Pixels per latent cell along a side."""
        return self.codec.factor

    @property
    def window(self) -> int:
        """How many tokens a prompt may have, begin and end counted."""
        return int(self.encoders[0].config.max_position_embeddings)

    @property
    def parts(self) -> Mapping[str, Sequence[nn.Module]]:
        """The text encoders, and the autoencoder."""
        return {"text": tuple(self.encoders), "codec": (self.codec.vae,)}

    def sites(self, net: nn.Module) -> list[Site]:
        """Attention sites in execution order: 16 + 16 for SD 1 and 2, 70 + 70 for XL."""
        return sites_of(net)

    def call(self, net: nn.Module, x: Inputs, t: Tensor, text: Text, more: Residuals) -> Latent:
        """The raw network output, in the network's own type.

        Raises:
            UsageError: the rows lack the extra channels the network reads, or bring some it does not.
        """
        if x.shape[1] != self.channels + self.extra:
            raise UsageError(
                f"This network reads {self.channels + self.extra} channels and was given {x.shape[1]}; "
                f"{'give each row the mask and the masked picture, or the map' if self.extra else ALONE}."
            )
        self.bring(net)
        dtype = next(net.parameters()).dtype
        extra: dict[str, Any] = {}
        if more.down or more.mid is not None:
            # Given fewer, the network drops its own skips; given them alone, it takes them for others.
            extra["down_block_additional_residuals"] = [d.to(dtype) for d in more.down] or repeat(0.0)
            extra["mid_block_additional_residual"] = 0.0 if more.mid is None else more.mid.to(dtype)
        if more.intra:
            # The network empties this list while it runs.
            extra["down_intrablock_additional_residuals"] = [d.to(dtype) for d in more.intra]
        extra |= told_besides(x, text, self.factor, dtype)
        with told_apart(net, text), appended(net, more.tokens, text.window):
            return net(x.to(dtype), t, text.states.to(dtype), return_dict=False, **extra)[0]

    def text(self, prompt: str) -> Text:
        """A prompt encoded: all positions, padded to the window, without a mask (as SD was trained).

        Raises:
            UsageError: the prompt is longer than the encoders read.
        """
        words, layers = self._words(prompt), self._layers(prompt)
        texts = [
            self._encoded(words, [self._states(k, prompt, layer) for k in range(len(self.encoders))])
            for layer in layers
        ]
        return texts[0] if len(texts) == 1 else by_layer(texts, words)

    def vectors(self, word: str) -> list[Vectors]:
        """What each encoder has in its table for the tokens of a word.

        Raises:
            UsageError: it is no word.
        """
        if len(word.split()) != 1 or not self._tokens(0, word):
            raise UsageError(f"{word!r} is no word that a prompt could hold; give one without spaces.")
        return [
            single(encoder.get_input_embeddings().weight[list(self._tokens(k, word))])
            for k, encoder in enumerate(self.encoders)
        ]

    def learned_text(self, prompt: str, vectors: Mapping[str, Sequence[Vectors]]) -> Text:
        """A prompt in which words have vectors that are being learned, one tensor for each encoder.

        Gradients flow back to them.

        Raises:
            UsageError: a word is not in the prompt, or has another number of tokens than vectors.
        """
        words, outputs = self._words(prompt), list[Any]()
        for k, encoder in enumerate(self.encoders):
            placed: dict[int, Tensor] = {}
            for word, own in vectors.items():
                places = words.places(word)
                if len(places) != len(own[k]):
                    raise UsageError(
                        f"{word!r} has {len(places)} tokens in the prompt and {len(own[k])} vectors; use a "
                        "word of as many tokens."
                    )
                placed |= dict(zip(places, own[k], strict=True))
            with spoken(encoder, placed):
                outputs.append(self._states(k, prompt))
        return self._encoded(words, outputs)

    def _encoded(self, words: Words, outputs: Sequence[Any]) -> Text:
        """What the encoders gave, as a text."""
        if len(outputs) == 1:
            return Text(single(outputs[0].last_hidden_state), None, words)
        states = torch.cat([single(o.hidden_states[-2]) for o in outputs], -1)
        return Text(states, single(outputs[-1].text_embeds), words)

    def null(self) -> Text:
        """The text of an empty prompt; zeros for a family trained with zeros."""
        text = self.text("")
        if not self.zero_null or text.pooled is None:
            return text
        return Text(torch.zeros_like(text.states), torch.zeros_like(text.pooled), text.words)

    def _words(self, prompt: str) -> Words:
        tokenizer, tokens = self.tokenizers[0], partial(self._tokens, 0)
        return Words.of(prompt, tokens, tokenizer.bos_token_id, tokenizer.eos_token_id, self.window)

    def _tokens(self, k: int, text: str, layer: int = 0) -> list[int]:
        """Tokens without begin and end; words that were taught have tokens of their own."""
        found: list[int] = []
        for piece in self._pieces(normalize("NFC", text)):
            word = piece.lower()
            own = self.concepts[word][layer] if word in self.concepts else self.learned.get(word)
            plain = self.tokenizers[k](piece, add_special_tokens=False, truncation=False).input_ids
            found += plain if own is None else own[k]
        return found

    def _layers(self, prompt: str) -> range:
        """The layers that read a prompt differently: one for all, unless a word in it says otherwise."""
        taught = (piece.lower() for piece in self._pieces(normalize("NFC", prompt))[1::2])
        return range(max((len(self.concepts[word]) for word in taught if word in self.concepts), default=1))

    def _pieces(self, text: str) -> list[str]:
        """The text split around the words that were taught."""
        if not self.learned:
            return [text]
        either = "|".join(re.escape(word) for word in sorted(self.learned, key=len, reverse=True))
        return re.split(rf"((?<!\w)(?:{either})(?!\w))", text, flags=re.IGNORECASE)

    def absent(self, prompts: Sequence[str]) -> list[str]:
        """The words that were taught and stand in none of these prompts."""
        found = {piece.lower() for prompt in prompts for piece in self._pieces(prompt)[1::2]}
        return [word for word in self.learned if word not in found]

    def plain(self, prompt: str) -> str:
        """A prompt without the words that were taught."""
        return " ".join(self._pieces(normalize("NFC", prompt))[::2])

    def _ids(self, k: int, prompt: str, layer: int = 0) -> Tensor:
        """The tokens of a prompt as the encoder reads them, filled up to its window."""
        tokenizer, text = self.tokenizers[k], " ".join(prompt.split())
        if len(self._pieces(text)) > 1:
            own = [tokenizer.bos_token_id, *self._tokens(k, text, layer)][: self.window - 1]
            ids = [*own, tokenizer.eos_token_id]
            return torch.tensor([ids + [tokenizer.pad_token_id] * (self.window - len(ids))])
        return tokenizer(
            text, padding="max_length", max_length=self.window, truncation=True, return_tensors="pt"
        ).input_ids

    def _states(self, k: int, prompt: str, layer: int = 0) -> Any:
        encoder, ids = self.encoders[k], self._ids(k, prompt, layer)
        self.bring(*self.encoders)  # prompts come in turn to all of them
        return encoder(ids.to(encoder.device), output_hidden_states=len(self.encoders) > 1)

    def encode(self, pixels: Pixels, noise: Latent | None = None) -> Latent:
        """Pictures to latents."""
        return self.codec.encode(pixels, noise)

    def decode(self, latents: Latent) -> Pixels:
        """Latents to pictures."""
        return self.codec.decode(latents)
