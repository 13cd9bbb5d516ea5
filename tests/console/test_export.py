"""Saving what a screen shows."""

import csv
import io
import json
from pathlib import Path

import pytest

from console.view import exporting
from console.view.columns import Column
from console.view.exporting import Form
from console.view.labels import cell
from tests.clock import ManualClock
from tests.console.conftest import Opened

COLUMNS = (Column(key="name", title="NAME", width=4), Column(key="said", title="SAID", width=4))


@pytest.mark.parametrize(
    ("text", "kept"),
    [("plain", "plain"), ("=1+1", "'=1+1"), ("@SUM(A1)", "'@SUM(A1)"), ("-", "-"), ('a,"b"', 'a,"b"'), ("", "")],
)
def test_no_spreadsheet_calculates_what_a_machine_said(text: str, kept: str) -> None:
    rows = [(cell("r1"), cell(text))]
    assert list(csv.reader(io.StringIO(exporting.as_csv(COLUMNS, rows)))) == [["name", "said"], ["r1", kept]]
    assert json.loads(exporting.as_json(COLUMNS, rows)) == [{"name": "r1", "said": text}]


def test_a_file_is_named_after_screen_and_time() -> None:
    now = ManualClock().now()
    assert exporting.file_name("the boot trace of a node", now, Form.SVG) == (
        f"pureboot-the-boot-trace-of-a-node-{now:%Y%m%d-%H%M%S}.svg"
    )
    assert exporting.file_name("../", now, Form.CSV) == f"pureboot-screen-{now:%Y%m%d-%H%M%S}.csv"


def read(folder: Path) -> dict[str, str]:
    """What was saved, by the file's extension."""
    return {path.suffix: path.read_text() for path in folder.glob("pureboot-nodes-*")}


async def test_a_screen_is_saved_in_every_form(stage: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with stage() as at:
        await at.press("slash", "r", "5", "enter")
        await at.sees("3 of 12")
        for key, end in (("c", "csv"), ("j", "json"), ("t", "txt"), ("v", "svg")):
            await at.press("X")
            await at.sees("The table has 3 rows, as filtered")
            await at.press("enter", key)
            await at.says(f".{end}")
        saved = read(tmp_path)
        rows = list(csv.DictReader(io.StringIO(saved[".csv"])))
        assert [row["name"] for row in rows] == ["r5-02", "r5-03", "r5-01"]
        assert [each["name"] for each in json.loads(saved[".json"])] == [row["name"] for row in rows]
        assert "3 of 12" in saved[".txt"]
        assert "Save what is shown" not in saved[".txt"]
        assert saved[".svg"].startswith("<svg")
        await at.press("X")
        await at.type("here.csv")
        await at.press("enter", "c")
        await at.says("saved to here.csv")
        await at.press("X")
        await at.type("here.csv")
        await at.press("enter", "t")
        await at.says("here.csv is there already and was left as it is")
        await at.press("X")
        await at.type("/nowhere/at/all")
        await at.press("enter", "t")
        await at.says("cannot be written: No such file or directory")
