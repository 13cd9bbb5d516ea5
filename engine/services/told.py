"""What nodes are told of this server, for who asks in another process than the one they talk to."""

from engine.core import scopes
from engine.core.events import Kind
from engine.core.page import Page
from engine.core.unknown import text_of
from engine.services.context import Context
from engine.store import events
from engine.store.tx import Tx


def told_server(context: Context, tx: Tx) -> scopes.Server:
    """What nodes are told of this server: by this process, by the one that hosts the store, or by the settings."""
    if context.server[0].url:
        return context.server[0]
    [*started], _ = events.find(tx, Page(limit=1, filters={"kind": (Kind.SERVER_STARTED.value,)}), 0)
    told = str(started[0].data.get("server_url") or "") if started else ""
    url = told or context.settings.server.url or text_of("server.url")
    return scopes.Server(url=url, tftp_url=text_of("server.tftp_url"))
