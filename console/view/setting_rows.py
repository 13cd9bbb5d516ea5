"""The settings that hold, as rows: each with its value and where it was written. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from console.view.columns import Column
from console.view.filtering import Fields
from console.view.labels import Role, Row, cell

COLUMNS = (
    Column(key="setting", title="SETTING", width=24, flex=1, most=32, keep=100),
    Column(key="value", title="VALUE", width=20, flex=3, keep=90),
    Column(key="from", title="FROM", width=18, flex=2, keep=80),
)
FIELDS = ("setting", "value", "from")
SORTS = ("setting", "from", "value")
DEFAULT = "default"
_PROGRAM = "this command"
MASK = "***"
_LOGIN = re.compile(r"(?<=://)([^\s/@:]*):([^\s/@]*)(?=@)")
_SECRET = re.compile(r"password|passwd|secret|token|api_key", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting: its name (`http.port`), its value as text with secrets masked, and where that was written."""

    name: str
    value: str
    origin: str

    @property
    def is_default(self) -> bool:
        """Whether nobody has written it."""
        return self.origin == DEFAULT


def settings_of(
    values: Mapping[str, Any], defaults: Mapping[str, Any], origins: Mapping[tuple[str, ...], object]
) -> list[Setting]:
    """Every setting, by name. What is no default although it was written nowhere was set by the command itself, as the
    demo does.
    """
    usual = dict(_leaves(defaults, ()))
    found = []
    for keys, value in _leaves(values, ()):
        origin = next((str(where) for written, where in origins.items() if written == keys[: len(written)]), None)
        other = DEFAULT if usual.get(keys) == value else _PROGRAM
        found.append(Setting(name=".".join(keys), value=shown(keys[-1], value), origin=origin or other))
    return found


def _leaves(tree: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in tree.items():
        here = (*above, str(key))
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, here)
        else:
            yield here, value


def shown(name: str, value: Any) -> str:
    """A value as it would be written; what is secret in it is masked."""
    if value is None or value in ("", (), {}):
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ", ".join(shown(name, each) for each in value)
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    if _SECRET.search(name):
        return MASK
    return _LOGIN.sub(rf"\1:{MASK}", str(value))


def row(setting: Setting) -> Row:
    """A setting, in the order of `COLUMNS`; what is no default stands out."""
    if setting.is_default:
        return cell(setting.name), cell(setting.value, Role.MUTED), cell(setting.origin, Role.MUTED)
    return cell(setting.name, Role.STRONG), cell(setting.value), cell(setting.origin, Role.ACCENT)


def fields(setting: Setting) -> Fields:
    """What a setting is searched by."""
    return {"setting": setting.name.lower(), "value": setting.value.lower(), "from": setting.origin.lower()}


def sort_key(setting: Setting, sort: str) -> tuple[object, ...]:
    """What settings are sorted by; by where they come from, what was written comes first."""
    if sort == "from":
        return setting.is_default, setting.origin, setting.name
    return (setting.value.lower() if sort == "value" else "", setting.name)
