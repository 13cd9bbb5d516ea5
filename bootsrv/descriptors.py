"""How many files and connections this process may have open."""

import logging
import resource

_log = logging.getLogger(__name__)

WANTED = 16_384
"""A rack that installs at once: a connection or two, a file and a TFTP socket for each machine."""


def allow_many(wanted: int = WANTED) -> int:
    """Raise the soft limit as far as the hard one lets it, to `wanted` at most; it is never lowered. Gives the limit.

    The usual soft limit of 1024 is there for programs that use select(); a service is to raise it itself.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    goal = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft == resource.RLIM_INFINITY or soft >= goal:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (goal, hard))
    except (OSError, ValueError) as error:
        _log.warning("no more than %d files and connections can be open: %s", soft, error)
        return soft
    return goal
