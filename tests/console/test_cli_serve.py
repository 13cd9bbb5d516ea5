"""`pureboot serve` and the console as processes of their own: start, signals, ports, stores, terminals."""

import contextlib
import json
import re
import signal
import socket
import sqlite3
import subprocess
import termios
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.cli_support import SECONDS, Terminal, aside, environment, line_with, process, run
from tests.ports import free_port, taken

WORKFLOW = """\
name: {name}
steps:
  - {{key: a, name: Say it, action: core.echo, with: {{message: hello there}}}}
  - {{key: b, name: End it, action: {action}, with: {with_}}}
"""


@pytest.fixture
def env(sqlite_url: str, tmp_path: Path) -> dict[str, str]:
    return environment(sqlite_url, tmp_path)


@contextlib.contextmanager
def serving(env: dict[str, str], *words: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A running server, and its URL."""
    with process("serve", *words, env=env) as server:
        line = line_with(server.stderr, "HTTP listens on")
        match = re.search(r"on (\S+) port (\d+)", line)
        assert match is not None
        yield server, f"http://{match[1]}:{match[2]}"


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


def is_free(kind: int, port: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_a_signal_and_ends_with_0(env: dict[str, str], number: signal.Signals) -> None:
    with serving(env) as (server, url):
        assert json.loads(get(f"{url}/health"))["success"]
        assert json.loads(get(f"{url}/health/ready"))["data"]["parts"]["tftp"]["status"] == "ok"
        server.send_signal(number)
        assert server.wait(SECONDS) == 0
        assert server.stdout is not None
        assert server.stdout.read() == ""
        assert server.stderr is not None
        assert "Traceback" not in server.stderr.read()


def test_a_waiting_machine_does_not_hold_it_up(env: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_text("name: w\nsteps:\n  - {key: a, action: core.delay, with: {duration: 1h}}\n")
    with serving(env, "--auth-mode", "loose") as (server, url):
        aside("workflow", "import", "--publish", str(path), env=env)
        execution = json.loads(aside("workflow", "run", "w", "--json", env=env))
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as machine:
            machine.sendall(
                f"GET /api/v1/callback/{execution['id']}/current?wait=60 HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
            )
            get(f"{url}/health")
            server.send_signal(signal.SIGTERM)
            assert server.wait(SECONDS) == 0


def test_a_second_server_on_the_same_store_is_refused(env: dict[str, str]) -> None:
    with serving(env) as (_, url):
        second = run("serve", env=env)
        assert second.returncode == 1
        assert "serves this store already" in second.stderr
        assert "Traceback" not in second.stderr
        assert json.loads(get(f"{url}/health"))["success"]


def test_an_http_port_in_use_leaves_nothing_half_open(env: dict[str, str]) -> None:
    tftp = free_port(socket.SOCK_DGRAM)
    with taken(socket.SOCK_STREAM) as http:
        refused = run("serve", "--http-port", str(http), "--tftp-port", str(tftp), env=env)
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1].startswith(f"pureboot: HTTP cannot listen on 127.0.0.1 port {http}")
    assert "http.port" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert is_free(socket.SOCK_DGRAM, tftp)
    with serving(env):
        pass


def test_a_tftp_port_in_use_leaves_nothing_half_open(env: dict[str, str]) -> None:
    http = free_port(socket.SOCK_STREAM)
    with taken(socket.SOCK_DGRAM) as tftp:
        refused = run("serve", "--http-port", str(http), "--tftp-port", str(tftp), env=env)
    assert refused.returncode == 1
    assert str(tftp) in refused.stderr.splitlines()[-1]
    assert "Traceback" not in refused.stderr
    assert is_free(socket.SOCK_STREAM, http)


def test_a_store_that_cannot_be_written(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    refused = run("serve", "--database-url", f"sqlite:///{tmp_path / 'file' / 'p.db'}", env=env)
    assert refused.returncode == 1
    assert "cannot be opened for writing" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_store_of_a_newer_version_is_left_as_it_is(env: dict[str, str], sqlite_url: str) -> None:
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for words in (["serve"], ["node", "list"]):
        refused = run(*words, env=env)
        assert refused.returncode == 1
        assert "newer PureBoot" in refused.stderr
        assert "Traceback" not in refused.stderr
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]


def test_log_lines_are_json_where_that_is_asked_for(env: dict[str, str]) -> None:
    with process("serve", "--log-format", "json", env=env) as server:
        line = json.loads(line_with(server.stderr, "HTTP listens on"))
        assert (line["level"], line["logger"]) == ("info", "bootsrv.http.listener")
        server.send_signal(signal.SIGTERM)
        assert server.stderr is not None
        rest = [json.loads(each) for each in server.stderr]
        assert all("message" in each for each in rest)


def test_workflows_are_watched_and_their_logs_followed(env: dict[str, str], tmp_path: Path) -> None:
    for name, action, with_ in (("good", "core.delay", "{duration: 1}"), ("bad", "core.fail", "{message: no luck}")):
        path = tmp_path / f"{name}.yaml"
        path.write_text(WORKFLOW.format(name=name, action=action, with_=with_))
    with serving(env):
        aside("workflow", "import", "--publish", *(str(tmp_path / f"{n}.yaml") for n in ("good", "bad")), env=env)
        good = run("workflow", "run", "good", "--watch", env=env)
        assert good.returncode == 0
        assert re.search(r"succeeded +Say it +hello there", good.stdout)
        assert re.search(r"succeeded +good", good.stdout)
        bad = run("workflow", "run", "bad", "--watch", env=env)
        assert bad.returncode == 1
        assert re.search(r"failed +End it +no luck", bad.stdout)
        watched = json.loads(run("workflow", "run", "good", "--watch", "--json", env=env).stdout)
        assert watched["status"] == "succeeded"
        begun = json.loads(aside("workflow", "run", "good", "--json", env=env))
        followed = run("execution", "logs", begun["id"], "--follow", env=env)
        assert (followed.stdout, followed.returncode) == ("hello there\n", 0)
        only = run("execution", "logs", begun["id"], "--step", "b", env=env)
        assert only.stdout == ""


def test_the_event_log_is_followed_until_ctrl_c(env: dict[str, str]) -> None:
    with process("events", "--follow", "--json", env=env) as following:
        aside("node", "add", "52:54:00:00:00:01", env=env)
        event = json.loads(line_with(following.stdout, "node.created"))
        assert event["data"]["mac_address"] == "52:54:00:00:00:01"
        following.send_signal(signal.SIGINT)
        assert following.wait(SECONDS) == 130
        assert following.stderr is not None
        assert following.stderr.read() == ""


def test_the_console_hosts_a_store_and_a_second_one_attaches(env: dict[str, str]) -> None:
    with Terminal(env=env) as first:
        first.until("1. A boot file")
        first.press("1")
        aside("node", "add", "52:54:00:00:00:01", "hostname=r1-01", env=env)
        first.until("r1-01")
        with Terminal(env=env) as second:
            second.until("r1-01")
            second.press("\x11")
            assert second.end() == 0
        assert first.process.poll() is None
        first.press("\x11")
        assert first.end() == 0


def test_a_console_beside_a_server_opens_no_ports(env: dict[str, str]) -> None:
    with serving(env) as (_, url), Terminal("--http-port", url.rpartition(":")[2], env=env) as console:
        console.until("1. A boot file")
        console.press("1")
        aside("node", "add", "52:54:00:00:00:01", "hostname=r1-01", env=env)
        console.until("r1-01")
        console.process.send_signal(signal.SIGTERM)
        assert console.end() == 0
        assert json.loads(get(f"{url}/health"))["success"]


def test_a_console_that_cannot_open_its_ports_says_so_on_a_terminal_as_it_was(env: dict[str, str]) -> None:
    with taken(socket.SOCK_STREAM) as http, Terminal("--http-port", str(http), env=env) as console:
        assert console.end() == 1
        last = console.shown.decode().rpartition("\x1b[?1049l")[2]
        assert f"HTTP cannot listen on 127.0.0.1 port {http}" in last
        assert "Traceback" not in last
        assert termios.tcgetattr(console._screen)[3] & termios.ECHO


def test_a_terminal_that_stands_still_stops_nobody_and_is_painted_anew(env: dict[str, str]) -> None:
    port = free_port(socket.SOCK_STREAM)
    with Terminal("--http-port", str(port), env=env) as console:
        console.until("1. A boot file")
        for key in "21" * 25:  # nobody reads what these paint: some fill the terminal, thirty more what waits for it
            console.press(key)
            time.sleep(0.1)  # keys that come faster are painted together
        assert json.loads(get(f"http://127.0.0.1:{port}/health"))["success"]
        aside("node", "add", "52:54:00:00:00:01", "hostname=r1-01", env=env)
        console.until("r1-01")
        console.press("\x11")
        assert console.end() == 0


def test_a_console_whose_terminal_is_gone_leaves(env: dict[str, str]) -> None:
    with Terminal(env=env) as console:
        console.until("host")
        console.hang_up()
        assert console.process.wait(30) == 0


BROKEN = """\
import console.app
def broken(self):
    raise RuntimeError("broken on purpose")
console.app.PureBootApp._tick = broken
from console.cli.main import cli
cli([], prog_name="pureboot")
"""


def test_a_console_that_crashes_gives_the_terminal_back_and_names_its_log(env: dict[str, str], sqlite_url: str) -> None:
    with Terminal(env=env, program=BROKEN) as console:
        assert console.end() == 1
        last = console.shown.decode().rpartition("\x1b[?1049l")[2]
        assert "the console crashed" in last
        assert "Traceback" not in last
        log = Path(sqlite_url.removeprefix("sqlite:///") + ".log")
        assert str(log) in last.replace("\r\n", "")
        assert "broken on purpose" in log.read_text()
        assert termios.tcgetattr(console._screen)[3] & termios.ECHO
