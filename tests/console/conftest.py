"""The console, opened on a real store with a small rack in it."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import pytest
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.events import Paste
from textual.pilot import Pilot

from console.app import PureBootApp
from console.screens.nodes import NodesScreen
from console.view.labels import UNICODE, Symbols
from engine.app import PureBoot
from engine.core.scopes import Server
from tests import scenarios
from tests.clock import ManualClock
from tests.conftest import settings_for
from tests.console.cli_support import Commands
from tests.scenarios import Rack

SERVER = Server(url="http://10.0.4.1:8080", tftp_url="tftp://10.0.4.1")


@pytest.fixture(scope="session", autouse=True)
def style_sheets() -> Iterator[None]:
    """Parsed once for all apps: Textual does it for each app anew, which is a seventh of what a test takes."""
    parsed: dict[object, list[RuleSet]] = {}
    parse = Stylesheet._parse_rules

    def once(sheet: Stylesheet, *args: Any, **named: Any) -> list[RuleSet]:
        key = (tuple(sheet._variables.items()), args, tuple(named.items()))
        if key not in parsed:
            parsed[key] = parse(sheet, *args, **named)
        return parsed[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", once)
        yield


@pytest.fixture
def pureboot_command(sqlite_url: str, tmp_path: Path) -> Commands:
    """Runs commands on an empty store."""
    return Commands(sqlite_url, tmp_path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A store that is filled already, the time it was left at, and what is in it by name."""

    store: Path
    now: datetime
    made: Rack


async def _fill(store: Path, scene: str) -> Scene:
    clock, made = ManualClock(), Rack()
    async with PureBoot(settings_for(f"sqlite:///{store}", store.parent), clock=clock) as pureboot:
        if scene == "rack":
            made = await scenarios.rack(pureboot, clock)
        elif scene == "library":
            await scenarios.library(pureboot)
    return Scene(store=store, now=clock.now(), made=made)


@pytest.fixture(scope="session")
def scenes(empty_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Scene]:
    """The scenes, each filled once."""
    made: dict[str, Scene] = {}
    for name in ("rack", "library", "nothing"):
        store = tmp_path_factory.mktemp(name) / "pureboot.db"
        shutil.copy(empty_sqlite, store)
        made[name] = asyncio.run(_fill(store, name))
    return made


@dataclass(slots=True, kw_only=True)
class Set:
    """An app that is not running yet, with a store of its own; what `open_console` and the pictures begin with."""

    app: PureBootApp
    clock: ManualClock
    made: Rack
    url: str


Setter = Callable[..., Set]


@pytest.fixture
def console_on(scenes: dict[str, Scene], tmp_path: Path) -> Setter:
    """Makes an app on a copy of a scene: `console_on("rack", theme="pureboot-light")`."""

    def make(scene: str = "rack", *, theme: str = "pureboot", symbols: Symbols = UNICODE, host: bool = True) -> Set:
        made = scenes[scene]
        store = tmp_path / "pureboot.db"
        for suffix in ("", ".key"):
            if (source := Path(f"{made.store}{suffix}")).exists():
                shutil.copy(source, f"{store}{suffix}")
        clock = ManualClock(made.now)
        settings = settings_for(f"sqlite:///{store}", tmp_path)

        @asynccontextmanager
        async def opener() -> AsyncIterator[PureBoot]:
            async with PureBoot(settings, clock=clock, host=host) as pureboot:
                pureboot.server = SERVER
                yield pureboot

        app = PureBootApp(opener, user="user:ada", symbols=symbols, theme=theme)
        return Set(app=app, clock=clock, made=made.made, url=f"sqlite:///{store}")

    return make


class Stage:
    """A console at work: `pilot` presses its keys, `pureboot` is the store it shows, `clock` its time."""

    def __init__(self, set_: Set, pilot: "Pilot[None]") -> None:
        self.app = set_.app
        self.clock = set_.clock
        self.made = set_.made
        self.url = set_.url
        self.pilot = pilot

    @property
    def pureboot(self) -> PureBoot:
        return cast("PureBoot", self.app.pureboot)

    async def press(self, *keys: str) -> None:
        """Press keys, and wait until all that follows from them at once has happened."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Put a text where the keys go, all at once, as a paste does."""
        self.app.post_message(Paste(text))
        await self.pilot.pause()

    async def until(self, holds: Callable[[], object], seconds: float = 15.0) -> None:
        """Wait until something holds; look again after whatever is going on has been dealt with."""
        try:
            async with asyncio.timeout(seconds):
                while not holds():
                    await self.pilot.pause(0.02)
        except TimeoutError:
            raise AssertionError(f"did not come about in {seconds} s; the screen shows:\n{self.text}") from None

    async def sees(self, *texts: str, seconds: float = 15.0) -> None:
        """Wait until the screen shows these texts."""
        await self.until(lambda: all(text in self.text for text in texts), seconds)

    async def sees_not(self, *texts: str, seconds: float = 15.0) -> None:
        """Wait until the screen shows none of these texts any more."""
        await self.until(lambda: not any(text in self.text for text in texts), seconds)

    async def says(self, text: str, seconds: float = 15.0) -> None:
        """Wait until the console has said something, and shows it: as a toast, whose lines are broken anywhere."""
        await self.until(lambda: any(text in notice.text for notice in self.app.said), seconds)
        whole = next(notice.text for notice in self.app.said if text in notice.text)
        await self.until(lambda: " ".join(whole.split()[:3]) in " ".join(self.text.split()), seconds)

    @property
    def text(self) -> str:
        """What the screen shows, line by line."""
        return screen_text(self.app)

    @property
    def lines(self) -> list[str]:
        """The lines of the screen."""
        return self.text.split("\n")

    def line_with(self, text: str) -> str:
        """The first line that has a text in it; empty if there is none."""
        return next((line for line in self.lines if text in line), "")


def screen_text(app: PureBootApp) -> str:
    """What the terminal shows."""
    strips = app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in strips)


Opened = Callable[..., AbstractAsyncContextManager[Stage]]


@pytest.fixture
def stage(console_on: Setter) -> Opened:
    """Opens a console: `async with stage(size=(80, 24), scene="rack") as at:`; scenes are `rack, library, nothing`."""

    @asynccontextmanager
    async def open_(
        *,
        size: tuple[int, int] = (120, 36),
        scene: str = "rack",
        host: bool = True,
        theme: str = "pureboot",
        symbols: Symbols = UNICODE,
    ) -> AsyncIterator[Stage]:
        set_ = console_on(scene, theme=theme, symbols=symbols, host=host)
        async with set_.app.run_test(size=size, notifications=True) as pilot:
            at = Stage(set_, pilot)
            await at.until(lambda: at.app.is_open)
            await pilot.pause()
            yield at

    return open_


def table(at: Stage) -> NodesScreen:
    """The nodes' screen, which is in front."""
    screen = at.app.screen
    assert isinstance(screen, NodesScreen)
    return screen


async def choose(at: Stage, *wanted: str) -> None:
    """Mark nodes by name; of one alone, put the cursor on it."""
    screen = table(at)
    ids = [node.id for node in at.app.model.nodes.values() if node.name in wanted]
    if len(ids) == 1:
        screen.table.move_to(ids[0])
    for each in ids if len(ids) > 1 else []:
        screen.table.move_to(each)
        await at.press("space")
    await at.pilot.pause()
