"""The settings of the console: its keys, its looks, and how loud it is."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from engine.settings_fields import Section


def _on_or_off(value: object) -> object:
    """YAML reads bare `on` and `off` as true and false."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else value


def _keys(value: object) -> object:
    """Keys as one text with commas, also where they are a list, or a digit that YAML reads as a number."""
    if isinstance(value, list | tuple):
        return ",".join(str(each) for each in value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


_Keys = Annotated[str, BeforeValidator(_keys)]


class Console(Section):
    """How the console looks and what its keys are.

    `keys` gives actions other keys: `{nodes: {cancel: "x,ctrl+k"}}`, by the context and the name that the help shows.
    `theme` unset is the one that was chosen last, or what the terminal can show. `bell` and `notify` tell of an
    execution that failed: by the terminal's bell, and by a notification of the desktop (`osc9` and `osc777` are the two
    ways in which terminals know it, `on` picks one). `restore` opens the console where it was left.
    """

    keys: dict[str, dict[str, _Keys]] = Field(default={})
    theme: Literal["", "dark", "light", "safe", "safe-light", "16"] = ""
    ascii: Annotated[Literal["auto", "on", "off"], BeforeValidator(_on_or_off)] = "auto"
    bell: bool = False
    notify: Annotated[Literal["off", "on", "osc9", "osc777"], BeforeValidator(_on_or_off)] = "off"
    restore: bool = True
