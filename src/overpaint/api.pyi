"""Written by ``python -m overpaint.registry``; changes by hand are lost."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict, Unpack, overload

from overpaint.images import Limits
from overpaint.images.recipe import Recipe
from overpaint.images.runs import Runs
from overpaint.meter import Meter
from overpaint.method import Method
from overpaint.model import Model
from overpaint.network import Pixels
from overpaint.run.inputs import Given
from overpaint.run.plan import Job
from overpaint.run.request import EditRequest
from overpaint.run.result import Edit
from overpaint.run.sided import Settings, Wanted
from overpaint.run.told import Segments, Told
from overpaint.controls.layers import LayerPrompt
from overpaint.guides.concept import Concept
from overpaint.guides.fading import Fade
from overpaint.inversions.cycle import Cycle
from overpaint.inversions.ddim import DDIM
from overpaint.inversions.ddim import Direct
from overpaint.inversions.edict import Edict
from overpaint.inversions.edit_friendly import EditFriendly
from overpaint.inversions.fixed_point import FixedPoint
from overpaint.inversions.negative_prompt import NegativePrompt
from overpaint.inversions.null_text import NullText
from overpaint.inversions.prompt_tuning import PromptTuning
from overpaint.inversions.recorded import Recorded
from overpaint.inversions.regularised import Regularised
from overpaint.inversions.style import Style
from overpaint.inversions.virtual import Virtual
from overpaint.masks.blend import Blending
from overpaint.masks.contrast import Contrast
from overpaint.tune.asymmetric import Start
from overpaint.tune.by_level import LevelShares
from overpaint.tune.diffusion_clip import DiffusionCLIPLearning
from overpaint.tune.edit_layer import LayerLearning
from overpaint.tune.imagic import ImagicLearning
from overpaint.tune.xti import XTI

class _AskedOptions(TypedDict, total=False):
    """What every edit can be told."""
    source: str
    target: str | Sequence[str]
    model: str | Model
    seed: int
    mask: Given | Runs | None
    mask_box: str | Sequence[int] | None
    map: Given | None
    mask_words: str | Sequence[str] | None
    mask_diff: bool
    grow: int
    extend: str
    context: int | None
    onto: Given | None
    pictures: Mapping[str, Given | Sequence[Given]] | None
    regions: Told
    segments: Segments | None
    control: Settings | Sequence[Wanted]
    feather: int
    fit: str
    alpha: str
    background: str
    limits: Limits | None
    memory: str | int | None
    look: bool
    meter: Meter | None
    maps: bool
    cache: bool | None
    options: Mapping[str, Any] | None

class _SDEditOptions(_AskedOptions, total=False):
    """Options of sdedit."""
    steps: int
    """denoising steps of the whole path"""
    strength: float
    """share of the path walked: little keeps much, 1 keeps nothing"""
    guidance: float
    """classifier-free guidance scale (a model may have its own)"""
    tuned: Literal['auto', 'published']
    """defaults: what the model suggests for such prompts, or as published"""

class _DDIMEditOptions(_AskedOptions, total=False):
    """Options of ddim."""
    steps: int
    """denoising steps"""
    guidance: float
    """classifier-free guidance scale (a model may have its own)"""
    inversion: DDIM | Literal['ddim'] | Mapping[str, Any] | Direct | Literal['direct'] | NullText | Literal['null-text'] | NegativePrompt | Literal['negative-prompt'] | PromptTuning | Literal['prompt-tuning'] | Style | Literal['style'] | Edict | Literal['edict'] | EditFriendly | Literal['edit-friendly'] | Cycle | Literal['cycle'] | Virtual | Literal['virtual'] | FixedPoint | Literal['fixed-point'] | Regularised | Literal['regularised'] | Recorded | Literal['recorded']
    """how the picture becomes noise"""

class _PromptToPromptOptions(_AskedOptions, total=False):
    """Options of p2p."""
    steps: int
    """denoising steps"""
    guidance: float
    """classifier-free guidance scale (a model may have its own)"""
    inversion: DDIM | Literal['ddim'] | Mapping[str, Any] | Direct | Literal['direct'] | NullText | Literal['null-text'] | NegativePrompt | Literal['negative-prompt'] | PromptTuning | Literal['prompt-tuning'] | Style | Literal['style'] | Edict | Literal['edict'] | EditFriendly | Literal['edit-friendly'] | Cycle | Literal['cycle'] | Virtual | Literal['virtual'] | FixedPoint | Literal['fixed-point'] | Regularised | Literal['regularised'] | Recorded | Literal['recorded']
    """how the picture becomes noise"""
    kind: Literal['auto', 'swap', 'refine', 'copy']
    """swap words, add some, or copy"""
    cross_replace: float | tuple[float, float] | str
    """share of the steps with the source's word maps"""
    self_replace: float | tuple[float, float] | str
    """share of the steps with the source's layout"""
    unconditional_replace: float | tuple[float, float] | str
    """the same in rows without a prompt (P2Plus)"""
    word_windows: Mapping[str, float | tuple[float, float] | str] | str
    """cross_replace for single words of the target"""
    reweight: Mapping[str, float] | str
    """how much words of the target count (-20 to 20)"""
    blend: str
    """words whose place alone may change: cat=>dog"""
    blend_subtract: str
    """words whose place must not change: bench"""
    blend_threshold: float
    """share of the peak that counts as place"""
    blend_subtract_threshold: float | None
    """the same for blend_subtract"""
    blend_disagreement: float
    """only where the prompts part by this share of the most may change; 0: all"""
    blend_version: int
    """from the start (1), or after a fifth (2)"""
    blend_start: float | None
    """share of the steps before; else by version"""
    self_limit: int
    """largest side of a map of the layout"""
    official: bool
    """align tokens of a swap as the published code does"""
    tuned: Literal['auto', 'published']
    """defaults: what the model suggests for such prompts, or as published"""

