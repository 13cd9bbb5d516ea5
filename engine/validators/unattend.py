"""Windows answer files: XML that is well formed, its root, its passes and components. No entity is ever expanded."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from engine.core.findings import Finding, error, warning
from engine.validators.facts import Facts

NAME = "unattend"
NAMESPACE = "urn:schemas-microsoft-com:unattend"
PASSES = ("windowsPE", "offlineServicing", "generalize", "specialize", "auditSystem", "auditUser", "oobeSystem")
ARCHITECTURES = ("amd64", "x86", "arm64", "arm", "ia64", "wow64", "neutral")
_COMPONENT = ("name", "processorArchitecture", "publicKeyToken", "language", "versionScope")
_MOST_DEPTH = 256


class _Refused(Exception):
    """What no answer file needs and an attacker does."""


def check(text: str, facts: Facts) -> Iterator[Finding]:
    """An answer file."""
    reader = _Reader()
    parser = expat.ParserCreate(encoding="utf-8", namespace_separator=" ")
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.EntityDeclHandler = _refuse_entity
    parser.ExternalEntityRefHandler = _refuse_external
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.XmlDeclHandler = reader.declared
    parser.CharacterDataHandler = reader.text
    reader.parser = parser
    try:
        parser.Parse(text.encode("utf-8", "replace"), True)
    except expat.ExpatError as wrong:
        message = f"is not well-formed XML: {expat.ErrorString(wrong.code)}{_hint(text, wrong)}"
        reader.found.append(error(message, wrong.lineno, wrong.offset + 1))
    except _Refused as wrong:
        reader.found.append(error(str(wrong), parser.CurrentLineNumber, parser.CurrentColumnNumber + 1))
    yield from reader.found


def _hint(text: str, wrong: expat.ExpatError) -> str:
    if wrong.lineno == 1 and text.lstrip("\ufeff") != text.lstrip("\ufeff").lstrip() and "<?xml" in text[:200]:
        return "; nothing may stand before <?xml, not even a blank"
    lines = text.split("\n")
    line = lines[wrong.lineno - 1] if wrong.lineno <= len(lines) else ""
    if "&" in line and wrong.code in (4, 11):
        return "; write & as &amp;"
    return ""


def _refuse_entity(*_: Any) -> None:
    raise _Refused("declares an entity; an answer file needs none, so none is taken")


def _refuse_external(*_: Any) -> int:
    raise _Refused("refers to something outside of it; nothing is fetched")


def _refuse_doctype(*_: Any) -> None:
    raise _Refused("has a DOCTYPE; an answer file has none, so none is taken")


@dataclass(slots=True)
class _Reader:
    """Goes along with expat; `path` are the elements that are open, without their namespaces."""

    parser: Any = None
    path: list[str] = field(default_factory=list)
    found: list[Finding] = field(default_factory=list)
    settings: str = ""
    seen: set[tuple[str, ...]] = field(default_factory=set)
    passes: dict[str, int] = field(default_factory=dict)

    def declared(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() not in ("utf-8", "us-ascii", "ascii"):
            self._error(f'says it is in {encoding}, but PureBoot serves UTF-8; write encoding="utf-8"')

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        namespace, _, name = tag.rpartition(" ")
        if not self.path:
            self._root(namespace, name)
        elif self.path == ["unattend"]:
            self._below_root(namespace, name, attributes)
        elif self.path == ["unattend", "settings"]:
            self._component(name, attributes)
        self.path.append(name)
        if len(self.path) > _MOST_DEPTH:
            raise _Refused(f"has elements nested deeper than {_MOST_DEPTH}")

    def end(self, _tag: str) -> None:
        self.path.pop()

    def text(self, data: str) -> None:
        if data.strip() and len(self.path) in (1, 2) and self.path[-1] in ("unattend", "settings"):
            self._error(f"there is a text in <{self.path[-1]}>, which holds only elements: {data.strip()[:40]!r}")

    def _root(self, namespace: str, name: str) -> None:
        if name != "unattend":
            hint = "; names are written small" if name.lower() == "unattend" else ""
            self._error(f"the root is <{name}>, not <unattend>{hint}")
        elif namespace != NAMESPACE:
            said = f"is {namespace!r}" if namespace else "is missing"
            self._error(f'the namespace of <unattend> {said}; write <unattend xmlns="{NAMESPACE}">')

    def _below_root(self, namespace: str, name: str, attributes: dict[str, str]) -> None:
        if namespace not in (NAMESPACE, ""):
            return  # what another program keeps there, such as the <Extensions> of generators; Setup passes over it
        if name not in ("settings", "servicing", "offlineImage"):
            self._error(f"<{name}> cannot stand in <unattend>; there are settings and servicing")
        if name != "settings":
            return
        said = attributes.get("pass")
        self.settings = said or ""
        if said is None:
            self._error(f"<settings> does not say its pass; one of {', '.join(PASSES)}")
        elif said not in PASSES:
            near = next((each for each in PASSES if each.lower() == said.lower()), None)
            self._error(
                f"there is no pass {said!r}" + (f"; did you mean {near}?" if near else f"; {', '.join(PASSES)}")
            )
        elif said in self.passes:
            message = f"the pass {said} has settings in line {self.passes[said]} too; put them into one"
            self.found.append(warning(message, *self._place()))
        if said:
            self.passes.setdefault(said, self._place()[0])

    def _component(self, name: str, attributes: dict[str, str]) -> None:
        if name != "component":
            self._error(f"<{name}> cannot stand in <settings>; there are components")
            return
        missing = [each for each in _COMPONENT if each not in attributes]
        if missing:
            self._error(f"<component {attributes.get('name', '')}> lacks {', '.join(missing)}")
        said = attributes.get("processorArchitecture", "amd64")
        if said not in ARCHITECTURES:
            hint = "; write amd64" if said.lower() in ("x86_64", "x64", "amd64") else ""
            self._error(f"there is no architecture {said!r}{hint}")
        key = (self.settings, attributes.get("name", ""), said, attributes.get("language", ""))
        if not missing and key in self.seen:
            self._error(f"the component {key[1]} ({said}) is written twice in the pass {self.settings}")
        self.seen.add(key)

    def _place(self) -> tuple[int, int]:
        return self.parser.CurrentLineNumber, self.parser.CurrentColumnNumber + 1

    def _error(self, message: str) -> None:
        self.found.append(error(message, *self._place()))
