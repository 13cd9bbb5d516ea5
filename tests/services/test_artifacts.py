"""`core.render`: texts that stay with their execution; on both databases."""

import hashlib
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from engine.app import PureBoot
from engine.core.events import Kind
from engine.core.executions import Execution, ExecutionStatus
from engine.core.page import Page
from engine.core.rendering import MASK
from engine.core.scopes import Server
from engine.errors import Conflict, Invalid, NotFound
from engine.settings import Retention
from engine.store import schema
from tests.clock import ManualClock
from tests.conftest import Opener
from tests.story import ADA, SERVER, ended, published

REPORT = """\
# {{ node.hostname }} by ${params.who}
{% for key, step in steps.items() %}
- {{ key }}: {{ step.output.echo | default('-') }}
{% endfor %}
{{ execution.token }} ${execution.token}
"""
FLOW = """\
name: reported
params: {who: {type: string, default: ada}, as: {type: string, default: report.md}}
steps:
  - {key: hello, action: core.echo, with: {message: hi}}
  - {key: report, action: core.template.render, with: {template: "report:v1", as: "{{ params.as }}"}}
"""


async def run(pureboot: PureBoot, flow: str = FLOW, **params: str) -> Execution:
    name = await published(pureboot, flow)
    return await ended(pureboot, await pureboot.executions.start(name, by=ADA, node="r1", params=params))


async def site(pureboot: PureBoot, text: str = REPORT, type_: str = "document") -> None:
    await pureboot.nodes.create("aa:bb:cc:dd:ee:01", {"hostname": "r1"}, by=ADA)
    await pureboot.templates.create("report", text, type_=type_, by=ADA)