class _PlugAndPlayOptions(_AskedOptions, total=False):
    """Options of pnp."""
    steps: int
    """denoising steps"""
    guidance: float
    """classifier-free guidance scale (a model may have its own)"""
    inversion: DDIM | Literal['ddim'] | Mapping[str, Any] | Direct | Literal['direct'] | NullText | Literal['null-text'] | NegativePrompt | Literal['negative-prompt'] | PromptTuning | Literal['prompt-tuning'] | Style | Literal['style'] | Edict | Literal['edict'] | EditFriendly | Literal['edit-friendly'] | Cycle | Literal['cycle'] | Virtual | Literal['virtual'] | FixedPoint | Literal['fixed-point'] | Regularised | Literal['regularised'] | Recorded | Literal['recorded']
    """how the picture becomes noise"""
    inversion_steps: int | None
    """more steps for that than back; the authors take 999"""
    encode: Literal['auto', 'source', 'nothing']
    """the prompt it does so under: nothing, but that of a generated picture"""
    features: float | tuple[float, float] | str
    """share of the steps with the picture's features"""
    self_replace: float | tuple[float, float] | str
    """share of the steps with its queries and keys"""
    layer: int
    """layer of the decoder: features in it, maps from it on"""
    negative: str
    """what the picture should not look like"""
    fade: Fade | Mapping[str, Any]
    """how that is mixed with the empty prompt; not at all"""
    tuned: Literal['auto', 'published']
    """defaults: what the model suggests for such prompts, or as published"""

