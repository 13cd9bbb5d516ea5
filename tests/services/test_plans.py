"""Dry runs: what a plan shows and finds missing, that it writes nothing, and that the engine then does the same."""

from pathlib import Path
from typing import Any

import pytest

from engine.app import PureBoot
from engine.core.events import Kind
from engine.core.executions import Performer
from engine.core.nodes import NodeState
from engine.core.outcomes import Ending, Outcome
from engine.core.page import EVERYTHING
from engine.core.plans import Lack, Plan, PlannedStep
from engine.core.rendering import MASK, no_secret
from engine.core.scopes import Server
from engine.errors import Invalid, NotFound
from tests.clock import ManualClock
from tests.conftest import Opener
from tests.story import ADA, SERVER, ended, published

MAC = "52:54:00:00:00:01"
FAILS = (Outcome(ending=Ending.FAILED),)

INSTALL = """\
name: install
params:
  disk: {type: string}
  size: {type: integer, default: 8}
timeout: 2h
steps:
  - key: probe
    action: node.script
    with: {script: lsblk}
    edges:
      - {to: raid, if: "steps.probe.output.disks > 1"}
      - {to: netboot, if: "steps.probe.output.disks == 1"}
      - {to: rescue, when: failure}
  - key: raid
    action: node.script
    with: {script: "mdadm {{ steps.probe.output.members }} {{ params.disk }}"}
    edges: [{to: netboot}]
  - key: netboot
    name: Boot the installer
    action: node.boot
    with:
      kernel: debian/linux
      initrd: [debian/initrd.gz]
      cmdline: url=${server.http_url}/render/${execution.token}/answers disk=${params.disk} ${include:common}
    timeout: 40m
    retry: {max_attempts: 3, delay: 30s}
    next_state: installing
    rollback: wipe
    edges: [{to: check, if: "params.disk != ''"}]
  - {key: check, action: node.script, with: {template: check}, next_state: installed, edges: []}
  - {key: rescue, action: core.echo, with: {message: "${node.mac} did not boot"}, edges: []}
  - {key: wipe, action: node.script, with: {script: "wipefs {{ params.disk }}"}}
"""

TEMPLATES = {
    "answers": "d-i disk ${params.disk}\nd-i host ${node.hostname}\nd-i password ${secret.root}\n",
    "check": "test -b ${params.disk}\n",
    "common": "quiet console=${meta.console|ttyS0}",
}


async def prepared(pureboot: PureBoot, files: Path | None = None) -> None:
    """The workflow with all that it needs, and a node for it."""
    pureboot.server = SERVER
    for name, content in TEMPLATES.items():
        await pureboot.templates.create(name, content, by=ADA)
    await published(pureboot, INSTALL)
    await pureboot.nodes.create(MAC, {"hostname": "r4-01"}, by=ADA)
    folder = (files or pureboot.settings.files.dir) / "debian"
    folder.mkdir(parents=True)
    for name in ("linux", "initrd.gz"):
        (folder / name).touch()


def the(plan: Plan, key: str, attempt: int = 1) -> PlannedStep:
    return next(step for step in plan.steps if step.key == key and step.attempt == attempt)


def values(step: PlannedStep) -> dict[str, Any]:
    return {each.path: each.value for each in step.parameters}


def lacks(plan: Plan) -> list[tuple[Lack, str | None, str]]:
    return [(each.kind, each.step_key, each.message) for each in plan.missing]


async def everything(pureboot: PureBoot) -> tuple[object, ...]:
    """What a store holds that a plan could have written."""
    executions, _ = await pureboot.executions.find(EVERYTHING)
    nodes, _ = await pureboot.nodes.find(EVERYTHING)
    return await pureboot.feed.cursor(), executions, nodes


ONE_DISK = {"probe": (Outcome(output={"disks": 1}),)}


