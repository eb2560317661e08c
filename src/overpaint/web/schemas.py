"""What is sent and what comes back, as the service's schema tells it."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from overpaint.choosing.measured import Measured
from overpaint.ledger.entry import State
from overpaint.run.result import Figures
from overpaint.web.examples import BALL, DONE, EXAMPLE, SEVERAL, showing

PICTURE = r"^[0-9a-f]{64}$"
"""What a picture is known by: its content."""
WORK = r"^[0-9a-f]{16}$"
"""What a piece of work is known by."""
LONGEST = 4000
"""Letters of a prompt; models read far fewer."""
Work = Literal["edit", "generate", "invert", "compare"]
PictureId = Annotated[str, Field(pattern=PICTURE, description="a picture, by its content")]
WorkId = Annotated[str, Field(pattern=WORK, description="a piece of work")]
Sent = Annotated[
    str,
    Field(
        max_length=100_000_000,
        description="a picture: the id of one that is here, or its bytes in base64 (also as a data: address)",
    ),
]
Condition = Literal[
    "auto", "canny", "sobel", "scribble", "colours", "picture", "depth", "normals", "segmentation"
]
Cell = Annotated[
    int | None, Field(ge=0, lt=10_000, description="where that is a comparison: which of its edits")
]
Prompt = Annotated[str, Field(max_length=LONGEST)]


class Model(BaseModel):
    """Part of the service's schema."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class Framed(Model):
    """A picture, and how it is shown to the model."""

    image: Sent
    source: Prompt = Field(default="", description="what the picture shows; by itself what it says of itself")
    seed: int = Field(default=0, ge=0, lt=2**63, description="of every random draw")
    fit: Literal["pad", "crop"] = Field(default="pad", description="the whole picture, or the middle of it")
    model: str = Field(default="", max_length=300, description="one of /api/models; by itself the first")
    look: bool = Field(default=True, description="look first whether the picture is far from what is known")


class ControlIn(Model):
    """A side network that speaks into every call."""

    net: str = Field(max_length=100, examples=["canny"], description="one of the model's controls")
    picture: Sent | None = Field(
        default=None, description="what it looks at; by itself made from the picture that is edited"
    )
    made: Condition = Field(default="auto", description="how that is made; by itself as its name tells")
    scale: float = Field(default=1.0, ge=-10, le=10, description="how strongly it speaks")
    start: float = Field(default=0.0, ge=0, le=1, description="share of the steps before it begins")
    stop: float = Field(default=1.0, ge=0, le=1, description="share of the steps at which it ends")
    guess: Literal["off", "released", "logspace"] = "off"
    layers: list[float] = Field(default=[], max_length=100, description="a factor for each place, fine first")
    only_mid: bool = False
    text: Literal["own", "source", "target"] = Field(default="own", description="the prompt it reads")
    rounding: Literal["official", "diffusers"] = "official"


class StepIn(Model):
    """An accepted edit that another goes on from."""

    work: WorkId
    cell: Cell = None


