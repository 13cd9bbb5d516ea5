"""Who may do what: every route with every kind of token, and tokens in no log."""

import logging
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from bootsrv.http.app import ROUTES, Part
from bootsrv.http.routing import Route, Who
from engine.app import PureBoot
from engine.core.tokens import Role
from tests.bootsrv.http_support import MAC, SCRIPT, Client, node, serving, started
from tests.conftest import Opener

_ALLOWED = {
    Who.VIEWER: {"viewer", "technician", "admin"},
    Who.TECHNICIAN: {"technician", "admin"},
    Who.ADMIN: {"admin"},
    Who.NODE: {"technician", "admin", "agent", "execution"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    client: Client
    tokens: dict[str, str]
    execution_id: str


@pytest.fixture
async def strict(sqlite_url: str, opener: Opener) -> AsyncIterator[PureBoot]:
    async with opener(sqlite_url, auth__mode="strict") as opened:
        yield opened


@pytest.fixture
async def door(strict: PureBoot) -> AsyncIterator[Door]:
    tokens = {role.value: (await strict.access.create(role.value, role.value, by="user:test")).secret for role in Role}
    await node(strict)
    await node(strict, "52:54:00:00:00:02")
    execution, tokens["execution"] = await started(strict, SCRIPT)
    _, tokens["other"] = await started(strict, SCRIPT, node="52:54:00:00:00:02")
    tokens["wrong"] = "pb_" + "x" * 32
    async with serving(strict) as client:
        yield Door(client=client, tokens=tokens, execution_id=execution.id)


def _path(route: Route, execution_id: str) -> str:
    path = route.path.replace("{execution}", execution_id)
    return re.sub(r"\{[^}]*\}", "nothing", path)


async def test_every_route_lets_in_whom_it_should_and_nobody_else(door: Door) -> None:
    seen = 0
    for route in ROUTES:
        if route.who is Who.ANYONE or route.path.endswith("/events/stream"):
            continue
        for name in ("nobody", "wrong", *door.tokens):
            client = door.client.with_token(door.tokens.get(name))
            answer = await client.ask(route.method, _path(route, door.execution_id))
            if name in _ALLOWED[route.who]:
                assert answer.status not in (401, 403), (route.method, route.path, name)
            elif name == "nobody" or name == "wrong" or (name in ("execution", "other") and route.who is not Who.NODE):
                answer.problem(401)
                assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="PureBoot"')
            else:
                answer.problem(403)
            seen += 1
    assert seen > 400


async def test_what_is_for_anyone_needs_nothing(door: Door) -> None:
    for route in ROUTES:
        if route.who is Who.ANYONE:
            answer = await door.client.ask(route.method, _path(route, door.execution_id))
            assert answer.status not in (401, 403), route.path


async def test_the_event_stream_is_for_those_who_may_read(door: Door) -> None:
    path = "/api/v1/events/stream"
    assert (await door.client.ask("HEAD", path)).status == 401
    assert (await door.client.with_token(door.tokens["other"]).ask("HEAD", path)).status == 401
    assert (await door.client.with_token(door.tokens["viewer"]).ask("HEAD", path)).status == 200


@pytest.mark.parametrize("header", ["Basic eDp5", "Bearer", "Bearer  ", "token", "Bearer " + "x" * 600, "Bearer é"])
async def test_what_is_no_bearer_token_opens_nothing(door: Door, header: str) -> None:
    for path in ("/api/v1/nodes", f"/api/v1/callback/{door.execution_id}/current"):
        answer = await door.client.get(path, headers={"Authorization": header})
        answer.problem(401)


async def test_a_token_in_the_query_is_for_nodes_only(door: Door) -> None:
    path = f"/api/v1/callback/{door.execution_id}/current"
    assert (await door.client.get(f"{path}?token={door.tokens['execution']}")).status == 200
    (await door.client.get(f"{path}?token={door.tokens['other']}")).problem(403)
    (await door.client.get(f"{path}?token=wrong")).problem(401)
    (await door.client.get(f"/api/v1/nodes?token={door.tokens['admin']}")).problem(401)


async def test_an_expired_or_revoked_token_opens_nothing(door: Door, strict: PureBoot) -> None:
    admin = door.client.with_token(door.tokens["admin"])
    made = await admin.post("/api/v1/tokens", {"name": "short", "role": "viewer", "expires_in": "30s"})
    viewer = door.client.with_token(made.data["token"])
    assert (await viewer.get("/api/v1/nodes")).status == 200
    assert (await admin.delete("/api/v1/tokens/short")).status == 200
    (await viewer.get("/api/v1/nodes")).problem(401)
    expired = await strict.access.create("expired", "viewer", by="user:test", expires_in=-1)
    (await door.client.with_token(expired.secret).get("/api/v1/nodes")).problem(401)


async def test_who_did_it_is_the_token_by_its_name(door: Door, strict: PureBoot) -> None:
    await door.client.with_token(door.tokens["technician"]).post("/api/v1/groups", {"name": "rack"})
    assert (await strict.events_after(0))[-1].principal == "token:technician"


async def test_loose_asks_for_nothing_but_takes_nothing_wrong(pureboot: PureBoot) -> None:
    await node(pureboot)
    execution, token = await started(pureboot, SCRIPT)
    _, viewer = await pureboot.access.create("viewer", "viewer", by="user:test")
    current = f"/api/v1/callback/{execution.id}/current"
    async with serving(pureboot) as client:
        assert (await client.post("/api/v1/groups", {"name": "rack"})).status == 201
        assert (await pureboot.events_after(0))[-1].principal == "user:anonymous"
        for path in ("/api/v1/nodes", current):
            (await client.with_token("wrong").get(path)).problem(401)
        (await client.with_token(viewer).post("/api/v1/groups", {"name": "rack-2"})).problem(403)
        assert (await client.get(current)).status == 200
        assert (await client.with_token(token).get(current)).status == 200
        assert (await client.get("/api/v1/callback/nothing/current")).status == 404


async def test_installation_status_of_a_known_node_needs_its_execution(door: Door, strict: PureBoot) -> None:
    said = {"mac_address": MAC, "installation_status": "progress", "installation_progress": 10}

    async def told(name: str) -> int:
        client = door.client.with_token(door.tokens.get(name))
        return (await client.post("/api/v1/report", said)).status

    expected = {"nobody": 401, "wrong": 401, "other": 403, "viewer": 403, "technician": 200, "execution": 200}
    assert {name: await told(name) for name in expected} == expected
    in_query = await door.client.post(f"/api/v1/report?token={door.tokens['execution']}", said)
    assert in_query.status == 200
    await strict.executions.cancel(door.execution_id, by="user:test")
    assert await told("execution") == 410


async def test_a_report_without_installation_status_is_open_and_tells_no_secrets(door: Door, strict: PureBoot) -> None:
    await strict.nodes.update(MAC, {"metadata": {"root_password": "hidden"}}, by="user:test")
    answer = await door.client.post("/api/v1/report", {"mac_address": MAC, "vendor": "ACME"})
    assert answer.data == {**answer.data, "mac_address": MAC, "state": "discovered", "is_new": False}
    assert "hidden" not in answer.text


async def test_no_token_is_in_the_log(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token, admin = door.tokens["execution"], door.tokens["admin"]
    spelled = "%" + f"{ord('t'):x}" + "oken"
    await door.client.get(f"/render/{token}/nothing")
    await door.client.get(f"/%72ender/{token}/nothing")
    await door.client.get(f"//render//{token}/nothing")
    await door.client.get(f"/api/v1/callback/{door.execution_id}/current?token={token}")
    await door.client.get(f"/api/v1/callback/{door.execution_id}/current?{spelled}={token}&TOKEN=short")
    await door.client.get(f"/files/{token}/{admin}?x={admin}")
    await door.client.with_token(admin).get("/api/v1/nodes")
    logged = caplog.text
    assert logged.count("***") >= 8
    assert "GET /render/***/nothing: 404" in logged
    assert "short" not in logged
    for secret in door.tokens.values():
        assert secret not in logged


async def test_where_they_are_apart_each_listener_has_its_part(strict: PureBoot) -> None:
    admin = (await strict.access.create("root", by="user:test")).secret
    async with serving(strict, part=Part.NODES) as nodes, serving(strict, part=Part.ADMINISTRATORS) as administrators:
        nodes, administrators = nodes.with_token(admin), administrators.with_token(admin)
        for path in ("/boot.ipxe", "/agent/linux.sh", "/files/x", "/render/x/y", "/api/v1/callback/x/current"):
            assert "nothing at this path" not in (await nodes.get(path)).text
            assert "nothing at this path" in (await administrators.get(path)).text
        for path in ("/api/v1/nodes", "/api/v1/tokens", "/api/v1/events"):
            assert "nothing at this path" in (await nodes.get(path)).text
            assert (await administrators.get(path)).status == 200
        for client in (nodes, administrators):
            assert (await client.get("/health")).status == 200
