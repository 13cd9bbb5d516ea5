"""/api/v1/agents, and an agent that answers later over the callback API."""

from typing import Any

from aiohttp import ClientSession, web

from engine.app import PureBoot
from engine.core.executions import ExecutionStatus
from tests.bootsrv.http_support import published, serving, until_ended

AGENTS = "/api/v1/agents"
FIELDS = {
    *("id", "name", "url", "description", "auth_type", "timeout_ms", "retry_config", "status"),
    *("last_health_at", "last_error", "created_at", "updated_at"),
}
CALL = "name: call\nsteps: [{key: ask, action: agent.call, with: {agent: slow, input: {a: 1}}}]"


async def test_an_agent_is_registered_changed_looked_at_and_deleted(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        body = {
            "name": "slow",
            "url": "http://127.0.0.1:9/x",
            "auth_type": "bearer",
            "auth_config": {"token": "t0p-s3cret"},
        }
        made = await client.post(AGENTS, body)
        assert (made.status, made.headers["Location"]) == (201, f"{AGENTS}/{made.data['id']}")
        assert set(made.data) == FIELDS
        assert "t0p-s3cret" not in made.text
        for reference in ("slow", made.data["id"]):
            assert (await client.get(f"{AGENTS}/{reference}")).data["id"] == made.data["id"]
        assert (await client.get(f"{AGENTS}?auth_type=bearer&limit=1")).json["total"] == 1
        assert (await client.get(f"{AGENTS}?auth_type=hmac")).json["total"] == 0
        changed = await client.patch(f"{AGENTS}/slow", {"timeout_ms": 700, "retry_config": {"max_attempts": 2}})
        assert changed.data["retry_config"] == {"max_attempts": 2, "delay": 1.0, "backoff": "exponential"}
        looked = await client.post(f"{AGENTS}/slow/health")
        assert (looked.status, looked.data["status"]) == (200, "unhealthy")
        assert (await client.get(f"{AGENTS}/slow/health")).data["status"] == "unhealthy"
        wrong = await client.post(AGENTS, {"name": "a b", "url": "nowhere", "auth_type": "bearer", "timeout_ms": 0})
        named = {each["path"] for each in wrong.problem(422)["errors"]}
        assert {"url", "auth_config.token", "timeout_ms"} <= named
        (await client.post(AGENTS, body)).problem(409)
        (await client.post(AGENTS, {"name": "x"})).problem(422)
        assert (await client.delete(f"{AGENTS}/slow")).status == 200
        (await client.get(f"{AGENTS}/slow")).problem(404)


async def test_an_agent_that_took_a_step_reports_to_the_address_it_was_given(pureboot: PureBoot) -> None:
    """With nothing but that address, as a script would."""
    asked: list[dict[str, Any]] = []

    async def take(request: web.Request) -> web.Response:
        asked.append(await request.json())
        return web.json_response({}, status=202)

    app = web.Application()
    app.router.add_post("/", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with serving(pureboot) as client:
            url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            await client.post(AGENTS, {"name": "slow", "url": url})
            await published(pureboot, CALL)
            started = (await client.post("/api/v1/workflows/call/execute", {})).data["execution_id"]
            while not asked:
                await pureboot.feed.changed(pureboot.feed.stirs)
            host, port = client.listener.address
            path = asked[0]["callback_url"].split("/api/", 1)[1]
            async with ClientSession() as session:
                done = {"status": "success", "output": {"said": "later"}}
                async with session.post(f"http://{host}:{port}/api/{path}", json=done) as answer:
                    assert answer.status == 200
                wrong = path.split("?")[0] + "?token=wrong"
                async with session.post(f"http://{host}:{port}/api/{wrong}", json=done) as answer:
                    assert answer.status == 401
            ended = await until_ended(pureboot, started)
            assert ended.status is ExecutionStatus.SUCCEEDED
            assert ended.attempts[0].output == {"said": "later"}
    finally:
        await runner.cleanup()