async def test_it_shows_what_would_run_with_everything_filled_in(
    store_url: str, opener: Opener, clock: ManualClock
) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await prepared(pureboot)
        before = await everything(pureboot)
        plan = await pureboot.plans.plan("install", node="r4-01", params={"disk": "/dev/sda"}, outcomes=ONE_DISK)
        assert await everything(pureboot) == before
        assert [step.key for step in plan.steps] == ["probe", "netboot", "check"]
        assert plan.params == {"disk": "/dev/sda", "size": 8}
        assert plan.on_start is not None
        assert plan.on_start.states == (NodeState.DISCOVERED, NodeState.PENDING)
        assert (plan.status.value, plan.final_state, plan.timeout_seconds) == ("succeeded", "installed", 7200.0)
        boot = the(plan, "netboot")
        assert (boot.performer, boot.after, boot.timeout_seconds) == (Performer.NODE, ("probe",), 2400.0)
        cmdline = f"url=http://10.0.0.1:8080/render/{MASK}/answers disk=/dev/sda quiet console=ttyS0"
        assert values(boot) == {"kernel": "debian/linux", "initrd[0]": "debian/initrd.gz", "cmdline": cmdline}
        assert [move.states for move in boot.moves] == [(NodeState.PENDING, NodeState.INSTALLING)]
        [answers] = boot.templates
        assert (answers.name, answers.version, answers.lines) == ("answers", "v1.0", 3)
        assert answers.content.splitlines()[:2] == ["d-i disk /dev/sda", "d-i host r4-01"]
        assert [(edge.to, edge.value, edge.taken) for edge in boot.edges] == [("check", True, True)]
        assert [(edge.to, edge.fits, edge.value, edge.taken) for edge in the(plan, "probe").edges] == [
            ("raid", True, False, False),
            ("netboot", True, True, True),
            ("rescue", False, None, False),
        ]
        assert [template.content for template in the(plan, "check").templates] == ["test -b /dev/sda\n"]
        assert {each.key: each.reason for each in plan.not_run} == {
            "raid": "steps.probe.output.disks > 1 is false after probe",
            "rescue": "probe leads there only when it fails",
            "wipe": "it undoes netboot, and nothing is undone",
        }
        assert plan.files == ("debian/linux", "debian/initrd.gz")
        assert [(each.kind, each.message) for each in plan.missing] == [
            (Lack.TEMPLATE, f"${{secret.root}} {no_secret('root')}")
        ]


async def test_what_a_step_will_give_is_not_known_before(store_url: str, opener: Opener, clock: ManualClock) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await prepared(pureboot)
        plan = await pureboot.plans.plan("install", node=MAC, params={"disk": "/dev/sda"})
        raid, netboot, rescue = the(plan, "probe").edges
        assert (raid.value, raid.taken, raid.unknown) == (None, True, ("steps.probe.output.disks",))
        assert (netboot.value, netboot.taken, rescue.taken) == (None, True, False)
        assert the(plan, "raid").depends_on == the(plan, "netboot").depends_on == ("steps.probe.output.disks",)
        assert the(plan, "probe").depends_on == ()
        [script] = the(plan, "raid").parameters
        assert script.value == "mdadm <steps.probe.output.members> /dev/sda"
        assert script.unknown == ("steps.probe.output.members",)
        assert [each.kind for each in plan.missing] == [Lack.TEMPLATE]  # the secret, and nothing that is only not known


