"""Saved views: a filter with its order under a name, each person's own, in the XDG state folder."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from platformdirs import user_state_path

from engine.errors import Unavailable

MOST = 200
MOST_NAME = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A filter as it is typed, and the order. `is_ours` is one that PureBoot brings."""

    name: str
    filter: str = ""
    sort: str = ""
    reverse: bool = False
    is_ours: bool = False


OURS: dict[str, tuple[View, ...]] = {
    "nodes": (
        View(name="failed", filter="state=install_failed", is_ours=True),
        View(name="new", filter="state=discovered", sort="since", is_ours=True),
        View(name="installing", filter="state:pending,installing", sort="since", is_ours=True),
        View(name="silent", filter="state=installing seen>10m", sort="seen", is_ours=True),
        View(name="locked", filter="locked:yes", sort="name", is_ours=True),
    )
}


def path() -> Path:
    """Where they are kept."""
    return user_state_path("pureboot") / "views.json"


def load(place: str) -> list[View]:
    """Those of a list by its name, the person's own first; what cannot be read is left out."""
    return [*_own(_stored(), place), *OURS.get(place, ())]


def save(place: str, view: View) -> None:
    """Keep a view; one of the same name is replaced.

    Raises:
        Unavailable: the file cannot be written.
    """
    stored = _stored()
    others = [each for each in _own(stored, place) if each.name != view.name]
    _write({**stored, place: [_plain(each) for each in [*others, view]][-MOST:]})


def delete(place: str, name: str) -> None:
    """Forget a view; there need not be one.

    Raises:
        Unavailable: the file cannot be written.
    """
    stored = _stored()
    _write({**stored, place: [_plain(each) for each in _own(stored, place) if each.name != name]})


def _plain(view: View) -> dict[str, Any]:
    return {name: value for name, value in asdict(view).items() if name != "is_ours"}


def _stored() -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(path().read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return found
    return {}


def _own(stored: dict[str, Any], place: str) -> list[View]:
    listed = stored.get(place)
    return list(_read(listed)) if isinstance(listed, list) else []


def _read(listed: list[Any]) -> Iterable[View]:
    for each in listed:
        if isinstance(each, dict) and isinstance(each.get("name"), str):
            filter_, sort = (str(each.get(key) or "") for key in ("filter", "sort"))
            yield View(name=each["name"][:MOST_NAME], filter=filter_, sort=sort, reverse=bool(each.get("reverse")))


def _write(stored: dict[str, Any]) -> None:
    """The whole file or nothing of it."""
    where = path()
    try:
        where.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=where.parent, prefix=".views-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(stored, file, ensure_ascii=False, indent=1)
            Path(name).replace(where)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise Unavailable(f"the views cannot be kept in {where}: {error.strerror}") from None
