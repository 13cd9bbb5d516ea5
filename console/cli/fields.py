"""Fields as the command line writes them (`hostname=r4-01 tags=db,web metadata.role=`), for nodes and groups."""

from collections.abc import Mapping
from typing import Any

import click

_IDS = {"group": "group_id", "workflow": "workflow_id"}
_YES = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_METADATA = "metadata."


def fields(words: Mapping[str, str], metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What a service takes; an empty word empties its field, and `metadata.KEY` changes one key of `metadata`.

    Raises:
        click.UsageError: `locked` is neither true nor false.
    """
    read: dict[str, Any] = {}
    for name, text in words.items():
        if name.startswith(_METADATA):
            read["metadata"] = _merged(read.get("metadata", metadata), name.removeprefix(_METADATA), text)
        elif name == "tags":
            read["tags"] = [tag for tag in text.split(",") if tag]
        elif name == "locked":
            read["locked"] = _yes(text)
        else:
            read[_IDS.get(name, name)] = text or None
    return read


def _merged(metadata: Mapping[str, Any], key: str, text: str) -> dict[str, Any]:
    others = {name: value for name, value in metadata.items() if name != key}
    return others | {key: text} if text else others


def _yes(text: str) -> bool:
    if text.lower() not in _YES:
        raise click.UsageError(f"locked is true or false, not {text!r}")
    return _YES[text.lower()]
