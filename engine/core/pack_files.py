"""What a pack's files mean: each file of `templates` and `workflows` is one document.

A template is called as its file is. What it is (`type`, `description`, `os_family`, `tags`) stands in the manifest, in
front matter (`---`, keys, `---` at the top of the file, which is no part of the content), or in a sidecar: `NAME.yaml`
for the file `NAME`, or `STEM.yaml` for the file `STEM.ext` if it says nothing else. Front matter wins over a sidecar.
A type that is said nowhere follows from the extension. A workflow is called as it says itself, or else as its file is.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.core import documents, pack_manifest, sources, workflow_file
from engine.core.documents import DocumentKind, TemplateType
from engine.core.names import parse_name
from engine.core.pack_manifest import TEMPLATE_KEYS, Manifest, Names
from engine.core.pack_names import names_inside, settle_includes, settle_workflow
from engine.core.packs import MANIFEST, MAX_FILES, PackFiles, parse_ref
from engine.core.sources import Source
from engine.core.workflows import Workflow
from engine.errors import Invalid, Problem

_TEMPLATES, _WORKFLOWS = "templates/", "workflows/"
_YAML = (".yaml", ".yml")
_EXTENSIONS = {
    **dict.fromkeys(("ks", "kickstart"), TemplateType.KICKSTART),
    **dict.fromkeys(("preseed", "seed"), TemplateType.PRESEED),
    **dict.fromkeys(("ign", "ignition"), TemplateType.IGNITION),
    **dict.fromkeys(("sh", "bash", "ps1", "py"), TemplateType.SCRIPT),
    **dict.fromkeys(("j2", "jinja", "jinja2"), TemplateType.DOCUMENT),
    "ipxe": TemplateType.IPXE,
    "xml": TemplateType.UNATTEND,
}
_RULE = re.compile(r"\ufeff?---[ \t]*\r?\n")  # editors of Windows put a byte order mark first
_END = re.compile(r"^---[ \t]*(?:\r?\n|\Z)", re.MULTILINE)
_MAX_FRONT = 32 * 1024
_CLOUD = re.compile(r"#cloud-config\b")
_AUTOINSTALL = re.compile(r"^autoinstall:", re.MULTILINE)

Known = Mapping[str, tuple[str, str]]
"""Digest and document name of files that are in the store just as they were last read, by path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A document as a pack's file has it.

    `facts` is what is said of it. `skipped` is how many lines of the file stand before the content. Of a workflow there
    is `source`, in which everything stands where it stands in the file. `content` is None for a file that has not
    changed, which is not read again.
    """

    kind: DocumentKind
    path: str
    name: str
    digest: str
    content: str | None = None
    written: str = ""
    skipped: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    source: Source | None = None
    workflow: Workflow | None = None

    @property
    def is_draft(self) -> bool:
        """Whether it is not to be published."""
        return bool(self.facts.get("draft"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All that a pack's files mean. `problems` are what is wrong with files, by path; those mean nothing."""

    ref: str
    manifest: Manifest
    entries: tuple[Entry, ...]
    problems: Mapping[str, tuple[Problem, ...]]
    templates: Mapping[str, str]
    commit_id: str | None = None


def read(files: PackFiles, *, ref: str | None, known: Known | None = None) -> Reading:
    """Read a pack. `ref` is what it must be called, if that is settled; files that are `known` are not read again.

    Raises:
        Invalid: there is no manifest, or something in it is wrong; no file can be understood then.
    """
    manifest = read_manifest(files, ref)
    return _Reader(files, manifest, manifest.ref or ref or "", known or {}).reading()


def read_manifest(files: PackFiles, ref: str | None) -> Manifest:
    """The manifest of a pack, which says its ref unless `ref` does.

    Raises:
        Invalid: there is none, something in it is wrong, or it is another pack's.
    """
    for each in files.refused:
        if each.file in (MANIFEST, None):
            raise Invalid([each])
    written = files.files.get(MANIFEST)
    if written is None:
        raise Invalid(
            [Problem(file=MANIFEST, message="is missing: a pack is a folder with a pack.yaml that says its ref")]
        )
    manifest = pack_manifest.parse(_decoded(written, MANIFEST))
    named = manifest.ref or ref
    if named is None:
        raise Invalid([Problem(file=MANIFEST, path="ref", message="is missing")])
    if ref is not None and named != ref:
        raise Invalid([Problem(file=MANIFEST, path="ref", message=f"says {named!r}, but this pack is {ref}")])
    parse_ref(named)
    return manifest


