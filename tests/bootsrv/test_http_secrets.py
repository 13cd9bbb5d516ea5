"""/api/v1/secrets, and what agents send over HTTP that holds one."""

import base64

import pytest

from engine.app import PureBoot
from engine.core.rendering import MASK
from tests.bootsrv.http_support import MAC, node, serving, started
from tests.conftest import Opener

SECRETS = "/api/v1/secrets"
PASSWORD = "correct horse battery staple"

SCRIPT = """\
name: on-node
steps:
  - key: run
    action: node.script
    with: {script: "login ${secret.db.password}"}
"""


async def test_names_come_out_and_values_never(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        made = await client.put(f"{SECRETS}/db.password", {"value": PASSWORD})
        assert (made.status, made.headers["Location"]) == (201, f"{SECRETS}/db.password")
        assert set(made.data) == {"name", "created_at", "updated_at", "updated_by"}
        changed = await client.put(f"{SECRETS}/db.password", {"value": "short"})
        assert (changed.status, "it is short" in changed.json["message"]) == (200, True)
        assert (await client.put(f"{SECRETS}/db.password", {"value": PASSWORD})).status == 200
        assert (await client.put(SECRETS, {"name": "db.password", "value": PASSWORD})).status == 200
        listed = await client.get(SECRETS)
        assert (listed.json["total"], [each["name"] for each in listed.data]) == (1, ["db.password"])
        assert (await client.get(f"{SECRETS}?sort=-updated_at&limit=1")).data == listed.data
        (await client.get(f"{SECRETS}/db.password")).problem(405)
        events = await client.get("/api/v1/events")
        for answer in (made, changed, listed, events):
            assert PASSWORD not in answer.text
        assert (await client.delete(f"{SECRETS}/db.password")).status == 200
        (await client.delete(f"{SECRETS}/db.password")).problem(404)


@pytest.mark.parametrize(
    ("name", "body", "path"),
    [
        ("x", {"value": "abc"}, "value"),
        ("x", {"value": MASK}, "value"),
        ("x", {"value": f"a{MASK}b"}, "value"),
        ("x", {"value": "a\0bcdef"}, "value"),
        ("x", {"value": "x" * 70_000}, "value"),
        ("x", {"value": ["a secret thing"]}, "value"),
        ("x", {}, "value"),
        ("x", {"value": "a secret thing", "show": True}, "show"),
        ("a%20b", {"value": "a secret thing"}, "name"),
        ("items", {"value": "a secret thing"}, "name"),
    ],
)
async def test_what_cannot_be_kept_is_refused_and_not_repeated(
    pureboot: PureBoot, name: str, body: dict[str, object], path: str
) -> None:
    async with serving(pureboot) as client:
        answer = await client.put(f"{SECRETS}/{name}", body)
        assert list(answer.wrong()) == [path]
        assert "secret thing" not in answer.text
        assert (await client.get(SECRETS)).data == []


async def test_the_largest_value_fits_however_it_is_written(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        for value in ("\x01" * 64 * 1024, "ä" * 32 * 1024):
            assert (await client.put(f"{SECRETS}/x", {"value": value})).status in (200, 201)
        (await client.put(f"{SECRETS}/x", {"value": "\x01" * 70_000})).problem(413)


@pytest.mark.parametrize("role", ["viewer", "technician", None])
async def test_only_administrators_may(sqlite_url: str, opener: Opener, role: str | None) -> None:
    async with opener(sqlite_url, auth__mode="strict") as pureboot:
        await pureboot.secrets.set("password", PASSWORD, by="user:test")
        token = None if role is None else (await pureboot.access.create("t", role, by="user:test")).secret
        async with serving(pureboot) as client:
            asking = client if token is None else client.with_token(token)
            status = 401 if token is None else 403
            (await asking.get(SECRETS)).problem(status)
            (await asking.put(f"{SECRETS}/password", {"value": "something else"})).problem(status)
            (await asking.delete(f"{SECRETS}/password")).problem(status)


async def test_what_an_agent_sends_is_masked(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot, serving(pureboot) as client:
        await client.put(f"{SECRETS}/db.password", {"value": PASSWORD})
        await node(pureboot)
        execution, token = await started(pureboot, SCRIPT)
        agent = client.with_token(token)
        base = f"/api/v1/callback/{execution.id}"
        step = (await agent.get(f"{base}/current")).data
        assert step["step_config"]["script"] == f"login {PASSWORD}"
        for text in (f"+ login {PASSWORD[:9]}", f"{PASSWORD[9:]}\n", base64.b64encode(PASSWORD.encode()).decode()):
            assert (await agent.post(f"{base}/step/run/logs", data=text.encode())).status == 200
        body = {
            "status": "failed",
            "message": f"cannot log in with {PASSWORD}",
            "logs": f"{PASSWORD}\n",
            "output": {"deep": [{"er": PASSWORD}], PASSWORD: PASSWORD},
        }
        assert (await agent.post(f"{base}/step/run", body)).status == 200
        shown = f"/api/v1/executions/{execution.id}"
        [attempt] = (await client.get(f"{shown}/steps")).data
        assert attempt["error"] == attempt["message"] == f"cannot log in with {MASK}"
        assert attempt["output"] == {"deep": [{"er": MASK}], MASK: MASK}
        for path in (shown, f"{shown}/steps", f"{shown}/logs", f"{shown}/events", "/api/v1/events", "/api/v1/nodes"):
            text = (await client.get(path)).text
            assert not [part for part in ("horse", "battery", "aG9yc2U") if part in text], path
        assert MAC in (await client.get("/api/v1/nodes")).text


async def test_a_node_that_reports_a_secret_as_its_error_is_masked(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        await client.put(f"{SECRETS}/db.password", {"value": PASSWORD})
        await node(pureboot)
        await started(pureboot, SCRIPT)
        report = {
            "mac_address": MAC,
            "installation_status": "failed",
            "installation_error": f"mkpasswd {PASSWORD} failed",
            "inventory": {"cmdline": f"root={PASSWORD}"},
        }
        assert (await client.post("/api/v1/report", report)).status == 200
        assert "horse" not in (await client.get("/api/v1/events?limit=200")).text
        assert "horse" not in (await client.get("/api/v1/executions")).text
        assert f"mkpasswd {MASK} failed" in (await client.get("/api/v1/executions")).text
