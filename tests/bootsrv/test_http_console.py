"""The seam for consoles far away: who may call what, in whose name, and what is refused at the door."""

from collections.abc import AsyncIterator

import pytest

from engine.app import PureBoot
from engine.core.codec import decode, encode
from engine.core.nodes import Node, NodeState
from engine.core.page import Page
from engine.core.permissions import may
from engine.core.rendering import MASK
from engine.core.tokens import Role
from engine.core.welcome import Welcome
from engine.seam.methods import find
from engine.seam.table import PERMISSIONS
from tests.bootsrv.http_support import HELLO, MAC, Client, node, published, serving
from tests.conftest import Opener

AT = "/api/v1/console"


@pytest.fixture
async def strict(sqlite_url: str, opener: Opener) -> AsyncIterator[PureBoot]:
    async with opener(sqlite_url, auth__mode="strict") as opened:
        yield opened


@pytest.fixture
async def doors(strict: PureBoot) -> AsyncIterator[dict[str, Client]]:
    await node(strict)
    tokens = {role.value: (await strict.access.create(role.value, role.value, by="user:test")).secret for role in Role}
    async with serving(strict) as client:
        yield {"nobody": client, **{role: client.with_token(token) for role, token in tokens.items()}}


async def test_every_method_lets_in_whom_the_table_says(doors: dict[str, Client]) -> None:
    few = {"nobody", "agent"}  # who may nothing here is asked about some of them
    for at, ((service, method), needs) in enumerate(PERMISSIONS.items()):
        for name, client in doors.items():
            if name in few and at % 10:
                continue
            answer = await client.post(f"{AT}/{service}/{method}", {"nonsense": 1})
            if name == "nobody":
                answer.problem(401)
            elif may(Role(name), needs):
                assert answer.wrong()["nonsense"].startswith("is no argument of"), answer.text
            else:
                answer.problem(403)


async def test_who_does_it_is_the_token_whatever_the_caller_says(doors: dict[str, Client], strict: PureBoot) -> None:
    technician = doors["technician"]
    moved = await technician.post(f"{AT}/nodes/move", {"reference": MAC, "state": "pending", "comment": "for ada"})
    found = decode(Node, moved.data["result"])
    assert found.state is NodeState.PENDING
    assert found == await strict.nodes.get(MAC)
    assert (await strict.events_after(0))[-1].principal == "token:technician"
    lie = await technician.post(f"{AT}/nodes/move", {"reference": MAC, "state": "installing", "by": "user:root"})
    assert lie.wrong() == {"by": "is not the caller's to say"}
    local = await technician.post(f"{AT}/packs/add", {"source": "/etc", "local": True})
    assert local.wrong() == {"local": "is not the caller's to say"}


async def test_what_is_wrong_with_a_call_is_named(doors: dict[str, Client]) -> None:
    admin = doors["admin"]
    wrong = {
        "nodes/find": ({"page": {"limit": "many"}}, {"page.limit": "must be a whole number, not str 'many'"}),
        "nodes/move": ({"state": "broken"}, {"reference": "is missing"}),
        "nodes/get": ([], {"": "must be an object with the arguments by name"}),
    }
    for path, (body, errors) in wrong.items():
        assert (await admin.post(f"{AT}/{path}", body)).wrong() == errors
    state = (await admin.post(f"{AT}/nodes/move", {"reference": MAC, "state": "broken"})).wrong()["state"]
    assert state.startswith("is str 'broken', not one of discovered, pending")
    for path in ("nodes/__class__", "context/now", "nodes/_context", "store/note", "os/system", "access/authenticate"):
        assert "cannot call" in (await admin.post(f"{AT}/{path}", {})).problem(404)["detail"]
    (await admin.post(f"{AT}/nodes/get", {"reference": "nobody"})).problem(404)
    refused = (await admin.post(f"{AT}/nodes/move", {"reference": MAC, "state": "active"})).problem(409)
    assert "pending" in refused["detail"]
    raw = {"Content-Type": "application/json"}
    (await admin.post(f"{AT}/nodes/get", data=b'{"reference": NaN}', headers=raw)).problem(422)
    (await admin.post(f"{AT}/nodes/get", data=b"[" * 100_000, headers=raw)).problem(422)
    (await admin.post(f"{AT}/nodes/get", data=b"x" * 5_000_000, headers=raw)).problem(413)
    (await admin.post(f"{AT}/nodes/get", data=b"{}", headers={"Content-Type": "text/plain"})).problem(415)


async def test_it_says_where_the_console_is_and_no_password(doors: dict[str, Client], strict: PureBoot) -> None:
    welcome = decode(Welcome, (await doors["viewer"].get(AT)).data)
    assert (welcome.principal, welcome.role, welcome.is_host) == ("token:viewer", Role.VIEWER, True)
    assert welcome.settings["install"] == {"max_attempts": 3}
    (await doors["agent"].get(AT)).problem(403)
    from bootsrv.http.console import _without_passwords

    shown = _without_passwords({"url": "postgresql+asyncpg://ada:hunter2@db/x", "more": ["https://x:y@z/"]})
    assert shown == {"url": "postgresql+asyncpg://***@db/x", "more": ["https://***@z/"]}


async def test_a_viewer_is_not_shown_what_is_all_it_takes(doors: dict[str, Client], strict: PureBoot) -> None:
    await published(strict, HELLO)
    config = {"path": "secret-path"}
    given = {"name": "t", "type": "webhook", "workflow": "hello", "config": config}
    await strict.triggers.create(given, by="user:test")
    listing = {"page": encode(Page, Page())}
    for name, path in (("viewer", MASK), ("technician", "secret-path")):
        answer = await doors[name].post(f"{AT}/triggers/find", listing)
        [trigger], _ = decode(find("triggers", "find").result, answer.data["result"])
        assert trigger.config.path == path
        assert ("secret-path" in answer.text) is (name != "viewer")


async def test_what_a_method_tells_on_the_way_comes_back_beside_its_result(doors: dict[str, Client]) -> None:
    text = "echo ${node.hostname"
    made = await doors["admin"].post(f"{AT}/templates/create", {"name": "t", "type_": "kickstart", "content": text})
    assert made.data["told"]["tell"], made.text
    assert (await doors["admin"].post(f"{AT}/templates/get", {"reference": "t"})).data["result"]["name"] == "t"
