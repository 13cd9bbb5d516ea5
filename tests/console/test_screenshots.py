"""The README's pictures, written into `screenshots/` from the same scenes that the tests of the screens use.

Each run writes them anew, and the same each time unless the console looks otherwise than before: then commit them. A
PNG goes beside each where CairoSVG is installed (`pip install cairosvg`).
"""

import importlib.util
from pathlib import Path

import pytest
from textual.pilot import Pilot

from console.app import PureBootApp
from tests.clock import ManualClock
from tests.console import details
from tests.console.conftest import Setter, screen_text
from tests.console.details import Show
from tests.console.test_dashboard import showing
from tests.console.test_editor_pictures import writing

SCREENSHOTS = Path(__file__).parent.parent.parent / "screenshots"
PNG_SCALE = 1.0


async def taken(show: Show, set_app: PureBootApp, size: tuple[int, int], name: str, *texts: str) -> None:
    """Show something, see that it is there, and keep the picture."""
    async with set_app.run_test(size=size) as pilot:
        await show(pilot)
        screen = screen_text(set_app)
        assert [text for text in texts if text not in screen] == []
        picture = set_app.export_screenshot(title="PureBoot")
    path = SCREENSHOTS / f"{name}-{size[0]}x{size[1]}.svg"
    path.write_text(picture)
    if importlib.util.find_spec("cairosvg"):
        write_png(path, picture)


def write_png(path: Path, picture: str) -> None:
    """The picture in dots. CairoSVG loads no fonts: the one that is on every machine is a little narrower."""
    import cairosvg

    drawn = picture.replace("Fira Code", "DejaVu Sans Mono").replace("font-size: 20px", "font-size: 20.27px")
    cairosvg.svg2png(bytestring=drawn.encode(), write_to=str(path.with_suffix(".png")), scale=PNG_SCALE)


@pytest.mark.parametrize("size", [(120, 36), (80, 24)], ids=["wide", "narrow"])
async def test_nodes(console_on: Setter, size: tuple[int, int]) -> None:
    app = console_on("rack").app

    async def show(pilot: "Pilot[None]") -> None:
        await details.until(pilot, lambda: "r4-07" in screen_text(app))

    await taken(show, app, size, "nodes", "r4-07", "installing")


async def test_dashboard(console_on: Setter) -> None:
    set_ = console_on("rack")
    await taken(
        showing(set_, "0", "about"), set_.app, (120, 36), "dashboard", "NEEDS YOU", "RUNNING", "retries used up"
    )


async def test_editor(console_on: Setter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    app = console_on("nothing").app
    show = writing(app, "f8", "end", "enter", *"on_failure: ")
    await taken(show, app, (120, 36), "editor", "2 errors", "on_failure:", "rollback")


async def test_execution(sqlite_url: str, tmp_path: Path) -> None:
    app = details.console_at(sqlite_url, tmp_path, clock := ManualClock())
    texts = ("Partition the disk", "unpacking 8 of 19 packages", "Unpacking grub-efi-amd64")
    await taken(details.show_execution(app, clock), app, (120, 36), "execution", *texts)


async def test_diff(sqlite_url: str, tmp_path: Path) -> None:
    app = details.console_at(sqlite_url, tmp_path, clock := ManualClock())
    await taken(details.show_diff(app, clock), app, (120, 36), "diff", "DIFF  v1.0", "partman-auto/method")


async def test_impact(sqlite_url: str, tmp_path: Path) -> None:
    app = details.console_at(sqlite_url, tmp_path, clock := ManualClock())
    texts = ("3 nodes would break", "under way, at netboot", "${meta.site}")
    await taken(details.show_impact(app, clock), app, (120, 36), "impact", *texts)


async def test_boot_trace(sqlite_url: str, tmp_path: Path) -> None:
    app = details.console_at(sqlite_url, tmp_path, clock := ManualClock())
    await taken(details.show_trace(app, clock), app, (80, 24), "trace", "ipxe.efi", "snponly")
