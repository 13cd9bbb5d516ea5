"""How many run at once, whose turn it is, and what those that wait are told; on both databases."""

from engine.app import PureBoot
from engine.core.executions import Execution, ExecutionStatus
from tests.clock import ManualClock
from tests.conftest import Opener
from tests.story import ADA, published

ASK = "name: {name}\nsteps: [{{key: a, action: core.approve}}]"
KEYED = 'name: keyed\nparams: {rack: {type: string}}\nconcurrency: {key: "{{ params.rack }}", limit: 2}\n'
KEYED += "steps: [{key: a, action: core.approve}]"


async def standing(pureboot: PureBoot, *executions: Execution) -> str:
    """The first letters of the executions' statuses."""
    found = [await pureboot.executions.get(each.id) for each in executions]
    return "".join(each.status.value[0] for each in found)


async def started(pureboot: PureBoot, workflow: str, **params: str) -> Execution:
    return await pureboot.executions.start(workflow, params=params, by=ADA)


async def until(pureboot: PureBoot, statuses: str, *executions: Execution) -> None:
    """Wait until the executions stand so."""
    while True:
        seen = pureboot.feed.stirs  # before the look: what comes meanwhile is not missed
        if await standing(pureboot, *executions) == statuses:
            return
        await pureboot.feed.changed(seen)


async def test_so_many_run_with_one_key_and_the_rest_say_why_they_wait(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, KEYED)
        r4 = [await started(pureboot, "keyed", rack="r4") for _ in range(4)]
        r5 = await started(pureboot, "keyed", rack="r5")
        assert await standing(pureboot, *r4, r5) == "rrppr"
        assert r4[2].waits_for == "a place: 2 of 2 run with the key 'r4'"
        assert (r4[2].concurrency_key, r4[2].started_at, r4[2].attempts) == ("r4", None, ())
        await pureboot.control.approve(r4[0].id, by=ADA)
        await until(pureboot, "srrpr", *r4, r5)
        assert (await pureboot.executions.get(r4[2].id)).waits_for is None
        await pureboot.control.pause(r4[1].id, by=ADA)
        await pureboot.executions.cancel(r4[3].id, by=ADA)
        late = await started(pureboot, "keyed", rack="r4")
        assert late.status is ExecutionStatus.PENDING  # what is paused keeps its place
        await pureboot.executions.cancel(r4[2].id, by=ADA)
        await until(pureboot, "r", late)


async def test_places_are_given_again_after_a_restart(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, KEYED)
        running = [await started(pureboot, "keyed", rack="r4") for _ in range(2)]
        waiting = [await started(pureboot, "keyed", rack="r4") for _ in range(2)]
    async with opener(store_url, host=False) as guest:
        await guest.executions.cancel(running[0].id, by=ADA)
        assert await standing(guest, *waiting) == "pp"
    async with opener(store_url) as pureboot:
        await until(pureboot, "rp", *waiting)


async def test_in_all_so_many_run_and_every_workflow_has_its_turn(store_url: str, opener: Opener) -> None:
    async with opener(store_url, engine__max_running=1) as pureboot:
        await published(pureboot, ASK.format(name="x"))
        await published(pureboot, ASK.format(name="y"))
        first = await started(pureboot, "x")
        many = [await started(pureboot, "x") for _ in range(3)]
        one = await started(pureboot, "y")
        assert one.waits_for == "a place: 1 of 1 executions run (engine.max_running)"
        await pureboot.control.approve(first.id, by=ADA)
        await until(pureboot, "rppp", *many, one)
        await pureboot.control.approve(many[0].id, by=ADA)
        await until(pureboot, "srpp", *many, one)
        await pureboot.executions.cancel(many[1].id, by=ADA)
        await until(pureboot, "scrp", *many, one)


async def test_machines_do_not_all_begin_within_the_same_minute(
    store_url: str, opener: Opener, clock: ManualClock
) -> None:
    async with opener(store_url, clock=clock, engine__starts_per_minute=2) as pureboot:
        await published(pureboot, ASK.format(name="x"))
        found = []
        for _ in range(5):
            found.append(await started(pureboot, "x"))
            clock.advance(1)
        assert await standing(pureboot, *found) == "rrppp"
        assert found[2].waits_for == "its turn: 2 begin within a minute (engine.starts_per_minute)"
        for seconds, left in ((55.5, "rrrpp"), (1, "rrrrp"), (59, "rrrrr")):
            clock.advance(seconds)
            await until(pureboot, left, *found)


async def test_a_child_runs_in_its_parents_place(store_url: str, opener: Opener) -> None:
    async with opener(store_url, engine__max_running=1, engine__starts_per_minute=1) as pureboot:
        await published(pureboot, "name: child\nsteps: [{key: a, action: core.echo}]")
        await published(pureboot, "name: parent\nsteps: [{key: a, action: core.workflow, with: {workflow: child}}]")
        done = await pureboot.executions.wait((await started(pureboot, "parent")).id)
        assert done.status is ExecutionStatus.SUCCEEDED


async def test_a_rack_has_so_many_places_and_who_has_no_rack_needs_none(store_url: str, opener: Opener) -> None:
    text = 'name: w\nconcurrency: {key: "{{ node.group }}", limit: 1}\nsteps: [{key: a, action: core.approve}]'
    async with opener(store_url) as pureboot:
        await published(pureboot, text)
        rack = await pureboot.groups.create({"name": "r4"}, by=ADA)
        found = []
        for number in range(1, 5):
            node = await pureboot.nodes.create(f"52:54:00:00:00:0{number}", by=ADA)
            if number < 3:
                await pureboot.nodes.update(node.id, {"group_id": rack.id}, by=ADA)
            found.append(await pureboot.executions.start("w", node=node.id, by=ADA))
        assert await standing(pureboot, *found) == "rprr"
        assert [each.concurrency_key for each in found] == ["r4", "r4", None, None]
