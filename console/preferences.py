"""How a person wants the console, from the settings and from what the terminal can show."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from console.alarms import Alarms
from console.keys import KEYS, Keymap
from console.keys.remap import read
from console.paint import DARK, LIGHT, SAFE, SAFE_LIGHT, SIXTEEN
from console.session import Session
from console.view.labels import ASCII, UNICODE, Symbols

if TYPE_CHECKING:
    from engine.settings_console import Console
    from engine.settings_sources import Origins

_THEMES = {"dark": DARK, "light": LIGHT, "safe": SAFE, "safe-light": SAFE_LIGHT, "16": SIXTEEN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What is None or empty is chosen by the terminal. `session` is where it was left, None if that is not kept;
    `origins` says where each setting was written; with `guide` an empty store opens on the first steps.
    """

    keymap: Keymap = field(default_factory=Keymap)
    theme: str | None = None
    symbols: Symbols | None = None
    alarms: Alarms = field(default_factory=Alarms)
    session: Session | None = None
    origins: "Origins" = field(default_factory=dict)
    guide: bool = False


def preferences(console: "Console", *, session: Session | None = None, origins: "Origins | None" = None) -> Preferences:
    """What the section `console` of the settings asks for; its keys have been checked."""
    keymap, _ = read(console.keys, KEYS)
    return Preferences(
        keymap=keymap,
        theme=_THEMES.get(console.theme),
        symbols={"on": ASCII, "off": UNICODE}.get(console.ascii),
        alarms=Alarms(bell=console.bell, notify=console.notify),
        session=session,
        origins=origins or {},
        guide=True,
    )


def has_few_colours(environ: Mapping[str, str] | None = None) -> bool:
    """Whether to use the terminal's own sixteen colours: it has no others, or no colours are wanted (NO_COLOR)."""
    environ = os.environ if environ is None else environ
    if environ.get("NO_COLOR"):
        return True
    term = environ.get("TERM", "")
    many = "256" in term or environ.get("COLORTERM", "") in ("truecolor", "24bit")
    return bool(term) and not many and not term.startswith(("xterm-kitty", "alacritty", "foot", "wezterm", "ghostty"))
