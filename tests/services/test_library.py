"""Templates and workflows: versions, publishing, rendering; on both databases."""

import pytest

from engine.core.diff import diff
from engine.core.documents import Bump, DocumentStatus
from engine.core.page import Page
from engine.errors import Conflict, Invalid, NotFound
from tests.conftest import Opener
from tests.story import ADA

ECHO = "name: hello\nsteps:\n  - {key: a, action: core.echo, with: {message: hi}}\n"


async def test_a_templates_versions_are_counted_kept_and_compared(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        templates = pureboot.templates
        template = await templates.create("motd", "one\n", type_="script", by=ADA)
        assert (template.current_version, template.type) == ("v1.0", "script")
        assert (await templates.add_version("motd", "two\n", by=ADA, commit_message="second")).version_string == "v1.1"
        assert (await templates.add_version("motd", "three\n", by=ADA, bump=Bump.MAJOR)).version_string == "v2.0"
        with pytest.raises(Conflict, match=r"has exactly this content already, in v2\.0"):
            await templates.add_version("motd", "three\n", by=ADA)
        versions, total = await templates.versions("motd", Page(limit=2))
        assert ([each.version_string for each in versions], total) == (["v2.0", "v1.1"], 3)
        assert (await templates.version("motd", "v1")).content == "two\n"
        assert (await templates.version("motd")).content == "three\n"
        assert (await templates.set_current("motd", "v1.0", by=ADA)).current_version == "v1.0"
        assert (await templates.version("motd", "latest")).content == "one\n"
        assert (await templates.add_version("motd", "four\n", by=ADA)).version_string == "v2.1"
        difference = diff(*[(await templates.version("motd", version)).content for version in ("v1.0", "v2.0")])
        assert (difference.added, difference.removed) == (1, 1)
        with pytest.raises(NotFound, match=r"template motd: there is no version v9; the newest are: .*v2\.1"):
            await templates.version("motd", "v9")


async def test_a_template_is_rendered_for_a_node_with_what_is_missing_named(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await pureboot.groups.create({"name": "r4", "metadata": {"dns": "10.0.0.2", "ntp": "10.0.0.3"}}, by=ADA)
        values = {"hostname": "r1", "group_id": "r4", "metadata": {"dns": "10.9.9.9"}}
        await pureboot.nodes.create("aa:bb:cc:dd:ee:01", values, by=ADA)
        await pureboot.templates.create("net", "dns=${meta.dns} ntp=${meta.ntp}\n", by=ADA)
        await pureboot.templates.create("host", "${include:net}host=${node.hostname}\nx=${meta.gone}\n", by=ADA)
        rendered = await pureboot.templates.render("host", node="r1")
        assert rendered.content == "dns=10.9.9.9 ntp=10.0.0.3\nhost=r1\nx=${meta.gone}\n"
        assert [(each.name, each.line, each.column) for each in rendered.unresolved] == [("meta.gone", 2, 3)]
        assert (await pureboot.templates.render("net")).unresolved != ()


async def test_a_document_is_jinja2_as_well(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await pureboot.nodes.create("aa:bb:cc:dd:ee:01", {"hostname": "r1", "tags": ["a", "b"]}, by=ADA)
        text = "{% for tag in node.tags %}[{{ tag }}]{% endfor %} ${node.hostname}"
        await pureboot.templates.create("report", text, type_="document", by=ADA)
        await pureboot.templates.create("plain", text, by=ADA)
        assert (await pureboot.templates.render("report", node="r1")).content == "[a][b] r1"
        assert (await pureboot.templates.render("plain", node="r1")).content.startswith("{% for")


async def test_templates_refuse_what_is_wrong(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await pureboot.templates.create("t", "x", by=ADA)
        with pytest.raises(Conflict, match="there is a template t already"):
            await pureboot.templates.create("t", "y", by=ADA)
        with pytest.raises(Invalid, match="is no type of template"):
            await pureboot.templates.create("u", "y", type_="poem", by=ADA)
        with pytest.raises(Invalid, match="1048576"):
            await pureboot.templates.add_version("t", "x" * (1024 * 1024 + 1), by=ADA)
        with pytest.raises(NotFound, match="there is no template gone"):
            await pureboot.templates.add_version("gone", "x", by=ADA)
        await pureboot.templates.archive("t", by=ADA)
        assert await pureboot.templates.find(Page()) == ([], 0)
        assert (await pureboot.templates.version("t", "v1.0")).content == "x"


async def test_a_workflow_is_a_draft_until_it_is_published(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        workflows = pureboot.workflows
        [(draft, changed)] = await workflows.import_(ECHO, by=ADA, commit_message="first")
        assert (draft.status, draft.version, draft.is_active, changed) == (DocumentStatus.DRAFT, "v1.0", False, True)
        with pytest.raises(Conflict, match="is a draft; publish it first"):
            await pureboot.executions.start("hello", by=ADA)
        assert (await workflows.publish("hello", by=ADA)).is_active
        [(same, changed)] = await workflows.import_(ECHO, by=ADA)
        assert (same.version, changed) == ("v1.0", False)
        [(active, changed)] = await workflows.import_(ECHO.replace("hi", "ho"), by=ADA)
        assert (active.version, active.latest_version, changed) == ("v1.0", "v1.1", True)
        assert (await workflows.get("hello", "v1.1")).steps[0].with_ == {"message": "ho"}
        assert (await workflows.publish("hello", by=ADA)).version == "v1.1"
        assert (await workflows.publish("hello", "v1.0", by=ADA)).version == "v1.0"
        assert [each.version_string for each in (await workflows.versions("hello"))[0]] == ["v1.1", "v1.0"]
        assert (await workflows.archive("hello", by=ADA)).status is DocumentStatus.ARCHIVED
        with pytest.raises(Conflict, match="is archived"):
            await pureboot.executions.start("hello", by=ADA)
        assert await workflows.find(Page()) == ([], 0)


async def test_a_bad_file_changes_nothing(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        bad = f"{ECHO}---\nname: second\nsteps: [{{key: a, action: core.ehco}}]\n"
        cursor = await pureboot.feed.cursor()
        with pytest.raises(Invalid, match=r"f.yaml:6:26: steps\[0\].action: there is no action 'core.ehco'"):
            await pureboot.workflows.import_(bad, by=ADA, file="f.yaml")
        assert len(await pureboot.workflows.validate(bad)) == 1
        assert await pureboot.feed.cursor() == cursor
        assert await pureboot.workflows.find(Page()) == ([], 0)
        both = await pureboot.workflows.import_(bad.replace("ehco", "echo"), by=ADA)
        assert [workflow.name for workflow, _ in both] == ["hello", "second"]


async def test_errors_of_form_and_of_meaning_are_named_at_once(store_url: str, opener: Opener) -> None:
    text = """
name: w
colour: red
steps:
  - {key: a, action: core.ehco, timeout: 5x}
  - {key: b, action: node.boot, with: {kernal: k}, edges: [{to: gone}]}
"""
    async with opener(store_url) as pureboot:
        found = await pureboot.workflows.validate(text)
        assert sorted((each.line, each.path) for each in found) == [
            (3, "colour"),
            (5, "steps[0].action"),
            (5, "steps[0].timeout"),
            (6, "steps[1].edges[0].to"),
            (6, "steps[1].with.kernal"),
        ]


async def test_a_step_without_an_action_does_not_hide_what_is_wrong_elsewhere(store_url: str, opener: Opener) -> None:
    text = """
name: w
steps:
  - {key: a, action: core.ehco, edges: [{to: b}]}
  - {key: b, timeot: 3s}
  - {key: "no key", action: core.echo}
  - nonsense
  - {key: e, action: node.script}
"""
    async with opener(store_url) as pureboot:
        found = await pureboot.workflows.validate(text)
        assert sorted({(each.line, each.path) for each in found})[:5] == [
            (4, "steps[0].action"),
            (5, "steps[1].action"),
            (5, "steps[1].timeot"),
            (6, "steps[2].key"),
            (7, "steps[3]"),
        ]


async def test_a_workflow_that_lost_a_template_cannot_be_published(store_url: str, opener: Opener) -> None:
    text = "name: w\nsteps: [{key: a, action: node.script, with: {template: t}}]"
    async with opener(store_url) as pureboot:
        await pureboot.templates.create("t", "true", by=ADA)
        await pureboot.workflows.import_(text, by=ADA)
        await pureboot.templates.archive("t", by=ADA)
        with pytest.raises(Invalid, match="there is no template 't'"):
            await pureboot.workflows.publish("w", by=ADA)


async def test_workflows_as_trees(store_url: str, opener: Opener) -> None:
    tree = {"name": "w", "os_family": "bsd", "steps": [{"key": "a", "action": "core.echo"}]}
    async with opener(store_url) as pureboot:
        await pureboot.workflows.create(tree, by=ADA)
        with pytest.raises(Conflict, match="there is a workflow w already"):
            await pureboot.workflows.create(tree, by=ADA)
        changed = await pureboot.workflows.update("w", {"description": "new"}, by=ADA)
        assert (changed.description, changed.os_family, changed.latest_version) == ("new", "bsd", "v1.1")
        assert "description: new" in await pureboot.workflows.export("w")
        with pytest.raises(Invalid, match="keeps its name"):
            await pureboot.workflows.update("w", {"name": "x"}, by=ADA)
        found, total = await pureboot.workflows.find(Page(filters={"os_family": ("bsd",), "is_active": ("false",)}))
        assert ([each.name for each in found], total) == (["w"], 1)
        assert (await pureboot.workflows.find(Page(filters={"is_active": ("true",)})))[1] == 0


async def test_a_template_that_was_moved_back_refuses_what_it_says_already(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        templates = pureboot.templates
        await templates.create("motd", "one\n", by=ADA)
        await templates.add_version("motd", "two\n", by=ADA)
        await templates.set_current("motd", "v1.0", by=ADA)
        for content, version in (("one\n", "v1.0"), ("two\n", "v1.1")):
            with pytest.raises(Conflict, match=f"has exactly this content already, in {version}"):
                await templates.add_version("motd", content, by=ADA)
        assert (await templates.add_version("motd", "three\n", by=ADA)).version_string == "v1.2"
        assert (await templates.add_version("motd", "one\n", by=ADA)).version_string == "v1.3"


async def test_an_archived_template_can_be_used_again(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        templates = pureboot.templates
        await templates.create("motd", "one\n", by=ADA)
        for again in (
            lambda: templates.set_current("motd", "v1.0", by=ADA),
            lambda: templates.add_version("motd", "two\n", by=ADA),
        ):
            await templates.archive("motd", by=ADA)
            with pytest.raises(Conflict, match="is archived; add a version to it, or set its current version"):
                await templates.create("motd", "three\n", by=ADA)
            await again()
            assert (await templates.get("motd")).status is DocumentStatus.ACTIVE
            assert (await templates.find(Page()))[1] == 1


async def test_an_archived_workflow_that_is_taken_up_again_is_a_draft(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        workflows = pureboot.workflows
        await workflows.import_(ECHO, by=ADA)
        await workflows.publish("hello", by=ADA)
        await workflows.archive("hello", by=ADA)
        [(again, changed)] = await workflows.import_(ECHO, by=ADA)
        assert (again.status, again.version, again.current_version, changed) == (
            DocumentStatus.DRAFT,
            "v1.0",
            None,
            False,
        )
        assert (await workflows.find(Page()))[1] == 1
        assert (await workflows.publish("hello", by=ADA)).is_active


async def test_a_wrong_name_hides_nothing_else(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        found = await pureboot.workflows.validate("name: A B\nsteps:\n  - {key: a, action: core.ehco}\n")
        assert [(each.line, each.path) for each in found] == [(1, "name"), (3, "steps[0].action")]
