"""The agent's life on a simulated machine: the callback API, as `bootsrv/agent` speaks it.

It asks for its step, performs it, streams the log while it runs, reports, and goes on until the machine has to start
again or the execution has ended. What it cannot deliver it tries again; what it is told is no longer wanted, it drops.
"""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bootsrv.simulator.counters import Counters
from bootsrv.simulator.hardware import Hardware
from bootsrv.simulator.link import Link, Lost, Reply
from bootsrv.simulator.pace import Pace
from bootsrv.simulator.shell import Performance, perform
from bootsrv.simulator.times import Stage

_log = logging.getLogger(__name__)

WAIT_SECONDS = 30
HEARTBEAT_SECONDS, LEAST_HEARTBEAT_SECONDS = 10.0, 1.0
GONE = frozenset({404, 409, 410})
FLUSH_SECONDS = 0.6
PROGRESS_SECONDS = 2.0
RETRY_SECONDS = 2.0
MAX_TRIES = 60
BOOTED = "the machine runs what it was given to boot"


class Wish(StrEnum):
    """What the agent leaves the machine to do."""

    REBOOT = "reboot"
    POWER_OFF = "poweroff"
    NOTHING = "nothing"


class Unwanted(Exception):
    """The server does not want this step's reports any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What the kernel's command line says: where to call back, and with which token."""

    callback: str
    token: str | None


def orders(cmdline: str) -> Orders | None:
    """Read `pureboot.callback=` and `pureboot.token=`; None if the machine was not told to run an agent."""
    words = dict(word.partition("=")[::2] for word in cmdline.split())
    callback = words.get("pureboot.callback")
    return Orders(callback=callback.rstrip("/"), token=words.get("pureboot.token")) if callback else None


