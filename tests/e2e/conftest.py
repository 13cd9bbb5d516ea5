"""The rack for the end-to-end tests, or the reason why there is none."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.lab import Rack, missing_prerequisites
from tests.programs import lacking


@pytest.fixture(scope="session")
def _machines_can_boot() -> None:
    missing = missing_prerequisites()
    if not missing:
        return
    reason = "\n".join(["machines cannot be booted here:", *(f"  - {line}" for line in missing)])
    lacking(reason)


@pytest.fixture
async def rack(_machines_can_boot: None, tmp_path: Path) -> AsyncIterator[Rack]:
    """A network with a DHCP server, and no machine yet. Consoles and logs stay in the test's folder."""
    async with Rack(tmp_path / "rack") as made:
        yield made
        sys.stderr.write(made.last_lines())  # shown by pytest only with a failure
