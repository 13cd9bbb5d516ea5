"""Where documents are used, and what another version would change, for whom; on both databases."""

from typing import Any

import pytest

from engine.app import PureBoot
from engine.core.documents import Bump, DocumentKind
from engine.core.executions import Execution
from engine.core.impact import Verdict
from engine.core.nodes import NodeState
from engine.errors import Invalid, NotFound
from tests.clock import ManualClock
from tests.conftest import Opener
from tests.story import ADA, SERVER, published, report

TEMPLATE, WORKFLOW = DocumentKind.TEMPLATE, DocumentKind.WORKFLOW
BASE = "d-i time/zone string ${meta.zone|UTC}\n"
PRESEED = "${include:base}\nd-i hostname string ${node.hostname}\nlate: ${server.url}/render/${execution.token}/late\n"
LATE = "#!/bin/sh\necho ${node.hostname} done\n"
INSTALL = """
name: install
params:
  disk: {type: string, default: /dev/vda}
steps:
  - key: netboot
    action: node.boot
    with:
      kernel: debian/linux
      cmdline: url=${server.http_url}/render/${execution.token}/preseed
  - {key: finish, action: node.script, with: {template: finish}}
  - {key: tell, action: core.echo, with: {message: done}}
"""
PARENT = """
name: parent
steps:
  - {key: wait, action: core.approve}
  - {key: go, action: core.workflow, with: {workflow: install}}
"""
OTHER = "name: other\nsteps: [{key: a, action: core.echo}]\n"


async def site(pureboot: PureBoot) -> None:
    """Nodes of which three would boot `preseed`: assigned, by a group, and over another workflow."""
    pureboot.server = SERVER
    for name, text in (("base", BASE), ("late", LATE), ("preseed", PRESEED), ("finish", "true\n"), ("lone", "x\n")):
        await pureboot.templates.create(name, text, by=ADA)
    for text in (INSTALL, PARENT, OTHER):
        await published(pureboot, text)
    workflows = pureboot.workflows
    install, parent, other = [(await workflows.get(name)).id for name in ("install", "parent", "other")]
    group = await pureboot.groups.create({"name": "r4", "workflow_id": install, "metadata": {"zone": "Rack"}}, by=ADA)
    listed: tuple[dict[str, Any], ...] = (
        {"hostname": "n1", "workflow_id": install},
        {"hostname": "n2", "group_id": group.id},
        {"hostname": "n3", "workflow_id": parent, "metadata": {"zone": "Mars"}},
        {"hostname": "n4", "workflow_id": other, "group_id": group.id},
        {"hostname": "n5"},
    )
    for number, values in enumerate(listed, 1):
        await pureboot.nodes.create(f"52:54:00:00:00:0{number}", values, by=ADA)


async def start(pureboot: PureBoot, node: str, workflow: str = "install") -> Execution:
    return await pureboot.executions.start(workflow, by=ADA, node=node)


