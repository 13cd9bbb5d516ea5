"""The console: one open PureBoot, one follower of its feed, one signal to whoever shows something.

A key calls a service; the commit wakes the feed; the follower brings the model up to date and publishes what changed;
the screen in front repaints what it shows of it. A change made by a machine, a timer or another console takes the same
path, so no handler ever touches the screen with what it hopes will happen.
"""

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, TypeVar

from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.scrollbar import ScrollBar, ScrollBarRender
from textual.signal import Signal

from console.attending import AttendingApp
from console.driver import PatientDriver
from console.follower import Follower
from console.guarded import guarded
from console.model import Changes, Model
from console.paint import THEMES
from console.preferences import Preferences
from console.presence import Presence
from console.screens.base import work_on
from console.view.heading import Facts, store_name
from console.view.labels import Symbols, safe, symbols_for
from console.widgets.page import PlainScrollBar
from engine.errors import PureBootError, Unavailable

if TYPE_CHECKING:  # the database is loaded by who opens it, after the first frame
    from console.pureboot import PureBoot
    from console.screens.changes import Undo

_log = logging.getLogger(__name__)

T = TypeVar("T")
Opener = Callable[[], "AbstractAsyncContextManager[PureBoot]"]
Severity = Literal["information", "warning", "error"]

ERROR_SECONDS = 15.0
NOTICE_SECONDS = 4.0
SLOW_SECONDS = 3.0  # after which a person asks whether the key was heard at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something said in this session, kept for the log."""

    at: datetime
    severity: Severity
    text: str