class _MasaCtrlOptions(_AskedOptions, total=False):
    """Options of masactrl."""
    steps: int
    """denoising steps"""
    guidance: float
    """classifier-free guidance scale (a model may have its own)"""
    inversion: DDIM | Literal['ddim'] | Mapping[str, Any] | Direct | Literal['direct'] | NullText | Literal['null-text'] | NegativePrompt | Literal['negative-prompt'] | PromptTuning | Literal['prompt-tuning'] | Style | Literal['style'] | Edict | Literal['edict'] | EditFriendly | Literal['edit-friendly'] | Cycle | Literal['cycle'] | Virtual | Literal['virtual'] | FixedPoint | Literal['fixed-point'] | Regularised | Literal['regularised'] | Recorded | Literal['recorded']
    """how the picture becomes noise"""
    start: int
    """first step at which the picture is asked"""
    layer: int
    """first self-attention layer that asks it"""
    thing: str
    """words of the thing that changes, to find it by: cat=>dog"""
    threshold: float
    """share of the words' attention from which it is there"""
    encode: Literal['auto', 'source', 'nothing']
    """the prompt the picture is walked with: nothing, but the source prompt where a thing is looked for or the picture was generated"""

class _EDICTEditOptions(_AskedOptions, total=False):
    """Options of edict."""
    steps: int
    """denoising steps of the whole path"""
    guidance: float
    """classifier-free guidance scale, the same both ways"""
    inversion: Edict | Literal['edict'] | Mapping[str, Any]
    """how the picture becomes noise"""

class _EditFriendlyEditOptions(_AskedOptions, total=False):
    """Options of edit-friendly."""
    steps: int
    """denoising steps of the whole path"""
    guidance: float
    """classifier-free guidance scale (a model may have its own)"""
    inversion: EditFriendly | Literal['edit-friendly'] | Mapping[str, Any]
    """how the noise is found"""

class _CycleEditOptions(_AskedOptions, total=False):
    """Options of cycle."""
    steps: int
    """denoising steps of the whole path"""
    guidance: float
    """classifier-free guidance scale (a model may have its own)"""
    inversion: Cycle | Literal['cycle'] | Mapping[str, Any]
    """how the noise is found"""
    tries: int
    """random walks that are tried; of several CLIP says which is best"""

class _InfEditOptions(_AskedOptions, total=False):
    """Options of infedit."""
    steps: int
    """denoising steps of the whole path"""
    guidance: float
    """classifier-free guidance scale (a model may have its own)"""
    inversion: Virtual | Literal['virtual'] | Mapping[str, Any]
    """how the picture is put under noise"""
    levels: Literal['lcm', 'model']
    """noise levels: those of consistency models, or the model's own schedule"""
    known: int
    """levels that a consistency model was taught"""
    cross_replace: float
    """share of the steps with the source's word maps"""
    self_replace: float
    """share of the steps with the source's layout"""
    follow: Literal['mutual', 'source']
    """whose word maps: the third branch's or the source's, as published both"""
    blend: str
    """words of the target whose place alone may change: dog"""
    blend_threshold: float
    """share of the peak that counts as place"""
    stay: str
    """words of the target whose place must not change: bench"""
    stay_threshold: float
    """share of the peak that counts as theirs"""
    official: bool
    """align new words as the published code does"""
    tuned: Literal['auto', 'published']
    """defaults: what the model suggests for such prompts, or as published"""

class _PromptTuningEditOptions(_AskedOptions, total=False):
    """Options of prompt-tuning."""
    steps: int
    """denoising steps"""
    guidance: float
    """classifier-free guidance scale (a model may have its own)"""
    inversion: PromptTuning | Literal['prompt-tuning'] | Mapping[str, Any]
    """how the prompt is tuned and mixed"""

class _StyleDiffusionOptions(_AskedOptions, total=False):
    """Options of style-diffusion."""
    steps: int
    """denoising steps"""
    guidance: float
    """classifier-free guidance scale (a model may have its own)"""
    inversion: Style | Literal['style'] | Mapping[str, Any]
    """how the values are tuned and used"""
    kind: Literal['auto', 'swap', 'refine', 'copy']
    """swap words, add some, or copy"""
    cross_replace: float | tuple[float, float] | str
    """share of the steps with the source's word maps"""
    self_replace: float | tuple[float, float] | str
    """share of the steps with the source's layout"""
    unconditional_replace: float | tuple[float, float] | str
    """share of the steps with its layout in the rows without a prompt"""
    reweight: Mapping[str, float] | str
    """how much words of the target count (-20 to 20)"""
    blend: str
    """words whose place alone may change: cat=>dog"""
    blend_threshold: float
    """share of the peak that counts as place"""
    official: bool
    """align tokens of a swap as the published code does"""