async def test_everything_missing_is_found_at_once(store_url: str, opener: Opener, clock: ManualClock) -> None:
    text = """\
name: broken
params: {disk: {type: string}, size: {type: integer}}
steps:
  - key: boot
    action: node.boot
    with:
      kernel: debian/linux
      initrd: ../etc/shadow
      cmdline: |
        disk=${params.disk}
        ip=${node.ip} url=${server.http_url}/render/${execution.token}/nowhere
    next_state: migrating
    edges: [{to: say, if: "params.nothing > 1"}, {to: wait}]
  - {key: say, action: core.echo, with: {message: "{{ meta.rack }}"}, edges: []}
  - {key: wait, action: core.delay, with: {duration: "{{ params.size }}x"}, edges: [{to: other}]}
  - {key: other, action: core.workflow, with: {workflow: nobody}}
"""
    async with opener(store_url, clock=clock) as pureboot:
        pureboot.server = SERVER
        await pureboot.workflows.import_(text, by=ADA)
        await pureboot.nodes.create(MAC, {"hostname": "r4-01", "locked": True}, by=ADA)
        plan = await pureboot.plans.plan("broken", node="r4-01", params={"size": "big", "colour": "red"})
        found = {(each.kind, each.step_key, each.path): each for each in plan.missing}
        messages = {key: each.message for key, each in found.items()}
        assert messages == {
            (Lack.WORKFLOW, None, ""): "workflow broken is a draft; publish it first, or ask for its draft",
            (Lack.INPUT, None, "colour"): "there is no such input; there are: disk, size",
            (Lack.INPUT, None, "disk"): "is missing and has no default",
            (Lack.INPUT, None, "size"): "'big' is not of type 'integer'",
            (Lack.NODE, None, ""): messages[(Lack.NODE, None, "")],
            (Lack.PARAMETER, "boot", "cmdline"): "${node.ip} has no value and no default (its line 2, column 4)",
            (Lack.STATE, "boot", ""): messages[(Lack.STATE, "boot", "")],
            (Lack.CONDITION, "boot", ""): messages[(Lack.CONDITION, "boot", "")],
            (Lack.TEMPLATE, "boot", "cmdline"): "there is no template nowhere",
            (Lack.PARAMETER, "wait", "duration"): messages[(Lack.PARAMETER, "wait", "duration")],
            (Lack.WORKFLOW, "other", "workflow"): "there is no workflow nobody",
            (Lack.FILE, "boot", "kernel"): (
                f"the file debian/linux is not in {pureboot.settings.files.dir} (files.dir)"
            ),
            (Lack.FILE, "boot", "initrd"): (
                "the file ../etc/shadow cannot be served: '..' is not allowed in a file name"
            ),
        }
        assert "locked" in messages[(Lack.NODE, None, "")]
        assert "cannot become migrating" in messages[(Lack.STATE, "boot", "")]
        assert "`params.nothing > 1` has no value" in messages[(Lack.CONDITION, "boot", "")]
        assert "is no duration" in messages[(Lack.PARAMETER, "wait", "duration")]
        place = found[(Lack.FILE, "boot", "kernel")]
        assert (place.file, place.line, place.column) == ("broken v1.0", 7, 15)
        assert values(the(plan, "boot"))["cmdline"].startswith("disk=<params.disk>\nip=${node.ip}")
        assert not plan.complete


async def test_a_plan_for_no_node_says_so_once(store_url: str, opener: Opener, clock: ManualClock) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await prepared(pureboot)
        plan = await pureboot.plans.plan("install", params={"disk": "/dev/sda"}, outcomes=ONE_DISK)
        assert [each.kind for each in plan.missing] == [Lack.NODE, Lack.TEMPLATE]
        assert "<node.hostname>" in the(plan, "netboot").templates[0].content


async def test_a_node_that_is_busy_or_boots_its_disk_is_told_of(
    store_url: str, opener: Opener, clock: ManualClock
) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await prepared(pureboot)
        await pureboot.executions.start("install", node=MAC, params={"disk": "/dev/sda"}, by=ADA)
        plan = await pureboot.plans.plan("install", node=MAC, params={"disk": "/dev/sda"}, outcomes=ONE_DISK)
        assert [each.message.partition(" (execution")[0] for each in plan.missing if each.kind is Lack.NODE] == [
            "node r4-01 is busy with install"
        ]
        other = await pureboot.nodes.create("52:54:00:00:00:02", {"hostname": "r4-02"}, by=ADA)
        for state in (NodeState.PENDING, NodeState.INSTALLING, NodeState.INSTALLED):
            await pureboot.nodes.move(other.id, state, by=ADA)
        plan = await pureboot.plans.plan("install", node="r4-02", params={"disk": "/dev/sda"}, outcomes=ONE_DISK)
        assert ["boots its disk" in each.message for each in plan.missing if each.kind is Lack.NODE] == [True]


