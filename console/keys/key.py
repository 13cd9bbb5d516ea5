"""One entry of the table of keys."""

import re
from dataclasses import dataclass

_NAMES = {
    "question_mark": "?",
    "slash": "/",
    "colon": ":",
    "escape": "esc",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "vertical_line": "|",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "plus": "+",
    "asterisk": "*",
    "ctrl+@": "ctrl+space",
    "minus": "-",
    "equals_sign": "=",
    "full_stop": ".",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """Keys for one action. `label` is for the footer, `help` for the help; a key with `footer` is shown below.

    `context` is the part of the table that it stands in; the table itself fills it in.
    """

    keys: str
    action: str
    label: str
    help: str
    shown: str = ""
    footer: bool = False
    priority: bool = False
    context: str = ""

    @property
    def name(self) -> str:
        """What the action is called in the settings: `cancel`, `show_nodes`."""
        return re.sub(r"\W+", "_", self.action.removeprefix("app.")).strip("_")

    @property
    def id(self) -> str:
        """The action and its context: `nodes.cancel`."""
        return f"{self.context}.{self.name}"

    @property
    def display(self) -> str:
        """The keys as people write them."""
        return self.shown or " ".join(_NAMES.get(key, key) for key in self.keys.split(","))

    @property
    def first(self) -> str:
        """The key to name where there is room for one."""
        return self.display.split(" ")[0]
