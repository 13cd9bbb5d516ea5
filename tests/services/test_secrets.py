"""Secrets from end to end: kept sealed, given to whoever performs a step, masked everywhere else."""

import json

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from engine.app import PureBoot, secret_key_path
from engine.core.events import Kind
from engine.core.page import Page
from engine.core.rendering import MASK
from engine.errors import Invalid, NotFound
from tests.conftest import Opener
from tests.services.secrets_support import ECHO, MAC, PASSWORD, RUN, everything, log_of, started
from tests.story import ADA, SERVER, ended, published, report

PEM = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\nZm9vYmFyYmF6cXV4\n-----END KEY-----\n"


async def test_names_are_told_and_values_never(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        kept = await pureboot.secrets.set("db.password", PASSWORD, by=ADA)
        assert (kept.is_new, kept.warning, kept.secret.updated_by) == (True, None, ADA)
        again = await pureboot.secrets.set("db.password", PASSWORD + "!", by="user:bob")
        assert (again.is_new, again.secret.created_at, again.secret.updated_by) == (
            False,
            kept.secret.created_at,
            "user:bob",
        )
        await pureboot.secrets.set("a", "another value", by=ADA)
        found, total = await pureboot.secrets.find(Page(limit=1))
        assert ([each.name for each in found], total) == (["a"], 2)
        await pureboot.secrets.delete("a", by=ADA)
        with pytest.raises(NotFound, match="there is no secret a"):
            await pureboot.secrets.delete("a", by=ADA)
        told, _ = await pureboot.events(Page(filters={"kind": ("secret.set", "secret.deleted")}, sort="id"))
        assert [(each.kind, each.principal, dict(each.data)) for each in told] == [
            (Kind.SECRET_SET, ADA, {"name": "db.password", "is_new": True}),
            (Kind.SECRET_SET, "user:bob", {"name": "db.password", "is_new": False}),
            (Kind.SECRET_SET, ADA, {"name": "a", "is_new": True}),
            (Kind.SECRET_DELETED, ADA, {"name": "a"}),
        ]
        assert PASSWORD not in await everything(pureboot)
        path = secret_key_path(pureboot.settings)
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.name.endswith(".secret.key")


@pytest.mark.parametrize("name", ["", "a b", "a/b", ".a", "a.", "a..b", "ä", "x" * 129, "items", "-a", "a\n"])
async def test_a_name_is_one_that_a_template_can_name(pureboot: PureBoot, name: str) -> None:
    with pytest.raises(Invalid, match="secret"):
        await pureboot.secrets.set(name, PASSWORD, by=ADA)
    assert not secret_key_path(pureboot.settings).exists()


HOSTILE = {
    "plain": PASSWORD,
    "variable": "a${node.mac}b{{ secret.plain }}c$${x}",
    "lines": PEM,
    "unicode": "pässwörd 🔑 \u202e",
    "a-b.c": "dashes and dots",
}


@pytest.mark.parametrize("type_", ["script", "document"])
async def test_a_template_gets_the_values_as_they_are_and_a_preview_the_mask(
    store_url: str, opener: Opener, type_: str
) -> None:
    wanted = "\n".join(f"${{secret.{name}}}" for name in HOSTILE)
    text = wanted + ("#{{ secret.variable }}#{{ secret['a-b.c'] }}" if type_ == "document" else "")
    async with opener(store_url) as pureboot:
        for name, value in HOSTILE.items():
            await pureboot.secrets.set(name, value, by=ADA)
        await pureboot.templates.create("answers", text, by=ADA, type_=type_)
        execution = await started(pureboot, RUN.replace("secret.password", "secret.plain"))
        rendered = await pureboot.callbacks.render(execution.id, "answers", server=SERVER)
        more = f"#{HOSTILE['variable']}#{HOSTILE['a-b.c']}" if type_ == "document" else ""
        assert rendered == "\n".join(HOSTILE.values()) + more
        preview = await pureboot.templates.render("answers", node=MAC)
        assert preview.content == "\n".join(MASK for _ in HOSTILE) + ("#" + MASK + "#" + MASK if more else "")
        assert preview.unresolved == ()


async def test_a_secret_that_is_not_there_is_an_error_with_its_place(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await pureboot.secrets.set("there", PASSWORD, by=ADA)
        text = "one\ntwo ${secret.nope} ${secret.nope|but a default} ${secret.there}"
        await pureboot.templates.create("answers", text, by=ADA)
        preview = await pureboot.templates.render("answers")
        assert [(each.name, each.line, each.column) for each in preview.unresolved] == [("secret.nope", 2, 5)]
        assert preview.content.endswith(f"${{secret.nope}} but a default {MASK}")
        execution = await started(pureboot, RUN.replace("secret.password", "secret.there"))
        with pytest.raises(Invalid, match=r"answers:2:5: .*there is no secret nope; make it with `pureboot secret set"):
            await pureboot.callbacks.render(execution.id, "answers", server=SERVER)
        await pureboot.templates.create("made", "{{ secret.nope }}", by=ADA, type_="document")
        with pytest.raises(Invalid, match="there is no secret nope"):
            await pureboot.templates.render("made")
        await pureboot.templates.add_version("made", "{{ secret }}", by=ADA)
        with pytest.raises(Invalid, match="cannot be listed"):
            await pureboot.templates.render("made")
        problems = await pureboot.workflows.validate(RUN, file="w.yaml")
        assert [(each.line, each.path) for each in problems] == [
            (6, "steps[0].with.script"),
            (7, "steps[0].with.env.CONFIG"),
        ]
        assert all("there is no secret password" in each.message for each in problems)
        await published(pureboot, RUN.replace("on-node", "other"))  # it may still be set


async def test_a_step_gets_secrets_that_its_attempt_is_not_stored_with(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await pureboot.secrets.set("password", PASSWORD, by=ADA)
        execution = await started(pureboot, RUN)
        step = await pureboot.callbacks.current(execution.id, server=SERVER)
        assert step is not None
        env = {"CONFIG": json.dumps({"pw": PASSWORD}), "HOST": MAC, "PLAIN": MAC}
        assert (step.step_config["script"], step.step_config["env"]) == (f"login {PASSWORD}", env)
        [attempt] = (await pureboot.executions.get(execution.id)).attempts
        assert attempt.config["script"] == "login ${secret.password}"
        assert attempt.config["env"]["CONFIG"] == "{{ {'pw': secret.password} | tojson }}"
        assert attempt.config["env"]["HOST"] == MAC
        # Whatever comes back, in whatever form and in however many pieces, is masked before it is kept.
        for piece in ("a correct", " horse batt", "ery sta", "ple b\n", "correct+horse+battery+staple ok\n"):
            await pureboot.callbacks.append_log(execution.id, "run", piece)
        assert await log_of(pureboot, execution.id) == f"a {MASK} b\n{MASK} ok\n"
        await report(pureboot, execution, "run", "progress", message=f"trying {PASSWORD}", progress_percent=5)
        output = {"list": [{"x": f"<{PASSWORD}>", PASSWORD: 1}], "n": 7}
        await report(pureboot, execution, "run", logs=f"{PASSWORD}\n", message=PASSWORD, output=output)
        done = await ended(pureboot, execution)
        assert done.attempts[0].output == {"list": [{"x": f"<{MASK}>", MASK: 1}], "n": 7}
        assert done.attempts[0].message == MASK
        assert (await log_of(pureboot, execution.id)).endswith(f"\n{MASK}\n")
        assert "horse" not in await everything(pureboot)


async def test_what_actions_give_back_is_masked(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await pureboot.secrets.set("password", PASSWORD, by=ADA)
        done = await ended(pureboot, await started(pureboot, ECHO, node=None))
        say, fail = done.attempts
        assert say.output["echo"] == f"it is {PASSWORD.upper()} or {MASK}"
        assert fail.error == f"cannot log in as {MASK}"
        assert MASK in (done.error or "")
        assert await log_of(pureboot, done.id) == f"it is {PASSWORD.upper()} or {MASK}\n"
        assert PASSWORD not in await everything(pureboot)


async def test_a_workflows_output_does_not_carry_a_secret_out(store_url: str, opener: Opener) -> None:
    text = """\
name: out
output: {own: "{{ secret.password }}"}
steps: [{key: say, action: core.echo, with: {message: hi}}]
"""
    async with opener(store_url) as pureboot:
        await pureboot.secrets.set("password", PASSWORD, by=ADA)
        done = await ended(pureboot, await started(pureboot, text, node=None))
        assert (done.status, done.output) == ("succeeded", {"own": MASK})


async def test_errors_of_expressions_do_not_quote_secrets(store_url: str, opener: Opener) -> None:
    text = """\
name: wrong
steps: [{key: say, action: core.echo, with: {message: "{{ {}[secret.password] }}"}}]
"""
    async with opener(store_url) as pureboot:
        await pureboot.secrets.set("password", PASSWORD, by=ADA)
        done = await ended(pureboot, await started(pureboot, text, node=None))
        assert MASK in (done.attempts[0].error or "")
        assert PASSWORD not in await everything(pureboot)


@pytest.mark.parametrize(
    ("fault", "path"),
    [
        ('concurrency: {key: "{{ secret.password }}", limit: 1}', "concurrency.key"),
        (
            'steps: [{key: sub, action: core.workflow, with: {workflow: x, params: {p: "{{ secret.password }}"}}}]',
            "steps[0].with.params.p",
        ),
        (
            'steps: [{key: sub, action: core.workflow, with: {workflow: x, params: {p: "${secret.password|x}"}}}]',
            "steps[0].with.params.p",
        ),
    ],
)
async def test_what_is_stored_cannot_name_a_secret(pureboot: PureBoot, fault: str, path: str) -> None:
    steps = "" if "steps" in fault else "\nsteps: [{key: say, action: core.echo}]"
    with pytest.raises(Invalid, match="names a secret") as refused:
        await pureboot.workflows.import_(f"name: bad\n{fault}{steps}", by=ADA)
    assert [each.path for each in refused.value.problems] == [path]


async def test_a_secret_does_not_get_into_the_inputs_of_another_workflow_by_stealth(
    store_url: str, opener: Opener
) -> None:
    inner = """\
name: inner
params: {p: {type: string}}
steps: [{key: say, action: core.echo, with: {message: "{{ params.p }}"}}]
"""
    outer = """\
name: outer
steps: [{key: sub, action: core.workflow, with: {workflow: inner, params: {p: "${include:sly}"}}}]
"""
    async with opener(store_url) as pureboot:
        await pureboot.secrets.set("password", PASSWORD, by=ADA)
        await pureboot.templates.create("sly", "${secret.password}", by=ADA)
        await published(pureboot, inner)
        done = await ended(pureboot, await started(pureboot, outer, node=None))
        assert done.status == "failed"
        assert "secret.password cannot be named here" in (done.attempts[0].error or "")
        assert PASSWORD not in await everything(pureboot)


async def test_a_node_cannot_ask_for_a_secret_by_what_it_reports(store_url: str, opener: Opener) -> None:
    text = """\
name: sly
steps:
  - {key: ask, action: node.script, with: {script: "true"}}
  - {key: give, action: node.script, with: {script: "{{ steps.ask.output.x }}", env: {Q: "{{ secret.b }}"}}}
"""
    async with opener(store_url) as pureboot:
        await pureboot.secrets.set("password", PASSWORD, by=ADA)
        await pureboot.secrets.set("b", "{{ secret.password }}${secret.password}", by=ADA)
        execution = await started(pureboot, text)
        await pureboot.callbacks.current(execution.id, server=SERVER)
        await report(pureboot, execution, "ask", output={"x": "{{ secret.password }}${secret.password}"})
        step = await pureboot.callbacks.current(execution.id, server=SERVER)
        assert step is not None
        assert PASSWORD not in str(step.step_config)
        assert step.step_config["env"] == {"Q": "{{ secret.password }}${secret.password}"}


async def test_a_plan_shows_the_mask_and_does_not_decide_by_it(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await pureboot.secrets.set("password", PASSWORD, by=ADA)
        await published(pureboot, ECHO)
        plan = await pureboot.plans.plan("echo")
        say = plan.steps[0]
        assert [each.value for each in say.parameters] == [f"it is {MASK} or {MASK}"]
        [edge] = say.edges
        assert edge.value is None
        assert "secret.password" in str(edge)
        assert PASSWORD not in str(plan)
        assert not plan.missing


async def test_what_is_exported_names_secrets_as_it_is_written(pureboot: PureBoot) -> None:
    await pureboot.secrets.set("password", PASSWORD, by=ADA)
    await published(pureboot, RUN)
    exported = await pureboot.workflows.export("on-node")
    assert "${secret.password}" in exported
    assert "secret.password} | tojson" in exported


async def test_a_secret_that_another_system_says_back_is_not_cut_in_two(store_url: str, opener: Opener) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(status=500, text="x" * 290 + " " + await request.text())

    app = web.Application()
    app.router.add_post("/", echo)
    async with TestServer(app) as server, opener(store_url) as pureboot:
        await pureboot.secrets.set("password", PASSWORD, by=ADA)
        say = f"{{method: POST, url: '{server.make_url('/')}', body: '${{secret.password}}'}}"
        workflow = f"name: say\nsteps:\n  - {{key: say, action: core.http, with: {say}}}\n"
        done = await ended(pureboot, await started(pureboot, workflow, node=None))
        error = str(done.attempts[0].error)
        assert error.endswith(f"500 Internal Server Error: {'x' * 290} {MASK}")
