"""Networks beside the main one that speak into its every call: ControlNet, T2I-Adapter, CycleNet."""

from overpaint.sides.controlnet import ControlNet
from overpaint.sides.load import side_net
from overpaint.sides.net import Condition, Net
from overpaint.sides.options import Control
from overpaint.sides.style_adapter import StyleAdapter
from overpaint.sides.t2i_adapter import T2IAdapter

__all__ = ["Condition", "Control", "ControlNet", "Net", "StyleAdapter", "T2IAdapter", "side_net"]
