"""One adapter a method; a file's own ``method`` chooses."""

from collections.abc import Mapping

from tests.parity.adapters.base import Adapter, Reach
from tests.parity.adapters.blended_latent import BlendedLatentFile
from tests.parity.adapters.concepts import LeditsFile, SegaFile
from tests.parity.adapters.cyclenet import CycleNetFile
from tests.parity.adapters.ddim import DDIMFile
from tests.parity.adapters.diffedit import DiffEditFile
from tests.parity.adapters.direct import DirectFile
from tests.parity.adapters.edict import EdictFile
from tests.parity.adapters.edit_friendly import EditFriendlyFile
from tests.parity.adapters.negative_prompt import NegativePromptFile
from tests.parity.adapters.null_text import NullTextFile
from tests.parity.adapters.p2p import PromptToPromptFile
from tests.parity.adapters.sides import ControlNetFile, T2IAdapterFile

ADAPTERS: Mapping[str, type[Adapter]] = {
    adapter.method: adapter
    for adapter in (
        BlendedLatentFile,
        ControlNetFile,
        CycleNetFile,
        DDIMFile,
        DiffEditFile,
        DirectFile,
        EdictFile,
        EditFriendlyFile,
        LeditsFile,
        NegativePromptFile,
        NullTextFile,
        PromptToPromptFile,
        SegaFile,
        T2IAdapterFile,
    )
}

__all__ = ["ADAPTERS", "Adapter", "Reach"]