class PureBootApp(AttendingApp):
    """The console."""

    TITLE = "PureBoot"
    CSS_PATH = "pureboot.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012 - as Textual types it
    VERTICAL_BREAKPOINTS = [(0, "-low"), (20, "-high")]  # noqa: RUF012

    def __init__(
        self,
        open_: Opener,
        *,
        user: str,
        notices: Callable[[], Sequence[str]] = tuple,
        title: str = "PureBoot",
        symbols: Symbols | None = None,
        theme: str | None = None,
        preferences: Preferences | None = None,
        read_only: bool = False,
    ) -> None:
        """`open_` gives the open store, its servers and all; `user` is the principal (`user:NAME`) of what is done.

        `notices` are what the start wants to say (a port that was taken); they are shown and kept in the log. `symbols`
        and `theme` are those of the preferences if not given, and else chosen by the terminal. `read_only` shows
        everything and changes nothing.
        """
        preferences = preferences or Preferences()
        super().__init__(preferences, theme=theme)
        self.animation_level = "none"
        self.user = user
        self.title = title
        symbols = symbols or preferences.symbols
        self.read_only = read_only
        self.symbols = symbols or symbols_for(encoding=getattr(sys.__stdout__, "encoding", None) or "utf-8")
        is_plain = self.symbols.ellipsis.isascii()
        self.set_class(is_plain, "-ascii")
        ScrollBar.renderer = PlainScrollBar if is_plain else ScrollBarRender
        self.model = Model()
        self.changed: Signal[Changes] = Signal(self, "changed")
        self.opened: Signal[PureBoot] = Signal(self, "opened")
        self.ticked: Signal[datetime] = Signal(self, "ticked")
        self.told: Signal[Notice] = Signal(self, "told")
        self.said: list[Notice] = []
        self.undo: Undo | None = None
        self.failure: PureBootError | None = None
        self._open = open_
        self._notices = notices
        self._noticed = 0
        self._hosts = False
        self._replacements = 0
        self._pureboot: PureBoot | None = None
        self._follower = Follower(self.model, self._publish)
        self._life: asyncio.Task[None] | None = None

    def get_driver_class(self) -> type[Driver]:
        """Textual's, but one that never waits for the terminal, since the servers share its event loop."""
        usual = super().get_driver_class()
        return PatientDriver if usual is LinuxDriver else usual

    def clear_selection(self) -> None:
        """Clear the selected text; a field of the very first screen asks for it before that is there.

        Textual 8.2 falls over that by itself, depending on Python's version (its issue 6444).
        """
        if self.screen_stack:
            super().clear_selection()

    def _offer_our_themes(self) -> None:
        """Those that come with Textual know nothing of our roles."""
        for each in THEMES:
            self.register_theme(each)
        for name in set(self.available_themes) - {each.name for each in THEMES}:
            self.unregister_theme(name)

    # The store and its feed

    @property
    def pureboot(self) -> "PureBoot":
        """The open store.

        Raises:
            Unavailable: it is not open yet.
        """
        if self._pureboot is None:
            raise Unavailable("the store is not open yet; try again in a moment")
        return self._pureboot

    @property
    def is_open(self) -> bool:
        """Whether the store is open and the model loaded."""
        return self._pureboot is not None

    @property
    def serves(self) -> bool:
        """Whether this process serves machines."""
        return self._pureboot is not None and self._pureboot.is_host

    def now(self) -> datetime:
        """The time by the store's clock, aware and in UTC."""
        return self._pureboot.now() if self._pureboot else datetime.now(UTC)

    def on_mount(self) -> None:
        """Open the store while the first frame is already on the screen."""
        self._life = asyncio.create_task(self._live(), name="console")
        self.set_interval(1.0, self._tick)

    async def on_unmount(self) -> None:
        """Close the store before the process goes on to end."""
        self.keep_session()
        if self._life is not None:
            self._life.cancel()
            await asyncio.gather(self._life, return_exceptions=True)

    async def _live(self) -> None:
        """Open, follow until the console ends, close; all in one task, as what is opened may ask for."""
        try:
            async with self._open() as pureboot:
                await self.model.load(pureboot)
                self._pureboot = guarded(pureboot) if self.read_only else pureboot
                self._replacements = pureboot.replacements
                self._hosts = pureboot.is_host
                self.opened.publish(self._pureboot)
                if self.preferences.guide:
                    await self.guide_if_new()
                self._say_notices()
                async with self._present(pureboot):
                    await self._follower.run(pureboot)
        except PureBootError as error:
            self._fail(error, str(error))
        except Exception as error:
            _log.exception("the console cannot go on")
            self._fail(Unavailable(str(error)), f"unexpected {type(error).__name__}: {error}")

    def _publish(self, changes: Changes) -> None:
        self.changed.publish(changes)
        self.sound_alarms(changes)

    @contextlib.asynccontextmanager
    async def _present(self, pureboot: "PureBoot") -> "AsyncIterator[None]":
        """Be one of the consoles that are open."""
        self.presence = Presence(
            looks_at=self.looks_at,
            told=lambda: self.ticked.publish(self.now()),
            is_remote=bool(self.remote),
            is_read_only=self.read_only,
        )
        presence = self.presence
        self.changed.subscribe(self, lambda changes: None if changes.events else presence.heard())
        being = asyncio.create_task(self.presence.run(pureboot, self.user), name="presence")
        try:
            yield
        finally:
            being.cancel()
            await asyncio.gather(being, return_exceptions=True)

    def _fail(self, error: PureBootError, text: str) -> None:
        """Without a store there is nothing to show: say why, on the terminal that remains."""
        self.failure = error
        self.exit(return_code=1, message=f"pureboot: {text}")

    def _tick(self) -> None:
        if self._pureboot is not None:
            self._follower.tick()
            if self.presence is not None:
                self.presence.look()
            self.ticked.publish(self.now())
            self._say_notices()

    def _say_notices(self) -> None:
        """Tell what has come up since the last look: who hosts the store, and what its servers say."""
        if self._pureboot is not None and self._pureboot.is_host is not self._hosts:
            self._hosts = self._pureboot.is_host
            now = "from now on" if self._hosts else "no more: the store gave its place away"
            self.tell(f"this console serves the machines {now}", severity="warning")
        if self._pureboot is not None and self._pureboot.replacements != self._replacements:
            self._replacements = self._pureboot.replacements
            self.tell("another store is in its place now: end this console and start it again", severity="warning")
        if (line := self._follower.take_news()) is not None:
            self.tell(line, severity="warning")
        notices = list(self._notices())
        for text in notices[self._noticed :]:
            self.tell(text, severity="warning")
        self._noticed = len(notices)

    def facts(self) -> Facts:
        """What the heading tells."""
        pureboot = self._pureboot
        if pureboot is None:
            return Facts(title=self.title, mode=self.current_mode)
        return Facts(
            title=self.title,
            mode=self.current_mode,
            states=self.model.states,
            running=self.model.running,
            asking=self.model.asking,
            server_url=pureboot.server.url,
            store="" if self.remote else store_name(pureboot.settings.database.url),
            remote=self.remote,
            read_only=self.read_only,
            others=len(self.presence.others) if self.presence else 0,
            is_open=True,
            is_host=pureboot.is_host,
            cut_seconds=self._follower.cut_seconds,
            trouble=pureboot.trouble,
        )

    # Doing and saying

    def perform(
        self, work: "Callable[[PureBoot], Awaitable[T]]", *, done: Callable[[T], str | None] | str | None = None
    ) -> None:
        """Call a service in a worker; say that it is done, if `done` says how, and what went wrong if it did not."""

        async def attempt() -> None:
            slow = self.set_timer(SLOW_SECONDS, lambda: self.tell("still at it: the store takes its time"))
            try:
                result = await work(self.pureboot)
            except PureBootError as error:
                self.complain(error)
            except Exception as error:  # a fault behind one key must not take a running boot server with it
                _log.exception("an action of the console failed unexpectedly")
                self.complain(f"unexpected {type(error).__name__}: {error}")
            else:
                text = done(result) if callable(done) else done
                if text:
                    self.tell(text)
            finally:
                slow.stop()

        work_on(self, attempt, group="services")

    def complain(self, error: Exception | str) -> None:
        """Say what went wrong: readable for a while, and kept in the log."""
        self.tell(str(error), severity="error")

    def tell(self, text: str, *, severity: Severity = "information") -> None:
        """Say something, and keep it in the log."""
        text = self.note(text, severity=severity)
        seconds = NOTICE_SECONDS if severity == "information" else ERROR_SECONDS
        self.notify(text, severity=severity, timeout=seconds, markup=False)

    def note(self, text: str, *, severity: Severity = "information") -> str:
        """Keep something in the log without showing it; gives it as it is shown."""
        text = safe(text)
        self.said.append(Notice(at=self.now(), severity=severity, text=text))
        self.told.publish(self.said[-1])
        return text

    async def refresh_nodes(self, node_ids: set[str]) -> None:
        """Read nodes again whose columns may have changed without an event; nothing is said if it cannot be done."""
        with contextlib.suppress(PureBootError):
            self.model.put_nodes(await self.pureboot.nodes_by_ids(node_ids))

    def action_export(self) -> None:
        """Save what the screen in front shows."""
        from console.screens.export import export

        export(self)
