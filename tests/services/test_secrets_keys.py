"""The keys that secrets are sealed with: another process's, of the environment, none, of a file."""

import json
from pathlib import Path

import pytest
from sqlalchemy import text as sql

from engine.app import secret_key_path
from engine.core.page import EVERYTHING
from engine.core.rendering import MASK
from engine.core.trigger_config import Webhook
from engine.core.triggers import signature
from engine.errors import Conflict, Invalid, Unavailable
from engine.services.triggers import BadSignature
from tests.conftest import Opener
from tests.services.secrets_support import ECHO, PASSWORD, RUN, everything, log_of, started
from tests.story import ADA, SERVER, ended, published


def holding(folder: Path, content: bytes) -> list[str]:
    """The files of a folder in which something stands."""
    return [file.name for file in folder.iterdir() if file.is_file() and content in file.read_bytes()]


async def test_another_process_changes_a_secret_and_this_one_knows_at_once(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as host, opener(store_url, host=False) as guest:
        await host.templates.create("answers", "${secret.password}", by=ADA)
        execution = await started(host, RUN)
        await host.callbacks.append_log(execution.id, "run", f"{PASSWORD}\n")
        await guest.secrets.set("password", PASSWORD, by=ADA)
        await host.callbacks.append_log(execution.id, "run", f"{PASSWORD}\n")
        assert await host.callbacks.render(execution.id, "answers", server=SERVER) == PASSWORD
        await guest.secrets.set("password", "something else", by=ADA)
        assert await host.callbacks.render(execution.id, "answers", server=SERVER) == "something else"
        await host.callbacks.append_log(execution.id, "run", "something else\n")
        # Also what was logged just before it was known: so far back as a secret reaches, the log is looked at again.
        assert await log_of(host, execution.id) == f"{MASK}\n{MASK}\n{MASK}\n"
        await guest.secrets.rotate(by=ADA)
        assert await host.callbacks.render(execution.id, "answers", server=SERVER) == "something else"
        await host.secrets.set("other", PASSWORD, by=ADA)
        await guest.secrets.delete("password", by=ADA)
        with pytest.raises(Invalid, match="no secret password"):
            await host.callbacks.render(execution.id, "answers", server=SERVER)


async def test_a_host_without_the_key_says_so_and_goes_on(
    store_url: str, opener: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    async with opener(store_url) as pureboot:
        await pureboot.secrets.set("password", PASSWORD, by=ADA)
        path = secret_key_path(pureboot.settings)
    away = path.with_suffix(".away")
    path.rename(away)
    async with opener(store_url) as pureboot:
        assert "the secret password cannot be opened" in caplog.text
        execution = await started(pureboot, RUN)
        assert await pureboot.callbacks.current(execution.id, server=SERVER) is None
        done = await ended(pureboot, execution)
        assert "the secret password cannot be opened: it is sealed with the key" in (done.error or "")
        assert f"copy the key file {path}" in (done.error or "")
        with pytest.raises(Conflict, match="which this host does not have"):
            await pureboot.secrets.set("other", PASSWORD, by=ADA)
        with pytest.raises(Invalid, match="cannot be opened"):
            await pureboot.secrets.rotate(by=ADA)
        assert not path.exists()  # no new key in the place of one that may come back
        assert (await ended(pureboot, await started(pureboot, ECHO.replace("secret", "meta"), None))).status == "failed"
        away.rename(path)  # it need not even start again
        await pureboot.secrets.set("other", PASSWORD + "!", by=ADA)
        path.unlink()
        for name in ("password", "other"):
            await pureboot.secrets.delete(name, by=ADA)
        await pureboot.secrets.set("fresh", PASSWORD, by=ADA)  # nothing needs the lost key any more


async def test_a_sealed_value_is_bound_to_its_name(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await pureboot.secrets.set("password", PASSWORD, by=ADA)
        await pureboot.secrets.set("shown", "nothing special", by=ADA)
        await pureboot.templates.create("answers", "${secret.shown}", by=ADA)
        execution = await started(pureboot, RUN)
        swap = "UPDATE secret SET sealed = (SELECT sealed FROM secret WHERE name = 'password') WHERE name = 'shown'"
        await pureboot.context.database.write(lambda tx: tx.connection.execute(sql(swap)))
        await pureboot.secrets.set("third", "so that it is read again", by=ADA)
        with pytest.raises(Invalid, match="changed or damaged"):
            await pureboot.callbacks.render(execution.id, "answers", server=SERVER)


async def test_keys_of_the_environment_take_turns(
    store_url: str, opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = "the old key of this site", "the new key of this site"
    monkeypatch.setenv("PUREBOOT_SECRET_KEY", old)
    async with opener(store_url) as pureboot:
        await pureboot.secrets.set("password", PASSWORD, by=ADA)
        execution = await started(pureboot, RUN)
        capability = pureboot.context.capability(execution.id)
        with pytest.raises(Conflict, match="write NEW,OLD into it"):
            await pureboot.secrets.rotate(by=ADA)
    monkeypatch.setenv("PUREBOOT_SECRET_KEY", f"{new},{old}")
    async with opener(store_url) as pureboot:
        assert pureboot.context.capability(execution.id) == capability
        before = (await everything(pureboot)).count("v1.")
        await pureboot.secrets.set("other", PASSWORD, by=ADA)  # as the hosts can open it that have only the old one
        monkeypatch.setenv("PUREBOOT_SECRET_KEY", old)
        async with opener(store_url, host=False) as second:
            await second.templates.create("answers", "${secret.other}", by=ADA)
            assert await second.callbacks.render(execution.id, "answers", server=SERVER) == PASSWORD
        rotated = await pureboot.secrets.rotate(by=ADA)
        assert (rotated.secrets, before > 0) == (2, True)
    monkeypatch.setenv("PUREBOOT_SECRET_KEY", new)
    async with opener(store_url) as pureboot:
        assert await pureboot.callbacks.render(execution.id, "answers", server=SERVER) == PASSWORD
    assert not secret_key_path(pureboot.settings).exists()
    monkeypatch.setenv("PUREBOOT_SECRET_KEY", f"{new},short")
    with pytest.raises(Invalid, match="each key in PUREBOOT_SECRET_KEY must have at least 16"):
        async with opener(store_url):
            pass


async def test_a_key_file_that_others_may_read_is_refused(
    store_url: str, opener: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    async with opener(store_url) as pureboot:
        await pureboot.secrets.set("password", PASSWORD, by=ADA)
        path = secret_key_path(pureboot.settings)
    path.chmod(0o640)
    async with opener(store_url) as pureboot:
        assert f"run `chmod 600 {path}`" in caplog.text
        with pytest.raises(Unavailable, match="is open to others"):
            await pureboot.secrets.set("password", PASSWORD, by=ADA)
        path.chmod(0o600)
        await pureboot.secrets.set("password", PASSWORD, by=ADA)


async def test_the_secrets_of_webhooks_are_sealed_also_those_from_before(
    store_url: str, opener: Opener, tmp_path: Path
) -> None:
    hello = "name: hello\nsteps: [{key: say, action: core.echo, with: {message: hi}}]"
    async with opener(store_url) as pureboot:
        await published(pureboot, hello)
        values = {"name": "new", "type": "webhook", "workflow": "hello", "config": {"path": "new", "secret": PASSWORD}}
        await pureboot.triggers.create(values, by=ADA)
        await pureboot.triggers.create({**values, "name": "old", "config": {"path": "old"}}, by=ADA)
        with pytest.raises(Conflict):
            await pureboot.triggers.create({**values, "name": "twin"}, by=ADA)
        clear = json.dumps({"path": "old", "secret": "left open by 0.2"})
        written = "CAST(:config AS json)" if "postgres" in store_url else ":config"
        statement = sql(f"UPDATE trigger SET config = {written} WHERE name = 'old'").bindparams(config=clear)
        await pureboot.context.database.write(lambda tx: tx.connection.execute(statement))
        old = await pureboot.triggers.receive("old", b"x", signature("left open by 0.2", b"x"))
        assert isinstance(old.config, Webhook)
        assert old.config.secret_ == MASK
    async with opener(store_url) as pureboot:
        assert "left open" not in await everything(pureboot)
        assert PASSWORD not in await everything(pureboot)
        for path, secret in (("old", "left open by 0.2"), ("new", PASSWORD)):
            await pureboot.triggers.receive(path, b"x", signature(secret, b"x"))
            with pytest.raises(BadSignature):
                await pureboot.triggers.receive(path, b"x", signature("", b"x"))
        rotated = await pureboot.secrets.rotate(by=ADA)
        assert (rotated.secrets, rotated.webhooks, rotated.dropped) == (0, 2, 1)
        await pureboot.triggers.update("new", {"description": "still signed"}, by=ADA)
        await pureboot.triggers.update("old", {"config": {"path": "old2"}}, by=ADA)
        await pureboot.triggers.receive("new", b"x", signature(PASSWORD, b"x"))
        await pureboot.triggers.receive("old2", b"x", signature("left open by 0.2", b"x"))
        await pureboot.triggers.update("new", {"config": {"secret": None}}, by=ADA)
        await pureboot.triggers.receive("new", b"x", None)
        [new, _], _ = await pureboot.triggers.find(EVERYTHING)
        assert isinstance(new.config, Webhook)
        assert not new.config.is_signed
    if store_url.startswith("sqlite"):
        assert holding(tmp_path, b"left open by") == []