class Agent:
    """One life of an agent; `boot` tells it from those before. `installed` says what became of the disk."""

    def __init__(
        self, link: Link, hardware: Hardware, given: Orders, *, boot: str, pace: Pace, counters: Counters
    ) -> None:
        self._link = link
        self._hardware = hardware
        self._orders = given
        self._boot = boot
        self._pace = pace
        self._counters = counters
        self.installed: bool | None = None

    async def run(self) -> Wish:
        """Work until the machine has to start again, or there is nothing more to do."""
        while True:
            step = await self._current()
            if step is None:
                return Wish.NOTHING
            with contextlib.suppress(Unwanted):
                wish = await self._perform(step)
                if wish is not None:
                    return wish

    async def _current(self) -> Mapping[str, Any] | None:
        """The step to perform; None when there will be none."""
        path = f"current?wait={WAIT_SECONDS}&agent={self._boot}"
        while True:
            reply = await self._call("GET", path)
            if reply.status == 200:
                step: Mapping[str, Any] = _data(reply)
                return step
            if reply.status != 204:
                return None
            await self._pace.pause(RETRY_SECONDS)

    async def _perform(self, step: Mapping[str, Any]) -> Wish | None:
        kind = step.get("step_type")
        self._counters.steps += 1
        if kind == "node.boot":
            if not step.get("served", True):
                return Wish.REBOOT
            await self._report(step, status="success", message=BOOTED)
        elif kind == "node.script":
            await self._script(step)
        elif kind == "node.reboot":
            wish = Wish(step.get("step_config", {}).get("op") or Wish.REBOOT)
            await self._report(step, status="success", message=wish.value)
            return wish
        else:
            await self._report(step, status="failed", message=f"this agent cannot perform {kind}")
        return None

    async def _script(self, step: Mapping[str, Any]) -> None:
        config = step.get("step_config", {})
        performance = perform(
            str(config.get("script") or ""),
            self._hardware,
            attempt=int(step.get("attempt") or 1),
            env={str(key): str(value) for key, value in (config.get("env") or {}).items()},
        )
        await self._play_while_wanted(step, performance)
        ended_well = performance.exit_code == 0
        if ended_well and performance.installed:
            self.installed = True
        last = next((moment.text for moment in reversed(performance.moments) if moment.text), "")
        await self._report(
            step,
            status="success" if ended_well else "failed",
            message=last.rpartition("\n")[2],
            exit_code=performance.exit_code,
            output=dict(performance.output),
        )

    async def _play(self, step: Mapping[str, Any], performance: Performance) -> None:
        """Let the performance pass, and send its lines while it does."""
        total = performance.seconds or 1.0
        waiting, passed, unsent_for, untold_for = "", 0.0, 0.0, 0.0
        for moment in performance.moments:
            await self._pace.pause(moment.seconds)
            passed += moment.seconds
            unsent_for += self._pace.real(moment.seconds)
            untold_for += self._pace.real(moment.seconds)
            waiting += f"{moment.text}\n" if moment.text else ""
            if waiting and unsent_for >= FLUSH_SECONDS:
                await self._log(step, waiting)
                waiting, unsent_for = "", 0.0
            if untold_for >= PROGRESS_SECONDS:
                untold_for = 0.0
                await self._report(step, status="progress", progress_percent=min(99, int(100 * passed / total)))
        if waiting:
            await self._log(step, waiting)

    async def _play_while_wanted(self, step: Mapping[str, Any], performance: Performance) -> None:
        """Play, with heartbeats beside it; what is not wanted any more is dropped in the middle."""
        playing = asyncio.create_task(self._play(step, performance), name=f"step-{self._hardware.name}")
        beats = asyncio.create_task(self._beat(), name=f"heartbeat-{self._hardware.name}")
        try:
            done, _ = await asyncio.wait((playing, beats), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (playing, beats):
                task.cancel()
            await asyncio.gather(playing, beats, return_exceptions=True)
        for task in done:
            task.result()

    async def _beat(self) -> None:
        """Tell that the machine is alive.

        Raises:
            Unwanted: the server says that the execution has ended.
        """
        while True:
            await asyncio.sleep(max(LEAST_HEARTBEAT_SECONDS, self._pace.real(HEARTBEAT_SECONDS)))
            with contextlib.suppress(Lost):
                url = f"{self._orders.callback}/heartbeat"
                reply = await self._link.call("POST", url, token=self._orders.token, data={})
                self._counters.heartbeats += 1
                if reply.status in GONE:
                    raise Unwanted

    async def _log(self, step: Mapping[str, Any], text: str) -> None:
        await self._send(f"step/{step['step_id']}/logs?attempt={step.get('attempt') or 1}", text)

    async def _report(self, step: Mapping[str, Any], **report: Any) -> None:
        await self._send(f"step/{step['step_id']}", {"attempt": step.get("attempt"), **report})

    async def _send(self, path: str, data: Mapping[str, Any] | str) -> None:
        reply = await self._call("POST", path, data)
        if reply.status >= 400:
            self._counters.refused += 1
            raise Unwanted

    async def _call(self, method: str, path: str, data: Mapping[str, Any] | str | None = None) -> Reply:
        """Ask until there is an answer, as long as that may be of use."""
        for _ in range(MAX_TRIES):
            began = time.monotonic()
            try:
                reply = await self._link.call(
                    method,
                    f"{self._orders.callback}/{path}",
                    token=self._orders.token,
                    data=data,
                    seconds=WAIT_SECONDS + 15.0,
                )
            except Lost as error:
                _log.debug("%s: %s", self._hardware.name, error)
            else:
                if reply.status < 500 and reply.status != 429:
                    if method == "POST":
                        self._counters.times.note(Stage.CALL, time.monotonic() - began)
                    return reply
            self._counters.retries += 1
            await self._pace.pause(RETRY_SECONDS)
        return Reply(status=410, text="")


def _data(reply: Reply) -> Any:
    """What an answer carries, out of its envelope if it has one."""
    body = json.loads(reply.text)
    return body["data"] if isinstance(body, dict) and "data" in body and "success" in body else body
