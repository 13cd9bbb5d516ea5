"""Making simulated machines known to a PureBoot and starting a workflow on each, over its API."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from typing import Any

import aiohttp

from bootsrv.simulator.hardware import Hardware
from engine.errors import Forbidden, NotFound, PureBootError, Unavailable

AT_ONCE = 16
NODES_A_START = 500
SECONDS = 120.0
_GOOD, _KNOWN = (200, 201, 202), 409


class Api:
    """A PureBoot's API; an async context manager."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self._url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=SECONDS))

    async def __aenter__(self) -> "Api":
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._http.close()

    async def enrol(self, machines: Iterable[Hardware]) -> int:
        """Make machines known as nodes; gives how many were new.

        Raises:
            PureBootError: the server cannot be reached, or refuses.
        """
        queue = iter(list(machines))

        async def some() -> int:
            return sum([await self._enrol(machine) for machine in queue])

        return sum(await asyncio.gather(*(some() for _ in range(AT_ONCE))))

    async def start(self, workflow: str, mac_addresses: Sequence[str]) -> tuple[int, tuple[str, ...]]:
        """Start a workflow on nodes; gives on how many it did, and why not on the others.

        Raises:
            PureBootError: there is no such workflow, the server cannot be reached, or it refuses.
        """
        begun, refusals = 0, []
        for at in range(0, len(mac_addresses), NODES_A_START):
            some = list(mac_addresses[at : at + NODES_A_START])
            for result in (await self._post(f"/api/v1/workflows/{workflow}/execute", {"nodes": some}))["data"]:
                if result["error"] is None:
                    begun += 1
                else:
                    refusals.append(f"{result['node']}: {result['error']}")
        return begun, tuple(refusals)

    async def _enrol(self, machine: Hardware) -> bool:
        facts = {
            "mac_address": machine.mac_address,
            "hostname": machine.hostname or None,
            "ip_address": machine.address,
            "vendor": machine.vendor,
            "model": machine.model,
            "serial_number": machine.serial or None,
            "system_uuid": machine.uuid or None,
        }
        known = {name: value for name, value in facts.items() if value}
        return bool(await self._post("/api/v1/nodes", known, or_known=True))

    async def _post(self, path: str, body: dict[str, Any], *, or_known: bool = False) -> Any:
        try:
            async with self._http.post(f"{self._url}{path}", json=body) as response:
                text = await response.text()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(f"{self._url} does not answer: {error or type(error).__name__}") from None
        if response.status in _GOOD:
            return _read(text, path)
        if or_known and response.status == _KNOWN:
            return None
        raise _refusal(response.status, text)


def _read(text: str, path: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise Unavailable(f"what answers {path} is no PureBoot") from None


def _refusal(status: int, text: str) -> PureBootError:
    try:
        said = json.loads(text)
        detail = str(said.get("detail") or said.get("title") or status)
    except (ValueError, AttributeError):
        detail = f"HTTP status {status}"
    if status in (401, 403):
        return Forbidden(f"{detail}; give a token with --token or PUREBOOT_TOKEN (`pureboot token create NAME`)")
    return NotFound(detail) if status == 404 else PureBootError(detail)
