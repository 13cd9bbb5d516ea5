"""A rotation that is killed at any moment loses nothing: whatever was sealed opens, and the next rotation tidies up."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.app import secret_key_path
from engine.core.trigger_config import Webhook
from engine.core.triggers import signature
from engine.keyring import Keyring
from tests.conftest import Opener, settings_for
from tests.services.rotating import Rotations, Turn
from tests.story import ADA

VALUES = {f"secret-{at}": f"value number {at}" for at in range(5)}
HOOK = "the secret of the hook"


@pytest.fixture
async def kept_url(store_url: str, opener: Opener) -> str:
    """A store with some secrets, and a webhook that has one."""
    async with opener(store_url) as pureboot:
        for name, value in VALUES.items():
            await pureboot.secrets.set(name, value, by=ADA)
        text = "name: hello\nsteps: [{key: say, action: core.echo, with: {message: hi}}]"
        await pureboot.workflows.import_(text, by=ADA)
        config = {"path": "hook", "secret": HOOK}
        await pureboot.triggers.create(
            {"name": "hook", "type": "webhook", "workflow": "hello", "config": config}, by=ADA
        )
    return store_url


@pytest.fixture
async def rotations(request: pytest.FixtureRequest) -> AsyncIterator[list[Rotations]]:
    """So many processes that rotate, each one turn at a time."""
    opened = [await Rotations.open() for _ in range(request.param)]
    yield opened
    for each in opened:
        await each.close()


async def check(url: str, opener: Opener) -> str:
    """See that everything opens; gives the id of the key that seals."""
    async with opener(url, host=False) as pureboot:
        database, vault = pureboot.context.database, pureboot.context.vault
        opened = await database.read(lambda tx: {name: vault.scope(tx)[name] for name in vault.names(tx)})
        assert opened == VALUES
        trigger = await pureboot.triggers.receive("hook", b"x", signature(HOOK, b"x"))
        assert isinstance(trigger.config, Webhook)
        return await database.read(lambda tx: vault.sealing_key(tx).id)


@pytest.mark.parametrize("rotations", [1], indirect=True)
async def test_whenever_a_rotation_is_killed_all_still_opens(
    kept_url: str, opener: Opener, tmp_path: Path, rotations: list[Rotations]
) -> None:
    before = await check(kept_url, opener)
    path = secret_key_path(settings_for(kept_url, tmp_path))
    seen = set()
    for at in range(1, 100):
        code, steps = await rotations[0].take(Turn(url=kept_url, folder=str(tmp_path), at=at))
        key = await check(kept_url, opener)
        seen.add(key)
        assert len(Keyring(path, {}).all()) <= at + 1
        if code == 0:
            break
        assert code == -signal.SIGKILL
    assert steps >= 8
    assert at == steps + 1
    assert {before} < seen
    assert [each.id for each in Keyring(path, {}).all()] == [key]
    assert sorted(each.name for each in path.parent.glob(f"*{path.name}*")) == sorted([path.name, f"{path.name}.lock"])


@pytest.mark.parametrize("rotations", [3], indirect=True)
async def test_rotations_of_several_processes_wait_for_each_other(
    kept_url: str, opener: Opener, tmp_path: Path, rotations: list[Rotations]
) -> None:
    turn = Turn(url=kept_url, folder=str(tmp_path))
    async with opener(kept_url) as pureboot:
        others = asyncio.gather(*(each.take(turn) for each in rotations))
        setting = [pureboot.secrets.set(name, value, by=ADA) for name, value in VALUES.items()]
        await asyncio.gather(pureboot.secrets.rotate(by=ADA), *setting)
        assert [code for code, _ in await others] == [0, 0, 0]
        for name, value in VALUES.items():
            await pureboot.secrets.set(name, value, by=ADA)
    key = await check(kept_url, opener)
    path = secret_key_path(settings_for(kept_url, tmp_path))
    assert [each.id for each in Keyring(path, {}).all()] == [key]
