"""A site's library as a pack: the files from which another PureBoot makes the same templates and workflows.

Documents are called as before (`names: plain`): a template `foo` is the file `templates/foo`, a workflow `foo` is
`workflows/foo.yaml`, each with exactly its current content. What else there is to say of them stands in the manifest;
so no content needs front matter or a sidecar, and none is taken for one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.core.documents import Document, DocumentKind, DocumentStatus
from engine.core.packs import MANIFEST
from engine.core.yaml_writer import written


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A document and the content that is exported of it."""

    document: Document
    content: str


def export(
    documents: Sequence[Exported], *, ref: str, label: str = "", version: str = "1.0.0", description: str = ""
) -> dict[str, bytes]:
    """The files of a pack with these documents, by path."""
    listed = sorted(documents, key=lambda each: each.document.name)
    templates = [each for each in listed if each.document.kind is DocumentKind.TEMPLATE]
    workflows = [each for each in listed if each.document.kind is DocumentKind.WORKFLOW]
    manifest = {
        "ref": ref,
        "label": label or ref,
        "version": version,
        "description": description,
        "names": "plain",
        "templates": {each.document.name: _template(each.document) for each in templates},
        "workflows": {each.document.name: said for each in workflows if (said := _workflow(each.document))},
    }
    text = written(manifest, width=10_000)
    return {
        MANIFEST: text.encode(),
        **{f"templates/{each.document.name}": each.content.encode() for each in templates},
        **{f"workflows/{each.document.name}.yaml": each.content.encode() for each in workflows},
    }


def _template(document: Document) -> Mapping[str, Any]:
    more = {"description": document.description, "os_family": document.os_family, "tags": list(document.tags)}
    return {"type": document.type, **{name: value for name, value in more.items() if value}}


def _workflow(document: Document) -> Mapping[str, Any]:
    said: dict[str, Any] = {"tags": list(document.tags)} if document.tags else {}
    if document.status is DocumentStatus.DRAFT:
        said["draft"] = True
    return said
