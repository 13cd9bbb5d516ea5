"""/api/v1/dead-letters, /api/v1/links and the links of an execution."""

from typing import Any

import pytest

from engine.app import PureBoot
from engine.clock import new_id
from engine.core.dead_letters import DeadLetter, of_execution, of_start
from engine.services.letters import lay
from tests.bootsrv.http_support import HELLO, published, serving, started, until_ended
from tests.conftest import Opener

LETTERS = "/api/v1/dead-letters"
FAILS = "name: fails\nsteps: [{key: a, action: core.fail}]"


async def laid(pureboot: PureBoot) -> DeadLetter:
    execution, _ = await started(pureboot, FAILS, node=None)
    execution = await until_ended(pureboot, execution.id)
    letter = of_execution(new_id(), execution, execution.latest("a"), "retries used up", pureboot.context.now())
    return await pureboot.context.database.write(lambda tx: lay(tx, letter))


async def refused(pureboot: PureBoot, **start: Any) -> DeadLetter:
    letter = of_start(new_id(), "t1", {"workflow": "hello", **start}, "it was refused", pureboot.context.now())
    return await pureboot.context.database.write(lambda tx: lay(tx, letter))


async def test_a_letter_is_looked_at_and_replayed_once(pureboot: PureBoot) -> None:
    letter = await laid(pureboot)
    async with serving(pureboot) as client:
        listed = await client.get(LETTERS)
        assert listed.json["total"] == 1
        (shown,) = listed.data
        assert {"id", "kind", "execution_id", "step_key", "reason", "payload", "created_at", "resolved_at"} <= set(
            shown
        )
        assert (shown["kind"], shown["reason"], shown["resolved_at"]) == ("execution", "retries used up", None)
        path = f"{LETTERS}/{letter.id}"
        assert (await client.get(path)).data == shown
        done = (await client.post(f"{path}/replay")).data
        assert done["resolved_by"]
        assert done["execution_id"] == letter.execution_id
        again = (await client.post(f"{path}/replay")).problem(409)
        assert f"by {done['resolved_by']}" in again["detail"]
        assert [each for each in (await client.get(LETTERS)).data if each["id"] == letter.id] == []
        resolved = (await client.get(f"{LETTERS}?resolved=true&execution_id={letter.execution_id}")).data
        assert [each["id"] for each in resolved] == [letter.id]


async def test_many_are_replayed_with_an_answer_each(pureboot: PureBoot) -> None:
    await published(pureboot, HELLO)
    good, bad = await refused(pureboot), await refused(pureboot, params={"no": 1})
    async with serving(pureboot) as client:
        answer = await client.post(f"{LETTERS}/replay", {"ids": [good.id, bad.id, "nothing"]})
        assert answer.status == 200
        assert answer.json["message"] == "1 go on, 2 cannot"
        first, second, third = answer.data
        assert first["execution_id"]
        assert first["error"] is None
        assert "no" in second["error"]
        assert third["error"] == "there is no dead letter nothing"
        assert (await client.post(f"{LETTERS}/replay", {"ids": []})).wrong() != {}
        assert (await client.post(f"{LETTERS}/replay", {"id": [good.id]})).wrong() != {}


async def test_one_is_discarded_with_a_reason(pureboot: PureBoot) -> None:
    one, other = await refused(pureboot), await refused(pureboot)
    async with serving(pureboot) as client:
        assert "reason" in (await client.delete(f"{LETTERS}/{one.id}")).wrong()
        done = (await client.delete(f"{LETTERS}/{one.id}", {"reason": "obsolete"})).data
        assert (done["resolution"], done["comment"]) == ("discarded", "obsolete")
        assert (await client.delete(f"{LETTERS}/{other.id}?reason=too%20old")).data["comment"] == "too old"
        (await client.delete(f"{LETTERS}/{one.id}", {"reason": "x"})).problem(409)


async def test_what_is_not_there_or_not_known_is_said(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        (await client.get(f"{LETTERS}/nothing")).problem(404)
        (await client.post(f"{LETTERS}/nothing/replay")).problem(404)
        assert "kind" in (await client.get(f"{LETTERS}?kind=letter")).wrong()
        assert "resolved" in (await client.get(f"{LETTERS}?resolved=maybe")).wrong()
        assert "resolvd" in (await client.get(f"{LETTERS}?resolvd=true")).wrong()


@pytest.mark.parametrize(
    ("role", "looks", "works"), [(None, 401, 401), ("viewer", 200, 403), ("technician", 200, 404), ("admin", 200, 404)]
)
async def test_who_may_look_and_who_may_replay(
    sqlite_url: str, opener: Opener, role: str | None, looks: int, works: int
) -> None:
    async with opener(sqlite_url, auth__mode="strict") as pureboot:
        token = None if role is None else (await pureboot.access.create("t", role, by="user:test")).secret
        async with serving(pureboot) as open_client:
            client = open_client.with_token(token)
            assert (await client.get(LETTERS)).status == looks
            assert (await client.get("/api/v1/links")).status == looks
            assert (await client.post(f"{LETTERS}/nothing/replay")).status == works
            assert (await client.delete(f"{LETTERS}/nothing?reason=x")).status == works


@pytest.mark.parametrize("prefix", ["/api/v1/executions", "/api/v1/runs"])
async def test_links_are_found_by_execution_and_by_what_they_are(pureboot: PureBoot, prefix: str) -> None:
    execution, _ = await started(pureboot, HELLO, node=None)
    for key in ("r1", "r2"):
        await pureboot.links.record("netbox", "device", key, f"id-{key}", {"url": "x"}, execution_id=execution.id)
    await pureboot.links.record("jira", "issue", "r1", "J-1")
    async with serving(pureboot) as client:
        mine = await client.get(f"{prefix}/{execution.id}/links")
        assert (mine.json["total"], [each["key"] for each in mine.data]) == (2, ["r1", "r2"])
        assert {"id", "system", "kind", "key", "external_id", "data", "execution_id", "created_at"} <= set(mine.data[0])
        assert (await client.get("/api/v1/links?key=r1&sort=system")).json["total"] == 2
        (one,) = (await client.get("/api/v1/links?system=jira")).data
        assert (one["external_id"], one["execution_id"]) == ("J-1", None)
        (await client.get(f"{prefix}/nothing/links")).problem(404)
        assert "sytem" in (await client.get("/api/v1/links?sytem=jira")).wrong()
