"""``python -m tests.oracles``: ask the installed diffusers and keep what it gives."""

from tests.oracles import test_cycle, test_pix2pix_zero, test_schedulers
from tests.oracles.frozen import keep

if __name__ == "__main__":
    keep("cycle", "CycleDiffusionPipeline", test_cycle.theirs())
    keep("pix2pix_zero", "StableDiffusionPix2PixZeroPipeline", test_pix2pix_zero.theirs())
    schedulers = "DDIMScheduler, DDIMInverseScheduler, FlowMatchEulerDiscreteScheduler"
    keep("schedulers", schedulers, test_schedulers.theirs())
