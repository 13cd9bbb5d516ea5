"""Looking for a text in documents; on both databases."""

import pytest

from engine.core.documents import DocumentKind
from engine.core.page import Page
from engine.errors import Invalid
from tests.conftest import Opener
from tests.story import ADA, published

TEMPLATE, WORKFLOW = DocumentKind.TEMPLATE, DocumentKind.WORKFLOW
WORDS = "name: w\ndescription: Wipes all\nsteps:\n  - {key: a, action: core.echo, with: {message: Straße 100%_x}}\n"


async def test_a_text_is_found_with_its_line_whatever_its_case(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        templates, library = pureboot.templates, pureboot.library
        await templates.create("b", "one\n  D-I Mirror mirror\n", type_="preseed", by=ADA, tags=["rack"])
        await templates.create("a", "nothing\n", by=ADA, description="The MIRROR at home")
        await templates.create("gone", "mirror\n", by=ADA)
        await templates.archive("gone", by=ADA)
        await templates.create("blank", by=ADA, description="mirror")
        found, total = await library.search(TEMPLATE, "mirror")
        assert total == 3
        shown = {
            each.document.name: [(match.field, match.line, match.column, match.text) for match in each.matches]
            for each in found
        }
        assert shown == {
            "a": [("description", 1, 5, "The MIRROR at home")],
            "b": [("content", 2, 7, "  D-I Mirror mirror"), ("content", 2, 14, "  D-I Mirror mirror")],
            "blank": [("description", 1, 1, "mirror")],
        }
        assert [each.version for each in found] == ["v1.0", "v1.0", None]
        assert (await library.search(TEMPLATE, "mirror", Page(filters={"type": ("preseed",)})))[1] == 1
        assert [each.matches[0].field for each in (await library.search(TEMPLATE, "RACK"))[0]] == ["tag"]
        page, total = await library.search(TEMPLATE, "mirror", Page(limit=1, offset=1))
        assert ([each.document.name for each in page], total) == (["b"], 3)


async def test_only_the_current_version_is_searched_unless_all_are_wanted(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await pureboot.templates.create("t", "needle\n", by=ADA)
        await pureboot.templates.add_version("t", "hay\n", by=ADA)
        await pureboot.templates.add_version("t", "a Needle again\n", by=ADA, draft=True)
        library = pureboot.library
        assert (await library.search(TEMPLATE, "needle"))[1] == 0
        found, total = await library.search(TEMPLATE, "needle", every_version=True)
        assert ([each.version for each in found], total) == (["v1.2", "v1.0"], 2)
        await pureboot.templates.set_current("t", "v1.0", by=ADA)
        assert (await library.search(TEMPLATE, "needle"))[1] == 1


@pytest.mark.parametrize(
    ("text", "count"), [("100%_x", 1), ("100__x", 0), ("%", 1), ("straße", 1), ("STRASSE", 0), ("wipes", 1), ("\\", 0)]
)
async def test_a_text_is_taken_literally(store_url: str, opener: Opener, text: str, count: int) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, WORDS)
        assert (await pureboot.library.search(WORKFLOW, text))[1] == count


@pytest.mark.parametrize(
    ("text", "why"), [("", "is empty"), ("a\nb", "has several lines"), ("x" * 201, "has 201 characters")]
)
async def test_what_cannot_be_looked_for_is_refused(sqlite_url: str, opener: Opener, text: str, why: str) -> None:
    async with opener(sqlite_url) as pureboot:
        with pytest.raises(Invalid, match=why):
            await pureboot.library.search(TEMPLATE, text)
