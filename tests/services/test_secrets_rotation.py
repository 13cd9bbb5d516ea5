"""A rotation that is killed at any moment loses nothing: whatever was sealed opens, and the next rotation tidies up."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from engine.app import secret_key_path
from engine.core.trigger_config import Webhook
from engine.core.triggers import signature
from engine.keyring import Keyring
from tests.conftest import Opener, settings_for
from tests.story import ADA

VALUES = {f"secret-{at}": f"value number {at}" for at in range(5)}
HOOK = "the secret of the hook"

# The process kills itself at the N-th step that an audit hook sees of files and locks being touched, or at one of its
# transactions: as it begins, before its commit, or when that is done.
VICTIM = """
import asyncio, os, signal, sys
from pathlib import Path

url, folder, at = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])

from engine.app import PureBoot
from engine.store.database import Database
from tests.conftest import settings_for

seen = 0
def step(what):
    global seen
    seen += 1
    if seen == at:
        os.kill(os.getpid(), signal.SIGKILL)

def hook(event, arguments):
    if event in ("open", "os.rename", "os.remove", "os.link", "fcntl.flock") and "secret.key" in str(arguments):
        step(event)

class Stepping:
    def __init__(self, backend):
        self._backend = backend
        self._transaction = backend.transaction
    def __call__(self, work):
        def stepped(connection):
            step("begun")
            result = work(connection)
            step("worked")
            return result
        result = self._transaction(stepped)
        step("committed")
        return result

async def rotate():
    async with PureBoot(settings_for(url, folder), host=False) as pureboot:
        backend = pureboot.context.database.backend
        backend.transaction = Stepping(backend)
        sys.addaudithook(hook)
        await pureboot.secrets.rotate(by="user:victim")

asyncio.run(rotate())
print(seen)
"""


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


async def rotated(url: str, folder: Path, at: int) -> tuple[int | None, int]:
    """How the process ended that was to die at a step, and how many steps it took if it did not."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", VICTIM, url, str(folder), str(at), stdout=asyncio.subprocess.PIPE, env=os.environ
    )
    said, _ = await process.communicate()
    return process.returncode, int(said or 0)


async def check(url: str, opener: Opener) -> str:
    """See that everything opens; gives the id of the key that seals."""
    async with opener(url, host=False) as pureboot:
        database, vault = pureboot.context.database, pureboot.context.vault
        opened = await database.read(lambda tx: {name: vault.scope(tx)[name] for name in vault.names(tx)})
        assert opened == VALUES
        trigger = await pureboot.triggers.receive("hook", b"x", signature(HOOK, b"x"))
        assert isinstance(trigger.config, Webhook)
        return await database.read(lambda tx: vault.sealing_key(tx).id)


async def test_whenever_a_rotation_is_killed_all_still_opens(kept_url: str, opener: Opener, tmp_path: Path) -> None:
    before = await check(kept_url, opener)
    path = secret_key_path(settings_for(kept_url, tmp_path))
    seen = set()
    for at in range(1, 100):
        code, steps = await rotated(kept_url, tmp_path, at)
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


async def test_rotations_of_several_processes_wait_for_each_other(
    kept_url: str, opener: Opener, tmp_path: Path
) -> None:
    async with opener(kept_url) as pureboot:
        others = asyncio.gather(*(rotated(kept_url, tmp_path, 0) for _ in range(3)))
        setting = [pureboot.secrets.set(name, value, by=ADA) for name, value in VALUES.items()]
        await asyncio.gather(pureboot.secrets.rotate(by=ADA), *setting)
        assert [code for code, _ in await others] == [0, 0, 0]
        for name, value in VALUES.items():
            await pureboot.secrets.set(name, value, by=ADA)
    key = await check(kept_url, opener)
    path = secret_key_path(settings_for(kept_url, tmp_path))
    assert [each.id for each in Keyring(path, {}).all()] == [key]
