"""The servers of the HTTP bench, each a process of its own as long as it is needed: PureBoot's and Debian's nginx."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.bench.subject import TOP

_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_PATIENCE = 20.0

_NGINX = """\
{user}
worker_processes {workers};
daemon off;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location /files/ {{ alias {files}/; }}
    }}
}}
"""


@dataclass(kw_only=True)
class Running:
    """A server that answers."""

    port: int
    process: subprocess.Popen[str]

    def lags(self) -> list[float]:
        """How late its event loop was since this was asked last, ms; only of PureBoot's."""
        asking, answering = self.process.stdin, self.process.stdout
        assert asking is not None
        assert answering is not None
        asking.write("\n")
        asking.flush()
        found: list[float] = json.loads(answering.readline())
        return found

    def cpu_seconds(self) -> float:
        """The processor time that it has used, with its children that have ended."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(each) for each in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def has_nginx() -> bool:
    """Whether there is one to compare with."""
    return shutil.which("nginx", path=_PATH) is not None


@contextlib.contextmanager
def pureboot(folder: Path, files: Path) -> Iterator[Running]:
    """`pureboot serve` on a store in a folder, with the files of another."""
    port = free_port()
    settings = {
        "DATABASE__URL": f"sqlite:///{folder}/pureboot.db",
        "FILES__DIR": str(files),
        "HTTP__HOST": "127.0.0.1",
        "HTTP__PORT": str(port),
        "TFTP__ENABLED": "false",
        "LOG__LEVEL": "warning",
    }
    env = {**os.environ, **{f"PUREBOOT_{name}": value for name, value in settings.items()}}
    command = [sys.executable, "-m", "tests.bench.boot.watched", "serve"]
    with (folder / "serve.log").open("w") as log, _running(command, port, log, env) as running:
        yield running


@contextlib.contextmanager
def nginx(folder: Path, files: Path, workers: int) -> Iterator[Running]:
    """Debian's nginx, with the configuration that its manual gives for large files, and no log of who asked."""
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    conf = folder / "nginx.conf"
    conf.write_text(_NGINX.format(user=user, workers=workers, folder=folder, port=port, files=files))
    program = shutil.which("nginx", path=_PATH)
    assert program is not None
    command = [program, "-c", str(conf), "-p", str(folder)]
    with (folder / "nginx.log").open("w") as log, _running(command, port, log, None) as running:
        yield running


@contextlib.contextmanager
def _running(command: list[str], port: int, log: IO[str], env: dict[str, str] | None) -> Iterator[Running]:
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=TOP, env=env, stdin=pipe, stdout=pipe, stderr=log, text=True) as process:
        try:
            _wait_for(port, process, log.name)
            yield Running(port=port, process=process)
        finally:
            process.terminate()


def _wait_for(port: int, process: "subprocess.Popen[str]", log: str) -> None:
    ends = time.monotonic() + _PATIENCE
    while time.monotonic() < ends and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    sys.exit(f"{process.args!r} does not listen: {Path(log).read_text()[-2000:]}")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
