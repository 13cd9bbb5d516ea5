"""What a console far away may call, and the permission that each call needs. What is not here cannot be called.

A service is an attribute of `PureBoot`; `store` stands for `PureBoot` itself. A console that calls something new needs
its name here, and nothing else: how its arguments and its result go over the wire follows from their type hints.
"""

from collections.abc import Mapping
from types import MappingProxyType

from engine.core.permissions import Permission

_READ = {
    "store": "events events_after executions_by_ids hosts nodes_by_ids snapshot",
    "accounts": "attempt of",
    "agents": "find get",
    "artifacts": "find get",
    "consoles": "find leave renew",
    "dead_letters": "count_open find get",
    "edits": "check_template check_workflow open render vocabulary",
    "estimates": "histories of",
    "executions": "counts events find get log tree workflow",
    "files": "blobs boot_pair listed tree",
    "groups": "find get",
    "library": "impact search where_used",
    "links": "find links_of",
    "nodes": "counts find get history inventory",
    "packs": "documents export find get not_exported removal source_of unknown validate",
    "plans": "plan",
    "templates": "find get render version versions",
    "traces": "explain hanging",
    "traffic": "flows seen",
    "trends": "boots moves",
    "triggers": "find get",
    "validation": "template text",
    "workflows": "export find get template_params validate version versions",
}
_WORK = {
    "agents": "check check_all",
    "control": "approve pause resume retry skip start_many",
    "dead_letters": "discard replay replay_many",
    "edits": "save_template save_workflow",
    "executions": "cancel start",
    "groups": "create delete update",
    "library": "archive",
    "nodes": "create edit move retire tag update",
    "packs": "add preview remove sync update validate_source",
    "templates": "add_version archive create set_current update",
    "triggers": "create delete fire update",
    "workflows": "archive create import_ make publish set_current update",
}
_ADMINISTER = {
    "access": "create find revoke",
    "agents": "create delete update",
    "secrets": "delete find names rotate set",
    "uploads": "abandon find get",
}

PERMISSIONS: Mapping[tuple[str, str], Permission] = MappingProxyType(
    {
        (service, method): permission
        for permission, listed in (
            (Permission.READ, _READ),
            (Permission.WORK, _WORK),
            (Permission.ADMINISTER, _ADMINISTER),
        )
        for service, methods in listed.items()
        for method in methods.split()
    }
)
"""The permission that each method of a service needs."""

ITSELF = "store"
"""What stands for `PureBoot` itself."""


def changes(service: str, method: str) -> bool:
    """Whether a call may change something: it needs more than to read. What is not in the table may as well."""
    return PERMISSIONS.get((service, method)) is not Permission.READ