def _decoded(content: bytes, path: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"is not text in UTF-8: byte {error.start} is wrong"
        raise Invalid([Problem(file=path, line=line, message=message)]) from None


class _Reader:
    def __init__(self, files: PackFiles, manifest: Manifest, ref: str, known: Known) -> None:
        self._files = files.files
        self._pack = files
        self._manifest = manifest
        self._ref = ref
        self._known = known
        self._problems: dict[str, tuple[Problem, ...]] = {}
        for each in files.refused:
            self._problems[each.file or ""] = (*self._problems.get(each.file or "", ()), each)
        template_files = [path for path in sorted(self._files) if path.startswith(_TEMPLATES)]
        self._sidecars = dict(self._find_sidecars({path.removeprefix(_TEMPLATES) for path in template_files}))
        sidecars = set(self._sidecars.values())
        self._templates = [path for path in template_files if path.removeprefix(_TEMPLATES) not in sidecars]
        self._workflows = [path for path in sorted(self._files) if path.startswith(_WORKFLOWS)]
        shorts = [path.removeprefix(_TEMPLATES) for path in self._templates]
        # Named plainly, a text means what it says: this is how a library comes back as it was.
        self._is_plain = manifest.names is Names.PLAIN
        self._inside = {} if self._is_plain else names_inside((short, self._full(short)) for short in shorts)
        # What a name in one file means depends on which others there are.
        around = [ref, manifest.names.value, str(manifest.draft), *self._templates, "", *self._workflows]
        self._around = hashlib.sha256("\0".join(around).encode()).digest()

    def reading(self) -> Reading:
        self._refuse_strangers()
        entries = [*self._each(self._templates, self._template), *self._read_workflows()]
        return Reading(
            ref=self._ref,
            manifest=self._manifest,
            entries=tuple(self._told_apart(entries)),
            problems=self._problems,
            templates=self._inside,
            commit_id=self._pack.commit_id,
        )

    def _full(self, short: str) -> str:
        if self._is_plain or short.startswith(f"{self._ref}."):
            return short
        return f"{self._ref}.{short}"

    def _refuse_strangers(self) -> None:
        """What the manifest speaks of must be there."""
        stems = {_stem(path) for path in self._workflows}
        for said, there, key in (
            (self._manifest.templates, {path.removeprefix(_TEMPLATES) for path in self._templates}, "templates"),
            (self._manifest.workflows, stems, "workflows"),
        ):
            lacking = [name for name in said if name not in there and f"{key}/{name}" not in self._problems]
            for name in lacking:
                problem = Problem(file=MANIFEST, path=f"{key}.{name}", message=f"there is no such file in {key}")
                self._problems[MANIFEST] = (*self._problems.get(MANIFEST, ()), problem)

    def _each(self, paths: Sequence[str], read_: Any) -> Iterator[Entry]:
        for path in paths:
            try:
                yield read_(path)
            except Invalid as error:
                self._problems[path] = tuple(replace(each, file=each.file or path) for each in error.problems)

    def _told_apart(self, entries: Sequence[Entry]) -> Iterator[Entry]:
        seen: dict[tuple[DocumentKind, str], str] = {}
        for entry in entries:
            first = seen.setdefault((entry.kind, entry.name), entry.path)
            if first == entry.path:
                yield entry
            else:
                message = f"is the {entry.kind} {entry.name}, and so is {first}; rename one"
                self._problems[entry.path] = (Problem(file=entry.path, path="name", message=message),)

    def _digest(self, path: str, *more: str) -> str:
        """What settles the meaning of a file: itself, its sidecar, and what other files say of it."""
        parts = [self._around, hashlib.sha256(self._files[path]).digest(), *(text.encode() for text in more)]
        return hashlib.sha256(b"\0".join(parts)).hexdigest()

    # templates

    def _find_sidecars(self, names: set[str]) -> Iterator[tuple[str, str]]:
        """Sidecars by the template they belong to."""
        for name in sorted(names):
            if name in self._manifest.templates or not name.endswith(_YAML):
                continue
            stem = _stem(name)
            if stem in names:
                if stem not in self._manifest.templates:
                    yield stem, name
                continue
            others = [each for each in names if each != name and _stem(each) == stem and not each.endswith(_YAML)]
            if len(others) == 1 and others[0] not in self._manifest.templates and self._says_facts(name):
                yield others[0], name

    def _says_facts(self, name: str) -> bool:
        try:
            tree = sources.read_one(self._files[_TEMPLATES + name].decode()).tree
        except (Invalid, UnicodeDecodeError):
            return False
        return isinstance(tree, Mapping) and bool(tree) and set(tree) <= set(TEMPLATE_KEYS)

    def _template(self, path: str) -> Entry:
        short = path.removeprefix(_TEMPLATES)
        name = parse_name(self._full(short))
        listed = self._manifest.templates.get(short)
        sidecar = self._sidecars.get(short)
        beside = self._files[_TEMPLATES + sidecar].hex() if sidecar else ""
        digest = self._digest(path, "" if listed is None else repr(sorted(listed.items())), beside)
        entry = Entry(kind=DocumentKind.TEMPLATE, path=path, name=name, digest=digest)
        if self._known.get(path) == (digest, name):
            return entry
        text = _decoded(self._files[path], path)
        if listed is not None:
            facts: dict[str, Any] = {"description": "", "os_family": "", "tags": (), **listed}
            skipped, content = 0, text
        else:
            facts = self._sidecar(sidecar) if sidecar else {}
            front, content = split_front_matter(text, path)
            skipped = text.count("\n", 0, len(text) - len(content))
            facts |= front
        facts.setdefault("type", guess_type(short, content))
        documents.check_content(content)
        settled = settle_includes(content, self._inside)
        return replace(entry, content=settled, written=content, skipped=skipped, facts=facts)

    def _sidecar(self, name: str) -> dict[str, Any]:
        path = _TEMPLATES + name
        source = sources.read_one(_decoded(self._files[path], path), file=path)
        return pack_manifest.read_facts(source)

    # workflows

    def _read_workflows(self) -> list[Entry]:
        found = list(self._each(self._workflows, self._named_workflow))
        names = {entry.path: entry.name for entry in found}
        known = {path: name for path, (_, name) in self._known.items() if path.startswith(_WORKFLOWS)}
        if names != known:  # others may mean it by its name
            found = list(self._each([entry.path for entry in found], self._new_workflow))
        inside = {}
        if not self._is_plain:
            inside = {_stem(path): name for path, name in names.items()}
            inside |= {name.removeprefix(f"{self._ref}."): name for name in names.values()}
        by_path = {entry.path: entry for entry in found}
        return list(self._each(list(by_path), lambda path: self._settled(by_path[path], inside)))

    def _named_workflow(self, path: str) -> Entry:
        known = self._known.get(path)
        digest = self._digest(path, repr(sorted(self._said(path).items())))
        if known is not None and known[0] == digest:
            return Entry(kind=DocumentKind.WORKFLOW, path=path, name=known[1], digest=digest)
        return self._new_workflow(path)

    def _said(self, path: str) -> Mapping[str, Any]:
        return self._manifest.workflows.get(_stem(path), {})

    def _new_workflow(self, path: str) -> Entry:
        if not path.endswith(_YAML):
            raise Invalid([Problem(message="is no workflow file: their names end in .yaml or .yml")])
        text = documents.check_content(_decoded(self._files[path], path))
        source = sources.read_one(text, file=path)
        if not isinstance(source.tree, Mapping):
            raise Invalid([source.problem((), "a workflow is a mapping with name and steps")])
        short = source.tree.get("name") or _stem(path)
        name = self._full(str(short))
        try:
            parse_name(name)
        except Invalid as error:
            raise Invalid([source.problem(("name",), each.message) for each in error.problems]) from None
        said = {key: value for key, value in self._said(path).items() if key != "draft"}
        facts = {**said, "draft": bool(self._said(path).get("draft", self._manifest.draft))}
        digest = self._digest(path, repr(sorted(self._said(path).items())))
        return Entry(
            kind=DocumentKind.WORKFLOW, path=path, name=name, digest=digest, facts=facts, source=source, written=text
        )

    def _settled(self, entry: Entry, inside: Mapping[str, str]) -> Entry:
        if entry.source is None:
            return entry
        content, tree = settle_workflow(entry.written, entry.source, entry.name, self._inside, inside)
        source = replace(entry.source, tree=tree)
        try:
            workflow = workflow_file.parse(source)
        except Invalid:
            workflow = None  # what is wrong is found with all the rest that is
        return replace(entry, content=content, source=source, workflow=workflow)


def _stem(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[0]


def split_front_matter(text: str, path: str = "") -> tuple[dict[str, Any], str]:
    """What the front matter of a template says, and the content behind it; nothing and the whole text without one.

    A text that begins with `---` and no mapping of such keys behind it is no front matter but a YAML document.

    Raises:
        Invalid: it is front matter, for it says a `type`, but something in it is wrong.
    """
    begin = _RULE.match(text)
    end = _END.search(text, begin.end()) if begin else None
    if begin is None or end is None or end.start() > _MAX_FRONT:
        return {}, text
    block = text[begin.end() : end.start()]
    try:
        source = sources.read_one("\n" + block, file=path)  # one line down, as in the file
    except Invalid:
        return {}, text
    tree = source.tree
    if not isinstance(tree, Mapping) or not tree or not ("type" in tree or set(tree) <= set(TEMPLATE_KEYS)):
        return {}, text
    return pack_manifest.read_facts(source), text[end.end() :]


def guess_type(name: str, content: str) -> str:
    """The type of a template that nothing is said of: by its extension, or as cloud-init marks it."""
    if _CLOUD.match(content):
        return (TemplateType.AUTOINSTALL if _AUTOINSTALL.search(content) else TemplateType.CLOUD_INIT).value
    return _EXTENSIONS.get(name.rpartition(".")[2] if "." in name else "", TemplateType.SCRIPT).value


def too_many(count: int) -> Problem | None:
    """What forbids a pack of so many files."""
    if count <= MAX_FILES:
        return None
    return Problem(message=f"holds more than {MAX_FILES} files; a pack may have so many")