async def test_who_uses_a_template_at_once_and_over_others(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await site(pureboot)
        found = await pureboot.library.where_used(TEMPLATE, "base")
        told = [(each.kind.value, each.name, each.direct, each.over) for each in found.documents]
        assert told == [
            ("template", "preseed", True, ()),
            ("workflow", "install", False, ("preseed",)),
            ("workflow", "parent", False, ("install", "preseed")),
        ]
        [include] = found.documents[0].uses
        assert (include.text, include.line, include.column) == ("${include:base}", 1, 1)
        [fetch] = found.documents[1].uses
        assert (fetch.step, fetch.path, fetch.line) == ("netboot", "with.cmdline", None)
        nodes = [(each.node, each.through, each.workflow, each.steps) for each in found.nodes]
        assert nodes == [
            ("n1", "node", "install", ("netboot",)),
            ("n2", "group", "install", ("netboot",)),
            ("n3", "node", "parent", ("go",)),
        ]
        assert (found.nodes_total, found.executions_total) == (3, 0)
        late = await pureboot.library.where_used(TEMPLATE, "late")
        assert [(each.name, each.uses[0].how.value) for each in late.documents[:1]] == [("preseed", "fetch")]
        assert not (await pureboot.library.where_used(TEMPLATE, "lone")).is_used
        with pytest.raises(NotFound):
            await pureboot.library.where_used(TEMPLATE, "nowhere")


async def test_a_reference_is_kept_to(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        templates = pureboot.templates
        await templates.create("base", "1\n", by=ADA)
        await templates.create("two", "${include:base:v1}\n", by=ADA)
        await templates.create("exact", "${include:base:v1.0}\n", by=ADA)
        await templates.create("open", "${include:base}\n", by=ADA)
        await templates.add_version("base", "1.1\n", by=ADA)

        async def names(version: str | None) -> list[str]:
            found = await pureboot.library.where_used(TEMPLATE, "base", version)
            return [each.name for each in found.documents]

        assert await names(None) == ["exact", "open", "two"]
        assert await names("v1.1") == ["open", "two"]
        assert await names("v1.0") == ["exact"]
        await templates.add_version("base", "2.0\n", by=ADA, bump=Bump.MAJOR)
        assert (await names("v1.1"), await names("v2.0")) == (["two"], ["open"])
        await templates.add_version("two", "nothing any more\n", by=ADA)
        assert await names(None) == ["exact", "open"]


async def test_executions_use_what_they_have_yet_to_come_to(store_url: str, opener: Opener, clock: ManualClock) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await site(pureboot)
        on_boot, on_finish, parent = (
            await start(pureboot, "n1"),
            await start(pureboot, "n2"),
            await start(pureboot, "n3", "parent"),
        )
        await report(pureboot, on_finish, "netboot")

        async def stages(name: str, kind: DocumentKind = TEMPLATE) -> dict[str, tuple[str, tuple[str, ...]]]:
            found = await pureboot.library.where_used(kind, name)
            return {each.node or "": (each.stage.value, each.steps) for each in found.executions}

        assert await stages("preseed") == {"n1": ("now", ("netboot",)), "n3": ("later", ("go",))}
        assert await stages("finish") == {
            "n1": ("later", ("finish",)),
            "n2": ("now", ("finish",)),
            "n3": ("later", ("go",)),
        }
        assert await stages("install", WORKFLOW) == {"n3": ("later", ("go",))}, "what runs of it keeps its version"
        await pureboot.executions.cancel(on_boot.id, by=ADA)
        assert set(await stages("preseed")) == {"n3"}
        assert parent.workflow_name == "parent"


async def test_triggers_and_open_names_are_told(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await site(pureboot)
        text = (
            'name: any\nsteps: [{key: a, action: node.script, with: {template: "{{ params.t }}"}}]\nparams: {t: {}}\n'
        )
        await published(pureboot, text)
        values = {"name": "nightly", "type": "schedule", "workflow": "parent", "config": {"cron": "0 3 * * *"}}
        await pureboot.triggers.create(values, by=ADA)
        found = await pureboot.library.where_used(TEMPLATE, "late")
        assert [(each.name, each.workflow) for each in found.triggers] == [("nightly", "parent")]
        assert [(each.name, each.step, each.text) for each in found.open_uses] == [("any", "a", "{{ params.t }}")]
        assert [each.name for each in (await pureboot.library.where_used(WORKFLOW, "parent")).triggers] == ["nightly"]


# What would change


async def test_a_new_text_tells_whom_it_reaches_and_who_gets_another(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await site(pureboot)
        library = pureboot.library
        found = await library.impact(TEMPLATE, "base", content="d-i time/zone string ${meta.zone|Europe/Rome}\n")
        assert [(each.node, each.verdict.value) for each in found.reached] == [
            ("n1", "changed"),
            ("n2", "same"),
            ("n3", "same"),
        ], "only n1 takes the default"
        assert found.counts["nodes"] == {"breaks": 0, "mends": 0, "changed": 1, "same": 2}
        assert (found.from_, found.to, found.added, found.removed) == ("v1.0", None, 1, 1)
        assert [text.title for text in found.reached[0].texts] == ["preseed"]
        one = await library.impact(
            TEMPLATE, "base", content="d-i time/zone string ${meta.zone|Europe/Rome}\n", node="n1"
        )
        [only] = one.reached
        [text] = only.texts
        assert "d-i time/zone string UTC\n" in (text.before or "")
        assert "d-i time/zone string Europe/Rome\n" in (text.after or "")
        assert "/render/********/late" in (text.after or ""), "a token is never shown"
        with pytest.raises(NotFound, match="this node would not get template base"):
            await library.impact(TEMPLATE, "base", content="x\n", node="n5")
        assert await pureboot.templates.version("base") == await pureboot.templates.version("base", "v1.0")


async def test_what_would_break_a_boot_is_told_first(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await site(pureboot)
        found = await pureboot.library.impact(TEMPLATE, "base", content="d-i time/zone string ${meta.zone}\n")
        assert [(each.node, each.verdict) for each in found.reached] == [
            ("n1", Verdict.BREAKS),
            ("n2", Verdict.SAME),
            ("n3", Verdict.SAME),
        ]
        assert found.reached[0].problems == ("base:1:22: ${meta.zone} has no value and no default",)
        await pureboot.templates.add_version("base", "d-i time/zone string ${meta.zone}\n", by=ADA)
        back = await pureboot.library.impact(TEMPLATE, "base", to="v1.0")
        assert [each.verdict for each in back.reached] == [Verdict.MENDS, Verdict.SAME, Verdict.SAME]
        circle = await pureboot.library.impact(TEMPLATE, "base", content="${include:preseed}\n")
        assert {each.verdict for each in circle.reached} == {Verdict.BREAKS}
        assert "circle" in circle.reached[0].problems[0]


async def test_an_error_of_the_new_text_is_told_though_it_renders(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        right = "d-i netcfg/get_hostname string ${node.hostname}\n"
        await pureboot.templates.create("answers", right, type_="preseed", by=ADA)
        found = await pureboot.library.impact(TEMPLATE, "answers", content=f"{right}d-i partman/confirm boolean yes\n")
        assert [(each.line, each.validator) for each in found.flaws] == [(2, "preseed")]
        await pureboot.templates.add_version("answers", f"{right}d-i partman/confirm boolean yes\n", by=ADA)
        assert (await pureboot.library.impact(TEMPLATE, "answers", to="v1.0")).flaws == ()


async def test_references_and_drafts_are_kept_to(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await site(pureboot)
        templates = pureboot.templates
        await templates.add_version("preseed", "${include:base:v1}${include:base:v1.0}", by=ADA)
        await templates.add_version("base", "other\n", by=ADA, draft=True)
        assert (await templates.render("preseed", node="n1")).content == BASE.replace("${meta.zone|UTC}", "UTC") * 2
        found = await pureboot.library.impact(TEMPLATE, "base", to="v1.1")
        assert {each.verdict for each in found.reached} == {Verdict.CHANGED}, "published, it is the newest 1.x"
        [one] = (await pureboot.library.impact(TEMPLATE, "base", to="v1.1", node="n1")).reached
        assert one.texts[0].after == "other\nd-i time/zone string UTC\n"
        await templates.set_current("base", "v1.1", by=ADA)
        back = await pureboot.library.impact(TEMPLATE, "base", to="v1.0")
        assert back.reached == (), "who asks for v1 or v1.0 gets the same wherever the pointer stands"


async def test_executions_under_way_that_have_yet_to_fetch_it_are_reached(
    store_url: str, opener: Opener, clock: ManualClock
) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await site(pureboot)
        first, second = await start(pureboot, "n1"), await start(pureboot, "n2")
        await report(pureboot, second, "netboot")
        found = await pureboot.library.impact(TEMPLATE, "preseed", content="${execution.id} ${execution.attempt}\n")
        shown = [(each.node, each.execution_id, each.stage and each.stage.value) for each in found.reached]
        assert shown == [("n1", first.id, "now"), ("n1", None, None), ("n2", None, None), ("n3", None, None)]
        assert found.counts["executions"]["changed"] == 1
        detail = await pureboot.library.impact(TEMPLATE, "preseed", content="${execution.id}\n", node="n1")
        assert [text.after for each in detail.reached for text in each.texts] == [f"{first.id}\n", "<execution.id>\n"]


async def test_a_workflows_new_version_reaches_those_who_start_it_and_none_under_way(
    store_url: str, opener: Opener, clock: ManualClock
) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await site(pureboot)
        await start(pureboot, "n1")
        await start(pureboot, "n3", "parent")
        changed = INSTALL.replace("kernel: debian/linux", "kernel: debian/${node.hostname}")
        await pureboot.workflows.import_(changed, by=ADA)
        found = await pureboot.library.impact(WORKFLOW, "install")
        assert (found.from_, found.to, found.pinned) == ("v1.0", "v1.1", 1)
        assert [change.text for change in found.changes] == [
            "step `netboot`: `kernel` is now `debian/${node.hostname}` (was `debian/linux`)"
        ]
        shown = [(each.node, each.execution_id is not None, each.verdict.value) for each in found.reached]
        assert shown == [
            ("n3", True, "changed"),
            ("n1", False, "changed"),
            ("n2", False, "changed"),
            ("n3", False, "changed"),
        ]
        [one] = (await pureboot.library.impact(WORKFLOW, "install", node="n2")).reached
        assert "kernel: debian/n2" in (one.texts[0].after or "")
        same = await pureboot.library.impact(WORKFLOW, "install", content="# only said otherwise\n" + INSTALL)
        assert (same.changes, {each.verdict for each in same.reached}) == ((), {Verdict.SAME})
        with pytest.raises(Invalid, match="is 'other', but it is compared with install"):
            await pureboot.library.impact(WORKFLOW, "install", content=OTHER)


async def test_what_cannot_be_compared_is_refused(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await pureboot.templates.create("empty", by=ADA)
        with pytest.raises(NotFound, match="has no version yet"):
            await pureboot.library.impact(TEMPLATE, "empty")
        with pytest.raises(Invalid, match="given beside a content"):
            await pureboot.library.impact(TEMPLATE, "empty", to="v1.0", content="x")


async def test_retired_nodes_are_reached_by_nothing(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await site(pureboot)
        for state in ("pending", "installing", "installed", "active", "deprovisioning", "retired"):
            await pureboot.nodes.move("n1", NodeState(state), by=ADA)
        assert [each.node for each in (await pureboot.library.where_used(TEMPLATE, "preseed")).nodes] == ["n2", "n3"]