async def test_assumed_outcomes_lead_elsewhere(store_url: str, opener: Opener, clock: ManualClock) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await prepared(pureboot)
        given = {"disk": "/dev/sda"}
        plan = await pureboot.plans.plan("install", node=MAC, params=given, outcomes={"probe": FAILS})
        assert [step.key for step in plan.steps] == ["probe", "rescue"]
        assert values(the(plan, "rescue")) == {"message": f"{MAC} did not boot"}
        twice = ONE_DISK | {"netboot": (*FAILS, Outcome(ending=Ending.TIMEOUT), Outcome())}
        plan = await pureboot.plans.plan("install", node=MAC, params=given, outcomes=twice)
        tries = [(step.attempt, step.ends, step.retried, step.at) for step in plan.steps if step.key == "netboot"]
        assert tries == [(1, "failed", True, 0.0), (2, "timeout", True, 30.0), (3, "success", False, 2460.0)]
        plan = await pureboot.plans.plan("install", node=MAC, params=given, outcomes=ONE_DISK | {"netboot": FAILS})
        assert (plan.status.value, plan.final_state) == ("failed", NodeState.PENDING)
        assert plan.error == "step Boot the installer failed: it is taken to fail"
        with pytest.raises(Invalid, match="there is no step 'nobody'"):
            await pureboot.plans.plan("install", outcomes={"nobody": FAILS})


async def test_a_loop_that_nobody_can_judge_is_not_walked(store_url: str, opener: Opener, clock: ManualClock) -> None:
    text = """\
name: loop
steps:
  - key: ask
    action: node.script
    with: {script: s}
    route: first
    edges: [{to: ask, if: not steps.ask.output.ok}, {to: end}]
  - {key: end, action: core.echo, with: {message: "{{ steps.ask.output.ok }}"}}
"""
    async with opener(store_url, clock=clock) as pureboot:
        await published(pureboot, text)
        await pureboot.nodes.create(MAC, {}, by=ADA)
        plan = await pureboot.plans.plan("loop", node=MAC)
        assert [step.key for step in plan.steps] == ["ask", "end"]
        assert (the(plan, "end").depends_on, plan.missing) == ((), ())
        answers = {"ask": (Outcome(output={"ok": False}), Outcome(output={"ok": True}))}
        plan = await pureboot.plans.plan("loop", node=MAC, outcomes=answers)
        assert [(step.key, step.visit) for step in plan.steps] == [("ask", 1), ("ask", 2), ("end", 1)]


async def test_a_draft_is_looked_at_when_it_is_asked_for(store_url: str, opener: Opener, clock: ManualClock) -> None:
    text = "name: w\nsteps: [{key: a, action: core.echo, with: {message: one}}]\n"
    async with opener(store_url, clock=clock) as pureboot:
        await published(pureboot, text)
        await pureboot.workflows.import_(text.replace("one", "two"), by=ADA)
        plan = await pureboot.plans.plan("w")
        assert (plan.version, values(plan.steps[0]), plan.complete) == ("v1.0", {"message": "one"}, True)
        plan = await pureboot.plans.plan("w", draft=True)
        assert (plan.version, values(plan.steps[0]), plan.complete) == ("v1.1", {"message": "two"}, True)
        await pureboot.workflows.archive("w", by=ADA)
        assert "archived" in (await pureboot.plans.plan("w")).missing[0].message
        with pytest.raises(NotFound):
            await pureboot.plans.plan("nobody")


async def test_a_guest_knows_the_server_of_the_host(store_url: str, opener: Opener, clock: ManualClock) -> None:
    text = "name: w\nsteps: [{key: a, action: core.echo, with: {message: '${server.url}'}}]\n"
    async with opener(store_url, clock=clock, host=False) as pureboot:
        await published(pureboot, text)
        assert values((await pureboot.plans.plan("w")).steps[0]) == {"message": "<server.url>"}
        await pureboot.note(Kind.SERVER_STARTED, server_url="http://10.8.8.8")
        assert values((await pureboot.plans.plan("w")).steps[0]) == {"message": "http://10.8.8.8"}
        pureboot.server = Server(url="http://10.9.9.9")
        assert values((await pureboot.plans.plan("w")).steps[0]) == {"message": "http://10.9.9.9"}


