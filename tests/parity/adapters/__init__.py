"""One adapter a method; a file's own ``method`` chooses."""

from collections.abc import Mapping

from tests.parity.adapters.base import Adapter, Reach
from tests.parity.adapters.blended_diffusion import BlendedDiffusionFile
from tests.parity.adapters.blended_latent import BlendedLatentFile
from tests.parity.adapters.concepts import LeditsFile, SegaFile
from tests.parity.adapters.cycle import CycleFile
from tests.parity.adapters.cyclenet import CycleNetFile
from tests.parity.adapters.ddim import DDIMFile
from tests.parity.adapters.diffedit import DiffEditFile
from tests.parity.adapters.diffusion_clip import DiffusionClipFile
from tests.parity.adapters.direct import DirectFile
from tests.parity.adapters.edict import EdictFile
from tests.parity.adapters.edit_friendly import EditFriendlyFile
from tests.parity.adapters.glide import GlideFile
from tests.parity.adapters.imagic import ImagicFile
from tests.parity.adapters.infedit import InfEditFile
from tests.parity.adapters.inpaint import InpaintFile
from tests.parity.adapters.masactrl import MasaCtrlFile
from tests.parity.adapters.negative_prompt import NegativePromptFile
from tests.parity.adapters.null_text import NullTextFile
from tests.parity.adapters.p2p import PromptToPromptFile
from tests.parity.adapters.p_plus import PPlusFile
from tests.parity.adapters.pix2pix_zero import Pix2PixZeroFile
from tests.parity.adapters.pnp import PlugAndPlayFile
from tests.parity.adapters.sides import ControlNetFile, T2IAdapterFile
from tests.parity.adapters.spatext import SpaTextFile
from tests.parity.adapters.style_diffusion import StyleDiffusionFile
from tests.parity.adapters.text2live import Text2LIVEFile

ADAPTERS: Mapping[str, type[Adapter]] = {
    adapter.method: adapter
    for adapter in (
        BlendedDiffusionFile,
        BlendedLatentFile,
        ControlNetFile,
        CycleFile,
        CycleNetFile,
        DDIMFile,
        DiffEditFile,
        DiffusionClipFile,
        DirectFile,
        EdictFile,
        EditFriendlyFile,
        GlideFile,
        ImagicFile,
        InfEditFile,
        InpaintFile,
        LeditsFile,
        MasaCtrlFile,
        NegativePromptFile,
        NullTextFile,
        PPlusFile,
        PlugAndPlayFile,
        Pix2PixZeroFile,
        PromptToPromptFile,
        SegaFile,
        SpaTextFile,
        StyleDiffusionFile,
        T2IAdapterFile,
        Text2LIVEFile,
    )
}

__all__ = ["ADAPTERS", "Adapter", "Reach"]
