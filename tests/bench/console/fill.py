"""A store with many machines, of which some install: one node and one execution, copied in the file itself."""

import asyncio
import json
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.app import PureBoot
from engine.settings import load
from tests.bench.aged import Rows

BY = "user:bench"
WORKFLOW = """\
name: install
steps:
  - {key: netboot, name: Boot the installer, action: node.script, with: {script: x}, next_state: installing}
  - {key: disk, name: Partition the disk, action: node.script, with: {script: x}}
  - {key: packages, name: Install packages, action: node.script, with: {script: x}}
"""
_STATES = ("discovered", "installed", "active", "active", "active", "install_failed", "pending")
_VENDORS = (("Dell Inc.", "PowerEdge R650"), ("Supermicro", "SYS-1029P"), ("HPE", "ProLiant DL360 Gen10"))


async def _seed(url: str, folder: Path) -> tuple[str, str]:
    settings = load(config=None, environ={}, flags={"database.url": url, "files.dir": str(folder / "files")})
    async with PureBoot(settings) as pureboot:
        await pureboot.workflows.import_(WORKFLOW, by=BY)
        await pureboot.workflows.publish("install", by=BY)
        for number in range(1, 9):
            await pureboot.groups.create({"name": f"rack-{number}"}, by=BY)
        node = await pureboot.nodes.create("52:54:00:00:00:00", {"hostname": "n-00000"}, by=BY)
        execution = await pureboot.executions.start("install", by=BY, node=node.id)
        return node.id, execution.id


def fill(path: Path, nodes: int, running: int) -> None:
    """Make a store at `path` with so many nodes, and as many executions under way."""
    node_id, execution_id = asyncio.run(_seed(f"sqlite:///{path}", path.parent))
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = None
        machines = Rows(connection, "node", "id", node_id)
        executions = Rows(connection, "execution", "id", execution_id)
        attempts = Rows(connection, "attempt", "execution_id", execution_id)
        groups = [row[0] for row in connection.execute("SELECT id FROM node_group ORDER BY name")]
        ids = [node_id, *(str(uuid.uuid4()) for _ in range(1, nodes))]
        connection.executemany(machines.insert, _machines(machines, ids, groups, running))
        connection.execute("UPDATE node SET state = 'installing' WHERE id = ?", (node_id,))
        at = dict(zip(executions.columns, executions.rows[0], strict=True))
        for each in ids[1:running]:
            new = str(uuid.uuid4())
            digest = uuid.uuid4().hex * 2
            connection.execute(
                executions.insert,
                executions.like(executions.rows[0], id=new, node_id=each, token_digest=digest, request_id=None),
            )
            rows = [attempts.like(row, id=str(uuid.uuid4()), execution_id=new) for row in attempts.rows]
            connection.executemany(attempts.insert, rows)
        assert at["status"] == "running", at["status"]
        connection.commit()


def _machines(rows: Rows, ids: list[str], groups: list[str], running: int) -> Iterator[tuple[object, ...]]:
    long_ago = datetime.now(UTC) - timedelta(days=12)
    names = dict(zip(rows.columns, rows.rows[0], strict=True))
    moment = _like(names["created_at"], long_ago)
    for number, each in enumerate(ids[1:], 1):
        vendor, model = _VENDORS[number % len(_VENDORS)]
        yield rows.like(
            rows.rows[0],
            id=each,
            mac_address=f"52:54:00:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}",
            hostname=f"n-{number:05}",
            ip_address=f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}",
            state="installing" if number < running else _STATES[number % len(_STATES)],
            vendor=vendor,
            model=model,
            group_id=groups[number % len(groups)],
            state_changed_at=moment,
            last_seen_at=moment,
            metadata=json.dumps({"rack": f"r{number // 40}"}),
        )


def _like(kept: object, moment: datetime) -> object:
    """A moment as the store keeps them, whichever way that is."""
    if isinstance(kept, int | float):
        scale = 1 if kept < 1e11 else 1000 if kept < 1e14 else 1_000_000
        return type(kept)(moment.timestamp() * scale)
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")
