"""/api/v1/triggers and /hooks."""

import asyncio
import json
from typing import Any

import pytest

from bootsrv.http.app import Part
from engine.app import PureBoot
from engine.core.page import EVERYTHING
from engine.core.rendering import MASK
from engine.core.triggers import signature
from tests.bootsrv.http_support import HELLO, Client, published, serving, until_ended

TRIGGERS = "/api/v1/triggers"
FIELDS = {
    *("id", "name", "type", "description", "workflow", "node", "params", "config", "condition", "enabled"),
    *("next_at", "next", "url", "last_fired_at", "last_execution_id", "last_error", "fired"),
    *("created_at", "updated_at"),
}
SECRET = "s3cret"
BODY = b'{"branch": "main", "who": "rack"}'


async def webhook(client: Client, **values: Any) -> Any:
    """A webhook that starts hello, as it is shown."""
    body = {"name": "hook", "type": "webhook", "workflow": "hello", **values}
    made = await client.post(TRIGGERS, body)
    assert made.status == 201, made.text
    return made.data


async def raw(client: Client, text: str, body: bytes = BODY) -> tuple[int, Any]:
    """Send a request as it is written, as curl would; gives status and JSON."""
    host, port = client.listener.address
    reader, writer = await asyncio.open_connection(host, port)
    head = f"{text}\nHost: {host}:{port}\nContent-Length: {len(body)}\nConnection: close\n\n".replace("\n", "\r\n")
    writer.write(head.encode("latin-1") + body)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    start, _, rest = answer.partition(b"\r\n\r\n")
    return int(start.split()[1]), json.loads(rest)


async def count(pureboot: PureBoot) -> int:
    return (await pureboot.executions.find(EVERYTHING))[1]


async def test_a_trigger_is_made_found_changed_and_deleted(pureboot: PureBoot) -> None:
    await published(pureboot, HELLO)
    async with serving(pureboot) as client:
        config = {"cron": "30 4 * * 1", "timezone": "Europe/Berlin"}
        body = {"name": "weekly", "type": "schedule", "workflow": "hello", "config": config}
        made = await client.post(TRIGGERS, body)
        assert (made.status, made.headers["Location"]) == (201, f"{TRIGGERS}/{made.data['id']}")
        assert set(made.data) == FIELDS
        assert made.data["config"] == {**config, "missed": "once"}
        assert (made.data["enabled"], made.data["url"], made.data["last_fired_at"]) == (True, None, None)
        assert len(made.data["next"]) == 5
        assert made.data["next"][0] == made.data["next_at"]
        for reference in ("weekly", made.data["id"]):
            assert (await client.get(f"{TRIGGERS}/{reference}")).data == made.data
        listed = await client.get(f"{TRIGGERS}?type=schedule&enabled=true&workflow=hello&limit=1")
        assert (listed.data, listed.json["total"]) == ([made.data], 1)
        assert (await client.get(f"{TRIGGERS}?type=webhook")).json["total"] == 0
        changed = await client.patch(f"{TRIGGERS}/weekly", {"config": {"missed": "all"}, "description": "patches"})
        assert changed.data["config"] == {**config, "missed": "all"}
        assert changed.data["description"] == "patches"
        off = await client.post(f"{TRIGGERS}/weekly/disable")
        assert (off.data["enabled"], off.data["next_at"], off.data["next"]) == (False, None, [])
        assert (await client.post(f"{TRIGGERS}/weekly/enable")).data["next_at"] == made.data["next_at"]
        (await client.post(TRIGGERS, body)).problem(409)
        assert (await client.delete(f"{TRIGGERS}/weekly")).status == 200
        (await client.get(f"{TRIGGERS}/weekly")).problem(404)


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"type": "magic"}, {"type": "not one of"}),
        ({"colour": "red"}, {"colour": "is no field here"}),
        ({"type": "schedule"}, {"config.cron": "is missing"}),
        ({"type": "schedule", "config": {"cron": "x"}}, {"config.cron": "five fields"}),
        ({"type": "event", "config": {"event": "node.exploded"}}, {"config.event": "is no kind of event"}),
        ({"condition": "1 +", "name": "No"}, {"condition": "is no condition", "name": "is no name"}),
        ({"config": {"cron": "@daily"}}, {"config.cron": "a manual trigger has: none"}),
        ({"params": {"who": "{{ x"}}, {"params.who": "does not compile"}),
        ({"config": []}, {"config": "must be an object"}),
    ],
)
async def test_a_wrong_field_is_named(pureboot: PureBoot, body: dict[str, Any], wrong: dict[str, str]) -> None:
    await published(pureboot, HELLO)
    async with serving(pureboot) as client:
        found = (await client.post(TRIGGERS, {"name": "t", "workflow": "hello", **body})).wrong()
    assert {name: wrong.get(name, "?") in message for name, message in found.items()} == dict.fromkeys(wrong, True)


