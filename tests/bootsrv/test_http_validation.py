"""The API about checks of templates: what is refused, what is forced, what is only told."""

import pytest

from engine.app import PureBoot
from tests.bootsrv.http_support import INSTALL, MAC, node, serving, started
from tests.conftest import Opener
from tests.programs import program

TEMPLATES = "/api/v1/templates"
WRONG = "# x\nd-i a/b boolean yes\n"


@pytest.fixture(autouse=True)
def programs() -> None:
    program("debconf-set-selections")


@pytest.fixture
def opener(opener: Opener) -> Opener:
    """Opens stores that refuse errors."""
    strict = {"templates__check_on_save": "error", "templates__check_on_boot": "error"}
    return lambda url, **values: opener(url, **(strict | values))


async def test_a_text_with_errors_is_422_with_every_place_unless_it_is_forced(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        body = {"name": "answers", "type": "preseed", "content": WRONG}
        problem = (await client.post(TEMPLATES, body)).problem(422)
        [error] = problem["errors"]
        assert (error["line"], error["column"], error["file"]) == (2, 17, "answers")
        assert (error["severity"], error["validator"]) == ("error", "preseed")
        assert "?force=true" in problem["detail"]
        assert (await client.get(f"{TEMPLATES}/answers")).status == 404

        made = await client.post(f"{TEMPLATES}?force=true", body)
        assert made.status == 201
        assert [each["line"] for each in made.data["findings"]] == [2]
        assert made.json["message"] == "template answers was made; 1 error"

        versions = f"{TEMPLATES}/answers/versions"
        assert (await client.post(versions, {"content": WRONG + "d-i a/c string x\n"})).status == 422
        right = await client.post(versions, {"content": "d-i a/b boolean true\nd-i a/b boolean true\n"})
        assert right.status == 201
        [warning] = right.data["findings"]
        assert (warning["severity"], warning["line"]) == ("warning", 2)
        current = f"{TEMPLATES}/answers/current"
        assert (await client.put(current, {"version": "v1.0"})).status == 422
        assert (await client.put(f"{current}?force=true", {"version": "v1.0"})).data["current_version"] == "v1.0"
        assert (await client.post(f"{versions}?force=perhaps", {"content": "x"})).wrong()["force"]


async def test_texts_and_templates_are_checked_on_request(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        wrong = await client.post(f"{TEMPLATES}/validate", {"type": "preseed", "content": WRONG})
        assert (wrong.status, wrong.data["valid"], wrong.data["error_count"]) == (200, False, 1)
        assert wrong.data["findings"][0]["line"] == 2
        right = await client.post(f"{TEMPLATES}/validate", {"type": "json", "content": "{}"})
        assert right.data == {"valid": True, "error_count": 0, "warning_count": 0, "findings": []}
        assert (
            "one of kickstart"
            in (await client.post(f"{TEMPLATES}/validate", {"type": "x", "content": ""})).wrong()["type"]
        )

        await client.post(TEMPLATES, {"name": "t", "type": "preseed", "content": "d-i a/b boolean ${meta.x}\n"})
        assert (await client.post(f"{TEMPLATES}/t/validate", {})).data["valid"]
        await node(pureboot, metadata={"x": "perhaps"})
        for_node = await client.post(f"{TEMPLATES}/t/validate", {"node": MAC})
        assert not for_node.data["valid"]
        assert "'perhaps'" in for_node.data["findings"][0]["message"]
        assert (await client.post(f"{TEMPLATES}/gone/validate", {})).status == 404


async def test_a_machine_is_told_why_it_gets_no_text(pureboot: PureBoot) -> None:
    await pureboot.templates.create("answers", WRONG, type_="preseed", by="user:test", force=True)
    await node(pureboot)
    _, token = await started(pureboot, INSTALL)
    async with serving(pureboot) as client:
        problem = (await client.get(f"/render/{token}/answers")).problem(422)
        assert problem["errors"][0]["line"] == 2
        assert "true or false" in problem["detail"]
