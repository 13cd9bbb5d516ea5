"""/api/v1/nodes and /api/v1/groups."""

import pytest

from engine.app import PureBoot
from engine.core.nodes import NodeState
from tests.bootsrv.http_support import HELLO, INSTALL, MAC, SCRIPT, installed, node, published, serving

NODES = "/api/v1/nodes"
FIELDS = {
    *("id", "mac_address", "hostname", "ip_address", "state", "vendor", "model", "serial_number", "system_uuid"),
    *("arch", "boot_mode", "group_id", "tags", "metadata", "locked", "workflow_id", "install_attempts"),
    *("last_install_error", "state_changed_at", "last_seen_at", "created_at", "updated_at"),
}


async def test_a_node_is_made_found_changed_and_retired(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        made = await client.post(NODES, {"mac_address": "52-54-00-AA-BB-CC", "hostname": "web-1", "tags": ["B", "a"]})
        assert made.status == 201
        assert set(made.data) == FIELDS
        assert made.data == {
            **made.data,
            "mac_address": "52:54:00:aa:bb:cc",
            "hostname": "web-1",
            "state": "discovered",
            "tags": ["a", "b"],
            "metadata": {},
            "install_attempts": 0,
        }
        for reference in (made.data["id"], "52:54:00:aa:bb:cc", "5254.00aa.bbcc", "web-1"):
            assert (await client.get(f"{NODES}/{reference}")).data == made.data
        changed = await client.patch(f"{NODES}/web-1", {"vendor": "ACME", "ip_address": "192.0.2.7", "locked": True})
        assert changed.data["vendor"] == "ACME"
        assert changed.data["hostname"] == "web-1"
        (await client.post(NODES, {"mac_address": "525400aabbcc"})).problem(409)
        refused = await client.delete(f"{NODES}/web-1")
        assert "it can become pending" in refused.problem(409)["detail"]


async def test_only_what_is_given_changes(pureboot: PureBoot) -> None:
    await node(pureboot, hostname="web-1", vendor="ACME", tags=("a",))
    async with serving(pureboot) as client:
        changed = await client.patch(f"{NODES}/web-1", {"vendor": None})
    assert (changed.data["vendor"], changed.data["hostname"], changed.data["tags"]) == (None, "web-1", ["a"])


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"state": "installed"}, {"state": "is no field here"}),
        ({"ip_address": "300.1.1.1"}, {"ip_address": "is not an IP address"}),
        ({"hostname": "a\nb"}, {"hostname": "printable"}),
        ({"boot_mode": "magic"}, {"boot_mode": "'bios' or 'uefi'"}),
        ({"metadata": [1]}, {"metadata": "must be an object"}),
        ({"tags": [""]}, {"tags": "is no tag"}),
        ({"hostname": "x" * 256}, {"hostname": "at most 255"}),
    ],
)
async def test_a_wrong_field_is_named(pureboot: PureBoot, body: object, wrong: dict[str, str]) -> None:
    known = await node(pureboot)
    async with serving(pureboot) as client:
        found = (await client.patch(f"{NODES}/{known.id}", body)).wrong()
    assert {name: wrong[name] in message for name, message in found.items()} == dict.fromkeys(wrong, True)


async def test_states_move_by_the_table_and_leave_rows(pureboot: PureBoot) -> None:
    await node(pureboot, hostname="web-1")
    path = f"{NODES}/web-1"
    async with serving(pureboot) as client:
        moved = await client.patch(f"{path}/state", {"state": "pending", "comment": "rack 4 is ready"})
        assert (moved.status, moved.data["state"]) == (200, "pending")
        refused = await client.patch(f"{path}/state", {"state": "active"})
        assert "from pending it can become installing" in refused.problem(409)["detail"]
        history = await client.get(f"{path}/history")
    (row,) = history.data
    assert set(row) == {
        *("id", "from_state", "to_state", "triggered_by", "principal", "comment", "metadata", "created_at")
    }
    assert (row["from_state"], row["to_state"]) == ("discovered", "pending")
    assert (row["triggered_by"], row["principal"], row["comment"]) == ("admin", "user:anonymous", "rack 4 is ready")


