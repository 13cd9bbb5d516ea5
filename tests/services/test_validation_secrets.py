"""What is said of a text that a machine is about to get holds nothing of the secrets in it; on both databases."""

import logging

import pytest

from engine.core.events import Kind
from engine.core.page import Page
from tests.conftest import Opener
from tests.programs import program
from tests.services.test_validation import BOOT
from tests.story import ADA, SERVER, published

LONG = "".join(f"{n:03d}Zq" for n in range(40))  # longer than what a finding quotes


@pytest.mark.parametrize(
    ("value", "text", "parts"),
    [
        (LONG, "oops${secret.pw}\n", ["000Zq", "001Z", "Zq005"]),
        ("correct horse battery", "d-i a/b ${secret.pw}\n", ["correct", "horse", "batt"]),
        (r"back\slash'n\"quote", "oops${secret.pw}\n", ["back", "slash", "quot"]),
        ("two   blanks  inside", "oops${secret.pw}\n", ["blan", "insi"]),
    ],
)
async def test_nothing_of_a_secret_is_told(
    store_url: str, opener: Opener, caplog: pytest.LogCaptureFixture, value: str, text: str, parts: list[str]
) -> None:
    program("debconf-set-selections")
    async with opener(store_url) as pureboot:
        await published(pureboot, BOOT)
        await pureboot.secrets.set("pw", value, by=ADA)
        await pureboot.templates.create("answers", text, type_="preseed", by=ADA)
        await pureboot.nodes.create("aa:bb:cc:dd:ee:01", {"hostname": "web-01"}, by=ADA)
        execution = await pureboot.executions.start("install", node="web-01", by=ADA)
        with caplog.at_level(logging.WARNING):
            assert value in await pureboot.callbacks.render(execution.id, "answers", server=SERVER)
        told, _ = await pureboot.events(Page(filters={"kind": (Kind.TEMPLATE_FLAWED.value,)}))
        said = f"{caplog.text}{told[0].data}"
        assert "answers:1:" in said
        assert [part for part in parts if part in said] == []
