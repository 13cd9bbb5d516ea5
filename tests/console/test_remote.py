"""Stories about a console whose PureBoot is far away, with a real server between them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests import scenarios
from tests.console.conftest import Scene, choose
from tests.console.remote_support import Far, attached, far_from


@pytest.fixture
async def far(scenes: dict[str, Scene], tmp_path: Path) -> AsyncIterator[Far]:
    made = far_from(scenes["rack"], tmp_path)
    await made.start()
    yield made
    await made.stop()


async def test_a_technician_far_away_sees_and_does_what_one_does_here(far: Far) -> None:
    async with attached(far, "technician") as at:
        await at.sees("r4-01", f"at 127.0.0.1:{far.port}")
        await scenarios.boot(far.here, 50, "r9-01")
        await at.sees("r9-01")
        await choose(at, "r9-01")
        await at.press("m", "enter")
        await at.sees("r9-01")
        print(at.text)