async def test_force_gives_a_node_more_attempts(pureboot: PureBoot) -> None:
    await node(pureboot)
    await pureboot.nodes.move(MAC, NodeState.PENDING, by="user:test")
    await pureboot.nodes.move(MAC, NodeState.INSTALLING, by="user:test")
    report = {"mac_address": MAC, "installation_status": "failed", "installation_error": "no disk"}
    async with serving(pureboot) as client:
        for _ in range(3):
            assert (await client.post("/api/v1/report", report)).status == 200
        failed = (await client.get(f"{NODES}/{MAC}")).data
        assert (failed["state"], failed["install_attempts"]) == ("install_failed", 3)
        assert failed["last_install_error"] == "no disk"
        (await client.patch(f"{NODES}/{MAC}/state", {"state": "pending"})).problem(409)
        again = await client.patch(f"{NODES}/{MAC}/state", {"state": "pending", "force": True})
    assert (again.data["state"], again.data["install_attempts"]) == ("pending", 0)


async def test_delete_is_retire_where_the_state_machine_has_that_way(pureboot: PureBoot) -> None:
    await installed(pureboot)
    async with serving(pureboot) as client:
        for state in ("active", "deprovisioning"):
            assert (await client.patch(f"{NODES}/{MAC}/state", {"state": state})).status == 200
        assert (await client.delete(f"{NODES}/{MAC}")).data["state"] == "retired"
        assert (await client.get(f"{NODES}/{MAC}/history?limit=1")).data[0]["to_state"] == "retired"


@pytest.mark.parametrize("written", ["52-54-00-00-00-01", "525400000001", "5254.0000.0001", "52:54:00:00:00:01"])
async def test_nodes_are_found_by_a_mac_address_in_any_form(pureboot: PureBoot, written: str) -> None:
    await node(pureboot)
    await node(pureboot, mac_address="52:54:00:00:00:02")
    async with serving(pureboot) as client:
        found = await client.get(f"{NODES}?mac_address={written}")
        assert [each["mac_address"] for each in found.data] == ["52:54:00:00:00:01"]
        assert "is not a MAC address" in (await client.get(f"{NODES}?mac_address=zz")).wrong()["mac_address"]


async def test_tags_come_and_go(pureboot: PureBoot) -> None:
    await node(pureboot)
    path = f"{NODES}/{MAC}/tags"
    async with serving(pureboot) as client:
        assert (await client.post(path, {"tag": "Blue"})).data["tags"] == ["blue"]
        assert (await client.post(path, {"tags": ["red", "blue"]})).data["tags"] == ["blue", "red"]
        assert (await client.delete(path, {"tag": "blue"})).data["tags"] == ["red"]
        assert (await client.delete(f"{path}?tag=red")).data["tags"] == []
        await client.post(path, {"tag": "red"})
        assert (await client.delete(f"{path}/red")).data["tags"] == []
        (await client.post(path, {})).problem(422)
        (await client.post(path, {"tag": "a", "tags": ["b"]})).problem(422)
        await client.post(path, {"tags": ["a/b"]})
        assert (await client.get(f"{NODES}?tag=a/b")).json["total"] == 1
        assert (await client.delete(f"{path}/a%2Fb")).data["tags"] == []
        assert (await client.get(f"{NODES}?tag=a/b")).json["total"] == 0