async def test_a_document_becomes_an_artifact_of_the_execution(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await site(pureboot)
        execution = await run(pureboot)
        assert execution.status is ExecutionStatus.SUCCEEDED
        attempt = execution.attempts[-1]
        [made] = await pureboot.artifacts.find(execution.id)
        assert (made.name, made.template, made.version, made.step_key) == ("report.md", "report", "v1.0", "report")
        assert (made.content, made.content_type, made.attempt_id) == ("", "text/markdown", attempt.id)
        whole = await pureboot.artifacts.get(execution.id, "report.md")
        assert whole.content == f"# r1 by ada\n\n- hello: hi\n\n- report: -\n\n{MASK} {MASK}\n"
        assert (whole.sha256, whole.size) == (hashlib.sha256(whole.content.encode()).hexdigest(), len(whole.content))
        assert attempt.output == {
            "name": "report.md",
            "sha256": made.sha256,
            "size": made.size,
            "url": f"/api/v1/executions/{execution.id}/artifacts/report.md",
        }
        told, _ = await pureboot.events(Page(filters={"kind": (Kind.ARTIFACT_CREATED.value,)}))
        assert [(each.execution_id, each.step_key, each.data["name"]) for each in told] == [
            (execution.id, "report", "report.md")
        ]
        with pytest.raises(NotFound, match=r"has no artifact x; there are: report\.md"):
            await pureboot.artifacts.get(execution.id, "x")
        with pytest.raises(NotFound):
            await pureboot.artifacts.find("nobody")


async def test_an_attempt_makes_one_however_often_it_is_performed(store_url: str, opener: Opener) -> None:
    flow = "name: slow\nsteps:\n  - {key: a, action: core.approve}\n"
    async with opener(store_url, host=False) as pureboot:
        await site(pureboot, "${params.who|nobody} v${template.version}")
        execution = await pureboot.executions.start(await published(pureboot, flow), by=ADA, node="r1")
        attempt = execution.attempts[0]
        first = await pureboot.artifacts.render(attempt, "report", "a.txt")
        await pureboot.templates.add_version("report", "other", by=ADA)
        assert (await pureboot.artifacts.render(attempt, "report", "a.txt")).sha256 == first.sha256
        assert (await pureboot.artifacts.get(execution.id, "a.txt")).content == "nobody vv1.0"
        await pureboot.executions.cancel(execution.id, by=ADA)
        assert (await pureboot.artifacts.render(attempt, "report", "a.txt")).id == first.id
        late = replace(attempt)
        second = await pureboot.executions.start("slow", by=ADA, node="r1")
        await pureboot.executions.cancel(second.id, by=ADA)
        late = second.attempts[0]
        with pytest.raises(Conflict, match="is over; its artifact is not kept"):
            await pureboot.artifacts.render(late, "report", "b.txt")
        assert await pureboot.artifacts.find(second.id) == []


async def test_a_name_made_again_takes_the_place_of_the_older(store_url: str, opener: Opener) -> None:
    flow = """\
name: twice
steps:
  - {key: a, action: core.render, with: {template: report, as: x.txt}}
  - {key: b, action: core.render, with: {template: "report:v1.0", as: x.txt}}
  - {key: c, action: core.render, with: {template: report}}
"""
    async with opener(store_url) as pureboot:
        await site(pureboot, "${execution.step_name}", "script")
        execution = await run(pureboot, flow)
        assert [(each.name, each.step_key) for each in await pureboot.artifacts.find(execution.id)] == [
            ("x.txt", "b"),
            ("report", "c"),
        ]
        assert (await pureboot.artifacts.get(execution.id, "x.txt")).content == "b"


@pytest.mark.parametrize(
    ("text", "type_", "params", "error"),
    [
        ("a\n ${meta.gone}", "script", {}, r"report:2:2: \$\{meta\.gone\} has no value and no default"),
        ("a\n{{ nope }}", "document", {}, r"report:2:4: 'nope' is undefined"),
        ("a\n{% if %}", "document", {}, r"report:2:1: Expected an expression"),
        ("x\n ${foo.bar}", "document", {}, r"report:2:2: \$\{foo\.bar\} is left as written: unknown namespace"),
        ("{% for i in range(9) %}\n{% endfor %} ${node.ip}", "document", {}, r"report:2:14: \$\{node\.ip\}"),
        (
            "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
            "document",
            {},
            "steps of work",
        ),
        ("x", "script", {"as": "../etc/passwd"}, "is no file name"),
        ("x", "script", {"as": ".hidden"}, "is no file name"),
        ("echo ${params.who}", "script", {"who": "it's"}, r"report:1:6: .*write \$\{shell:params\.who\}"),
        ("${include:report}", "script", {}, "closes a circle of includes: report -> report"),
    ],
)
async def test_what_cannot_be_made_fails_the_step_with_the_place(
    store_url: str, opener: Opener, text: str, type_: str, params: dict[str, str], error: str
) -> None:
    async with opener(store_url) as pureboot:
        await site(pureboot, text, type_)
        execution = await run(pureboot, **params)
        assert execution.status is ExecutionStatus.FAILED
        with pytest.raises(AssertionError, match=error):
            raise AssertionError(execution.attempts[-1].error)
        assert await pureboot.artifacts.find(execution.id) == []


async def test_artifacts_go_with_their_execution(store_url: str, opener: Opener, clock: ManualClock) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await site(pureboot)
        execution = await run(pureboot)
        await pureboot.retention.prune(rules=Retention(keep=0))
        with pytest.raises(NotFound):
            await pureboot.executions.get(execution.id)
        count = select(func.count()).select_from(schema.artifact)
        assert await pureboot.context.database.read(lambda tx: tx.number(count)) == 0


async def test_a_machine_that_boots_is_refused_a_text_that_a_value_breaks(store_url: str, opener: Opener) -> None:
    flow = "name: boots\nsteps:\n  - {key: a, action: node.boot, with: {kernel: k}}\n"
    async with opener(store_url) as pureboot:
        await site(pureboot, "#!/bin/sh\necho ${node.model}\n", "script")
        await pureboot.templates.create("safe", "echo ${shell:node.model} ${include:part}", by=ADA)
        await pureboot.templates.create("part", "\n${node.vendor}", by=ADA)
        await pureboot.nodes.update("r1", {"model": "$(reboot)", "vendor": "Dell Inc."}, by=ADA)
        execution = await pureboot.executions.start(await published(pureboot, flow), by=ADA, node="r1")
        with pytest.raises(Invalid, match=r"report:2:6: .* write \$\{shell:node\.model\}"):
            await pureboot.callbacks.render(execution.id, "report", server=SERVER)
        told, _ = await pureboot.events(Page(filters={"kind": (Kind.TEMPLATE_RENDER_FAILED.value,)}))
        assert "${shell:node.model}" in told[0].data["error"]
        rendered = await pureboot.callbacks.render(execution.id, "safe", server=Server(url="http://x"))
        assert rendered == "echo '$(reboot)' \nDell Inc."
        await pureboot.nodes.update("r1", {"vendor": "a; reboot"}, by=ADA)
        with pytest.raises(Invalid, match=r"part:2:1: \$\{node\.vendor\} has ;"):
            await pureboot.callbacks.render(execution.id, "safe", server=SERVER)
        preview = await pureboot.templates.render("safe", node="r1")
        assert [(each.template, each.line, each.column) for each in preview.hazards] == [("part", 2, 1)]
