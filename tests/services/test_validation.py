"""Templates are checked when they are saved, planned and served; on both databases."""

import asyncio
from typing import Any

import pytest

from engine.app import PureBoot
from engine.core.events import Kind
from engine.core.executions import ExecutionStatus
from engine.core.findings import Finding, Severity
from engine.core.page import Page
from engine.errors import Conflict, Invalid, NotFound
from tests.conftest import Opener
from tests.programs import program
from tests.story import ADA, SERVER, ended, published

RIGHT = "d-i netcfg/get_hostname string ${node.hostname}\n"
WRONG = "d-i netcfg/get_hostname string x\nd-i partman/confirm boolean yes\n"
BOOT = """
name: install
boot_mode: any
steps:
  - key: boot
    action: node.boot
    with: {kernel: k, initrd: i, cmdline: "url=${server.http_url}/render/${execution.token}/answers"}
"""
RUN = """
name: run
boot_mode: any
steps:
  - {key: run, action: node.script, with: {template: probe}}
"""


@pytest.fixture(autouse=True)
def programs() -> None:
    for name in ("debconf-set-selections", "sh", "bash"):
        program(name)


@pytest.fixture
def opener(opener: Opener) -> Opener:
    """Opens stores that refuse errors, unless something else is asked for."""
    strict = {"templates__check_on_save": "error", "templates__check_on_boot": "error"}
    return lambda url, **values: opener(url, **(strict | values))


async def kinds(pureboot: PureBoot, kind: Kind) -> list[dict[str, Any]]:
    found, _ = await pureboot.events(Page(filters={"kind": (kind.value,)}))
    return [dict(each.data) for each in found]


async def node(pureboot: PureBoot, at: int = 1, **values: object) -> str:
    made = await pureboot.nodes.create(f"aa:bb:cc:dd:ee:{at:02x}", {"hostname": f"web-{at:02}", **values}, by=ADA)
    return made.id