async def test_a_trigger_is_fired_by_hand(pureboot: PureBoot) -> None:
    await published(pureboot, HELLO)
    async with serving(pureboot) as client:
        values = {"params": {"who": "{{ trigger.body.who }}"}, "condition": "trigger.body.who != 'nobody'"}
        await client.post(TRIGGERS, {"name": "t", "workflow": "hello", **values})
        answer = await client.post(f"{TRIGGERS}/t/fire", {"body": {"who": "rack"}, "request_id": "1"})
        assert answer.status == 202
        execution = await until_ended(pureboot, answer.data["execution_id"])
        assert (execution.principal, dict(execution.params)) == ("trigger:t", {"who": "rack"})
        again = await client.post(f"{TRIGGERS}/t/fire", {"body": {"who": "rack"}, "request_id": "1"})
        assert again.data["execution_id"] == execution.id
        nothing = await client.post(f"{TRIGGERS}/t/fire", {"body": {"who": "nobody"}})
        assert (nothing.status, nothing.data["execution_id"]) == (200, None)
        assert "condition" in nothing.json["message"]
        refused = (await client.post(f"{TRIGGERS}/t/fire", {})).problem(422)
        assert "has no value" in refused["detail"]
        await client.post(f"{TRIGGERS}/t/disable")
        (await client.post(f"{TRIGGERS}/t/fire", {})).problem(409)
        (await client.post(f"{TRIGGERS}/gone/fire", {})).problem(404)


async def test_a_secret_path_is_all_the_proof_there_is(pureboot: PureBoot) -> None:
    await published(pureboot, HELLO)
    async with serving(pureboot) as client:
        hook = await webhook(
            client, params={"who": "{{ trigger.body.who }}"}, condition="trigger.body.branch == 'main'"
        )
        path = hook["config"]["path"]
        assert (len(path), hook["url"]) == (32, f"{client.url}/hooks/{path}")
        status, answer = await raw(client, f"POST /hooks/{path} HTTP/1.1\nContent-Type: application/json")
        assert (status, answer["data"]["status"]) == (202, "running")
        execution = await until_ended(pureboot, answer["data"]["execution_id"])
        assert (execution.principal, dict(execution.params)) == ("trigger:hook", {"who": "rack"})
        status, answer = await raw(client, f"POST /hooks/{path} HTTP/1.1", b'{"branch": "topic"}')
        assert (status, answer["data"]["execution_id"]) == (200, None)
        assert (await raw(client, f"POST /hooks/{path[:-1]} HTTP/1.1"))[0] == 404
        assert (await raw(client, f"POST /hooks/{path} HTTP/1.1", b"payload=1"))[0] == 422
        assert (await raw(client, f"GET /hooks/{path} HTTP/1.1", b""))[0] == 405
        shown = (await client.get(f"{TRIGGERS}/hook")).data
        assert (shown["fired"], shown["last_execution_id"]) == (1, execution.id)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (f"X-Hub-Signature-256: {signature(SECRET, BODY)}", 202),
        (f"X-PureBoot-Signature: {signature(SECRET, BODY)}", 202),
        (f"x-hub-signature-256: {signature(SECRET, BODY).upper()}", 202),
        (f"X-Hub-Signature-256: {signature('other', BODY)}", 401),
        (f"X-Hub-Signature-256: {signature(SECRET, BODY + b' ')}", 401),
        (f"X-Hub-Signature-256: {signature(SECRET, BODY).removeprefix('sha256=')}", 401),
        (f"X-Hub-Signature: {signature(SECRET, BODY)}", 401),
        ("X-Hub-Signature-256: sha256=", 401),
        ("X-Hub-Signature-256: sha256=\xe4", 401),
        ("Authorization: Bearer s3cret", 401),
    ],
)
async def test_with_a_secret_the_body_must_be_signed(pureboot: PureBoot, headers: str, status: int) -> None:
    await published(pureboot, HELLO)
    async with serving(pureboot) as client:
        await webhook(client, config={"path": "ci/build", "secret": SECRET})
        answered, answer = await raw(client, f"POST /hooks/ci/build HTTP/1.1\n{headers}")
        assert answered == status, answer
        assert await count(pureboot) == (status == 202)
        assert (await raw(client, f"POST /hooks/ci HTTP/1.1\n{headers}"))[0] == 404
        await client.post(f"{TRIGGERS}/hook/disable")
        assert (await raw(client, f"POST /hooks/ci/build HTTP/1.1\n{headers}"))[0] == 404


async def test_what_is_not_json_is_only_told_to_those_who_may_send(pureboot: PureBoot) -> None:
    await published(pureboot, HELLO)
    async with serving(pureboot) as client:
        await webhook(client, config={"path": "build", "secret": SECRET})
        assert (await raw(client, "POST /hooks/build HTTP/1.1", b"{"))[0] == 401
        signed = f"POST /hooks/build HTTP/1.1\nX-Hub-Signature-256: {signature(SECRET, b'{')}"
        assert (await raw(client, signed, b"{"))[0] == 422


