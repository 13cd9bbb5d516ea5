"""Stories about triggers, packs and secrets, each in one console from an empty list to a deletion."""

from pathlib import Path

import pytest

from console.view import trigger_lines
from console.view.labels import UNICODE, plain
from console.view.pack_lines import PackView
from console.view.pack_lines import state as pack_state
from console.view.secret_lines import is_named
from engine.core.documents import Document, DocumentKind
from engine.core.packs import Pack
from engine.core.schedule import Schedule
from engine.core.search import Found, Match
from engine.core.trigger_config import Listening, TriggerType, Webhook
from engine.core.triggers import Trigger
from tests.clock import ManualClock
from tests.console.conftest import Opened
from tests.story import ADA

NOW = ManualClock().now()


async def test_a_trigger_is_seen_fired_disabled_and_deleted(stage: Opened) -> None:
    async with stage(size=(80, 24)) as at:
        await at.press("7")
        await at.sees("Nothing starts by itself yet.", "pureboot trigger add nightly")
        given = {"name": "nightly", "workflow": "burn-in", "type": "schedule", "config": {"cron": "0 3 * * *"}}
        made = await at.pureboot.triggers.create(given, by=ADA)
        await at.sees("nightly", "enabled", "NEXT", "burn-in")
        assert at.line_with("nightly").split()[3] == "in"
        await at.press("enter")
        await at.says("nightly has started nothing yet")
        await at.press("r")
        await at.sees("Fire nightly now?", "It starts burn-in, if its condition holds.")
        await at.press("y")
        await at.says("burn-in has steps that need a node")
        await at.sees("failed", "last error")
        await at.pureboot.triggers.update(made.id, {"node": "r4-01"}, by=ADA)
        await at.sees("on r4-01")
        await at.press("r", "y")
        await at.says("nightly started burn-in")
        await at.press("p")
        await at.says("nightly is disabled")
        await at.sees("disabled")
        await at.press("r", "y")
        await at.says("trigger nightly is disabled; enable it first")
        await at.press("enter")
        await at.sees("Load memory and disks")
        await at.press("escape", "p")
        await at.says("nightly is enabled")
        await at.press("D")
        await at.sees("Delete the trigger nightly?")
        await at.press("y")
        await at.sees("Nothing starts by itself yet.")


def write_pack(folder: Path, text: str) -> None:
    """A pack of one template."""
    (folder / "templates").mkdir(parents=True, exist_ok=True)
    (folder / "pack.yaml").write_text("ref: site\nlabel: This site\nversion: 1.0.0\n")
    (folder / "templates" / "motd.sh").write_text(text)