class EditIn(Framed):
    """An edit."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    image: Sent = Field(default="", description="a picture; not needed with an inversion")
    target: Prompt = Field(default="", description="what it should show")
    method: str = Field(default="p2p", max_length=100, description="one of /api/methods")
    options: dict[str, JsonValue] = Field(
        default={}, max_length=200, description="the method's; of a part: inversion.inner"
    )
    mask: Sent | None = Field(default=None, description="white where the picture may change")
    mask_box: str | None = Field(default=None, max_length=100, description="a rectangle: x,y,width,height")
    mask_words: str | None = Field(
        default=None, max_length=500, description="what these words speak of may change: ball, red cube"
    )
    mask_diff: bool = Field(default=False, description="what the two prompts disagree about may change")
    map: Sent | None = Field(
        default=None,
        description="what is to be where: a map that /api/pictures/{id}/regions gave, painted over",
    )
    control: list[ControlIn] = Field(default=[], max_length=5, description="side networks")
    onto: Sent | None = Field(
        default=None,
        description="an earlier edit of the picture, which stays where the mask does not reach; what is "
        "inside is made from the picture itself",
    )
    way: list[StepIn] = Field(
        default=[],
        max_length=100,
        description="the accepted edits that an edit of the whole picture goes on from, the first one first: "
        "those with a mask are made again over it, each inside its own mask",
    )
    grow: int = Field(default=0, ge=0, le=1000, description="pixels by which the mask is widened")
    extend: str = Field(
        default="", max_length=100, description="pixels to add to sides of the picture: left=64,top=0"
    )
    context: int | None = Field(default=None, ge=0, le=10_000, description="pixels around the mask, alone")
    feather: int = Field(default=0, ge=0, le=1000, description="pixels inside the mask's border that fade")
    alpha: Literal["keep", "flatten"] = "keep"
    background: str = Field(default="white", max_length=50)
    maps: bool = Field(default=False, description="record where each word looks")
    inversion: WorkId | None = Field(
        default=None, description="an inversion that was made: its picture, prompt and options are used"
    )
    parent: WorkId | None = Field(default=None, description="the edit this one goes on from, for the history")
    cell: Cell = None


class EstimateIn(EditIn):
    """An edit whose price is asked for."""

    share: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="of what the model is shown, how much may change, where the mask is not sent yet",
    )


class GenerateIn(Model):
    """A picture from a prompt."""

    target: Prompt = Field(examples=["a red ball on grass"], description="what it should show")
    seed: int = Field(default=0, ge=0, lt=2**63)
    options: dict[str, JsonValue] = Field(default={}, max_length=200)
    model: str = Field(default="", max_length=300)
    control: list[ControlIn] = Field(
        default=[], max_length=5, description="side networks, each with a picture to look at"
    )
    maps: bool = False


class InvertIn(Framed):
    """An inversion: made once, used by many edits."""

    options: dict[str, JsonValue] = Field(default={}, max_length=200, examples=[{"steps": 20}])


class CompareIn(Framed):
    """Several methods on one picture."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [SEVERAL]})

    target: Prompt = Field(min_length=1, description="what it should show")
    methods: list[Annotated[str, Field(max_length=100)]] = Field(default=["all"], max_length=100)
    grid: dict[str, list[JsonValue]] = Field(default={}, max_length=20, description="values to try")
    options: dict[str, JsonValue] = Field(default={}, max_length=200)
    budget: str | None = Field(default=None, max_length=20, description="begin nothing after: 60s")
    mask: Sent | None = None
    feather: int = Field(default=0, ge=0, le=1000)
    onto: Sent | None = None
    words: list[Annotated[str, Field(max_length=100)]] = Field(default=[], max_length=20)
    check: bool = Field(default=False, description="also ask cheap methods for nothing")
    parent: WorkId | None = Field(default=None, description="the edit this one goes on from, for the history")
    cell: Cell = None


class PictureOut(Model):
    """A picture that is here."""

    model_config = showing(id=BALL, width=128, height=128, says="a red ball on grass", recipe=None, notes=[])

    id: PictureId
    width: int
    height: int
    says: str = Field(description="what it says it shows; empty if nothing")
    recipe: dict[str, JsonValue] | None = Field(description="how it was made, if overpaint made it just so")
    notes: list[str] = Field(description="what was noticed on reading it")


class LookOut(Model):
    """What a picture is to a model, before anything is asked of it."""

    model_config = showing(busy=False, far=False, words="", distance=0.9)

    busy: bool = Field(default=False, description="the model works, so nobody has looked; ask again later")
    far: bool = Field(default=False, description="whether the model does not know such pictures")
    words: str = Field(default="", description="what that means for edits; empty where all is well")
    distance: float | None = Field(default=None, description="in standard deviations of those it knows")


class RegionOut(Model):
    """Something a map of a picture shows."""

    name: str
    colour: tuple[int, int, int] = Field(description="of its pixels in the map")
    share: float = Field(ge=0, le=1, description="of the picture; 0 for what is not in it")


class RegionsOut(Model):
    """What is where in a picture."""

    model_config = showing(map=BALL, names=[{"name": "ball", "colour": [200, 30, 30], "share": 0.2}])

    busy: bool = Field(default=False, description="the model works, so nobody has looked; ask again later")
    map: PictureId | None = Field(default=None, description="the map: paint over it, and send it as map")
    names: list[RegionOut] = Field(default=[], description="all that can be painted, the largest first")


class WordOut(Model):
    """Where a word looks."""

    model_config = showing(word="ball", picture=BALL)

    word: str
    picture: PictureId


class CellOut(Model):
    """One edit of a comparison, or of those that were tried where the method was to be chosen."""

    title: str
    method: str
    error: str = ""
    picture: PictureId | None = None
    figures: dict[str, float] = {}
    score: float | None = Field(default=None, description="how likely it came off, where that can be told")
    command: str = ""
    warnings: list[str] = []
    dropped: str = Field(default="", description="why another one was taken, where one was")