@pytest.mark.parametrize("header", ["Idempotency-Key", "X-GitHub-Delivery"])
async def test_a_delivery_that_is_repeated_starts_nothing_a_second_time(pureboot: PureBoot, header: str) -> None:
    await published(pureboot, HELLO)
    async with serving(pureboot) as client:
        await webhook(client, config={"path": "build"})
        keyed = {header: "72d3162e-cc78-11e3-81ab-4c9367dc0958"}
        answers = await asyncio.gather(*(client.post("/hooks/build", {}, headers=keyed) for _ in range(5)))
        assert {answer.status for answer in answers} == {202}
        assert len({answer.data["execution_id"] for answer in answers}) == 1
        other = await client.post("/hooks/build", {}, headers={header: "x" * 5000})
        assert other.status == 202
        for _ in range(2):  # without a key each is another occurrence, of whatever body
            await client.post("/hooks/build", {})
        assert await count(pureboot) == 4
        assert (await client.get(f"{TRIGGERS}/hook")).data["fired"] == 4


async def test_a_start_that_is_refused_is_told_to_the_sender_and_kept(pureboot: PureBoot) -> None:
    await published(pureboot, HELLO)
    async with serving(pureboot) as client:
        await webhook(client, config={"path": "build"}, node="nobody", params={"who": "x"})
        refused = (await client.post("/hooks/build", {})).problem(409)
        assert refused["detail"] == "there is no node nobody"
        assert (await client.get(f"{TRIGGERS}/hook")).data["last_error"] == refused["detail"]
        await client.patch(f"{TRIGGERS}/hook", {"node": None, "params": {"colour": "red"}})
        assert "params.colour" in (await client.post("/hooks/build", {})).wrong()


async def test_a_body_has_its_bound(pureboot: PureBoot) -> None:
    await published(pureboot, HELLO)
    async with serving(pureboot) as client:
        await webhook(client, config={"path": "build"}, params={"who": "{{ trigger.body.a | length }}"})
        fitting = json.dumps({"a": "x" * 262_000}).encode()
        answer = await client.post("/hooks/build", data=fitting)
        assert answer.status == 422  # the length is a number, and `who` a text: it was read
        (await client.post("/hooks/build", data=b" " * (256 * 1024 + 1))).problem(413)


async def test_the_secret_is_never_shown_again_and_stays_when_its_mask_comes_back(pureboot: PureBoot) -> None:
    await published(pureboot, HELLO)
    async with serving(pureboot) as client:
        made = await webhook(client, config={"path": "build", "secret": SECRET})
        assert made["config"] == {"path": "build", "secret": MASK}
        await client.put(f"{TRIGGERS}/hook", {"config": made["config"]})
        signed = {"X-Hub-Signature-256": signature(SECRET, BODY)}
        assert (await client.post("/hooks/build", data=BODY, headers=signed)).status == 202
        for path in (f"{TRIGGERS}/hook", TRIGGERS, "/api/v1/events?limit=200"):
            assert SECRET not in (await client.get(path)).text
        opened = await client.patch(f"{TRIGGERS}/hook", {"config": {"secret": None}})
        assert opened.data["config"] == {"path": "build", "secret": None}
        assert (await client.post("/hooks/build", data=BODY)).status == 202


async def test_who_may_only_look_is_not_told_a_path_that_fires(pureboot: PureBoot) -> None:
    await published(pureboot, HELLO)
    viewer = (await pureboot.access.create("v", "viewer", by="user:test")).secret
    async with serving(pureboot) as client:
        path = (await webhook(client))["config"]["path"]
        await webhook(client, name="signed", config={"path": "build", "secret": SECRET})
        looking = client.with_token(viewer)
        shown = await looking.get(TRIGGERS)
        assert [each["config"]["path"] for each in shown.data] == [MASK, "build"]
        assert [each["url"] for each in shown.data] == [None, f"{client.url}/hooks/build"]
        assert path not in (await looking.get("/api/v1/events?limit=200")).text
        (await looking.post(f"{TRIGGERS}/hook/fire", {})).problem(403)
        (await looking.post(TRIGGERS, {"name": "x", "workflow": "hello"})).problem(403)


@pytest.mark.parametrize("part", [Part.NODES, Part.ADMINISTRATORS])
async def test_webhooks_are_open_on_both_listeners(pureboot: PureBoot, part: Part) -> None:
    await published(pureboot, HELLO)
    config = {"name": "h", "type": "webhook", "workflow": "hello", "config": {"path": "build"}}
    await pureboot.triggers.create(config, by="user:test")
    async with serving(pureboot, part=part) as client:
        assert (await client.post("/hooks/build", {})).status == 202
