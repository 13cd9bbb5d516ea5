"""POST /api/v1/report: a node reports itself."""

from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from bootsrv.http import access
from bootsrv.http.answers import ok
from bootsrv.http.bodies import Body
from bootsrv.http.call import Call
from bootsrv.http.sighting import tell
from engine.core.nodes import Node, parse_mac
from engine.core.permissions import Permission
from engine.core.reports import InstallationStatus, NodeReport
from engine.errors import Forbidden, NotFound
from engine.services.callbacks import Gone

_Said = Annotated[str, Field(max_length=1000)]


class Report(Body):
    """What a node says of itself."""

    mac_address: _Said
    ip_address: _Said | None = None
    hostname: _Said | None = None
    vendor: _Said | None = None
    model: _Said | None = None
    serial_number: _Said | None = None
    system_uuid: _Said | None = None
    arch: _Said | None = None
    boot_mode: _Said | None = None
    inventory: dict[str, Any] | None = None
    installation_status: InstallationStatus | None = None
    installation_progress: Annotated[int, Field(ge=0, le=100)] | None = None
    installation_error: Annotated[str, Field(max_length=10_000)] | None = None


async def report(call: Call) -> web.Response:
    """Take a report; a machine that nobody knows becomes a discovered node.

    Anyone may say that a machine is there. How the installation of a node fares may only be said by who installs it,
    since it moves the node: that needs the token of the node's execution, or an administrator's.
    """
    said = NodeReport(**dict(await call.body(Report)))
    if said.installation_status is not None:
        await _may_tell(call, said)
    node, is_new = await call.pureboot.reports.report(said)
    tell(call.request, mac=node.mac_address)
    message = f"{node.mac_address} is new here" if is_new else f"{node.name} is known"
    if is_new and said.installation_status is not None:
        message += "; what it says of an installation is not taken, for nobody here began one"
    data = {**_shown(node), "is_new": is_new}
    return ok(data, message, status=201 if is_new else 200)


def _shown(node: Node) -> dict[str, Any]:
    """What a machine is told of its node: nothing that it could not say itself, for anyone can claim a MAC address."""
    return {"id": node.id, "mac_address": node.mac_address, "hostname": node.hostname, "state": node.state}


async def _may_tell(call: Call, said: NodeReport) -> None:
    try:
        node = await call.pureboot.nodes.get(parse_mac(said.mac_address))
    except NotFound:
        return  # nobody's installation: the service says what it thinks of it
    token = access.shown_token(call.request)
    if token is None:
        if access.is_loose(call.site):
            return
        raise access.unauthorized("installation_status of a known node needs the token of its execution")
    await _check(call, token, node)


async def _check(call: Call, token: str, node: Node) -> None:
    execution = await access.execution_of(call.site, token)
    if execution is not None:
        if execution.node_id != node.id:
            raise Forbidden("this token belongs to another node's execution")
        if execution.ended:
            raise Gone(f"execution {execution.id} has {execution.status}; its token tells nothing more")
        return
    caller = await access.administrator(call.site, token)
    if caller is None:
        raise access.unknown()
    access.require(caller, Permission.REPORT)
