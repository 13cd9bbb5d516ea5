"""Saying that this console is open and what it shows, and hearing who else has one."""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from engine.clock import new_id
from engine.errors import PureBootError

if TYPE_CHECKING:
    from console.pureboot import PureBoot
    from engine.core.consoles import ConsoleSession

RENEW_SECONDS = 15.0
_AT_MOST_EVERY = 1.0
_LEAVE_SECONDS = 2.0


class Presence:
    """This console among the others. `looks_at` gives what it shows now, `told` is called when others came or went."""

    def __init__(
        self, *, looks_at: Callable[[], str], told: Callable[[], None], is_remote: bool, is_read_only: bool
    ) -> None:
        self.id = new_id()
        self.all: Sequence[ConsoleSession] = ()
        self._looks_at = looks_at
        self._told = told
        self._is_remote = is_remote
        self._is_read_only = is_read_only
        self._said = ""
        self._stirred = asyncio.Event()

    @property
    def others(self) -> "list[ConsoleSession]":
        """The consoles that others have open, the oldest first."""
        return [each for each in self.all if each.id != self.id]

    def heard(self) -> None:
        """Look soon who is there: something changed that is no event."""
        self._stirred.set()

    def look(self) -> None:
        """Say soon what is shown now, if that is something else."""
        if self._looks_at() != self._said:
            self._stirred.set()

    async def run(self, pureboot: "PureBoot", user: str) -> None:
        """Be there until cancelled, and say then that it is over."""
        try:
            while True:
                await self._renew(pureboot, user)
                until = asyncio.get_running_loop().time() + RENEW_SECONDS
                while await self._stirs_before(until) and self._looks_at() == self._said:
                    await self._see(pureboot)
        finally:
            with contextlib.suppress(PureBootError, TimeoutError):
                async with asyncio.timeout(_LEAVE_SECONDS):
                    await pureboot.consoles.leave(self.id, by=user)

    async def _stirs_before(self, until: float) -> bool:
        await asyncio.sleep(_AT_MOST_EVERY)
        try:
            async with asyncio.timeout_at(until):
                await self._stirred.wait()
        except TimeoutError:
            return False
        self._stirred.clear()
        return True

    async def _see(self, pureboot: "PureBoot") -> None:
        """Look who is there, which unlike saying so stirs nobody else."""
        with contextlib.suppress(PureBootError):
            self._take(await pureboot.consoles.find())

    async def _renew(self, pureboot: "PureBoot", user: str) -> None:
        looks_at = self._looks_at()
        try:
            found = await pureboot.consoles.renew(
                self.id,
                by=user,
                place=place(),
                looks_at=looks_at,
                is_remote=self._is_remote,
                is_read_only=self._is_read_only,
            )
        except PureBootError:  # the heading says already that the store, or the line to it, is out of order
            return
        self._said = looks_at
        self._take(found)

    def _take(self, found: "Sequence[ConsoleSession]") -> None:
        if found != self.all:
            self.all = found
            self._told()


def place() -> str:
    """Where this console is: host and terminal, and where an SSH session came from."""
    try:
        terminal = os.ttyname(sys.__stdin__.fileno()).removeprefix("/dev/") if sys.__stdin__ else ""
    except (OSError, ValueError):
        terminal = ""
    from_ = os.environ.get("SSH_CONNECTION", "").partition(" ")[0]
    return " ".join(part for part in (socket.gethostname(), terminal, f"from {from_}" if from_ else "") if part)
