"""What one row of the route table says."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from bootsrv.http.call import Call

KIB = 1024
MIB = 1024 * KIB

Handler = Callable[["Call"], Awaitable[web.StreamResponse]]
Reader = Callable[[str], Any]
"""Makes a value of a query parameter's text; raises ValueError with a sentence that goes on after its name."""


class Who(StrEnum):
    """Who may ask.

    `anyone` and `node` are for machines of the provisioning network; a node shows the capability token of the execution
    in the path. The others are the least role of the people whose work it is; `bootsrv.http.access` has the permission
    that each of them stands for.
    """

    ANYONE = "anyone"
    NODE = "node"
    VIEWER = "viewer"
    TECHNICIAN = "technician"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the route table, whose first four columns have no names so that it reads as a table.

    `query` are the parameters it knows, each with its reader; with None it takes any, as firmware sends what it likes.
    `filters` makes it a list: it takes `limit`, `offset`, `sort` and these. `body` is the most bytes of body it reads.
    `on_both` keeps it on both listeners where nodes and administrators have one each. `head` False is for a GET that
    does something, so that HEAD, which does nothing, cannot stand for it.
    """

    method: str
    path: str
    handler: Handler
    who: Who
    _: KW_ONLY
    query: Mapping[str, Reader] | None = field(default_factory=dict)
    filters: Mapping[str, Reader] | None = None
    body: int = 64 * KIB
    on_both: bool = False
    head: bool = True

    @property
    def for_nodes(self) -> bool:
        """Whether it belongs to the listener of the provisioning network."""
        return self.who in (Who.ANYONE, Who.NODE)

    @property
    def is_traced(self) -> bool:
        """Whether who asks is a machine, whose trace gets a line: on both listeners is what others ask (who watches the
        server, who sends webhooks).
        """
        return self.for_nodes and not self.on_both
