"""Files that are made when they are asked for: what a machine is to boot, in the words of the loader that asks."""

import logging
import time
from collections.abc import Callable

from bootsrv import grub, ipxe, pxelinux
from bootsrv.lacking import Looks, lacking
from bootsrv.tftp.allowance import Allowance
from bootsrv.tftp.asked import Asked
from bootsrv.tftp.meaning import AGAIN, Loader, Meaning
from engine.app import PureBoot
from engine.core.boot import BootDecision, BootRequest, Serve, Wait
from engine.core.scopes import Server
from engine.errors import Unavailable

_log = logging.getLogger(__name__)

# Who asks by UDP can claim to be anybody; each such question is a transaction, and may be a new node.
QUESTIONS_PER_SECOND, QUESTIONS_AT_ONCE = 200.0, 2000.0
_STORE_SECONDS = 10
# GRUB runs on both, and says neither: what needs one of them asks it there (`grub.config`).
_PLATFORMS = {Loader.PXELINUX: "pcbios"}


class Generated:
    """Makes them; `server` says what a machine that asked so is told of this server. In the event loop."""

    def __init__(self, pureboot: PureBoot, server: Callable[[Asked], Server]) -> None:
        self._pureboot = pureboot
        self._server = server
        self._looks = Looks()
        self._questions = Allowance(QUESTIONS_PER_SECOND, QUESTIONS_AT_ONCE)

    async def __call__(self, asked: Asked, meant: Meaning) -> bytes:
        """The content.

        Raises:
            Unavailable: more machines ask than can be answered.
        """
        return (await self._text(asked, meant)).encode("ascii", "ignore")

    async def _text(self, asked: Asked, meant: Meaning) -> str:
        if meant.loader is Loader.IPXE:
            return ipxe.ask_again(self._server(asked).url)
        if meant.mac_address is None:
            return grub.find_config(meant.folder) if meant.loader is Loader.GRUB else pxelinux.unknown_machine()
        platform = _PLATFORMS.get(meant.loader)
        decision = await self._decided(
            BootRequest(mac_address=meant.mac_address, ip_address=asked.peer, platform=platform, again=meant.again),
            self._server(asked),
        )
        name = meant.mac_address.replace(":", "-") + AGAIN
        if meant.loader is Loader.GRUB:
            return grub.config(decision, again=f"/{meant.folder}grub.cfg-01-{name}")
        return pxelinux.config(decision, again=f"/{meant.folder}01-{name}")

    async def _decided(self, request: BootRequest, server: Server) -> BootDecision:
        if not self._questions.take(time.monotonic()):
            raise Unavailable("too many machines ask at once; ask again in a moment")
        boots = self._pureboot.boots
        try:
            decision = await boots.boot(request, server=server)
            if (
                isinstance(decision, Serve)
                and (lack := await lacking(self._pureboot, decision, self._looks)) is not None
            ):
                decision = await boots.refuse(request, lack)
        except Unavailable as error:
            _log.warning("%s cannot be answered: %s", request.mac_address, error)
            return Wait(message="PureBoot's store cannot be used now", seconds=_STORE_SECONDS)
        return decision