class _SegaOptions(_AskedOptions, total=False):
    """Options of sega."""
    steps: int
    """denoising steps"""
    guidance: float
    """classifier-free guidance scale (a model may have its own)"""
    concept: Sequence[Concept | Mapping[str, Any] | str] | str
    """what is added (+) or taken away (-), and how strongly: +sunglasses:3, -beard:2"""
    threshold: float
    """share of the picture that a concept leaves alone, where it says less"""
    warmup: int
    """steps before concepts set in"""
    cooldown: int | None
    """the step at which concepts end; none for never"""
    momentum: float
    """how much of what the steps before pushed is added"""
    beta: float
    """how much of that is kept at each step"""
    inversion: DDIM | Literal['ddim'] | Mapping[str, Any] | Direct | Literal['direct'] | NullText | Literal['null-text'] | NegativePrompt | Literal['negative-prompt'] | PromptTuning | Literal['prompt-tuning'] | Style | Literal['style'] | Edict | Literal['edict'] | EditFriendly | Literal['edit-friendly'] | Cycle | Literal['cycle'] | Virtual | Literal['virtual'] | FixedPoint | Literal['fixed-point'] | Regularised | Literal['regularised'] | Recorded | Literal['recorded']
    """how the picture becomes noise"""

class _LeditsOptions(_AskedOptions, total=False):
    """Options of ledits."""
    steps: int
    """denoising steps of the whole path"""
    guidance: float
    """classifier-free guidance scale (a model may have its own)"""
    concept: Sequence[Concept | Mapping[str, Any] | str] | str
    """what is added (+) or taken away (-), and how strongly: +sunglasses:3, -beard:2"""
    threshold: float
    """share of the picture that a concept leaves alone, where it says less"""
    warmup: int
    """steps before concepts set in"""
    cooldown: int | None
    """the step at which concepts end; none for never"""
    momentum: float
    """how much of what the steps before pushed is added"""
    beta: float
    """how much of that is kept at each step"""
    inversion: EditFriendly | Literal['edit-friendly'] | Mapping[str, Any]
    """how the noise is found"""

class _LeditsPPOptions(_AskedOptions, total=False):
    """Options of ledits++."""
    steps: int
    """denoising steps that are walked"""
    skip: float
    """share of the levels left out at the noise end"""
    concept: Sequence[Concept | Mapping[str, Any] | str] | str
    """what is added (+) or taken away (-), and how strongly: +sunglasses:3, -beard:2"""
    threshold: float
    """share of the picture that a concept leaves alone, where it says less"""
    warmup: int
    """steps before concepts set in"""
    cooldown: int | None
    """the step at which concepts end; none for never"""
    found: Literal['both', 'noise', 'attention']
    """what decides where a concept may push: its words' attention, the noise, or both"""
    alone_above: int
    """training level above which attention decides alone (diffusers: 800)"""
    encode: Literal['source', 'nothing']
    """the prompt under which the noise is found"""
    inversion: EditFriendly | Literal['edit-friendly'] | Mapping[str, Any]
    """how it is found"""

