"""`pureboot sim` at a real `pureboot serve`, each a process of its own: a small storm, and what it says of it."""

import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bootsrv.loaders import BIOS_LOADER, LOCALBOOT, UEFI_LOADER
from tests.console.cli_support import ROOT, Commands, aside, command, environment
from tests.console.test_cli_serve import serving
from tests.ports import free_port

MACHINES = 50
SECONDS = 120.0  # for what takes ten where nothing else runs
WORKFLOW = """\
name: storm
boot_mode: any
steps:
  - key: netboot
    action: node.boot
    with:
      kernel: linux
      initrd: initrd
      cmdline: pureboot.callback=${execution.callback_url} pureboot.token=${execution.token}
    next_state: installing
  - {key: partition, action: node.script, with: {script: "echo disk=/dev/sda >> $PUREBOOT_OUTPUT"}}
  - key: image
    action: node.script
    with: {script: "dd of={{ steps.partition.output.disk }}\\nsleep 60"}
    heartbeat: 1m
  - {key: configure, action: node.script, with: {script: "grub-install /dev/sda"}}
  - {key: reboot, action: node.reboot, next_state: installed}
"""
DYING = WORKFLOW.replace("name: storm", "name: dying").replace("grub-install /dev/sda", "exit 3")
KERNEL, INITRD, LOADER = 300_000, 900_000, 60_000


@pytest.fixture
def env(sqlite_url: str, tmp_path: Path) -> dict[str, str]:
    files, loaders = tmp_path / "files", tmp_path / "loaders"
    files.mkdir()
    loaders.mkdir()
    (files / "linux").write_bytes(bytes(KERNEL))
    (files / "initrd").write_bytes(bytes(INITRD))
    for name in (BIOS_LOADER, UEFI_LOADER, LOCALBOOT):
        (loaders / name).write_bytes(bytes(LOADER))
    for name, text in (("storm", WORKFLOW), ("dying", DYING)):
        (tmp_path / f"{name}.yaml").write_text(text)
    settings = {**environment(sqlite_url, tmp_path), "PUREBOOT_FILES__LOADERS": str(loaders)}
    commands = Commands(sqlite_url, tmp_path)
    for name in ("storm", "dying"):
        commands.ok("workflow", "import", "--publish", str(tmp_path / f"{name}.yaml"))
    return settings


@contextmanager
def heard(env: dict[str, str]) -> Iterator[str]:
    """A running server whose log is read all the while, for it says more than a pipe holds; gives its URL."""
    with serving(env) as (server, url):
        log = server.stderr
        assert log is not None
        threading.Thread(target=lambda: list(log), daemon=True).start()
        yield url


def sim(env: dict[str, str], url: str, port: int, *words: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a simulation at 60 times the speed."""
    where = ("--server", url, "--tftp-port", str(port), "--speed", "60", "--over", "1")
    done = subprocess.run(
        command("sim", *where, *words),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **env},
        timeout=SECONDS,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_a_small_storm_is_installed_whole(env: dict[str, str]) -> None:
    port = free_port()
    token = aside("token", "create", "storm", "--role", "technician", "--json", env=env)
    env = {**env, "PUREBOOT_TOKEN": json.loads(token)["token"], "PUREBOOT_TFTP__PORT": str(port)}
    with heard(env) as url:
        code, out, err = sim(env, url, port, "--nodes", str(MACHINES), "--workflow", "storm", "--json")
        assert (code, err) == (0, "")
        told = json.loads(out)
        assert told["installed"] == told["machines"] == MACHINES
        assert [told[name] for name in ("failed", "unfinished", "on_disk", "failures", "lost", "refused")] == [0] * 6
        assert told["tftp_bytes"] == told["tftp_transfers"] * LOADER == 2 * MACHINES * LOADER
        assert told["http_bytes"] > MACHINES * (KERNEL + INITRD)
        assert (told["kernels"], told["disk_boots"]) == (MACHINES, MACHINES)
        assert told["heartbeats"] > 0
        for stage, least in (("loader", 2), ("script", 2), ("file", 2), ("steps", 1), ("call", 5), ("install", 1)):
            spread = told["times"][stage]
            assert spread["count"] >= least * MACHINES, stage
            assert 0 < spread["p50"] <= spread["p90"] <= spread["p99"] <= spread["most"] < 30, stage
        nodes = json.loads(aside("node", "list", "--json", env=env))
        assert [node["state"] for node in nodes] == ["installed"] * MACHINES
        ended = json.loads(aside("execution", "list", "--limit", "200", "--json", env=env))
        assert [each["status"] for each in ended] == ["succeeded"] * MACHINES


def test_a_person_is_told_what_became_of_them(env: dict[str, str]) -> None:
    port = free_port()
    env = {**env, "PUREBOOT_TFTP__PORT": str(port), "PUREBOOT_AUTH__MODE": "loose"}
    with heard(env) as url:
        code, out, _ = sim(env, url, port, "--nodes", "3", "--workflow", "storm")
        assert code == 0
        lines = out.splitlines()
        assert re.fullmatch(r"3 machines in [\d.]+ s: 3 installed", lines[0])
        assert "3 kernels and 3 disks booted" in lines[1]
        assert [line.split()[-6] for line in lines if line.startswith("power on to new system")] == ["system"]
        again = sim(env, url, port, "--nodes", "3", "--workflow", "storm")
        assert again[0] == 4
        assert "is installed" in again[2]
        assert "storm was started on none of the 3 machines" in again[2]
        code, out, _ = sim(env, url, port, "--nodes", "3", "--once")
        assert (code, out.splitlines()[0].partition(": ")[2]) == (1, "3 gave up")  # their disks are empty again


def test_machines_that_give_up_are_an_exit_code(env: dict[str, str]) -> None:
    port = free_port()
    env = {**env, "PUREBOOT_TFTP__PORT": str(port), "PUREBOOT_AUTH__MODE": "loose"}
    with heard(env) as url:
        code, out, _ = sim(env, url, port, "--nodes", "2", "--workflow", "dying")
        assert code == 1
        assert out.splitlines()[0].endswith(": 2 gave up")


def test_what_keeps_it_from_beginning(env: dict[str, str]) -> None:
    port = free_port()
    env = {**env, "PUREBOOT_TFTP__PORT": str(port)}
    with heard(env) as url:
        code, out, err = sim(env, url, port, "--nodes", "2", "--workflow", "storm")
        assert (code, out) == (1, "")
        assert "pureboot token create" in err
        token = json.loads(aside("token", "create", "t", "--role", "admin", "--json", env=env))["token"]
        code, _, err = sim(env, url, port, "--nodes", "2", "--workflow", "none", "--token", token)
        assert code == 3
        assert "none" in err
    code, _, err = sim(env, url, port, "--nodes", "2", "--workflow", "storm")
    assert code == 1
    assert "does not answer" in err
