"""The names of keys, as people write them and as they arrive. Pure."""

from textual.keys import Keys, _character_to_key

_OTHERS = {"esc": "escape", "return": "enter", "del": "delete", "ins": "insert", "pgup": "pageup", "pgdn": "pagedown"}
_PRINTABLE = {_character_to_key(chr(code)) for code in range(32, 127)}
_KNOWN = _PRINTABLE | {key.value for key in Keys if "+" not in key.value and not key.value.startswith("<")}
_MODIFIERS = ("ctrl", "alt", "shift")
# What a terminal sends for these is what it sends for those.
_SAME = {"ctrl+i": "tab", "ctrl+m": "enter", "ctrl+h": "backspace", "ctrl+left_square_bracket": "escape"}


def key_named(written: str) -> str:
    """The name under which a key arrives: `?` is `question_mark`, `Esc` is `escape`.

    Raises:
        ValueError: there is no such key, or no terminal sends it as such; says what to write.
    """
    word = written.strip()
    if not word:
        raise ValueError("names no key; write such as x, ctrl+x, f5 or space")
    *modifiers, last = word.split("+") if word != "+" and not word.endswith("++") else [*word[:-1].split("+")[:-1], "+"]
    modifiers = [each.lower() for each in modifiers]
    if "ctrl" in modifiers:  # a terminal sends the same for both
        last = last.lower()
    last = _character_to_key(last) if len(last) == 1 else _OTHERS.get(last.lower(), last.lower())
    if last not in _KNOWN or not set(modifiers) <= set(_MODIFIERS):
        raise ValueError(f"{word!r} is no key; write such as x, X, ctrl+x, f5, space, question_mark or ?")
    name = "+".join([*sorted(modifiers, key=_MODIFIERS.index), last])
    if name in _SAME:
        raise ValueError(f"{word!r} arrives as {_SAME[name]} from a terminal; choose another one")
    if modifiers == ["shift"] and len(last) == 1:
        raise ValueError(f"{word!r} arrives as {last.upper()} from a terminal; write that")
    if "alt" in modifiers and len(last) == 1 and last.isalpha():
        raise ValueError(f"{word!r} arrives as escape and {last} from many terminals; choose another one")
    return name
