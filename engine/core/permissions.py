"""What each role may do: one table, which every door asks.

A door (a route of the API, a method of the console's seam) names the permission that it needs; which roles have it is
written here and nowhere else.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from engine.core.tokens import Role


class Permission(StrEnum):
    """What a door may need.

    `read` looks and changes nothing; `work` changes nodes, documents and executions; `administer` hands out what others
    may do (tokens, secrets, files); `report` speaks for the steps of any execution, as an agent does.
    """

    READ = "read"
    WORK = "work"
    ADMINISTER = "administer"
    REPORT = "report"


GRANTS: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.VIEWER: frozenset({Permission.READ}),
        Role.TECHNICIAN: frozenset({Permission.READ, Permission.WORK, Permission.REPORT}),
        Role.ADMIN: frozenset(Permission),
        Role.AGENT: frozenset({Permission.REPORT}),
    }
)


def may(role: Role | None, permission: Permission) -> bool:
    """Whether a role has a permission; who has none may nothing."""
    return role is not None and permission in GRANTS[role]


def roles_with(permission: Permission) -> tuple[Role, ...]:
    """The roles that have a permission, the least first."""
    return tuple(role for role in Role if may(role, permission))
