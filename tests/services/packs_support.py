"""Small words for stories about packs."""

from pathlib import Path

from engine.app import PureBoot
from engine.core.events import Event
from engine.core.pack_reports import Report


def root(tmp_path: Path, name: str = "my_pack") -> Path:
    return tmp_path / "packs" / name


async def log(pureboot: PureBoot, after: int) -> list[Event]:
    return await pureboot.events_after(after)


def acts(report: Report) -> dict[str, str]:
    return {each.name: each.action.value for each in report.done}
