"""Prompt-to-Prompt as other code's settings describe it, in the words of this package's method."""

from typing import Any

from overpaint.inversions import Inversion
from overpaint.methods.p2p import PromptToPrompt
from overpaint.words import Window
from tests.parity.settings import Settings

KINDS = {
    "replace": "swap",
    "refine": "refine",
    "reweight": "copy",
    "replace nested in reweight": "swap",
    "refine nested in reweight": "refine",
}
"""What the published controllers do to the maps, alone or inside a re-weighting one."""


def window(value: Any) -> Window:
    """A share of the steps, or its two ends."""
    if isinstance(value, list):
        start, stop = (share(end) for end in list[Any](value))  # pyright: ignore[reportUnknownArgumentType]
        return start, stop
    return share(value)


def share(value: Any) -> float:
    """A number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return float(value)


def windows_by_word(value: Any) -> dict[str, Window]:
    """``cross_replace_steps``: one window for all words, or one by word with a default (usually all)."""
    if not isinstance(value, dict):
        return {"default_": window(value)}
    given = {str(word): window(own) for word, own in value.items()}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return {"default_": 1.0, **given}


def arrow(value: Any) -> str:
    """Words of the source and of the target as this package's options have them."""
    if value is None:
        return ""
    source, target = (_listed(side) for side in value)
    return f"{source}=>{target}"


def _listed(side: Any) -> str:
    words = [side] if isinstance(side, str) else [str(word) for word in side]
    if not words:
        raise ValueError
    return ", ".join(words)


def factors(value: Any) -> dict[str, float]:
    """``equalizer``: words and as many factors."""
    if value is None:
        return {}
    words, values = value
    return dict(zip(words, map(share, values), strict=True))


def side_of(value: Any) -> int:
    """``self_limit``: the largest side of a map, ``32x32``."""
    height, _, width = str(value).partition("x")
    if height != width:
        raise ValueError
    return int(height)


def editor(s: Settings, kind: str, steps: int, guidance: float, inversion: Inversion) -> PromptToPrompt:
    """The method with the file's settings; the published alignment of a swap is repeated as it is.

    As in the published code a window or a factor for a word that the target lacks does nothing.
    """
    words = s.text("target_prompt").split()
    by_word = s.take("cross_replace_steps", windows_by_word)
    reweight = s.take("equalizer", factors, None)
    return PromptToPrompt.model_validate(
        {
            "steps": steps,
            "guidance": guidance,
            "inversion": inversion,
            "kind": kind,
            "official": True,
            "cross_replace": by_word.pop("default_"),
            "word_windows": {word: own for word, own in by_word.items() if word in words},
            "reweight": {word: own for word, own in reweight.items() if word in words},
            "self_replace": s.take("self_replace_steps", window),
            "self_limit": s.take("self_limit", side_of),
            **blend(s),
        }
    )


def thresholds(value: Any) -> tuple[float, float]:
    """``th``: of the words, and of those that are subtracted."""
    both = list[Any](value) if isinstance(value, list) else [value]  # pyright: ignore[reportUnknownArgumentType]
    return share(both[0]), share(both[-1])


def blend(s: Settings) -> dict[str, Any]:
    """``local_blend``: words, thresholds and the share of the steps before it."""
    part = s.part("local_blend")
    if part is None:
        return {}
    above, below = part.take("th", thresholds, [0.3])
    version = part.one_of("version", {1: 1, 2: 2})
    return {
        "blend": part.take("words", arrow),
        "blend_subtract": part.take("subtract_words", arrow, None),
        "blend_threshold": above,
        "blend_subtract_threshold": below,
        "blend_version": version,
        "blend_start": part.number("start_blend", 0.2 if version == 2 else 0.0),
    }
