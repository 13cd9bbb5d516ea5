"""What reads remember of the library: true in their own snapshot, whoever has changed it since."""

import pytest
from sqlalchemy import event

from engine.app import PureBoot
from engine.core.documents import LATEST, DocumentKind, parse_reference
from engine.errors import NotFound
from engine.store import documents, packs
from engine.store.tx import Tx
from tests.conftest import Opener
from tests.story import ADA

TEMPLATE = DocumentKind.TEMPLATE


async def current(pureboot: PureBoot, name: str = "answers", reference: str = "latest") -> str:
    def work(tx: Tx) -> str:
        return documents.version(tx, documents.get(tx, TEMPLATE, name), parse_reference(reference)).content

    return await pureboot.context.database.read(work)


async def test_what_another_process_changes_is_seen_at_once(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as one, opener(store_url) as other:
        await one.templates.create("answers", "one\n", by=ADA)
        assert (await current(one), await current(other)) == ("one\n", "one\n")
        await other.templates.add_version("answers", "two\n", by=ADA)
        assert (await current(one), await current(other)) == ("two\n", "two\n")
        assert (await current(one, reference="v1.0"), await current(one, reference="v1")) == ("one\n", "two\n")
        await one.templates.set_current("answers", "v1.0", by=ADA)
        assert (await current(one), await current(other)) == ("one\n", "one\n")
        await other.templates.archive("answers", by=ADA)
        with pytest.raises(NotFound):
            await current(one, "others")
        await other.templates.create("others", "three\n", by=ADA)
        assert await current(one, "others") == "three\n", "that it was not there is not remembered"


async def test_a_draft_is_one_no_more_when_it_was_published(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as one, opener(store_url) as other:
        await one.templates.create("answers", "one\n", by=ADA)
        await one.templates.add_version("answers", "two\n", by=ADA, draft=True)
        assert (await one.templates.version("answers", "v1.1")).draft
        assert await current(one, reference="v1") == "one\n"
        await other.templates.set_current("answers", "v1.1", by=ADA)
        assert not (await one.templates.version("answers", "v1.1")).draft
        assert await current(one, reference="v1") == "two\n"


async def test_what_is_known_costs_one_question(sqlite_url: str, opener: Opener) -> None:
    async with opener(sqlite_url) as pureboot:
        await pureboot.templates.create("answers", "one\n", by=ADA)
        template = await pureboot.templates.get("answers")
        asked: list[str] = []
        engine = pureboot.context.database.backend.reader.sync_engine
        event.listen(engine, "before_cursor_execute", lambda _c, _u, statement, *_: asked.append(statement))

        def work(tx: Tx) -> str:
            packs.source_of(tx, template.id)
            document = documents.get(tx, TEMPLATE, "answers")
            return documents.version(tx, document, LATEST).content

        for _ in range(2):
            asked.clear()
            assert await pureboot.context.database.read(work) == "one\n"
        assert len([each for each in asked if each.startswith("SELECT")]) == 1