class _DiffEditOptions(_AskedOptions, total=False):
    """Options of diffedit."""
    steps: int
    """denoising steps of the whole path"""
    guidance: float
    """classifier-free guidance scale (a model may have its own)"""
    ratio: float
    """share of the path walked to noise and back: less keeps more"""
    contrast: Contrast | Mapping[str, Any]
    """how the mask is found"""
    find: bool
    """find the mask; without, the given one is taken as it is"""
    inversion: DDIM | Literal['ddim'] | Mapping[str, Any] | Direct | Literal['direct'] | NullText | Literal['null-text'] | NegativePrompt | Literal['negative-prompt'] | PromptTuning | Literal['prompt-tuning'] | Style | Literal['style'] | Edict | Literal['edict'] | EditFriendly | Literal['edit-friendly'] | Cycle | Literal['cycle'] | Virtual | Literal['virtual'] | FixedPoint | Literal['fixed-point'] | Regularised | Literal['regularised']
    """how the picture becomes noise"""
    encode: Literal['source', 'nothing']
    """the prompt under which it does"""
    lag: bool
    """put the picture back a step too noisy around the mask, as diffusers does"""

class _Pix2PixZeroOptions(_AskedOptions, total=False):
    """Options of pix2pix-zero."""
    steps: int
    """denoising steps"""
    guidance: float
    """classifier-free guidance scale (a model may have its own)"""
    attention_guidance: float
    """pull towards where the source's words look, at each step"""
    strength: float
    """how far to go in the direction"""
    direction: str
    """a file of 'overpaint direction' in place of a target prompt"""
    sentences: int
    """sentences for each side of a direction; 1: the prompts alone"""
    inversion: DDIM | Literal['ddim'] | Mapping[str, Any] | Direct | Literal['direct'] | NullText | Literal['null-text'] | NegativePrompt | Literal['negative-prompt'] | PromptTuning | Literal['prompt-tuning'] | Style | Literal['style'] | Edict | Literal['edict'] | EditFriendly | Literal['edit-friendly'] | Cycle | Literal['cycle'] | Virtual | Literal['virtual'] | FixedPoint | Literal['fixed-point'] | Regularised | Literal['regularised'] | Recorded | Literal['recorded']
    """how the picture becomes noise"""
    tuned: Literal['auto', 'published']
    """defaults: what the model suggests for such prompts, or as published"""

class _BlendedDiffusionOptions(_AskedOptions, total=False):
    """Options of blended-diffusion."""
    steps: int
    """denoising steps of the whole path"""
    skip: float
    """share of the noisiest steps that is left out"""
    guidance: float
    """classifier-free guidance beside CLIP's"""
    strength: float
    """how strongly CLIP pulls"""
    copies: int
    """views CLIP gets of each belief: one clean"""
    colours: float
    """hold on colours beyond black and white"""
    shift: Literal['mean', 'noise']
    """pull means of random steps, or noise of others"""
    outside: float
    """hold the picture outside the mask this much, not by blending"""
    samples: int
    """candidates; of several CLIP says which is best"""
    clip: str
    """a CLIP in a folder or an id in the Hub's cache, such as openai/clip-vit-base-patch32; none: the one beside the model"""
    tuned: Literal['auto', 'published']
    """defaults: what the model suggests for such prompts, or as published"""

class _BlendedLatentOptions(_AskedOptions, total=False):
    """Options of blended-latent."""
    steps: int
    """denoising steps of the whole path"""
    guidance: float
    """classifier-free guidance scale (a model may have its own)"""
    skip: float
    """share of the noisiest steps that is left out"""
    start: Literal['source', 'noise']
    """set out from the noised picture, or from noise alone"""
    blend: Blending | Mapping[str, Any]
    """how the picture is put back outside the mask"""
    samples: int
    """how many results are drawn at once"""
    offset: int | None
    """added to the visited levels, in place of the model's own"""

