"""Is everything ready? Checks that change nothing, each with what to do in one line.

What is looked at and what it means are kept apart: the functions named `judge_…` decide from values and are pure.
"""

from bootsrv.doctor.finding import Finding, Verdict
from bootsrv.doctor.store import check_integrity
from engine.settings import Settings

__all__ = ["Finding", "Verdict", "check_integrity", "examine"]


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything."""
    from bootsrv.doctor.blobs import check_blobs
    from bootsrv.doctor.dhcp import check_dhcp
    from bootsrv.doctor.host import check_host
    from bootsrv.doctor.ports import check_network
    from bootsrv.doctor.python import check_packages, check_python, declared
    from bootsrv.doctor.secrets import check_keys
    from bootsrv.doctor.store import check_space, check_store
    from bootsrv.loaders import Loaders
    from engine.app import key_path

    return [
        check_python(),
        check_packages(declared()),
        *await check_store(settings),
        await check_keys(settings),
        check_space("disk space for boot files", settings.files.dir),
        *await check_blobs(settings),
        *await check_network(settings),
        *await check_dhcp(settings),
        *await check_host(settings, Loaders(settings.files.loaders, key_path(settings).parent / "cache")),
    ]
