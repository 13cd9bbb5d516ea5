"""`pureboot` without a command: the console."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from console.cli.options import principal, read_settings

if TYPE_CHECKING:
    from console.app import Opener, PureBootApp
    from console.preferences import Preferences
    from console.pureboot import PureBoot as SomePureBoot
    from engine.app import PureBoot
    from engine.settings import Reading, Settings

_LOOK_SECONDS = 2.0  # how soon a terminal that is gone is noticed

# End the keyboard protocol of kitty, leave the alternate screen, end reports of mouse, focus and size and bracketed
# paste, wrap lines, show the cursor: what a console that broke before it could tidy up may have left behind.
_RESET = (
    "\x1b[<u\x1b[?1049l\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1004l\x1b[?2048l\x1b[?2004l\x1b[?7h"
    "\x1b[?25h\x1b[0m"
)


def open_console(ctx: click.Context, *, name: str | None = None, read_only: bool = False) -> None:
    """Open the console on the store of the settings; the first one on it is also its server, unless it is read-only."""
    require_terminal("pureboot serve")
    reading = read_settings(ctx)
    settings = reading.settings
    log = log_path(settings)
    start_logging(log, settings)
    notices: list[str] = []

    @asynccontextmanager
    async def open_() -> "AsyncIterator[PureBoot]":
        from engine.app import PureBoot
        from engine.collector import calm

        if read_only:
            async with PureBoot(settings, host=False) as pureboot:
                await pureboot.ask_server()
                yield pureboot
            return
        async with PureBoot(settings) as pureboot, _doors(pureboot, notices):
            calm()
            yield pureboot

    run_app(
        ctx,
        open_,
        log=log,
        title="PureBoot",
        notices=lambda: notices,
        wanted=lambda: _preferences(reading),
        user=principal(name),
        read_only=read_only,
    )


def _preferences(reading: "Reading") -> "Preferences":
    from console.preferences import preferences
    from console.session import Session, default_path

    settings = reading.settings
    session = Session(default_path(), settings.database.url) if settings.console.restore else None
    return preferences(settings.console, session=session, origins=reading.origins)


@asynccontextmanager
async def _doors(pureboot: "PureBoot", notices: list[str]) -> AsyncIterator[None]:
    """The servers, if this process hosts the store; a guest opens them when it takes the host's place."""
    if pureboot.is_host:
        async with _open_doors(pureboot, notices):
            yield
        return
    later = asyncio.create_task(_doors_later(pureboot, notices), name="doors-later")
    try:
        yield
    finally:
        later.cancel()
        await asyncio.gather(later, return_exceptions=True)


@asynccontextmanager
async def _open_doors(pureboot: "PureBoot", notices: list[str]) -> AsyncIterator[None]:
    from bootsrv.doors import Doors

    async with Doors(pureboot) as doors:
        notices.extend(doors.notices)
        yield


async def _doors_later(pureboot: "PureBoot", notices: list[str]) -> None:
    from engine.errors import Unavailable

    await pureboot.hosting()
    try:
        async with _open_doors(pureboot, notices):
            await asyncio.Event().wait()
    except Unavailable as error:
        notices.append(f"this console took the server's place, but its servers cannot open: {error}")


def require_terminal(instead: str) -> None:
    """Refuse to draw screens into a pipe or a file; Textual draws on standard error.

    Raises:
        click.UsageError: standard input, output or error is no terminal.
    """
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise click.UsageError(f"this is no terminal to open the console in; without a screen use `{instead}`")


def log_path(settings: "Settings") -> Path:
    """Where the console logs: beside an SQLite store, else in the data folder."""
    from engine.settings import default_data_dir

    scheme, _, path = settings.database.url.partition(":///")
    return Path(f"{path}.log") if scheme == "sqlite" else default_data_dir() / "pureboot.log"


def start_logging(path: Path, settings: "Settings") -> None:
    """Log to a file, so that the screen is not spoilt.

    Raises:
        Unavailable: the file cannot be written.
    """
    from console.cli.logs import to_file
    from engine.errors import Unavailable

    try:
        to_file(path, settings.log.level, settings.log.format)
    except OSError as error:
        raise Unavailable(
            f"the log {path} cannot be written: {error.strerror}; "
            "choose a folder that this user may write with database.url (--database-url)"
        ) from None


async def _hung_up(leave: Callable[[], None]) -> None:
    """Leave when the terminal is gone. SIGHUP tells only of a controlling terminal, which under `su -c` it is not."""
    while sys.stdin.isatty():  # noqa: ASYNC110 - nothing tells of it, so there is no event to wait for
        await asyncio.sleep(_LOOK_SECONDS)
    leave()


def run_app(
    ctx: click.Context,
    open_: "Opener",
    *,
    log: Path,
    title: str,
    notices: Callable[[], Sequence[str]] = tuple,
    wanted: "Callable[[], Preferences] | None" = None,
    user: str | None = None,
    read_only: bool = False,
    attached: "Callable[[PureBootApp], None]" = lambda _: None,
) -> None:
    """Run the console to its end; whatever happens in it, the terminal is as before afterwards. `attached` is
    called once it is opened, before anything is shown of it.

    Raises:
        PureBootError: what the console was opened on cannot be opened, or cannot be used any more.
    """
    from rich.console import Console

    from console.app import PureBootApp

    @asynccontextmanager
    async def opened() -> "AsyncIterator[SomePureBoot]":
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, app.exit)
        watch = asyncio.create_task(_hung_up(app.exit), name="terminal")
        try:
            async with open_() as pureboot:
                attached(app)
                yield pureboot
        finally:
            watch.cancel()

    app = PureBootApp(
        opened,
        user=user or principal(),
        title=title,
        notices=notices,
        preferences=wanted() if wanted else None,
        read_only=read_only,
    )
    with log.open("a", encoding="utf-8") as said, _terminal_kept():
        # A traceback over a screenful of locals is for the log; the terminal gets a line that says where it is.
        app.error_console = Console(file=said, width=120)
        try:
            app.run()
        except Exception as error:
            _crashed(ctx, log, error)
    if app.failure is not None:
        raise app.failure
    if app.return_code:
        _crashed(ctx, log, None)


def _crashed(ctx: click.Context, log: Path, error: Exception | None) -> None:
    import logging

    if error is not None:
        logging.getLogger("console").critical("the console crashed", exc_info=error)
        sys.stderr.write(_RESET)
        sys.stderr.flush()
    what = f": {type(error).__name__}: {error}" if error is not None else ""
    click.echo(f"pureboot: the console crashed{what}\npureboot: what led to it is in {log}", err=True)
    ctx.exit(1)


@contextlib.contextmanager
def _terminal_kept() -> Iterator[None]:
    """Put the terminal's modes back to what they were."""
    import termios

    try:
        before = termios.tcgetattr(sys.stdin.fileno())
    except (termios.error, OSError, ValueError):
        yield
        return
    try:
        yield
    finally:
        with contextlib.suppress(termios.error, OSError):  # where the terminal itself is gone
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, before)
