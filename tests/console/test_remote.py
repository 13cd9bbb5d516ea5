"""Stories about a console whose PureBoot is far away, with a real server between them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from console.guarded import READ_ONLY
from console.places import PLACES
from console.remote.pureboot import RemotePureBoot
from engine.core.events import Kind
from engine.core.nodes import NodeState
from engine.core.page import Page
from engine.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from tests import scenarios
from tests.console.conftest import Scene, choose
from tests.console.remote_support import Far, attached, far_from
from tests.story import ADA


@pytest.fixture
async def far(scenes: dict[str, Scene], tmp_path: Path) -> AsyncIterator[Far]:
    made = far_from(scenes["rack"], tmp_path)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits as long for a line as a person would have to."""
    monkeypatch.setattr("console.follower.RETRY_SECONDS", 0.05)
    monkeypatch.setattr("console.remote.feed.SILENCE_SECONDS", 2.0)
    monkeypatch.setattr("console.remote.link.HEARTBEAT_SECONDS", 1)


async def test_a_technician_far_away_sees_and_does_what_one_does_here(far: Far) -> None:
    async with attached(far, "technician") as at:
        await at.sees("r4-01", f"at 127.0.0.1:{far.port}")
        new = await scenarios.boot(far.here, 50, "r9-01")
        await at.sees("r9-01")
        await choose(at, "r9-01")
        await at.press("m")
        await at.sees("Move r9-01")
        await at.press("y")
        await at.says("now pending: r9-01")
        assert (await far.here.nodes.get(new.id)).state is NodeState.PENDING
        [moved], _ = await far.here.nodes.history(new.id, Page(limit=1))
        assert moved.principal == "token:technician"
        await at.until(lambda: at.app.model.nodes[new.id].state is NodeState.PENDING)
        await at.press("5")
        await at.sees("discovered -> pending", "token:technician")


_BEHIND = {
    "nodes": ("enter", "t", "escape", "escape"),
    "executions": ("enter", "A", "escape", "escape"),
    "templates": ("enter", "i", "escape", "escape"),
    "workflows": ("enter", "escape"),
}


async def test_every_place_and_what_lies_behind_it_opens_far_away(far: Far) -> None:
    async with attached(far, "viewer") as at:
        for place in PLACES:
            await at.press("g", place.letter)
            await at.until(lambda place=place: at.app.current_mode == place.mode)  # type: ignore[misc]
            for key in _BEHIND.get(place.mode, ()):
                await at.press(key)
        await at.press("3", "enter")
        await at.sees("debian-preseed")
        wrong = [notice.text for notice in at.app.said if notice.severity == "error"]
        assert READ_ONLY in wrong  # of the secrets a viewer is not even shown the names
        assert [text for text in wrong if "no other version" not in text and text != READ_ONLY] == []


async def test_a_log_is_followed_far_away(far: Far) -> None:
    async with attached(far, "viewer") as at:
        execution = next(each for each in at.app.model.executions.values() if each.current_steps == ("install",))
        at.app.open_execution(execution.id)
        await at.sees("Install packages")
        [attempt] = [each for each in execution.attempts if each.is_open]
        await far.here.callbacks.append_log(execution.id, attempt.step_id, "unpacking linux-image\n")
        await at.sees("unpacking linux-image")


async def test_a_killed_server_is_told_at_once_and_found_again(far: Far, quick: None) -> None:
    async with attached(far, "technician") as at:
        await at.sees("r4-01")
        await far.stop()
        await at.sees("unreachable for", "what you see is as old")
        assert f"127.0.0.1:{far.port} unreachable" in at.line_with("unreachable")
        await choose(at, "r5-03")
        await at.press("m", "y")
        await at.says("nothing was done")
        await far.start()
        missed = await scenarios.boot(far.here, 51, "r9-02")  # before the console is back: not lost
        await at.says("the line is there again")
        await at.sees("r9-02")
        await at.sees_not("unreachable")
        assert at.app.model.nodes[missed.id].name == "r9-02"
        assert (await far.here.nodes.get(at.made.nodes["r5-03"].id)).state is NodeState.DISCOVERED
        await at.press("escape")
        await choose(at, "r5-03")
        await at.press("m", "y")
        await at.says("now pending: r5-03")


