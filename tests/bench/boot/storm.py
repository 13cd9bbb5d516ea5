"""A rack that is switched on at once: `python -m tests.bench.boot.storm [--nodes 1000]`.

`pureboot serve` on a store of its own, `pureboot sim --workflow` with so many machines, and a console on the same store
at which somebody presses keys, each a process of its own. Every machine reads its loader by TFTP, its script, a kernel
and an initrd by HTTP, and performs five steps over the callback API, with heartbeats; all of it is on loopback. The
peers' own words: 200 machines in 7 minutes over 1 Gb/s, 1,000 machines with 4 GB of memory.
"""

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bootsrv.loaders import BIOS_LOADER, LOCALBOOT, UEFI_LOADER
from tests.bench.boot.storm_console import Pressed, Somebody
from tests.bench.subject import pss_mib
from tests.bench.table import Aim, Figure, Row, printed
from tests.bench.workload import percentile
from tests.console.cli_support import ROOT, environment, run

MIB = 1024 * 1024
LOADER_BYTES = {BIOS_LOADER: 75_000, UEFI_LOADER: 1_050_000, LOCALBOOT: 100_000}  # as large as Debian's
PATIENCE = 600.0
SAMPLE_SECONDS = 0.25
PEER_MACHINES_A_MINUTE, PEER_MEMORY_MIB = 200 / 7, 4096
WORKFLOW = """\
name: storm
boot_mode: any
timeout: 2h
steps:
  - key: netboot
    action: node.boot
    with:
      kernel: storm/linux
      initrd: storm/initrd.gz
      cmdline: >-
        url=${server.http_url}/render/${execution.token}/answers
        pureboot.callback=${execution.callback_url} pureboot.token=${execution.token}
    timeout: 1h
    next_state: installing
  - key: partition
    action: node.script
    with: {script: "wipefs -a /dev/sda\\nsgdisk -Z /dev/sda\\necho disk=/dev/sda >> $PUREBOOT_OUTPUT"}
    heartbeat: 5m
  - key: image
    action: node.script
    with: {script: "dd of={{ steps.partition.output.disk }} bs=4M\\nsleep 12"}
    heartbeat: 5m
  - key: configure
    action: node.script
    with: {script: "hostname\\ngrub-install {{ steps.partition.output.disk }}\\nupdate-grub"}
    heartbeat: 5m
  - key: reboot
    action: node.reboot
    next_state: installed
"""
STEPS = WORKFLOW.count("- key:")


