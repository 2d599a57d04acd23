"""The planner of each mode: what prepares its answers, with numpy and all that music is made with."""

from collections.abc import Mapping

from engine.inference.controls import Mode
from engine.modes.accompany import AccompanyPlanner
from engine.modes.base import Planner
from engine.modes.continuation import ContinuePlanner
from engine.modes.drumify import DrumifyPlanner
from engine.modes.generate import GeneratePlanner
from engine.modes.groove import GroovePlanner
from engine.modes.morph import MorphPlanner
from engine.modes.vary import VaryPlanner

PLANNERS: Mapping[Mode, Planner] = {
    "vary": VaryPlanner(),
    "morph": MorphPlanner(),
    "generate": GeneratePlanner(),
    "groove": GroovePlanner(),
    "drumify": DrumifyPlanner(),
    "continue": ContinuePlanner(),
    "accompany": AccompanyPlanner(),
}