async def test_a_template_with_an_error_is_not_saved(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        with pytest.raises(Invalid, match=r"answers:2:\d+: a boolean is true or false, not 'yes'.*--force") as refusal:
            await pureboot.templates.create("answers", WRONG, type_="preseed", by=ADA)
        [problem] = refusal.value.problems
        assert isinstance(problem, Finding)
        assert (problem.line, problem.file, problem.validator) == (2, "answers", "preseed")
        with pytest.raises(NotFound):
            await pureboot.templates.get("answers")
        assert await kinds(pureboot, Kind.TEMPLATE_CREATED) == []

        await pureboot.templates.create("answers", RIGHT, type_="preseed", by=ADA)
        with pytest.raises(Invalid):
            await pureboot.templates.add_version("answers", WRONG, by=ADA)
        assert (await pureboot.templates.get("answers")).latest_version == "v1.0"


@pytest.mark.parametrize("setting", ["warn", "off"])
async def test_errors_are_only_told_where_nothing_else_is_set(store_url: str, opener: Opener, setting: str) -> None:
    heard: list[Finding] = []
    async with opener(store_url, templates__check_on_save=setting) as pureboot:
        await pureboot.templates.create("answers", WRONG, type_="preseed", by=ADA, tell=heard.extend)
        assert [each.line for each in heard] == ([2] if setting == "warn" else [])
        [noted] = await kinds(pureboot, Kind.TEMPLATE_VERSION_CREATED)
        assert [each["line"] for each in noted.get("findings", [])] == ([2] if setting == "warn" else [])
        assert "forced" not in noted


async def test_force_saves_it_and_the_event_says_so(store_url: str, opener: Opener) -> None:
    heard: list[Finding] = []
    async with opener(store_url) as pureboot:
        await pureboot.templates.create("answers", RIGHT, type_="preseed", by=ADA)
        await pureboot.templates.add_version("answers", WRONG, by=ADA, force=True, tell=heard.extend)
        assert [(each.line, each.severity) for each in heard] == [(2, Severity.ERROR)]
        forced, plain = await kinds(pureboot, Kind.TEMPLATE_VERSION_CREATED)
        assert forced["forced"] is True
        assert (forced["findings"][0]["line"], forced["findings"][0]["validator"]) == (2, "preseed")
        assert "forced" not in plain

        back = await pureboot.templates.set_current("answers", "v1.0", by=ADA)
        assert back.current_version == "v1.0"
        with pytest.raises(Invalid, match="true or false"):
            await pureboot.templates.set_current("answers", "v1.1", by=ADA)
        assert (await pureboot.templates.get("answers")).current_version == "v1.0"
        await pureboot.templates.set_current("answers", "v1.1", by=ADA, force=True)
        assert (await kinds(pureboot, Kind.TEMPLATE_CURRENT_CHANGED))[0]["forced"] is True


async def test_warnings_are_told_and_stop_nothing(store_url: str, opener: Opener) -> None:
    heard: list[Finding] = []
    async with opener(store_url) as pureboot:
        text = "d-i mirror/http/hostnam string x\n${include:later}"
        await pureboot.templates.create("answers", text, type_="preseed", by=ADA, tell=heard.extend)
        assert {each.severity for each in heard} == {Severity.WARNING}
        assert "did you mean mirror/http/hostname" in heard[0].message
        assert any("there is no template later" in each.message for each in heard)
        with pytest.raises(Conflict, match="exactly this content"):
            await pureboot.templates.add_version("answers", text, by=ADA)


async def test_what_a_part_breaks_elsewhere_is_told(store_url: str, opener: Opener) -> None:
    heard: list[Finding] = []
    async with opener(store_url) as pureboot:
        await pureboot.templates.create(
            "users", "users:\n  - name: ops\n", type_="cloud-init", tags=["snippet"], by=ADA
        )
        await pureboot.templates.create("middle", "${include:users}", type_="cloud-init", tags=["snippet"], by=ADA)
        whole = "#cloud-config\n# ${node.mac}\n${include:middle}\n"
        await pureboot.templates.create("web", whole, type_="cloud-init", by=ADA)
        await pureboot.templates.create("old", whole, type_="cloud-init", by=ADA)
        await pureboot.templates.archive("old", by=ADA)
        await pureboot.templates.add_version("users", "usrs:\n  - name: ops\n", by=ADA, tell=heard.extend)
        [found] = heard
        assert found.severity is Severity.WARNING
        assert "in web, which includes this: there is no key 'usrs' here; did you mean 'users'" in found.message
        assert (found.file, found.line) == ("users", 1)


async def test_a_template_is_checked_for_a_node(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        text = "# x\nd-i a/b boolean ${meta.wanted}\nd-i a/c string ${meta.none}\n"
        await pureboot.templates.create("answers", text, type_="preseed", by=ADA)
        await node(pureboot, metadata={"wanted": "maybe"})
        assert not [each for each in await pureboot.validation.template("answers") if each.is_error]
        first, second = await pureboot.validation.template("answers", node="web-01")
        assert (first.file, first.line, first.validator) == ("answers", 2, "preseed")
        assert "'maybe'" in first.message
        assert (second.line, second.validator) == (3, "placeholders")
        with pytest.raises(NotFound):
            await pureboot.validation.template("answers", node="nobody")
        found = await pureboot.validation.text("ipxe", "#!ipxe\n${include:answers}\n")
        assert found[0].file == "answers"
        with pytest.raises(Invalid, match="is no type"):
            await pureboot.validation.text("poem", "x")


async def test_a_text_with_errors_is_not_served(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, BOOT)
        await pureboot.templates.create("part", "# one\nd-i x/y boolean ${meta.wanted}\n", type_="preseed", by=ADA)
        await pureboot.templates.create("answers", "# ${node.mac}\n${include:part}", type_="preseed", by=ADA)
        await node(pureboot, metadata={"wanted": "perhaps"})
        execution = await pureboot.executions.start("install", node="web-01", by=ADA)
        with pytest.raises(Invalid, match=r"part:2:\d+: a boolean is true or false, not 'perhaps'.*check_on_boot"):
            await pureboot.callbacks.render(execution.id, "answers", server=SERVER)
        [told] = await kinds(pureboot, Kind.TEMPLATE_RENDER_FAILED)
        assert "not 'perhaps'" in told["error"]
        await pureboot.nodes.update("web-01", {"metadata": {"wanted": "true"}}, by=ADA)
        text = await pureboot.callbacks.render(execution.id, "answers", server=SERVER)
        assert text == "# aa:bb:cc:dd:ee:01\n# one\nd-i x/y boolean true\n"


@pytest.mark.parametrize("setting", ["warn", "off"])
async def test_a_text_with_errors_is_served_where_that_is_set(store_url: str, opener: Opener, setting: str) -> None:
    async with opener(store_url, templates__check_on_boot=setting) as pureboot:
        await published(
            pureboot,
            BOOT,
        )
        await pureboot.templates.create("answers", WRONG, type_="preseed", by=ADA, force=True)
        await node(pureboot)
        execution = await pureboot.executions.start("install", node="web-01", by=ADA)
        assert await pureboot.callbacks.render(execution.id, "answers", server=SERVER) == WRONG
        told = await kinds(pureboot, Kind.TEMPLATE_FLAWED)
        assert [each["template"] for each in told] == (["answers"] if setting == "warn" else [])
        assert pureboot.context.checks.made == (1 if setting == "warn" else 0)


async def test_a_storm_is_checked_once(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, BOOT)
        text = "# ${node.mac} ${node.ip} ${node.id} ${execution.token} ${execution.callback_url}\n" + RIGHT
        await pureboot.templates.create("answers", text, type_="preseed", by=ADA)
        started = []
        for at in range(1, 21):
            await node(pureboot, at, ip_address=f"10.0.0.{at}")
            started.append(await pureboot.executions.start("install", node=f"web-{at:02}", by=ADA))
        before = pureboot.context.checks.made
        texts = await asyncio.gather(
            *(pureboot.callbacks.render(each.id, "answers", server=SERVER) for each in started)
        )
        assert len(set(texts)) == 20
        assert pureboot.context.checks.made == before + 1


async def test_a_machine_that_differs_where_it_matters_is_checked_by_itself(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, BOOT)
        await pureboot.templates.create("answers", "#!ipxe\n${node.hostname} x\n", type_="ipxe", by=ADA, force=True)
        await pureboot.nodes.create("aa:bb:cc:dd:ee:01", {"hostname": "echo"}, by=ADA)
        await node(pureboot, 2)
        right = await pureboot.executions.start("install", node="echo", by=ADA)
        wrong = await pureboot.executions.start("install", node="web-02", by=ADA)
        assert await pureboot.callbacks.render(right.id, "answers", server=SERVER) == "#!ipxe\necho x\n"
        with pytest.raises(Invalid, match="there is no command"):
            await pureboot.callbacks.render(wrong.id, "answers", server=SERVER)


async def test_a_step_whose_script_has_errors_fails_with_them(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await pureboot.templates.create("probe", "#!/bin/sh\nif ${meta.check}; then\n", by=ADA, force=True)
        await published(pureboot, RUN)
        await node(pureboot, metadata={"check": "true"})
        execution = await pureboot.executions.start("run", node="web-01", by=ADA)
        assert await pureboot.callbacks.current(execution.id, server=SERVER) is None
        done = await ended(pureboot, execution)
        assert done.status is ExecutionStatus.FAILED
        assert "probe:3" in str(done.attempts[0].error)
        assert "yntax error" in str(done.attempts[0].error)


async def test_a_step_whose_script_is_right_is_handed_out(store_url: str, opener: Opener) -> None:
    async with opener(store_url, templates__check_on_boot="error") as pureboot:
        await pureboot.templates.create("probe", "#!/bin/sh\necho ${node.mac} ${execution.attempt}\n", by=ADA)
        await published(pureboot, RUN)
        await node(pureboot)
        execution = await pureboot.executions.start("run", node="web-01", by=ADA)
        for _ in range(2):
            step = await pureboot.callbacks.current(execution.id, server=SERVER, agent="one")
            assert step is not None
            assert step.step_config["script"] == "#!/bin/sh\necho aa:bb:cc:dd:ee:01 1\n"
        assert pureboot.context.checks.made == 1


async def test_a_plan_shows_what_the_check_of_a_template_finds(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, BOOT)
        await pureboot.templates.create("answers", WRONG, type_="preseed", by=ADA, force=True)
        await node(pureboot)
        plan = await pureboot.plans.plan("install", node="web-01")
        [missing] = [each for each in plan.missing if each.kind == "template"]
        assert (missing.line, missing.file, missing.step_key) == (2, "answers (rendered)", "boot")
        assert "true or false" in missing.message
        assert plan.steps[0].templates[0].problems[0].line == 2


async def test_a_part_that_is_served_by_itself_is_not_checked(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, BOOT)
        part = "%packages\n@core\n"
        await pureboot.templates.create("answers", part, type_="kickstart", tags=["snippet"], by=ADA)
        await node(pureboot)
        assert not (await pureboot.plans.plan("install", node="web-01")).steps[0].templates[0].problems
        execution = await pureboot.executions.start("install", node="web-01", by=ADA)
        assert await pureboot.callbacks.render(execution.id, "answers", server=SERVER) == part
        assert await pureboot.validation.template("answers", node="web-01") == ()
        assert pureboot.context.checks.made == 0