class _PPlusOptions(_AskedOptions, total=False):
    """Options of p-plus."""
    steps: int
    """denoising steps"""
    guidance: float
    """classifier-free guidance scale (a model may have its own)"""
    layer_prompt: Sequence[LayerPrompt | Mapping[str, Any] | str] | str
    """layers that read another prompt, the later one counts: 4:9=a red cube"""
    mix: str
    """a word, and what it is outside the band: <shape>=><look>"""
    band: tuple[int, int] | None | str
    """layers 4 to 8 as 4:9; by itself those of the two coarsest maps"""
    inversion: DDIM | Literal['ddim'] | Mapping[str, Any] | Direct | Literal['direct'] | NullText | Literal['null-text'] | NegativePrompt | Literal['negative-prompt'] | PromptTuning | Literal['prompt-tuning'] | Style | Literal['style'] | Edict | Literal['edict'] | EditFriendly | Literal['edit-friendly'] | Cycle | Literal['cycle'] | Virtual | Literal['virtual'] | FixedPoint | Literal['fixed-point'] | Regularised | Literal['regularised'] | Recorded | Literal['recorded']
    """how a picture becomes noise"""
    word: str
    """what the pictures called examples show, to be learned first"""
    learning: XTI | Mapping[str, Any]
    """how it is learned"""

class _DiffusionCLIPOptions(_AskedOptions, total=False):
    """Options of diffusion-clip."""
    steps: int
    """steps on the way back"""
    to_noise: int
    """levels on the way to noise"""
    level: int | None
    """training level; by itself as learned"""
    share: float | Sequence[float] | str
    """how much of the tuned network, several as 0.2:1.0:0.2"""
    several: Sequence[LevelShares | Mapping[str, Any] | str] | str
    """shares of several files from a training level up: 300=0.4,0.6"""
    start: Start | Mapping[str, Any]
    """how the picture becomes noise"""
    learning: DiffusionCLIPLearning | Mapping[str, Any]
    """how it is learned"""
    learned: Sequence[str] | str
    """files of 'overpaint learn', several with commas, so that nothing is learned again"""
    force: bool
    """use what was learned on another model all the same"""

class _ImagicOptions(_AskedOptions, total=False):
    """Options of imagic."""
    steps: int
    """denoising steps"""
    guidance: float
    """classifier-free guidance scale (a model may have its own)"""
    eta: float | Sequence[float] | str
    """how far to the target: 0.7, or several as 0.4:1.0:0.2"""
    learning: ImagicLearning | Mapping[str, Any]
    """how the picture is learned"""
    learned: str
    """a file of 'overpaint learn', so that nothing is learned again"""
    force: bool
    """use what was learned on another model all the same"""
    tuned: Literal['auto', 'published']
    """defaults: what the model suggests for such prompts, or as published"""

class _InpaintOptions(_AskedOptions, total=False):
    """Options of inpaint."""
    steps: int
    """denoising steps of the whole path"""
    guidance: float
    """classifier-free guidance scale (a model may have its own)"""
    strength: float
    """share of the path walked: 1 forgets what is under the mask"""
    blend: Blending | Mapping[str, Any]
    """how the picture is put back outside the mask, on ordinary networks"""
    drawn: bool
    """show an inpainting network a sample of the erased picture, as diffusers"""

class _GlideOptions(_AskedOptions, total=False):
    """Options of glide."""
    steps: int
    """denoising steps"""
    guidance: float
    """classifier-free guidance scale (a model may have its own)"""
    strength: float
    """how strongly CLIP pulls (published: 3)"""
    sampler: Literal['ancestral', 'ddim']
    """random steps, or deterministic ones, whose noise CLIP pulls"""
    cells: Literal['middle', 'corner', 'half', 'touched']
    """which cells of the latent the mask covers"""

class _CycleNetOptions(_AskedOptions, total=False):
    """Options of cyclenet."""
    net: str
    """the side network: a file or folder; none: the model's own"""
    steps: int
    """denoising steps of the whole path"""
    strength: float
    """share of the path walked: 0 keeps all"""
    guidance: float
    """classifier-free guidance scale (a model may have its own)"""
    eta: float
    """share of fresh noise in each step"""
    scale: float
    """how strongly the side network speaks"""
    there_and_back: bool
    """translate the result back and compare"""
    tuned: Literal['auto', 'published']
    """defaults: what the model suggests for such prompts, or as published"""

