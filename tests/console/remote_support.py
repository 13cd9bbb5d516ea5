"""A PureBoot with its doors open, and consoles that reach it only over HTTP."""

import contextlib
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from console.app import PureBootApp
from console.remote.pureboot import RemotePureBoot
from console.view.labels import UNICODE
from engine.app import PureBoot
from tests.bootsrv.http_support import Client, serving
from tests.clock import ManualClock
from tests.conftest import settings_for
from tests.console.conftest import SERVER, Scene, Set, Stage


@dataclass(slots=True, kw_only=True)
class Far:
    """The other side: it can be stopped and started again on the same port, as a server is."""

    store: Path
    clock: ManualClock
    scene: Scene
    port: int = 0
    tokens: dict[str, str] = field(default_factory=dict)
    pureboot: PureBoot | None = None
    client: Client | None = None
    _stack: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def here(self) -> PureBoot:
        """The store as the other side has it."""
        assert self.pureboot is not None
        return self.pureboot

    async def start(self) -> None:
        settings = settings_for(f"sqlite:///{self.store}", self.store.parent, auth__mode="strict")
        self.pureboot = await self._stack.enter_async_context(PureBoot(settings, clock=self.clock))
        self.pureboot.server = SERVER
        for role in ("viewer", "technician", "admin"):
            if role not in self.tokens:
                self.tokens[role] = (await self.pureboot.access.create(role, role, by="user:root")).secret
        self.client = await self._stack.enter_async_context(serving(self.pureboot, port=self.port))
        self.port = self.client.listener.address[1]

    def break_lines(self) -> None:
        """What a bad network does: every connection is gone, and nobody says goodbye."""
        assert self.client is not None
        for each in list(self.client.listener._runner.server.connections):  # type: ignore[union-attr]
            if each.transport is not None:
                each.transport.abort()

    async def stop(self) -> None:
        await self._stack.aclose()


def far_from(scene: Scene, folder: Path) -> Far:
    """The other side, on a copy of a scene; not started yet."""
    store = folder / "far.db"
    for suffix in ("", ".key"):
        shutil.copy(f"{scene.store}{suffix}", f"{store}{suffix}")
    return Far(store=store, clock=ManualClock(scene.now), scene=scene)


def console_at(far: Far, role: str = "admin", *, read_only: bool = False) -> PureBootApp:
    """A console on the other side, with a token of a role."""

    @asynccontextmanager
    async def open_() -> AsyncIterator[RemotePureBoot]:
        async with RemotePureBoot(far.url, far.tokens[role]) as pureboot:
            app.become(user=pureboot.welcome.principal, read_only=pureboot.is_read_only, remote=pureboot.link.place)
            yield pureboot

    app = PureBootApp(open_, user="user:nobody", symbols=UNICODE, theme="pureboot", read_only=read_only)
    return app


Attach = Callable[..., AbstractAsyncContextManager[Stage]]


@asynccontextmanager
async def attached(
    far: Far, role: str = "admin", *, size: tuple[int, int] = (120, 36), read_only: bool = False
) -> AsyncIterator[Stage]:
    """A console at the other side, at work."""
    app = console_at(far, role, read_only=read_only)
    async with app.run_test(size=size, notifications=True) as pilot:
        at = Stage(Set(app=app, clock=far.clock, made=far.scene.made, url=far.url), pilot)
        await at.until(lambda: app.is_open)
        await pilot.pause()
        yield at