async def test_many_nodes_at_once_with_a_result_for_each(pureboot: PureBoot) -> None:
    await published(pureboot, HELLO, SCRIPT)
    await pureboot.groups.create({"name": "rack"}, by="user:test")
    macs = [f"52:54:00:00:00:{number:02x}" for number in range(20)]
    for mac in macs:
        await node(pureboot, mac)
    async with serving(pureboot) as client:

        async def bulk(action: str, nodes: list[str] = macs, **more: object) -> list[dict[str, object]]:
            answer = await client.post(f"{NODES}/bulk", {"nodes": nodes, "action": action, **more})
            assert answer.json["done"] == sum(each["success"] for each in answer.data)
            return list(answer.data)

        assert all(each["success"] for each in await bulk("tag", tags=["a", "b"]))
        assert all(each["success"] for each in await bulk("untag", tags=["a"]))
        assert all(each["success"] for each in await bulk("group", group="rack"))
        assert all(each["success"] for each in await bulk("workflow", workflow="hello"))
        one = (await client.get(f"{NODES}/{macs[7]}")).data
        assert one["tags"] == ["b"]
        assert one["group_id"]
        assert one["workflow_id"]
        assert (await client.get(f"{NODES}?group=rack")).json["total"] == 20

        moved = await bulk("state", [macs[0], "nobody", macs[1], macs[0]], state="pending", comment="go")
        assert [(each["node"], each["success"]) for each in moved] == [
            (macs[0], True),
            ("nobody", False),
            (macs[1], True),
        ]
        assert moved[1]["error"] == {**moved[1]["error"], "status": 404, "detail": "there is no node nobody"}  # type: ignore[dict-item]

        begun = await bulk("execute", workflow="on-node", request_id="monday")
        again = await bulk("execute", workflow="on-node", request_id="monday")
        assert [each["data"]["id"] for each in begun] == [each["data"]["id"] for each in again]  # type: ignore[index]
        assert len({each["data"]["id"] for each in begun}) == 20  # type: ignore[index]
        busy = await bulk("execute", workflow="on-node")
        assert {each["error"]["status"] for each in busy} == {409}  # type: ignore[index]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"nodes": ["x"]}, "action"),
        ({"nodes": ["x"], "action": "explode"}, "action"),
        ({"nodes": [], "action": "tag", "tags": ["a"]}, "nodes"),
        ({"nodes": ["x"], "action": "tag"}, "tags"),
        ({"nodes": ["x"], "action": "group"}, "group"),
        ({"nodes": ["x"], "action": "state", "state": "pending", "tags": ["a"]}, "tags"),
        ({"nodes": ["x"] * 1001, "action": "tag", "tags": ["a"]}, "nodes"),
        ([1], "action"),
    ],
)
async def test_a_bulk_request_that_is_wrong_does_nothing(pureboot: PureBoot, body: object, path: str) -> None:
    async with serving(pureboot) as client:
        assert set((await client.post(f"{NODES}/bulk", body)).wrong()) == {path}


async def test_a_workflow_that_installs_is_refused_on_a_disk_somebody_wants(pureboot: PureBoot) -> None:
    await installed(pureboot)
    await published(pureboot, INSTALL)
    async with serving(pureboot) as client:
        answer = await client.post("/api/v1/workflows/install/execute", {"node": MAC})
    assert "boots its disk" in answer.problem(409)["detail"]


async def test_groups(pureboot: PureBoot) -> None:
    await published(pureboot, HELLO)
    async with serving(pureboot) as client:
        groups = "/api/v1/groups"
        made = await client.post(groups, {"name": "rack", "workflow_id": "hello", "metadata": {"dns": ["192.0.2.1"]}})
        assert made.status == 201
        assert set(made.data) == {"id", "name", "description", "workflow_id", "metadata", "created_at", "updated_at"}
        (await client.post(groups, {"name": "rack"})).problem(409)
        (await client.post(groups, {"name": "Rack 1"})).problem(422)
        (await client.post(groups, {"name": "r", "workflow_id": "nothing"})).problem(404)
        for method in ("PATCH", "PUT"):
            changed = await client.ask(method, f"{groups}/rack", json={"description": method})
            assert (changed.data["description"], changed.data["metadata"]) == (method, {"dns": ["192.0.2.1"]})
        assert (await client.get(f"{groups}/{made.data['id']}")).data["description"] == "PUT"
        await node(pureboot, group_id="rack")
        assert "has 1 nodes" in (await client.delete(f"{groups}/rack")).problem(409)["detail"]
        await client.patch(f"{NODES}/{MAC}", {"group_id": None})
        assert (await client.delete(f"{groups}/rack")).status == 200
        (await client.get(f"{groups}/rack")).problem(404)
