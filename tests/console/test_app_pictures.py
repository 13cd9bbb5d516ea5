"""Pictures of the screens, kept beside this file; look at each before you accept another one.

`pytest tests/console/test_app_pictures.py --snapshot-update` writes them anew.
"""

import asyncio
from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from console.view.labels import ASCII, UNICODE
from tests.console.conftest import Set, Setter, screen_text

Compare = Callable[..., bool]
PATIENCE = 15.0


def pressing(set_: Set, keys: str, shows: str) -> Callable[["Pilot[None]"], object]:
    """Wait until the console is open, press keys, and wait until the screen shows a text."""

    async def wait_for(pilot: "Pilot[None]", text: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while text not in screen_text(set_.app):
                await pilot.pause(0.02)

    async def run(pilot: "Pilot[None]") -> None:
        await wait_for(pilot, "r4-07")
        await pilot.press(*keys.split())
        await wait_for(pilot, shows)
        await pilot.pause()

    return run


PICTURES = [
    ("nodes", (80, 24), "", "r4-02", "pureboot"),
    ("nodes", (120, 36), "j space j space", "r4-02", "pureboot"),
    ("nodes", (160, 48), "", "MACHINE", "pureboot"),
    ("nodes-light", (120, 36), "", "r4-02", "pureboot-light"),
    ("nodes-ascii", (80, 24), "", "r4-02", "pureboot-16"),
    ("filter", (80, 24), "slash r 5 enter", "3 of 12", "pureboot"),
    ("node", (80, 24), "j enter", "unpacking", "pureboot"),
    ("node", (120, 36), "enter", "discovered → pending", "pureboot"),
    ("executions", (80, 24), "2", "burn-in@v1.0", "pureboot"),
    ("executions", (120, 36), "2", "burn-in@v1.0", "pureboot"),
    ("workflows", (80, 24), "4 j", "Boot the installer", "pureboot"),
    ("workflows", (120, 36), "4 j", "Boot the installer", "pureboot"),
    ("log", (80, 24), "5", "following", "pureboot"),
    ("log", (120, 36), "5 x", "level:problem", "pureboot"),
    ("help", (80, 24), "question_mark", "Keys: nodes", "pureboot"),
    ("palette", (80, 24), "colon", "Run a workflow", "pureboot"),
    ("palette", (120, 36), "colon r 4 minus 0", "Execution debian-12 on r4-0", "pureboot"),
    ("hint", (80, 24), "g", "n Nodes", "pureboot"),
    ("settings", (80, 24), "g s slash r e t enter", "retention.keep", "pureboot"),
    ("nodes-safe", (120, 36), "", "r4-02", "pureboot-safe"),
    ("run", (80, 24), "r j enter", "It installs", "pureboot"),
    ("move", (80, 24), "m", "Without force", "pureboot"),
    ("cancel", (80, 24), "j c", "Cancel debian-12", "pureboot"),
]


@pytest.mark.parametrize(
    ("name", "size", "keys", "shows", "theme"),
    PICTURES,
    ids=[f"{name}-{width}x{height}" for name, (width, height), *_ in PICTURES],
)
def test_picture(
    snap_compare: Compare,
    console_on: Setter,
    name: str,
    size: tuple[int, int],
    keys: str,
    shows: str,
    theme: str,
) -> None:
    set_ = console_on("rack", theme=theme, symbols=ASCII if name.endswith("ascii") else UNICODE)
    assert snap_compare(set_.app, terminal_size=size, run_before=pressing(set_, keys, shows))
