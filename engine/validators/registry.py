"""Which check looks at which type of template, and the one way to call them."""

import importlib
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from engine.core.documents import TemplateType
from engine.core.findings import Findings, in_order
from engine.errors import Invalid, Problem
from engine.validators.facts import Check, Facts
from engine.validators.programs import not_checked

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Validator:
    """A check: its name in findings, and the module below `engine.validators` that has it."""

    name: str
    module: str

    def load(self) -> Check:
        """The check; some stand on libraries that take a while to load."""
        found: Check = importlib.import_module(f"engine.validators.{self.module}").check
        return found


BY_TYPE: Mapping[str, Validator] = MappingProxyType(
    {
        TemplateType.KICKSTART: Validator(name="kickstart", module="kickstart"),
        TemplateType.PRESEED: Validator(name="preseed", module="preseed"),
        TemplateType.AUTOINSTALL: Validator(name="autoinstall", module="autoinstall"),
        TemplateType.CLOUD_INIT: Validator(name="cloud-init", module="cloud_init"),
        TemplateType.IGNITION: Validator(name="ignition", module="ignition"),
        TemplateType.UNATTEND: Validator(name="unattend", module="unattend"),
        TemplateType.IPXE: Validator(name="ipxe", module="ipxe"),
        TemplateType.SCRIPT: Validator(name="script", module="script"),
        TemplateType.DOCUMENT: Validator(name="jinja2", module="document"),
        TemplateType.WORKFLOW: Validator(name="workflow", module="workflow"),
        "yaml": Validator(name="yaml", module="yaml_text"),
        "json": Validator(name="json", module="json_text"),
    }
)
"""By type of template, and `yaml` and `json` for files that are only that."""

PROGRAMS = frozenset({TemplateType.DOCUMENT, TemplateType.WORKFLOW})
"""Types whose texts are programs that make other texts: they are checked as they are written, not as they come out."""

TYPES: tuple[str, ...] = tuple(BY_TYPE)
_MOST = 200


def check(type_: str, text: str, facts: Facts | None = None) -> Findings:
    """Everything that a text's type finds wrong in it, in the order of the text. Blocking: call it in a thread.

    A check that fails itself gives a warning and stops nothing.

    Raises:
        Invalid: there is no such type.
    """
    validator = BY_TYPE.get(type_)
    if validator is None:
        message = f"{type_!r} is no type; one of {', '.join(TYPES)}"
        raise Invalid([Problem(path="type", message=message)])
    try:
        found = list(validator.load()(text, facts or Facts()))
    except Exception as wrong:
        _log.exception("the check %s failed", validator.name)
        found = [not_checked(f"the check {validator.name}", f"it failed itself ({type(wrong).__name__})")]
    return in_order([replace(each, validator=each.validator or validator.name) for each in found])[:_MOST]


_ENDINGS = {
    ".ks": TemplateType.KICKSTART,
    ".kickstart": TemplateType.KICKSTART,
    ".preseed": TemplateType.PRESEED,
    ".seed": TemplateType.PRESEED,
    ".ign": TemplateType.IGNITION,
    ".ipxe": TemplateType.IPXE,
    ".sh": TemplateType.SCRIPT,
    ".bash": TemplateType.SCRIPT,
    ".py": TemplateType.SCRIPT,
    ".j2": TemplateType.DOCUMENT,
    ".jinja": TemplateType.DOCUMENT,
}


def guess_type(name: str, text: str) -> str:
    """The type that a file most likely has, by its text and its name; a script if nothing says otherwise."""
    first = text.lstrip("\ufeff").partition("\n")[0]
    if re.match(r"#!(i|g)pxe\b", first):
        return TemplateType.IPXE
    if first.startswith("#cloud-config"):
        is_install = re.search(r"^autoinstall:", text, re.MULTILINE) is not None
        return TemplateType.AUTOINSTALL if is_install else TemplateType.CLOUD_INIT
    if "urn:schemas-microsoft-com:unattend" in text[:2000] or re.search(r"<unattend\b", text[:2000]):
        return TemplateType.UNATTEND
    ending = name[name.rfind(".") :].lower() if "." in name else ""
    if ending in _ENDINGS:
        return _ENDINGS[ending]
    if first.startswith("#!"):
        return TemplateType.SCRIPT
    if re.search(r"^\s*d-i\s+\S+/\S+\s", text, re.MULTILINE):
        return TemplateType.PRESEED
    if re.search(r"^(%packages|%post|%pre)\b", text, re.MULTILINE) or first.startswith("#version="):
        return TemplateType.KICKSTART
    if ending == ".json" or text.lstrip().startswith("{"):
        return TemplateType.IGNITION if re.search(r'"ignition"\s*:', text) else "json"
    return "yaml" if ending in (".yaml", ".yml") else TemplateType.SCRIPT