async def test_events_come_once_each_however_often_the_line_breaks(far: Far, quick: None) -> None:
    async with attached(far, "viewer") as at:
        seen: list[int] = []
        at.app.changed.subscribe(at.app, lambda changes: seen.extend(each.id for each in changes.events))
        first = at.app.model.cursor
        for number in range(4):
            await far.here.note(Kind.GROUP_CREATED, name=f"before {number}")
            far.break_lines()
            await far.here.note(Kind.GROUP_CREATED, name=f"after {number}")
            newest = await far.here.feed.cursor()
            await at.until(lambda newest=newest: at.app.model.cursor >= newest)  # type: ignore[misc]
        assert seen == sorted(set(seen))
        assert {each.id for each in await far.here.events_after(first)} == set(seen)


async def test_a_viewer_shows_everything_and_changes_nothing(far: Far) -> None:
    async with attached(far, "viewer", size=(80, 24)) as at:
        await at.sees("read-only")
        assert "run" not in at.lines[-1]
        assert "filter" in at.lines[-1]
        await at.press("m")
        await at.says("this console is read-only")
        with pytest.raises(Forbidden, match="read-only"):
            await at.app.pureboot.nodes.move(at.made.nodes["r5-03"].id, NodeState.PENDING, by="user:root")
        async with RemotePureBoot(far.url, far.tokens["viewer"]) as bare:  # what the console did not refuse
            with pytest.raises(Forbidden, match="technician or admin"):
                await bare.nodes.move(at.made.nodes["r5-03"].id, NodeState.PENDING, by="user:root")


async def test_a_token_that_is_revoked_ends_the_console(far: Far, quick: None) -> None:
    async with attached(far, "viewer") as at:
        await far.here.access.revoke("viewer", by=ADA)
        await at.until(lambda: at.app.failure is not None)
        assert isinstance(at.app.failure, Forbidden)
        assert "revoked" in str(at.app.failure)


async def test_who_else_looks_is_said_here_and_there(far: Far) -> None:
    async with attached(far, "technician", size=(80, 24)) as at:
        async with attached(far, "viewer") as other:
            await other.sees("1 other")
            other.app.open_node(at.made.nodes["r4-07"].id)
            await other.sees("r4-07")
            await at.sees("1 other")
            await at.press("W")
            await at.sees("Open consoles", "token:technician (you)", "token:viewer read-only", "node r4-07")
        assert [each.name for each in await far.here.consoles.find()] == ["token:technician"]


async def test_errors_are_of_the_same_kinds_as_here(far: Far) -> None:
    async with RemotePureBoot(far.url, far.tokens["admin"]) as pureboot:
        with pytest.raises(NotFound, match="nobody"):
            await pureboot.nodes.get("nobody")
        with pytest.raises(Conflict):
            await pureboot.nodes.move(far.scene.made.nodes["r5-03"].id, NodeState.ACTIVE, by=ADA)
        with pytest.raises(Invalid) as caught:
            await pureboot.workflows.import_("name: x\nsteps: [{key: a, action: nonsense}]\n", by=ADA)
        assert caught.value.problems[0].line is not None
        with pytest.raises(AttributeError, match=r"engine.seam.table"):
            await pureboot.nodes.nonsense()  # type: ignore[attr-defined]
        with pytest.raises(TypeError):
            await pureboot.nodes.get()  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("path", "token", "error", "words"),
    [
        ("", "pb_wrong", Forbidden, "not known here"),
        ("", None, Forbidden, "--token-file"),
        ("/nowhere", None, Unavailable, "has no place for consoles"),
    ],
)
async def test_what_is_no_way_in_says_what_to_do(
    far: Far, path: str, token: str | None, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        async with RemotePureBoot(far.url + path, token):
            pass