async def test_what_texts_name_is_followed_to_its_end(store_url: str, opener: Opener, clock: ManualClock) -> None:
    parent = """\
name: parent
steps:
  - key: write
    action: node.script
    with: {template: "{{ 'out' ~ 'er' }}:v1"}
  - key: child
    action: core.workflow
    with: {workflow: child, params: {size: "{{ 3 + 4 }}", colour: red}}
"""
    child = "name: child\nparams: {size: {type: integer}}\nsteps: [{key: a, action: core.echo}]\n"
    async with opener(store_url, clock=clock) as pureboot:
        await pureboot.templates.create("inner", "rack ${meta.rack}", by=ADA)
        await pureboot.templates.create("middle", "${include:inner:v1.0}", by=ADA)
        await pureboot.templates.create("outer", "one\n${include:middle} ${include:gone}", by=ADA)
        await published(pureboot, child)
        await published(pureboot, parent)
        await pureboot.nodes.create(MAC, {}, by=ADA)
        plan = await pureboot.plans.plan("parent", node=MAC)
        [outer] = the(plan, "write").templates
        assert (outer.version, outer.content) == ("v1.0", "one\nrack ${meta.rack} ${include:gone}")
        assert [(each.file, each.line, each.column, each.message) for each in plan.missing] == [
            ("inner", 1, 6, "${meta.rack} has no value and no default"),
            ("outer", 2, 19, "${include:gone} is left as written: there is no such template"),
            ("parent v1.0", 8, 22, "workflow child, input colour: there is no such input; there are: size"),
        ]


ALL_KINDS = """\
name: kinds
max_parallel: 2
output: {sum: "{{ steps.a.output.echo }}{{ steps.c.output.echo }}"}
steps:
  - {key: s, action: core.echo, with: {message: go}, edges: [{to: a}, {to: b}, {to: c}]}
  - {key: a, action: core.echo, with: {message: "1"}, edges: [{to: j}, {to: never, if: steps.a.output.echo == '2'}]}
  - {key: b, action: core.fail, retry: {max_attempts: 3}, on_failure: continue, edges: [{to: j}]}
  - {key: c, action: core.echo, with: {message: "{{ steps.s.output.echo }}"}, edges: [{to: j}]}
  - {key: never, action: core.echo, edges: []}
  - key: j
    action: core.echo
    join: all
    max_visits: 3
    edges: [{to: j, if: steps.j.attempt < 3}, {to: undo, if: steps.j.attempt == 3}]
  - {key: undo, action: core.echo, rollback: undone, edges: [{to: bad}]}
  - {key: bad, action: core.fail, with: {message: bad}, on_failure: rollback, edges: []}
  - {key: undone, action: core.echo}
"""


async def test_the_engine_does_what_the_plan_says(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, ALL_KINDS)
        plan = await pureboot.plans.plan("kinds")
        assert plan.missing == ()
        execution = await ended(pureboot, await pureboot.executions.start("kinds", by=ADA))
        tries = [each for each in execution.attempts if each.status.value != "skipped"]
        assert {(step.key, step.attempt, step.visit) for step in plan.steps} == {
            (each.step_key, each.attempt, each.visit) for each in tries
        }
        alone = ("s", "j", "undo", "bad", "undone")
        assert [step.key for step in plan.steps if step.key in alone] == [
            each.step_key for each in tries if each.step_key in alone
        ]
        assert [step.key for step in plan.steps][-3:] == ["undo", "bad", "undone"]
        assert (plan.status, plan.error) == (execution.status, execution.error)
        assert {each.key for each in plan.not_run} == {"never"}
