"""The screens about PureBoot itself: the first steps, the settings."""

from dataclasses import replace
from pathlib import Path

import pytest

from console.app import PureBootApp
from console.preferences import preferences
from console.screens.guide import GuideScreen
from console.screens.nodes import NodesScreen
from console.view import guide_lines, setting_rows
from console.view.guide_lines import Standing
from console.view.labels import ASCII, UNICODE, plain
from console.view.setting_rows import Setting
from engine.settings import read
from engine.settings_console import Console
from tests import scenarios
from tests.console.conftest import Opened, Setter, Stage
from tests.story import ADA, published


@pytest.mark.parametrize(
    ("standing", "done"),
    [
        (Standing(), 0),
        (Standing(files=True), 1),
        (Standing(drafts=2), 0),
        (Standing(workflows=1, files=True), 2),
        (Standing(proxy=True), 1),
        (Standing(heard=True, nodes=1), 2),
        (Standing(files=True, workflows=1, proxy=True, nodes=3, installed=True), 5),
    ],
)
def test_which_steps_are_done(standing: Standing, done: int) -> None:
    steps = guide_lines.steps(standing)
    assert sum(step.done for step in steps) == done
    for symbols, width in ((UNICODE, 80), (ASCII, 60), (UNICODE, 200)):
        texts = [plain(line) for line in guide_lines.lines(steps, symbols, width)]
        assert sum(" done " in text for text in texts) == done
        assert sum(" next " in text for text in texts) == (done < 5)
        assert max(map(len, texts)) <= width
    assert ("All is done" in plain(guide_lines.closing(steps))) == (done == 5)


def test_how_dhcp_is_told_names_this_server() -> None:
    text = "\n".join(guide_lines.steps(Standing(url="http://10.0.4.1:8080"))[2].how)
    assert "let it name 10.0.4.1 as next-server" in text
    assert "http://10.0.4.1:8080/boot.ipxe for iPXE" in text


async def test_an_empty_store_opens_on_the_first_steps_which_check_themselves_off(console_on: Setter) -> None:
    made = console_on("nothing")
    app = PureBootApp(made.app._open, user=ADA, symbols=UNICODE, preferences=preferences(Console()))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        at = Stage(replace(made, app=app), pilot)
        await at.until(lambda: isinstance(at.app.screen, GuideScreen))
        await at.sees("○ next   1. A boot file", "○ to do  2. A workflow", "0 of 5 done")
        await at.press("y")
        await at.says("copied how it is done: A boot file")
        files = at.pureboot.settings.files.dir / "debian-12"
        files.mkdir(parents=True)
        (files / "linux").write_bytes(b"x")
        await published(at.pureboot, scenarios.CHECK)
        await at.sees("✓ done   1. A boot file", "✓ done   2. A workflow", "○ next   3. DHCP")
        await scenarios.boot(at.pureboot, 1, "r4-01")
        await at.sees("✓ done   3. DHCP", "✓ done   4. The first machine", "○ next   5. Its first install", "4 of 5")
        await at.press("escape")
        await at.until(lambda: isinstance(at.app.screen, NodesScreen))
        await at.press("g", "f", "enter")
        await at.until(lambda: isinstance(at.app.screen, NodesScreen))


def test_settings_say_where_they_were_written_and_keep_secrets(tmp_path: Path) -> None:
    file = tmp_path / "pureboot.yaml"
    file.write_text("http:\n  port: 1\ndhcp: {allow: ['52:54:00', 'aa:bb']}\nconsole: {keys: {nodes: {run: x}}}\n")
    url = "postgresql://ada:s3cret@db/boot"
    reading = read(config=file, environ={"PUREBOOT_DATABASE__URL": url}, flags={"log.level": "debug"})
    defaults = read(environ={}).settings.model_dump()
    listed = setting_rows.settings_of(reading.settings.model_dump(), defaults, reading.origins)
    found = {each.name: each for each in listed}
    assert found["http.port"] == Setting(name="http.port", value="1", origin=f"{file}:2")
    assert found["dhcp.allow"].value == "52:54:00, aa:bb"
    assert (found["log.level"].value, found["log.level"].origin) == ("debug", "--log.level")
    assert found["database.url"].value == "postgresql+asyncpg://ada:***@db/boot"
    assert found["database.url"].origin == "PUREBOOT_DATABASE__URL"
    assert found["console.keys.nodes.run"].origin == f"{file}:4"
    assert (found["api.port"].value, found["api.port"].origin) == ("none", "default")
    assert found["engine.lease"].value == "30"
    assert setting_rows.shown("api_token", "x") == "***"
    assert not any("s3cret" in text for each in listed for text in (each.value, each.origin))
    assert sorted(listed, key=lambda each: setting_rows.sort_key(each, "from"))[-1].is_default


async def test_the_settings_are_listed_and_filtered(stage: Opened) -> None:
    async with stage(size=(100, 30)) as at:
        await at.press("g", "s")
        await at.sees("SETTING", "api.host", "127.0.0.1", "default")
        assert "  Settings" in at.lines[0]
        await at.press("slash", *"database", "enter")
        await at.sees("database.url", "pureboot.db", "this command")
        await at.press("y")
        assert at.app.said[-1].text == f"copied --set database.url={at.url}"