class _SpaTextOptions(_AskedOptions, total=False):
    """Options of spatext."""
    steps: int
    """denoising steps"""
    guidance: float
    """classifier-free guidance scale (a model may have its own)"""
    region_guidance: float | None
    """scale of the regions by themselves; none: with the prompt"""
    through: Literal['prior', 'text']
    """words become what CLIP sees by a prior, or stay what it reads"""
    prior_steps: int
    """steps of the prior"""
    cells: Literal['middle', 'corner', 'half', 'touched']
    """which cells of the latent a region is painted into"""
    tries: int
    """draws of the prior; CLIP takes the best"""

class _Text2LIVEOptions(_AskedOptions, total=False):
    """Options of text2live."""
    screen: str
    """what the layer shows alone; none: the target prompt"""
    where: str
    """what of the picture changes: the layer begins there"""
    leave: str
    """what of it stays, beside that"""
    learning: LayerLearning | Mapping[str, Any]
    """how the layer is learned"""
    tuned: Literal['auto', 'published']
    """defaults: what the model suggests for such prompts, or as published"""

class _GenerateOptions(TypedDict, total=False):
    """Options of generate."""
    steps: int
    """denoising steps"""
    guidance: float
    """classifier-free guidance scale (a model may have its own)"""

class _InvertOptions(TypedDict, total=False):
    """Options of invert."""
    steps: int
    """denoising steps"""
    guidance: float
    """classifier-free guidance scale (a model may have its own)"""
    inversion: DDIM | Literal['ddim'] | Mapping[str, Any] | Direct | Literal['direct'] | NullText | Literal['null-text'] | NegativePrompt | Literal['negative-prompt'] | PromptTuning | Literal['prompt-tuning'] | Style | Literal['style'] | Edict | Literal['edict'] | EditFriendly | Literal['edit-friendly'] | Cycle | Literal['cycle'] | Virtual | Literal['virtual'] | FixedPoint | Literal['fixed-point'] | Regularised | Literal['regularised'] | Recorded | Literal['recorded']
    """how the picture becomes noise"""

class _SharedOptions(_AskedOptions, total=False):
    """What every method has; more is given as ``options``."""