class Watched:
    """A process whose memory and processor time are read from outside while it runs."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.peak_pss = 0.0
        self.cpu = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            self.look()

    def look(self) -> None:
        """Read now."""
        self.peak_pss = max(self.peak_pss, pss_mib(self.pid))
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return
        self.cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        """Stop reading."""
        self._over.set()
        self._thread.join()


def peak_rss_mib(pid: int) -> float:
    """The most memory that a process ever had resident, in MiB, libraries it shares included."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def prepare(folder: Path, kernel: int, initrd: int) -> dict[str, str]:
    """Boot files (of noise: no file system may make them smaller) and the settings of the site."""
    files, loaders = folder / "files", folder / "loaders"
    noise = random.Random(1).randbytes(MIB)
    for path, size in (
        (files / "storm" / "linux", kernel),
        (files / "storm" / "initrd.gz", initrd),
        *((loaders / name, size) for name, size in LOADER_BYTES.items()),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for at in range(0, size, MIB):
                file.write(noise[: min(MIB, size - at)])
    (folder / "storm.yaml").write_text(WORKFLOW)
    questions = (f"d-i storm/q{at} string ${{node.mac}}" for at in range(60))
    answers = ["d-i netcfg/get_hostname string ${node.hostname}", *questions]
    (folder / "answers").write_text("\n".join([*answers, ""]))
    return {
        **environment("", folder),
        "PUREBOOT_FILES__LOADERS": str(loaders),
        "PUREBOOT_AUTH__MODE": "loose",
        "PUREBOOT_LOG__LEVEL": "warning",
    }


@contextmanager
def serving(env: Mapping[str, str], folder: Path) -> Iterator[tuple["subprocess.Popen[bytes]", str, int]]:
    """The server with its URL and the port of TFTP; what it says goes into a file."""
    lags, said = folder / "lags.json", folder / "server.log"
    command = [sys.executable, "-m", "tests.bench.boot.storm_server", str(lags), "--log-level", "info"]
    with said.open("wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **env}, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 30
        while True:
            text = said.read_text()
            http = re.search(r"HTTP listens on (\S+) port (\d+)", text)
            tftp = re.search(r"TFTP listens on (\S+) port (\d+)", text)
            if http and tftp:
                break
            if server.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"the server does not serve:\n{text}")
            time.sleep(0.05)
        yield server, f"http://{http[1]}:{http[2]}", int(tftp[2])
    finally:
        server.terminate()
        server.wait(30)


def storm(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Let it happen; gives everything that was found."""
    env = prepare(folder, options.kernel_mib * MIB, options.initrd_mib * MIB)
    env["PUREBOOT_DATABASE__URL"] = options.url or f"sqlite:///{folder / 'pureboot.db'}"
    for words in (
        ("template", "add", "--type", "preseed", "answers", str(folder / "answers")),
        ("workflow", "import", "--publish", str(folder / "storm.yaml")),
    ):
        done = run(*words, env=env)
        if done.returncode:
            sys.exit(done.stderr)
    with serving(env, folder) as (server, url, port):
        watched = {"server": Watched(server.pid)}
        idle = pss_mib(server.pid)
        somebody = None if options.no_console else Somebody(env)
        if somebody is not None:
            somebody.start()
        found = simulated(options, env, url, port, watched)
        pressed = somebody.leave() if somebody is not None else Pressed()
        watched["server"].look()
        found |= {"idle": idle, "peak_rss": peak_rss_mib(server.pid), **last_state(env, options.nodes)}
    for each in watched.values():
        each.end()
    found |= {f"{name}_{what}": getattr(each, what) for name, each in watched.items() for what in ("cpu", "peak_pss")}
    log = (folder / "server.log").read_text()
    complaints = [line for line in log.splitlines() if re.search(r"\b(warning|error|critical)\b", line, re.I)]
    found |= {"lags": json.loads((folder / "lags.json").read_text()), "complaints": complaints}
    return found | {"moves": pressed.moves, "helps": pressed.helps, "console_error": pressed.error}


def simulated(
    options: argparse.Namespace, env: Mapping[str, str], url: str, port: int, watched: dict[str, Watched]
) -> dict[str, Any]:
    """The machines' own account."""
    words = ("--server", url, "--tftp-port", str(port), "--nodes", str(options.nodes), "--workflow", "storm", "--json")
    pace = ("--speed", str(options.speed), "--over", str(options.over), "--seconds", str(options.patience))
    with subprocess.Popen(
        [sys.executable, "-m", "console", "sim", *words, *pace],
        cwd=ROOT,
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        text=True,
    ) as sim:
        watched["sim"] = Watched(sim.pid)
        try:
            said, _ = sim.communicate(timeout=options.patience + 60)
        finally:
            sim.kill()
    try:
        account: dict[str, Any] = json.loads(said)
    except ValueError:
        sys.exit(f"the machines gave no account of themselves: {said!r}")
    return account


def last_state(env: Mapping[str, str], nodes: int) -> dict[str, int]:
    """What the store says became of them, asked for by the command line: that of the machines is not taken for true."""
    listed = json.loads(run("node", "list", "--json", env=env).stdout)
    ended = json.loads(run("execution", "list", "--limit", str(2 * nodes), "--json", env=env).stdout)
    return {
        "nodes_installed": sum(node["state"] == "installed" for node in listed),
        "executions_succeeded": sum(each["status"] == "succeeded" for each in ended),
        "nodes_known": len(listed),
        "lost_nodes": nodes - len(listed),
    }


def rows(options: argparse.Namespace, found: Mapping[str, Any]) -> Iterator[Row]:
    """The table."""
    nodes = options.nodes
    everyone = Aim(at_least=nodes)
    yield Row(name="machines installed", ours=Figure((found["installed"],)), aim=everyone)
    yield Row(name="nodes installed, by the store", ours=Figure((found["nodes_installed"],)), aim=everyone)
    yield Row(name="executions succeeded", ours=Figure((found["executions_succeeded"],)), aim=everyone)
    bad = found["failures"] + found["lost"] + found["refused"]
    yield Row(name="failures, losses, refusals", ours=Figure((bad,)), aim=Aim(at_most=0))
    yield Row(name="calls made again", ours=Figure((found["retries"],)))
    seconds = found["seconds"]
    yield Row(name="seconds until all are installed", ours=Figure((seconds,)))
    peer = Figure((PEER_MACHINES_A_MINUTE,))
    yield Row(name="machines a minute", ours=Figure((nodes / seconds * 60,)), peer="200 in 7 min", other=peer)
    moved = (found["http_bytes"] + found["tftp_bytes"]) / seconds / 1e6
    yield Row(name="MB/s of TFTP and HTTP", ours=Figure((moved,)), peer="1 Gb/s", other=Figure((125.0,)))
    memory = Aim(at_most=400)
    yield Row(name="server: peak PSS, MiB", ours=Figure((found["server_peak_pss"],)), aim=memory)
    yield Row(
        name="server: peak RSS, MiB",
        ours=Figure((found["peak_rss"],)),
        peer="1,000 machines",
        other=Figure((PEER_MEMORY_MIB,)),
        aim=memory,
    )
    yield Row(name="server: PSS before, MiB", ours=Figure((found["idle"],)))
    yield Row(name="simulator: peak PSS, MiB", ours=Figure((found["sim_peak_pss"],)))
    for name in ("server", "sim"):
        yield Row(name=f"{name}: processor seconds", ours=Figure((found[f"{name}_cpu"],)))
    for name in ("p50", "p99", "p999", "most"):
        yield Row(name=f"server: loop lag {name}, ms", ours=Figure((found["lags"][name],)))
    for what, taken, share, aim in (
        ("median", found["moves"], 0.5, Aim()),
        ("p95", found["moves"], 0.95, Aim(at_most=100)),
        ("longest", found["moves"], 1.0, Aim()),
    ):
        if taken:
            yield Row(name=f"console: up or down, {what}, ms", ours=Figure((percentile(taken, share) * 1e3,)), aim=aim)
    if found["helps"]:
        ours = Figure((percentile(found["helps"], 0.5) * 1e3,))
        yield Row(name="console: help opens, median, ms", ours=ours)


def times(found: Mapping[str, Any]) -> Iterator[str]:
    """How long each stage took."""
    yield f"{'seconds':<12}{'count':>9}{'median':>10}{'p90':>10}{'p99':>10}{'most':>10}"
    for stage, spread in found["times"].items():
        shares = "".join(f"{spread[name]:>10.3f}" for name in ("p50", "p90", "p99", "most"))
        yield f"{stage:<12}{spread['count']:>9,}{shares}"


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.boot.storm")
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--kernel-mib", type=int, default=10)
    parser.add_argument("--initrd-mib", type=int, default=30)
    parser.add_argument("--speed", type=float, default=1.0, help="2: machines are twice as fast")
    parser.add_argument("--over", type=float, default=10.0, help="switch them on within so many seconds")
    parser.add_argument("--patience", type=float, default=PATIENCE, help="give up after so many seconds")
    parser.add_argument("--url", help="a store instead of a new SQLite file; it should be empty")
    parser.add_argument("--no-console", action="store_true")
    parser.add_argument("--json", type=Path, help="write all that was found to a file as well")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))
    with tempfile.TemporaryDirectory() as folder:
        found = storm(options, Path(folder))
    table = list(rows(options, found))
    print(printed(table))
    print()
    print("\n".join(times(found)))
    for complaint in found["complaints"][:10]:
        print(f"the server: {complaint}")
    if found["console_error"]:
        print(f"the console: {found['console_error']}")
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    return 1 if found["console_error"] or any(row.verdict.endswith("MISSED") for row in table) else 0


if __name__ == "__main__":
    sys.exit(main())
