"""Settings for a store of a test's own. Nothing of pytest: processes that tests start and kill need this as well."""

from pathlib import Path
from typing import Any

from engine.settings import Settings, load


def settings_for(url: str, folder: Path, **flags: Any) -> Settings:
    """Settings for a store at `url`; flags are written `http__port=0`."""
    given = {name.replace("__", "."): value for name, value in flags.items()}
    defaults = {
        "database.url": url,
        "http.host": "127.0.0.1",
        "http.port": 0,
        "tftp.host": "127.0.0.1",
        "tftp.port": 0,
        "files.dir": str(folder / "files"),
        "packs.dir": str(folder / "packs"),
        "auth.mode": "loose",
        "engine.lease": 3,
    }
    return load(environ={}, flags=defaults | given)