@overload
def edit(image: Given, *, method: Literal['sdedit'], **named: Unpack[_SDEditOptions]) -> Edit: ...
@overload
def edit(image: Given, *, method: Literal['ddim'], **named: Unpack[_DDIMEditOptions]) -> Edit: ...
@overload
def edit(image: Given, *, method: Literal['p2p'] = ..., **named: Unpack[_PromptToPromptOptions]) -> Edit: ...
@overload
def edit(image: Given, *, method: Literal['pnp'], **named: Unpack[_PlugAndPlayOptions]) -> Edit: ...
@overload
def edit(image: Given, *, method: Literal['masactrl'], **named: Unpack[_MasaCtrlOptions]) -> Edit: ...
@overload
def edit(image: Given, *, method: Literal['edict'], **named: Unpack[_EDICTEditOptions]) -> Edit: ...
@overload
def edit(image: Given, *, method: Literal['edit-friendly'], **named: Unpack[_EditFriendlyEditOptions]) -> Edit: ...
@overload
def edit(image: Given, *, method: Literal['cycle'], **named: Unpack[_CycleEditOptions]) -> Edit: ...
@overload
def edit(image: Given, *, method: Literal['infedit'], **named: Unpack[_InfEditOptions]) -> Edit: ...
@overload
def edit(image: Given, *, method: Literal['prompt-tuning'], **named: Unpack[_PromptTuningEditOptions]) -> Edit: ...
@overload
def edit(image: Given, *, method: Literal['style-diffusion'], **named: Unpack[_StyleDiffusionOptions]) -> Edit: ...
@overload
def edit(image: Given, *, method: Literal['sega'], **named: Unpack[_SegaOptions]) -> Edit: ...
@overload
def edit(image: Given, *, method: Literal['ledits'], **named: Unpack[_LeditsOptions]) -> Edit: ...
@overload
def edit(image: Given, *, method: Literal['ledits++'], **named: Unpack[_LeditsPPOptions]) -> Edit: ...
@overload
def edit(image: Given, *, method: Literal['diffedit'], **named: Unpack[_DiffEditOptions]) -> Edit: ...
@overload
def edit(image: Given, *, method: Literal['pix2pix-zero'], **named: Unpack[_Pix2PixZeroOptions]) -> Edit: ...
@overload
def edit(image: Given, *, method: Literal['blended-diffusion'], **named: Unpack[_BlendedDiffusionOptions]) -> Edit: ...
@overload
def edit(image: Given, *, method: Literal['blended-latent'], **named: Unpack[_BlendedLatentOptions]) -> Edit: ...
@overload
def edit(image: Given, *, method: Literal['p-plus'], **named: Unpack[_PPlusOptions]) -> Edit: ...
@overload
def edit(image: Given, *, method: Literal['diffusion-clip'], **named: Unpack[_DiffusionCLIPOptions]) -> Edit: ...
@overload
def edit(image: Given, *, method: Literal['imagic'], **named: Unpack[_ImagicOptions]) -> Edit: ...
@overload
def edit(image: Given, *, method: Literal['inpaint'], **named: Unpack[_InpaintOptions]) -> Edit: ...
@overload
def edit(image: Given, *, method: Literal['glide'], **named: Unpack[_GlideOptions]) -> Edit: ...
@overload
def edit(image: Given, *, method: Literal['cyclenet'], **named: Unpack[_CycleNetOptions]) -> Edit: ...
@overload
def edit(image: Given, *, method: Literal['spatext'], **named: Unpack[_SpaTextOptions]) -> Edit: ...
@overload
def edit(image: Given, *, method: Literal['text2live'], **named: Unpack[_Text2LIVEOptions]) -> Edit: ...
@overload
def edit(image: Given, *, method: Method, **named: Unpack[_AskedOptions]) -> Edit: ...
@overload
def edit(image: Given, *, method: str, **named: Unpack[_SharedOptions]) -> Edit: ...

def generate(prompt: str, *, method: str | Method='generate', model: str | Model='still-life', seed: int=0, regions: Told=(), segments: Segments | None=None, control: Settings | Sequence[Wanted]=(), memory: str | int | None=None, meter: Meter | None=None, maps: bool=False, options: Mapping[str, Any] | None=None, **named: Unpack[_GenerateOptions]) -> Edit:
    ...

def invert(image: Given, *, source: str='', model: str | Model='still-life', seed: int=0, fit: str='pad', limits: Limits | None=None, memory: str | int | None=None, look: bool=True, check: bool | str=False, meter: Meter | None=None, cache: bool | None=None, options: Mapping[str, Any] | None=None, **named: Unpack[_InvertOptions]) -> Edit:
    ...

def rerun(recipe: Given | Recipe, *, model: str | Model | None=None, meter: Meter | None=None, maps: bool=False, limits: Limits | None=None) -> Edit:
    ...

def cite(recipe: Given | Recipe, *, limits: Limits | None=None) -> str:
    ...

def carried_out(asked: EditRequest, model: str | Model, meter: Meter | None, memory: str | int | None=None, cache: bool | None=None, look: bool=True) -> Edit:
    ...

def kept_in(model: Model, cache: bool | None, named: bool) -> object:
    ...

def of_name(model: object) -> Model:
    ...

def finished(job: Job, meter: Meter) -> Edit:
    ...

def checked(edit: Edit, twin: Job, meter: Meter, memory: str | int | None=None) -> Edit:
    ...

def decibels(one: Pixels, other: Pixels) -> float:
    ...

def differences(told: Recipe, now: Recipe) -> list[str]:
    ...

