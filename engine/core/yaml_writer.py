"""YAML as a person would write it, which reads back as exactly the same."""

from collections.abc import Mapping
from typing import Any

import yaml

# PyYAML writes these as they are and reads them as blanks, or takes them for the end of a line (YAML 1.1, section 5.3).
_FRAGILE = "\x85\u2028\u2029\ufeff\r"


class _Dumper(yaml.SafeDumper):
    """Scripts as blocks, keys in the order given; line breaks other than the line feed by their names."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """A text."""
        style = '"' if any(char in text for char in _FRAGILE) else "|" if "\n" in text else None
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _Dumper.represent_text)


def written(data: Mapping[str, Any], *, width: int = 100) -> str:
    """A mapping of plain values as YAML; lines are broken at `width` characters where the values allow it."""
    return yaml.dump(dict(data), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=width)
