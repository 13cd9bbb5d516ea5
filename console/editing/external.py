"""Going on in another editor on the same terminal, while the servers of this process go on serving.

The console leaves the terminal to the editor, and awaits its end like anything else: the event loop, and with it the
engine and the boot servers, never stand still. What a person types to stop or suspend the editor reaches every process
of the terminal, so this one is deaf to it meanwhile; the editor is not, but for ctrl+z, which would leave the terminal
to nobody.
"""

import asyncio
import contextlib
import os
import shlex
import signal
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from console.driver import PatientDriver
from engine.core.documents import MAX_CONTENT
from engine.core.texts import decode
from engine.errors import Unavailable

if TYPE_CHECKING:
    from textual.app import App

_GOODBYE_SECONDS = 5.0


def command(environ: Mapping[str, str] | None = None) -> list[str]:
    """The editor that a person wants, with its arguments.

    Raises:
        Unavailable: `$VISUAL` or `$EDITOR` cannot be read.
    """
    environ = os.environ if environ is None else environ
    for name in ("VISUAL", "EDITOR"):
        try:
            if words := shlex.split(environ.get(name, "")):
                return words
        except ValueError as error:
            raise Unavailable(f"${name} is no command: {error}") from None
    return ["vi"]


async def edit_outside(app: "App[None]", text: str, folder: Path, ending: str) -> str:
    """Let a person go on with a text in their editor; gives what they saved.

    Raises:
        Unavailable: the terminal cannot be left to it, or it cannot be run or failed.
        Invalid: what was saved is no text in UTF-8, or too large.
    """
    words = command()
    driver = app._driver
    if driver is None or not driver.can_suspend:
        raise Unavailable("there is no terminal here that could be left to another editor")
    path = await asyncio.to_thread(_written, text, folder, ending)
    try:
        if isinstance(driver, PatientDriver):
            await driver.hush()
        with app.suspend(), _deaf():  # nothing is raised in here: Textual would not take the terminal back
            outcome = await _outcome([*words, str(path)])
        if isinstance(outcome, OSError):
            raise Unavailable(f"{words[0]} cannot be run ({outcome.strerror}); set $EDITOR to an editor")
        if isinstance(outcome, BaseException):
            raise outcome
        if outcome != 0:
            raise Unavailable(f"{words[0]} ended with {outcome}; the text is as it was")
        return decode(await asyncio.to_thread(_read, path), file="what was saved")
    finally:
        path.unlink(missing_ok=True)


def _written(text: str, folder: Path, ending: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(prefix="edit-", suffix=ending, dir=folder, delete=False) as file:
        file.write(text.encode())
    return Path(file.name)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_CONTENT + 1)


async def _outcome(words: list[str]) -> int | BaseException:
    try:
        return await _run(words)
    except (OSError, asyncio.CancelledError) as error:
        return error


async def _run(words: list[str]) -> int:
    """Run a program on the terminal to its end; it does not outlive whoever waits for it."""
    program = await asyncio.create_subprocess_exec(*words)
    try:
        return await program.wait()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            program.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(program.wait(), _GOODBYE_SECONDS)
        raise


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """Take no notice of ctrl+c and ctrl+backslash, and let nobody on this terminal be suspended."""
    kinds = (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)
    before = {each: signal.getsignal(each) for each in kinds}
    try:
        for each in kinds:
            # One that is ignored would be so by the editor as well; one that is handled is not handed down.
            signal.signal(each, signal.SIG_IGN if each is signal.SIGTSTP else lambda *_: None)
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
