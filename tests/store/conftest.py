"""Fixtures of the store's tests."""

import pytest

from engine.store import postgres, sqlite


@pytest.fixture
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a locked store for a moment only."""
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.5)
    monkeypatch.setattr(postgres, "BUSY_SECONDS", 0.5)
