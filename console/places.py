"""The places of the console: the tabs, each with its number, its letter after `g`, and the screen it begins with.

Whatever lists them (the heading, the palette, the keys, the app's modes) is made from this one table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from textual.screen import Screen


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One tab. `number` is its key (if it has one), `letter` its key after `g`, `screen` its first: `module:class`."""

    mode: str
    number: str
    letter: str
    name: str
    help: str
    screen: str

    def make(self) -> "Screen[None]":
        """Its first screen, loaded only now: the first frame waits for no other's."""
        module, _, name = self.screen.partition(":")
        return cast("Callable[[], Screen[None]]", getattr(import_module(module), name))()


PLACES = (
    Place(
        mode="dashboard",
        number="0",
        letter="d",
        name="Dashboard",
        help="the dashboard: what needs a person, and how it goes",
        screen="console.screens.dashboard:DashboardScreen",
    ),
    Place(
        mode="nodes", number="1", letter="n", name="Nodes", help="the nodes", screen="console.screens.nodes:NodesScreen"
    ),
    Place(
        mode="executions",
        number="2",
        letter="e",
        name="Executions",
        help="the executions",
        screen="console.screens.executions:ExecutionsScreen",
    ),
    Place(
        mode="templates",
        number="3",
        letter="t",
        name="Templates",
        help="the templates",
        screen="console.screens.templates:TemplatesScreen",
    ),
    Place(
        mode="workflows",
        number="4",
        letter="w",
        name="Workflows",
        help="the workflows",
        screen="console.screens.workflows:WorkflowsScreen",
    ),
    Place(
        mode="log",
        number="5",
        letter="l",
        name="Log",
        help="the event log, and what went wrong in this session",
        screen="console.screens.log:LogScreen",
    ),
    Place(
        mode="traffic",
        number="6",
        letter="b",
        name="Traffic",
        help="the boot traffic: files on their way to machines",
        screen="console.screens.traffic:TrafficScreen",
    ),
    Place(
        mode="triggers",
        number="7",
        letter="r",
        name="Triggers",
        help="the triggers, and when they fire next",
        screen="console.screens.triggers:TriggersScreen",
    ),
    Place(
        mode="packs",
        number="8",
        letter="p",
        name="Packs",
        help="the packs that documents come from",
        screen="console.screens.packs:PacksScreen",
    ),
    Place(
        mode="agents",
        number="9",
        letter="a",
        name="Agents",
        help="the remote agents, and how they are",
        screen="console.screens.agents:AgentsScreen",
    ),
    Place(
        mode="secrets",
        number="",
        letter="x",
        name="Secrets",
        help="the names of the secrets",
        screen="console.screens.secrets:SecretsScreen",
    ),
    Place(
        mode="settings",
        number="",
        letter="s",
        name="Settings",
        help="the settings: what holds, and where it was written",
        screen="console.screens.settings:SettingsScreen",
    ),
    Place(
        mode="guide",
        number="",
        letter="f",
        name="First steps",
        help="the first steps, and which of them are done",
        screen="console.screens.guide:GuideScreen",
    ),
)
