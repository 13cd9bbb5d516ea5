"""The bench of the console itself, at a size at which one sees only that it works."""

import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from tests.bench.console import figures
from tests.bench.console.__main__ import AIMS, _rows
from tests.bench.console.figures import Spent, Subject
from tests.bench.console.fill import fill
from tests.bench.table import printed
from tests.console.cli_support import environment

ECHO = """
import sys, tty
tty.setcbreak(0)
print("here I am", flush=True)
while (key := sys.stdin.read(1)) != "q":
    print("asked" if key == "?" else "key", flush=True)
"""
PLAIN = Subject(
    name="echo",
    argv=(sys.executable, "-c", ECHO),
    framed=re.compile(rb"here I am"),
    ready=re.compile(rb"I am"),
    question=b"?",
    answered=re.compile(rb"asked"),
    keys=(b"j", b"k"),
)


def test_what_a_person_feels_is_measured_of_any_program() -> None:
    began = figures.start(PLAIN)
    assert 0 < began["first frame"] < began["interactive"] < 30
    idle = figures.idle(PLAIN, Spent(idle_seconds=0.2, keys=3))
    assert idle["bytes/s"] == 0
    assert 0 < idle["p50"] <= idle["p99"] < 1000
    assert idle["MiB"] > 1


def test_a_store_is_filled_and_machines_report_in_the_engines_loop(tmp_path: Path) -> None:
    fill(tmp_path / "store.db", 30, 4)
    argv = (sys.executable, "-m", "tests.bench.console.loaded", "40", "--no-screen")
    found = figures.engine_alone(argv, environment(f"sqlite:///{tmp_path / 'store.db'}", tmp_path), 1.0)
    assert found["MiB"] > 10
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        count = dict(connection.execute("SELECT kind, count(*) FROM event GROUP BY kind"))
        [(running,)] = connection.execute("SELECT count(*) FROM execution WHERE status = 'running'")
        [(nodes,)] = connection.execute("SELECT count(DISTINCT hostname) FROM node")
    assert (running, nodes) == (4, 30)
    assert count["attempt.progressed"] > 5


def test_the_table_judges_ours_and_shows_the_others() -> None:
    one = {"first frame": 0.5, "content": 1.0, "interactive": 1.1, "bytes/s": 3.0, "cpu %": 0.1, "p50": 5.0, "p99": 9.0}
    load = {f"{name} {share}": 60.0 for name in ("calm", "busy", "page") for share in ("p50", "p99")}
    load |= {"bytes/s": 19_000.0, "cpu %": 30.0, "above MiB": 40.0}
    ours, other = {**one, "MiB": 80.0}, {**one, "MiB": 8.0}
    text = printed(list(_rows("PureBoot", {"PureBoot": [ours], "htop": [other]}, [load], {"btop": "not installed"})))
    said = {line.split("|")[0].strip(): line for line in text.splitlines()}
    assert all(name in said for name in AIMS)
    assert said["interactive, s"].endswith("met")
    assert said["idle bytes/s"].endswith("MISSED")
    assert said["under load, kB/s to the terminal"].endswith("≤ 20 met")
    assert "htop: 8" in text
    assert "btop: not installed" in text
