"""The machine itself: loaders, boot files, clock, and how open the doors are."""

import asyncio
import os
import shutil
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

from bootsrv.doctor.finding import Finding, ok, problem, warning
from bootsrv.loaders import LOCALBOOT, Loaders, MissingLoader
from engine.core.blobs import FOLDER
from engine.settings import Settings

EARLIEST, LATEST = datetime(2025, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_SAMPLE_SECONDS = 0.2
_DRIFT_SECONDS = 0.05
_COMMAND_SECONDS = 3.0
_SET_CLOCK = "set the clock and keep it right: apt-get install systemd-timesyncd, or timedatectl set-ntp true"


def check_loaders(missing: list[MissingLoader]) -> list[Finding]:
    """Say what of the programs that firmware fetches is missing."""
    lost = [
        (warning if each.name == LOCALBOOT else problem)(
            f"loader {each.name}", f"missing; it is {each.purpose}", each.remedy
        )
        for each in missing
    ]
    names = {each.name for each in missing}
    if LOCALBOOT not in names:
        lost.append(ok(f"loader {LOCALBOOT}", "there, or made by the next start"))
    return lost if len(names - {LOCALBOOT}) else [ok("loaders", "all of iPXE's are there"), *lost]


async def check_host(settings: Settings, loaders: Loaders) -> list[Finding]:
    """Look at loaders, boot files, clock and access."""
    return [
        *check_loaders(loaders.missing()),
        await asyncio.to_thread(check_files, settings.files.dir),
        *await asyncio.to_thread(_check_clock),
        check_access(settings),
    ]


def check_files(folder: Path) -> Finding:
    """Whether there is a folder with files to boot."""
    if not folder.exists():
        return warning(
            "boot files", f"there is no folder {folder}", f"mkdir -p {folder} and put kernels and initrds there"
        )
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.X_OK):
        return problem(
            "boot files", f"{folder} is no folder that can be read", f"chmod a+rX {folder}, or set files.dir"
        )
    count = sum(1 for entry in folder.iterdir() if not entry.name.startswith("."))
    if not count and not (folder / FOLDER).is_dir():
        return warning(
            "boot files", f"{folder} is empty", "put kernels and initrds there; workflows name them from there"
        )
    return ok("boot files", f"{folder} has {count} {'entry' if count == 1 else 'entries'}")


def _check_clock() -> list[Finding]:
    wall, steady = time.time(), time.monotonic()
    time.sleep(_SAMPLE_SECONDS)
    drift = (time.time() - wall) - (time.monotonic() - steady)
    return judge_clock(datetime.now(UTC), drift, _synchronised())


def judge_clock(now: datetime, drift: float, synchronised: bool | None) -> list[Finding]:
    """What was found out about the clock. `drift` in seconds over the sample; `synchronised` is None if unknown."""
    shown = f"{now:%Y-%m-%d %H:%M:%S} UTC ({time.tzname[0]} here)"
    if not EARLIEST <= now <= LATEST:
        return [problem("clock", f"it says {shown}", _SET_CLOCK)]
    if abs(drift) > _DRIFT_SECONDS:
        return [warning("clock", f"it says {shown}, but it jumps ({drift:+.2f} s while looked at)", _SET_CLOCK)]
    if synchronised is False:
        return [warning("clock", f"it says {shown}, and nothing keeps it right", _SET_CLOCK)]
    return [ok("clock", shown + (", kept by NTP" if synchronised else ""))]


def _synchronised() -> bool | None:
    """Whether systemd says that the clock is synchronised; None if it does not say."""
    program = shutil.which("timedatectl")
    if program is None:
        return None
    try:
        asked = subprocess.run(  # noqa: S603 - a program of the system, without arguments from elsewhere
            [program, "show", "--property=NTPSynchronized", "--value"],
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return {"yes": True, "no": False}.get(asked.stdout.strip()) if asked.returncode == 0 else None


def check_access(settings: Settings) -> Finding:
    """Whether anybody may do everything."""
    if settings.auth.mode == "strict":
        return ok("access", "the admin API asks for a token")
    fix = "set auth.mode: strict, and make tokens with `pureboot token create NAME`"
    return warning("access", "anybody who reaches the HTTP port may do everything (auth.mode: loose)", fix)
