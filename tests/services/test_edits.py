"""What an editor is given and what it saves: nobody's change is lost, and nothing wrong is kept by mistake."""

import pytest

from engine.core.documents import DocumentKind
from engine.core.editing import Seen
from engine.core.findings import errors
from engine.errors import Conflict, Invalid, Stale
from tests.conftest import Opener
from tests.story import ADA, published

GREET = """\
name: greet
steps:
  - key: hello
    action: core.echo
    with: {message: hello}
"""
SECRET = GREET.replace("message: hello", "message: '${secret.nobody}'")
KICKSTART = "text\nlang en_US.UTF-8\n%packages\n@core\n%end\n"


async def test_a_workflow_is_edited_and_nobody_s_change_is_lost(store_url: str, opener: Opener) -> None:
    async with opener(store_url, host=False) as pureboot:
        await published(pureboot, GREET)
        mine = await pureboot.edits.open(DocumentKind.WORKFLOW, "greet")
        assert (mine.text, mine.seen) == (GREET, Seen(current="v1.0", latest="v1.0"))
        saved = await pureboot.edits.save_workflow(
            GREET.replace("hello}", "there}"), by=ADA, name="greet", commit_message="politer", seen=mine.seen
        )
        assert (saved.version, saved.is_new) == ("v1.1", True)
        version = await pureboot.workflows.version("greet", "v1.1")
        assert (version.draft, version.commit_message) == (True, "politer")
        assert (await pureboot.edits.open(DocumentKind.WORKFLOW, "greet")).text == version.content
        with pytest.raises(
            Stale, match=r"greet has v1\.1 by now; when this text was begun, v1\.0 was its newest"
        ) as stale:
            await pureboot.edits.save_workflow(GREET + "# mine\n", by=ADA, name="greet", seen=mine.seen)
        assert stale.value.theirs == "v1.1"
        again = await pureboot.edits.save_workflow(version.content, by=ADA, name="greet")
        assert (again.version, again.is_new) == ("v1.1", False)
        with pytest.raises(Conflict, match="there is a workflow greet already"):
            await pureboot.edits.save_workflow(GREET, by=ADA, name=None)


async def test_what_is_wrong_is_said_with_its_place_and_is_not_saved(store_url: str, opener: Opener) -> None:
    async with opener(store_url, host=False) as pureboot:
        await published(pureboot, GREET)
        wrong = GREET.replace("core.echo", "core.eco").replace("greet", "greeting")
        found = await pureboot.edits.check_workflow(wrong, name="greet")
        assert [(each.line, each.path) for each in found] == [(1, "name"), (4, "steps[0].action")]
        with pytest.raises(Invalid, match="keeps its name"):
            await pureboot.edits.save_workflow(wrong, by=ADA, name="greet")
        [missing] = await pureboot.edits.check_workflow(SECRET)
        assert (missing.is_error, missing.line) == (False, 5)
        assert (await pureboot.edits.save_workflow(SECRET, by=ADA, name="greet")).version == "v1.1"
        [broken] = await pureboot.edits.check_workflow("name: [\n")
        assert broken.is_error
        [two] = await pureboot.edits.check_workflow("a: 1\n---\nb: 2\n")
        assert "holds 2 YAML documents" in two.message


async def test_a_template_is_begun_edited_and_shown_for_a_node_before_it_is_saved(
    store_url: str, opener: Opener
) -> None:
    async with opener(store_url, host=False, templates__check_on_save="error") as pureboot:
        edits = pureboot.edits
        made = await edits.save_template(KICKSTART, by=ADA, name="alma", new_type="kickstart", commit_message="new")
        assert made.version == "v1.0"
        opened = await edits.open(DocumentKind.TEMPLATE, "alma")
        assert opened.seen == Seen(current=None, latest="v1.0")
        await pureboot.templates.set_current("alma", "v1.0", by=ADA)
        with pytest.raises(Stale, match=r"has v1\.0 as its current version by now"):
            await edits.save_template(KICKSTART + "# x\n", by=ADA, name="alma", seen=opened.seen)
        seen = (await edits.open(DocumentKind.TEMPLATE, "alma")).seen
        worse = KICKSTART.replace("%end\n", "")
        with pytest.raises(Invalid):
            await edits.save_template(worse, by=ADA, name="alma", seen=seen)
        assert (await edits.save_template(worse, by=ADA, name="alma", seen=seen, force=True)).version == "v1.1"
        assert (await edits.open(DocumentKind.TEMPLATE, "alma")).text == worse, "its newest is a draft"
        node = await pureboot.nodes.create("52:54:00:00:00:01", {"hostname": "r1"}, by=ADA)
        text = "${node.hostname} ${template.version} ${secret.x}\n"
        for name, type_ in (("alma", ""), (None, "script")):
            shown = await edits.render(text, node=node.id, name=name, type_=type_)
            assert shown.content.startswith("r1 v1.2" if name else "r1 v1.0")
            assert [each.name for each in shown.unresolved] == ["secret.x"]


async def test_what_can_be_named(store_url: str, opener: Opener) -> None:
    async with opener(store_url, host=False) as pureboot:
        await published(pureboot, GREET)
        await pureboot.templates.create("late", "#!/bin/sh\n", by=ADA)
        known = await pureboot.edits.vocabulary()
        assert (known.templates, known.workflows, known.secrets) == (["late"], ["greet"], [])
        boot = known.actions["node.boot"]
        assert {word.name for word in boot.parameters} >= {"kernel", "initrd", "cmdline", "iso"}
        state = known.actions["node.state"].parameters[0]
        assert (state.name, state.values[0]) == ("state", "discovered")
        assert "needed" in state.hint
        template = await pureboot.edits.check_template("#!/bin/sh\nif\n", "script", name="late")
        assert errors(template)
        assert not errors(await pureboot.edits.check_template("if\n", "script", tags=("snippet",)))
