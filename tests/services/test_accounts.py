"""Accounts of attempts and of whole executions, on both databases."""

import pytest

from engine.app import PureBoot
from engine.core import accounts
from engine.core.boot_trace import Contact, ContactKind, Outcome
from engine.core.executions import Execution
from engine.core.rendering import MASK
from engine.errors import NotFound
from tests.clock import ManualClock
from tests.conftest import Opener
from tests.story import ADA, ended, published, report

SECRET = "hunter2-hunter2"
WORKFLOW = """
name: probe
params:
  disk: {type: string, default: /dev/vda}
steps:
  - key: look
    name: Look at it
    action: node.script
    with:
      script: "login ${secret.bmc} and look at ${params.disk} of ${node.hostname|nobody} ${meta.none}"
      env: {TOKEN: "{{ secret.bmc }}", DISK: "{{ params.disk }}"}
    heartbeat: 5m
    timeout: 10m
    edges:
      - {to: many, if: "steps.look.output.disks > 1"}
      - {to: one}
  - {key: many, name: Many disks, action: core.echo, with: {message: many}, edges: [{to: one}]}
  - {key: one, name: One disk, action: core.echo, with: {message: "one of {{ steps.look.output.disks }}"}, edges: []}
"""


async def begun(pureboot: PureBoot) -> Execution:
    await pureboot.secrets.set("bmc", SECRET, by=ADA)
    await published(pureboot, WORKFLOW)
    node = await pureboot.nodes.create("52:54:00:00:00:01", {"hostname": "r4-01"}, by=ADA)
    return await pureboot.executions.start("probe", by=ADA, node=node.id)


async def test_an_attempt_is_told_with_its_parameters_and_without_secrets(
    opener: Opener, store_url: str, clock: ManualClock
) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        execution = await begun(pureboot)
        [attempt] = execution.attempts
        told = await pureboot.accounts.attempt(execution.id, attempt.id)
        assert told.parameters["script"] == f"login {MASK} and look at /dev/vda of r4-01 ${{meta.none}}"
        assert told.parameters["env"] == {"TOKEN": MASK, "DISK": "/dev/vda"}
        assert len(told.unfilled) == 1
        assert told.unfilled[0].startswith("script: ")
        assert [(way.to, way.held, way.taken) for way in told.ways] == [("many", None, None), ("one", None, None)]
        [value] = told.ways[0].values
        assert (value.name, value.known) == ("steps.look.output.disks", False), "it has no output yet"
        assert told.lost_at is None, "nobody was heard yet"
        await report(pureboot, execution, "look", "progress", progress_percent=3)
        told = await pureboot.accounts.attempt(execution.id, attempt.id)
        assert told.lost_at is not None
        await report(pureboot, execution, "look", output={"disks": 1, "said": f"x{SECRET}x"})
        await ended(pureboot, execution)
        told = await pureboot.accounts.attempt(execution.id, attempt.id)
        assert [(way.to, way.held, way.taken) for way in told.ways] == [("many", False, False), ("one", None, True)]
        assert told.ways[0].values[0].value == "1"
        assert SECRET not in str(told)
        with pytest.raises(NotFound, match="has no attempt nowhere"):
            await pureboot.accounts.attempt(execution.id, "nowhere")


async def test_an_execution_is_told_whole(opener: Opener, store_url: str, clock: ManualClock) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        execution = await begun(pureboot)
        near = Contact(at=clock.now(), kind=ContactKind.HTTP, what="/boot.ipxe", outcome=Outcome.OK)
        pureboot.traces.note(near, mac="52:54:00:00:00:01")
        await pureboot.traces.flush()
        long = "".join(f"line {number}\n" for number in range(2000))
        await pureboot.callbacks.append_log(execution.id, "look", long)
        await pureboot.links.record(
            "netbox", "device", "r4-01", "42", execution_id=execution.id, attempt_id=execution.attempts[0].id
        )
        clock.advance(30)
        await report(pureboot, execution, "look", "failed", exit_code=1, message=f"no {SECRET}")
        await ended(pureboot, execution)
        account = await pureboot.accounts.of(execution.id)
        assert account.node is not None
        assert account.node.name == "r4-01"
        assert [each.what for each in account.contacts] == ["/boot.ipxe"]
        [look] = account.attempts
        assert look.log_cut
        assert len(look.log_end) <= accounts.LOG_END
        assert look.log_end.startswith("line ")
        assert look.log_end.endswith("line 1999\n")
        assert look.links[0].external_id == "42"
        assert [each.at for each in account.events] == sorted(each.at for each in account.events)
        assert account.events_left_out == 0
        assert account.execution.error is not None
        assert MASK in account.execution.error
        assert SECRET not in str(account)
        with pytest.raises(NotFound):
            await pureboot.accounts.of("nowhere")


LOOP = """
name: loop
steps:
  - {key: a, name: Again, action: core.echo, with: {message: x}, max_visits: 90, edges: [{to: b}]}
  - {key: b, name: And again, action: core.echo, with: {message: x}, edges: [{to: a, if: "true"}]}
"""


async def test_of_very_many_attempts_the_first_and_the_newest_are_told(
    opener: Opener, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "MOST_ATTEMPTS", 50)
    async with opener(store_url) as pureboot:
        await published(pureboot, LOOP)
        execution = await ended(pureboot, await pureboot.executions.start("loop", by=ADA))
        account = await pureboot.accounts.of(execution.id)
        made = len(account.execution.attempts)
        assert made == 180
        assert len(account.attempts) == 50
        assert account.left_out == made - 50
        assert account.attempts[0].attempt.id == account.execution.attempts[0].id
        assert account.attempts[-1].attempt.id == account.execution.attempts[-1].id