class ResultOut(Model):
    """What came out."""

    picture: PictureId | None = Field(default=None, description="with its recipe inside; see /image")
    width: int = 0
    height: int = 0
    figures: Figures = Figures()
    warnings: list[str] = []
    chosen: str = Field(default="", description="why this one, where the method was to be chosen")
    mask: PictureId | None = Field(default=None, description="where it could change")
    words: list[WordOut] = []
    others: list[PictureId] = Field(default=[], description="further results, best first")
    cells: list[CellOut] = Field(default=[], description="all that were made, the likeliest first")
    notes: list[str] = []


class WorkOut(Model):
    """A piece of work as it stands."""

    model_config = showing(**DONE)

    id: WorkId
    kind: Work
    state: State
    progress: float = Field(ge=0, le=1)
    before: int | None = Field(default=None, description="how many wait before it, where it waits")
    cancelling: bool = False
    made: float = Field(description="seconds since 1970")
    began: float | None = None
    ended: float | None = None
    error: str = Field(default="", description="why it failed")
    image: PictureId | None = None
    mask: PictureId | None = None
    parent: WorkId | None = None
    cell: int | None = None
    method: str = ""
    model: str
    request: dict[str, JsonValue]
    options: dict[str, JsonValue]
    result: ResultOut | None = None


class PageOut(Model):
    """The latest work, the newest first."""

    model_config = showing(items=[DONE], next=17)

    items: list[WorkOut]
    next: int | None = Field(default=None, description="give it as before, for older ones")


class QueueOut(Model):
    """The queue."""

    model_config = showing(paused=False, counts={"done": 1}, waiting=[], running=[])

    paused: bool
    counts: dict[str, int]
    waiting: list[WorkOut]
    running: list[WorkOut]


class AgainOut(Model):
    """What makes an edit again without a server; PICTURE and MASK stand for the files."""

    model_config = showing(command="overpaint edit PICTURE --target 'a blue ball'", python="import overpaint")

    command: str
    python: str


class MoveIn(Model):
    """Where waiting work goes."""

    model_config = showing(first=True)

    first: bool = True


class EstimateOut(Model):
    """What an edit would take, as least and most."""

    model_config = showing(rows=[80, 80], backwards=[0, 0], look=3, seconds=[1.9, 1.9], memory=48_000_000)

    rows: tuple[int, int]
    backwards: tuple[int, int]
    look: int = Field(description="rows that look at the picture first")
    judging: tuple[int, int] = Field(default=(0, 0), description="rows that judge what was tried")
    seconds: tuple[float, float] | None = Field(description="nothing until the model was measured")
    memory: int | None = Field(description="bytes")


class MethodOut(Model):
    """A method: its card, and the schema of its options."""

    name: str = Field(examples=["p2p"])
    idea: str
    needs: list[str]
    optional: list[str]
    pictures: list[str]
    families: list[str]
    random: bool
    rows: tuple[int, int] = Field(description="least and most, with its own defaults")
    backwards: tuple[int, int]
    papers: list[dict[str, JsonValue]]
    published: str
    measured: Measured | None = Field(description="what it achieves on Still Life, where that was measured")
    settings: list[dict[str, Any]] = Field(description="its options for a form")
    json_schema: dict[str, Any] = Field(description="the JSON schema of its options")


class ModelOut(Model):
    """A model that is served."""

    model_config = showing(
        name="still-life", family="sd1", side=64, controls=["canny"], regions=True, loaded=True
    )

    name: str
    family: str = Field(default="", description="sd1, sd2 or sdxl; empty until it is loaded")
    side: int | None = Field(default=None, description="pixels of a side it was made for")
    guidance: float | None = None
    words: list[str] = Field(default=[], description="every word it was taught, where those are few")
    controls: list[str] = Field(default=[], description="side networks that fit it")
    regions: bool = Field(default=False, description="whether it can tell what is where in a picture")
    loaded: bool = False
    error: str = Field(default="", description="why it cannot be used")


class HealthOut(Model):
    """Whether the server is well."""

    model_config = showing(status="ok", workers=1, version="0.1.0")

    status: Literal["ok", "failing"]
    workers: int
    version: str


class ErrorOut(BaseModel):
    """Anything that went wrong, as a sentence."""

    error: str = Field(examples=["There is no method 'p2q'; did you mean 'p2p'?"])


class WrongOut(BaseModel):
    """The same in the form that OpenAI's clients read."""

    message: str
    type: str = Field(examples=["invalid_request_error"])
    param: str | None = None
    code: str | None = None


class TheirErrorOut(BaseModel):
    """Anything that went wrong at an address of OpenAI's; before a route is reached, a sentence alone."""

    error: WrongOut | str