async def test_a_pack_is_checked_compared_updated_and_removed(
    stage: Opened, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with stage(scene="nothing", host=False) as at:  # a host would sync the folder by itself
        await at.press("8")
        await at.sees("There is no pack yet.", "pureboot pack add ./my_pack")
        folder = tmp_path_factory.mktemp("elsewhere") / "site"
        write_pack(folder, "#!/bin/sh\necho one\n")
        await at.pureboot.packs.add(str(folder), by=ADA, local=True)
        await at.sees("site", "synced", "This site", "site.motd.sh")
        write_pack(folder, "#!/bin/sh\necho two\n")
        await at.press("u")
        await at.sees("Update site?", "-echo one", "+echo two")
        await at.press("y")
        await at.says("pack site: 1 changed")
        await at.press("enter")
        await at.sees("Nothing would change.")
        await at.press("y")  # there is nothing to say yes to
        await at.sees("Nothing would change.")
        await at.press("escape")
        (folder / "templates" / "motd.sh").write_bytes(b"\xff\xfe")
        await at.press("V")
        await at.sees("Check of site", "1 of", "motd.sh")
        await at.press("escape", "r")
        await at.says("site/templates/motd.sh")
        await at.press("D")
        await at.sees("Remove the pack site?", "1 documents are archived")
        await at.press("y")
        await at.sees("There is no pack yet.")


async def test_a_secret_is_set_found_and_deleted_and_never_shown(stage: Opened) -> None:
    async with stage(scene="library") as at:
        await at.app.action_show("secrets")
        await at.sees("There is no secret yet.")
        await at.press("a")
        for line in ("root-pw", "hunter2-long", "another"):
            await at.type(line)
            await at.press("enter")
        await at.sees("the two values differ")
        for _ in range(2):
            await at.press("ctrl+a", "ctrl+k")
            await at.type("hunter2-long")
            await at.press("enter")
        await at.says("secret root-pw is kept")
        await at.sees("root-pw", "NAMED IN", "nothing that is in use")
        text = "passwd ${secret.root-pw}\n"
        await at.pureboot.templates.create("answers", text, by=ADA, type_="script")
        await at.press("e")
        await at.sees("Another value for root-pw")
        for _ in range(2):
            await at.type("hunter3-long")
            await at.press("enter")
        await at.says("secret root-pw has another value now")
        await at.sees("template answers")
        assert "hunter" not in at.text
        assert not any("hunter" in each.text for each in at.app.said)
        await at.press("F")
        await at.sees("1 place in 1 template", "passwd ${secret.root-pw}")
        await at.press("escape", "D")
        await at.sees("Delete the secret root-pw?", "Named in: template answers.")
        await at.press("n", "D", "y")
        await at.sees("There is no secret yet.")


def trigger(**values: object) -> Trigger:
    """One trigger."""
    given = {
        "id": "1",
        "name": "t",
        "type": TriggerType.SCHEDULE,
        "workflow": "w",
        "config": Schedule(cron="0 3 * * *"),
    }
    return Trigger(**{**given, "created_at": NOW, "updated_at": NOW, **values})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("made", "word", "on"),
    [
        (trigger(), "enabled", "0 3 * * * UTC"),
        (trigger(enabled=False, last_error="x"), "disabled", "0 3 * * * UTC"),
        (trigger(last_error="no such node"), "failed", "0 3 * * * UTC"),
        (
            trigger(config=Listening(event=("a.b", "c.d"), filters={"state": "active"})),
            "enabled",
            "a.b, c.d state=active",
        ),
        (trigger(config=Webhook(path="very-secret")), "enabled", "webhook"),
        (trigger(config=Webhook(path="very-secret", sealed="x")), "enabled", "webhook, signed"),
    ],
)
def test_a_trigger_in_few_words(made: Trigger, word: str, on: str) -> None:
    cells = [plain(each) for each in trigger_lines.row(made, NOW, UNICODE)]
    assert cells[1].split()[-1] == word
    assert cells[4] == on
    assert "very-secret" not in " ".join(cells)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("x ${secret.root}", True),
        ("x ${secret.root|none}", True),
        ("{{ secret['root'] }} {{ 1 }}", True),
        ("${secret.root-pw}", False),
        ("${secret.root.a}", False),
        ("the secret.rooted", False),
        ("root", False),
    ],
)
def test_where_a_secret_is_named(line: str, named: bool) -> None:
    document = Document(id="1", kind=DocumentKind.TEMPLATE, name="t", created_at=NOW, updated_at=NOW)
    match = Match(field="content", line=1, column=1, text=line, start=0, length=4)
    assert is_named(Found(document=document, version="v1.0", matches=(match,), count=1), "root") is named


def test_how_it_stands_with_a_pack() -> None:
    assert pack_state(PackView(ref="a"))[0] == "not added"
    assert pack_state(PackView(ref="a", pack=Pack(id="1", ref="a", created_at=NOW, updated_at=NOW)))[0] == "added"
    assert (
        pack_state(PackView(ref="a", pack=Pack(id="1", ref="a", created_at=NOW, updated_at=NOW, synced_at=NOW)))[0]
        == "synced"
    )
    assert (
        pack_state(
            PackView(ref="a", pack=Pack(id="1", ref="a", created_at=NOW, updated_at=NOW, synced_at=NOW, last_error="x"))
        )[0]
        == "failed"
    )


async def test_an_agent_is_looked_at_and_deleted(stage: Opened) -> None:
    async with stage(size=(80, 24), scene="nothing", host=False) as at:
        await at.press("9")
        await at.sees("No remote agent is registered yet.", "pureboot agent add")
        values = {"url": "http://127.0.0.1:9/do", "auth_type": "bearer", "auth_config": {"token": "t0p-s3cret"}}
        await at.pureboot.agents.create({"name": "burner", **values}, by=ADA)
        await at.sees("burner", "unknown", "bearer", "action: agent.call")
        await at.press("r")
        await at.says("burner is unhealthy: GET http://127.0.0.1:9/do/health")
        await at.sees("! unhealthy")
        assert "t0p-s3cret" not in at.text
        await at.press("D", "y")
        await at.sees("No remote agent is registered yet.")
