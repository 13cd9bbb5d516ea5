"""Small words for stories about secrets."""

from typing import Any

from engine.app import PureBoot
from engine.store.copy import TABLES
from engine.store.tx import Tx
from tests.story import ADA, published

MAC = "52:54:00:00:00:01"
PASSWORD = "correct horse battery staple"

RUN = """\
name: on-node
steps:
  - key: run
    action: node.script
    with:
      script: "login ${secret.password}"
      env: {CONFIG: "{{ {'pw': secret.password} | tojson }}", HOST: "{{ node.mac }}", PLAIN: "${node.mac}"}
    timeout: 10m
"""

ECHO = """\
name: echo
output: {told: "{{ steps.say.output.echo }}", own: "{{ secret.password }}"}
steps:
  - key: say
    action: core.echo
    with: {message: "it is {{ secret.password | upper }} or ${secret.password}"}
    edges: [{to: fail, if: "secret.password[:7] == 'correct'"}]
  - key: fail
    action: core.fail
    with: {message: "cannot log in as ${secret.password}"}
"""


async def everything(pureboot: PureBoot) -> str:
    """All that is in the store, as text."""

    def rows(tx: Tx) -> str:
        return "\n".join(str(row) for table in TABLES for row in tx.execute(table.select()))

    return await pureboot.context.database.read(rows)


async def started(pureboot: PureBoot, text: str, node: str | None = MAC) -> Any:
    name = await published(pureboot, text)
    if node is not None:
        await pureboot.nodes.create(node, by=ADA)
    return await pureboot.executions.start(name, by=ADA, node=node)


async def log_of(pureboot: PureBoot, execution_id: str) -> str:
    return "".join(piece.text for piece in await pureboot.executions.log(execution_id))
