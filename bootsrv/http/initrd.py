"""/initrd/{token}/…: an initrd put together on the fly, so that any kernel gets the node agent and files of its node.

Below the token there are `initrd.img`, the initrds of the execution's boot step with the archive behind them;
`files/PATH`, another initrd with it; and `agent.img`, the archive alone. The archive is not compressed: the kernel
reads on after what is. Nothing is copied: what lies on the disk is sent from there.

In the archive: `pureboot/agent.sh`, the agent; `pureboot/env`, whom it asks; `pureboot/init`, which starts it beside
the system's own `/init` when the kernel is told `rdinit=/pureboot/init`; and the templates that the step's `overlay`
names. `dev/null` is there since a shell opens it for what it starts in the background, and `/dev` may be empty until
the system has begun.
"""

import hashlib
import shlex
from contextlib import ExitStack

from aiohttp import web

from bootsrv.http import agent
from bootsrv.http.call import Call
from bootsrv.http.extents import Part, Parts
from bootsrv.http.files import Opened, open_named
from bootsrv.http.sighting import tell
from engine.core import cpio
from engine.core.cpio import Member
from engine.errors import NotFound
from engine.services.seeds import Ramdisk

_WHOLE, _ALONE, _FILES = "initrd.img", "agent.img", "files/"

_INIT = """\
#!/bin/sh
# Starts PureBoot's agent beside the system, whose own init takes the place of this.
/bin/sh /pureboot/start </dev/null &
exec /init "$@"
"""
_START = """\
#!/bin/sh
PATH=${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}
. /pureboot/env
export PATH PUREBOOT_CALLBACK PUREBOOT_TOKEN
until [ -r /proc/sys/kernel/random/boot_id ]; do sleep 1 2>/dev/null || :; done
exec /bin/sh /pureboot/agent.sh
"""


async def ramdisk(call: Call) -> web.StreamResponse:
    """An initrd with the agent in it; its length is known, parts of it can be asked for.

    Raises:
        NotFound: no running execution has this token, or there is no such file.
        Invalid: a template of the overlay cannot be rendered.
    """
    wanted = await call.pureboot.seeds.ramdisk(call.part("token"), server=call.server)
    tell(call.request, execution=wanted.execution_id)
    names = _names(wanted, call.request.match_info["path"])
    archive = cpio.archive(await _members(call, wanted))
    with ExitStack() as stack:
        opened = []
        for name in names:
            opened.append(await open_named(call, name))
            stack.callback(opened[-1].close)
        stack.pop_all()  # from here on they are the answer's to close
    return _joined(call, opened, archive)


def _names(wanted: Ramdisk, path: str) -> tuple[str, ...]:
    """The files that stand before the archive."""
    if path == _ALONE:
        return ()
    if path.startswith(_FILES):
        return (path.removeprefix(_FILES),)
    if path != _WHOLE:
        raise NotFound(f"there is {_WHOLE} here, {_ALONE}, and {_FILES}PATH")
    foreign = next((name for name in wanted.initrd if "://" in name), None)
    if foreign is not None:
        raise NotFound(f"the initrd {foreign} is another server's: load it first, and then {_ALONE}")
    return wanted.initrd


async def _members(call: Call, wanted: Ramdisk) -> dict[str, Member]:
    members = {}
    for path, template in wanted.overlay.items():
        text = await call.pureboot.callbacks.render(wanted.execution_id, template, server=call.server)
        members[path] = Member(text.encode(), 0o755 if text.startswith("#!") else 0o644)
    if not wanted.agent:
        return members
    told = {"PUREBOOT_CALLBACK": wanted.callback_url, "PUREBOOT_TOKEN": call.part("token")}
    env = "".join(f"{name}={shlex.quote(value)}\n" for name, value in told.items())
    return members | {
        "dev/null": Member(b"", 0o666, device=(1, 3)),
        "pureboot/agent.sh": Member(agent.script().encode(), 0o755),
        "pureboot/env": Member(env.encode(), 0o600),
        "pureboot/init": Member(_INIT.encode(), 0o755),
        "pureboot/start": Member(_START.encode(), 0o755),
    }


def _joined(call: Call, opened: list[Opened], archive: bytes) -> Parts:
    parts: list[Part] = []
    for each in opened:
        parts += each.parts
        fill = cpio.padding(sum(part.length for part in each.parts))
        parts.append(Part(fill, 0, len(fill)))
    parts.append(Part(archive, 0, len(archive)))
    said = "\n".join((*(each.tag for each in opened), hashlib.sha256(archive).hexdigest()))
    tag = hashlib.sha256(said.encode()).hexdigest()[:40]
    return Parts(parts, tag=tag, modified=None, content_type="application/octet-stream", site=call.site)
