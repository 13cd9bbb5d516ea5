"""What a sync decides about each document."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from engine.core import documents as core
from engine.core.documents import Document, DocumentKind, DocumentStatus
from engine.core.pack_files import Entry
from engine.core.pack_plan import Action, Decision, Kept, as_left, decide
from engine.core.packs import PackSource

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def entry(content: str = "new\n", **facts: Any) -> Entry:
    return Entry(
        kind=DocumentKind.TEMPLATE,
        path="templates/a",
        name="p.a",
        digest="d",
        content=content,
        facts={"type": "script", **facts},
    )


def kept(content: str = "old\n", **changes: Any) -> Kept:
    document = Document(
        id="1",
        kind=DocumentKind.TEMPLATE,
        name="p.a",
        type="script",
        status=DocumentStatus.ACTIVE,
        current_version="v1.0",
        latest_version="v1.0",
        created_at=NOW,
        updated_at=NOW,
    )
    version = core.make_version(
        document, (1, 0), content, version_id="v", author="user:ada", commit_message="", now=NOW
    )
    source = PackSource(
        document_id="1", pack_ref="p", path="templates/a", digest="d0", version="v1.0", facts={"type": "script"}
    )
    return replace(Kept(document=document, newest=version, source=source, owner_is_here=True), **changes)


def decided(one: Entry, there: Kept | None, *, adopt: bool = False) -> Decision:
    return decide(one, there, ref="p", document_id="2", now=NOW, adopt=adopt)


def test_a_new_file_makes_a_document_in_use() -> None:
    found = decided(entry(tags=("x",)), None)
    assert (found.action, found.number, found.warnings) == (Action.CREATED, (1, 0), ())
    assert found.after is not None
    assert (found.after.id, found.after.status, found.after.current_version) == ("2", DocumentStatus.ACTIVE, "v1.0")
    assert found.after.tags == ("x",)
    draft = decided(entry(draft=True), None).after
    assert draft is not None
    assert (draft.status, draft.current_version, draft.latest_version) == (DocumentStatus.DRAFT, None, "v1.0")


def test_changed_content_is_a_version_and_the_same_content_none() -> None:
    assert decided(entry(), kept()).number == (1, 1)
    same = decided(entry("old\n"), kept())
    assert (same.action, same.number) == (Action.UNCHANGED, None)
    facts = decided(entry("old\n", description="x"), kept())
    assert (facts.action, facts.number) == (Action.CHANGED, None)


def test_what_is_not_the_packs_is_left_alone() -> None:
    alone = kept(source=None)
    for there in (alone, kept(source=replace(_source(), pack_ref="other"))):
        found = decided(entry(), there)
        assert (found.action, found.after) == (Action.REFUSED, None)
        assert "--adopt" in found.warnings[0]
        taken = decided(entry(), there, adopt=True)
        assert (taken.action, taken.number) == (Action.CHANGED, (1, 1))
        assert "is taken over" in taken.warnings[0]
    orphan = kept(source=replace(_source(), pack_ref="gone"), owner_is_here=False)
    assert decided(entry(), orphan).action is Action.REFUSED
    archived = replace(orphan, document=replace(orphan.document, status=DocumentStatus.ARCHIVED))
    assert decided(entry(), archived).action is Action.CHANGED


def _source() -> PackSource:
    found = kept().source
    assert found is not None
    return found


def test_what_was_done_by_hand_is_overruled_and_said() -> None:
    there = kept()
    assert there.newest is not None
    edited = replace(
        there,
        newest=replace(there.newest, minor=1, content_hash="other"),
        document=replace(there.document, current_version="v1.1", latest_version="v1.1"),
    )
    found = decided(entry("old\n"), edited)
    assert found.number == (1, 2)
    assert "v1.1 by user:ada is overwritten" in found.warnings[0]
    moved = replace(there, document=replace(there.document, current_version="v0.9"))
    found = decided(entry("old\n"), moved)
    assert (found.number, found.after and found.after.current_version) == (None, "v1.0")
    assert "v0.9 was made current by hand" in found.warnings[0]
    gone = replace(there, document=replace(there.document, status=DocumentStatus.ARCHIVED))
    found = decided(entry("old\n"), gone)
    assert (found.number, found.after and found.after.status) == (None, DocumentStatus.ACTIVE)
    assert "archived by hand" in found.warnings[0]
    typed = replace(there, document=replace(there.document, type="preseed"))
    assert "set back: type" in decided(entry("old\n"), typed).warnings[0]
    back = replace(gone, source=replace(_source(), digest=""))
    assert decided(entry("old\n"), back).warnings == ()


def test_a_document_is_as_it_was_left_or_not() -> None:
    there = kept()
    document, source = there.document, _source()
    assert as_left(document, source)
    for change in (
        {"status": DocumentStatus.ARCHIVED},
        {"current_version": "v0.1"},
        {"latest_version": "v1.1"},
        {"type": "preseed"},
    ):
        assert not as_left(replace(document, **change), source)
    assert not as_left(document, replace(source, digest=""))
    assert as_left(replace(document, description="by hand"), source)  # the pack says nothing of it
