"""The doors of a PureBoot: TFTP and HTTP, opened together or not at all, and proxyDHCP where wanted and allowed."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Coroutine, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from bootsrv.descriptors import allow_many
from bootsrv.http.app import Part, build
from bootsrv.http.listener import Listener
from bootsrv.http.site import Limits, Site, bracketed
from bootsrv.loaders import Loaders
from bootsrv.neighbours import Neighbours
from bootsrv.tftp.asked import Asked
from bootsrv.tftp.files import TftpFiles
from bootsrv.tftp.generated import Generated
from bootsrv.tftp.server import LiveTransfer, TftpServer, TransferReport
from bootsrv.tftp.watched import WatchedTftp, of_report
from bootsrv.tracing import of_dhcp, of_transfer
from engine.app import PureBoot, key_path
from engine.core.events import Kind
from engine.core.scopes import Server
from engine.core.traffic import Carrier
from engine.errors import PureBootError, Unavailable
from engine.settings import PRIVILEGED_TFTP_PORT, UNPRIVILEGED_TFTP_PORT

if TYPE_CHECKING:
    from bootsrv.dhcp.others import OtherServer
    from bootsrv.dhcp.server import Contacts, ProxyDhcp

_log = logging.getLogger(__name__)

_EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - compared with, not bound to


class Doors:
    """Opens TFTP, HTTP and, with `dhcp.mode: proxy`, proxyDHCP for an open PureBoot; an async context manager.

    `contacts` is told of what machines ask proxyDHCP, and what they are answered.
    `notices` says what somebody should know now that the doors are open: an unusual port, a loader that is missing, an
    API without tokens. `cache` is where programs are kept that PureBoot makes for firmware; unless given, it is beside
    the store.

    Raises, on entering:
        Unavailable: a port is taken or not permitted, or an address is not this machine's; the text says which, and
            which setting changes it. Nothing is open then.
    """

    def __init__(
        self,
        pureboot: PureBoot,
        *,
        limits: Limits | None = None,
        cache: Path | None = None,
        contacts: "Contacts | None" = None,
    ) -> None:
        self.notices: list[str] = []
        self._pureboot = pureboot
        self._settings = pureboot.settings
        folder = cache or key_path(pureboot.settings).parent / "cache"
        self.loaders = Loaders(pureboot.settings.files.loaders, folder)
        self._site = Site(
            pureboot=pureboot,
            loaders=self.loaders,
            tftp=self._tftp_listens,
            dhcp=lambda: self.dhcp_ports,
            limits=limits or Limits(),
        )
        self._contacts = contacts or self._note_contact
        self._neighbours = Neighbours()
        self._dhcp: ProxyDhcp | None = None
        self._tftp: TftpServer | None = None
        self._http: Listener | None = None
        self._api: Listener | None = None
        self._stack = contextlib.AsyncExitStack()

    @property
    def http_url(self) -> str:
        """Where firmware and nodes find this PureBoot, as far as it can tell; and administrators, unless `api_url`."""
        return _url(self._http) if self._http else ""

    @property
    def api_url(self) -> str | None:
        """Where administrators find it, if that is another place."""
        return _url(self._api) if self._api else None

    @property
    def tftp_address(self) -> tuple[str, int] | None:
        """Address and port TFTP listens on; None if it is off."""
        return self._tftp_listens()

    @property
    def dhcp_ports(self) -> tuple[int, ...]:
        """The ports on which proxyDHCP answers; none if it is off, or not allowed here."""
        return self._dhcp.ports if self._dhcp else ()

    @property
    def transfers(self) -> tuple[LiveTransfer, ...]:
        """The TFTP transfers under way, oldest first."""
        return self._tftp.transfers if self._tftp else ()

    @property
    def connections(self) -> int:
        """How many HTTP connections are open."""
        return sum(listener.connections for listener in (self._http, self._api) if listener)

    async def __aenter__(self) -> "Doors":
        try:
            await self._open()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _open(self) -> None:
        http, api = self._settings.http, self._settings.api
        allow_many()
        await asyncio.to_thread(self._make_files_folder)
        self._tftp = await self._open_tftp()
        apart = api.port is not None
        self._http = await self._listen("http", http.host, http.port, Part.NODES if apart else Part.ALL)
        if api.port is not None:
            self._api = await self._listen("api", api.host, api.port, Part.ADMINISTRATORS)
        self._pureboot.server = self._site.server(self.http_url.removeprefix("http://"))
        await self._open_dhcp(self._http.address)
        await asyncio.to_thread(self._look_around)
        self._make_localboot()
        self._while_open(self._pureboot.traffic.run(), "traffic")
        await self._pureboot.note(Kind.SERVER_STARTED, **self._about())
        self._stack.push_async_callback(self._say_goodbye)
        for notice in self.notices:
            _log.warning("%s", notice)

    async def _open_tftp(self) -> TftpServer | None:
        tftp = self._settings.tftp
        if not tftp.enabled:
            return None
        try:
            return await self._start_tftp(PRIVILEGED_TFTP_PORT if tftp.port is None else tftp.port)
        except Unavailable as error:
            if tftp.port is not None or not isinstance(error.__context__, PermissionError):
                raise
        server = await self._start_tftp(UNPRIVILEGED_TFTP_PORT)
        self.notices.append(
            f"TFTP listens on port {UNPRIVILEGED_TFTP_PORT}, for {PRIVILEGED_TFTP_PORT} is not permitted here; "
            f"firmware asks on {PRIVILEGED_TFTP_PORT}: start PureBoot as root or with CAP_NET_BIND_SERVICE"
        )
        return server

    async def _start_tftp(self, port: int) -> TftpServer:
        root, folder = self._settings.tftp.root, self._settings.files.dir
        shared = root is not None and await asyncio.to_thread(lambda: root.resolve() == folder.resolve())
        every = self._pureboot.files
        files = TftpFiles(
            self.loaders,
            root,
            every if shared else None,
            boot_files=(folder, every),
            upstream=self._pureboot.upstream if self._settings.files.upstream else None,
            generated=Generated(self._pureboot, self._server_for),
        )
        tftp = self._settings.tftp
        server = TftpServer(
            files.open,
            host=tftp.host,
            port=port,
            at_once=files.held,
            ports=tftp.port_range,
            single_port=tftp.ports == "single",
            max_transfers=tftp.max_transfers,
            max_per_peer=tftp.max_per_peer,
            max_rate=tftp.max_rate,
            max_blksize=tftp.max_blksize,
            max_windowsize=tftp.max_windowsize,
            on_report=self._note_transfer,
        )
        await server.start()
        self._stack.push_async_callback(server.close)
        watched = WatchedTftp(server)
        self._pureboot.traffic.serve(Carrier.TFTP, watched)
        self._stack.callback(self._pureboot.traffic.withdraw, Carrier.TFTP, watched)
        return server

    def _server_for(self, asked: Asked) -> Server:
        """What a machine that asked by TFTP is told: the address that it asked, with the port of HTTP."""
        port = self._http.address[1] if self._http else self._settings.http.port
        return self._site.server(f"{bracketed(asked.local)}:{port}")

    async def _open_dhcp(self, http: tuple[str, int]) -> None:
        settings = self._settings
        if settings.dhcp.mode == "off":
            return
        from bootsrv.dhcp.book import NodeBook
        from bootsrv.dhcp.server import ProxyDhcp
        from bootsrv.dhcp.site import Places, ProxySite

        site = ProxySite(settings, self.loaders, Places(http=http, tftp=self._tftp_listens()))
        await asyncio.to_thread(site.look)
        book = NodeBook(self._pureboot)
        await book.open()
        self._stack.push_async_callback(book.close)
        self._dhcp = ProxyDhcp(
            site.terms,
            book.machine,
            interfaces=settings.dhcp.interfaces,
            own_names=site.names,
            contacts=self._contacts,
            on_other=self._noted,
        )
        self._stack.callback(self._dhcp.close)
        self._dhcp.start()
        self.notices += self._dhcp.notices
        self._while_open(site.watch(), "dhcp-loaders")

    def _noted(self, other: "OtherServer") -> None:
        data: dict[str, object] = {
            "server": other.address,
            "file": other.file,
            "next_server": other.next_server,
            "mac_address": other.mac,
        }
        self._while_open(self._note_other(data), "dhcp-other")

    async def _note_other(self, data: dict[str, object]) -> None:
        try:
            await self._pureboot.note(Kind.DHCP_OTHER_SERVER, **data)
        except PureBootError as error:
            _log.warning("another boot server is not in the log: %s", error)

    def _note_transfer(self, report: TransferReport) -> None:
        mac = self._neighbours.mac_of(report.peer)
        self._pureboot.traces.note(of_transfer(report), mac=mac, address=report.peer)
        self._pureboot.traffic.ended(of_report(report, mac))

    def _note_contact(self, kind: str, mac: str, facts: Mapping[str, object]) -> None:
        contact = of_dhcp(kind, facts, self._pureboot.context.now())
        source = str(facts.get("source") or "0.0.0.0")  # noqa: S104 - what a machine without an address says
        self._pureboot.traces.note(contact, mac=mac, address=None if source == "0.0.0.0" else source)  # noqa: S104

    async def _listen(self, setting: str, host: str, port: int, part: Part) -> Listener:
        app = build(self._site, part)
        quick = None if part is Part.ADMINISTRATORS else self._site
        listener = Listener(app, host=host, port=port, setting=setting, limits=self._site.limits, quick=quick)
        await listener.start()
        self._stack.push_async_callback(listener.close)
        return listener

    def _make_files_folder(self) -> None:
        folder = self._settings.files.dir
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self.notices.append(
                f"files.dir {folder} cannot be made: {error.strerror}; kernels and initrds are not there"
            )

    def _look_around(self) -> None:
        """Find out what somebody should know."""
        if self._settings.auth.mode == "loose":
            at = self.api_url or self.http_url
            self.notices.append(f"auth.mode is loose: whoever reaches {at} may change everything without a token")
        self.notices += [f"{each.name} is missing, {each.purpose}: {each.remedy}" for each in self.loaders.missing()]

    def _make_localboot(self) -> None:
        self._while_open(self.loaders.ensure_localboot(), "make-localboot")

    def _while_open(self, work: Coroutine[Any, Any, object], name: str) -> None:
        """Do something beside; it ends with the doors."""
        task = asyncio.create_task(work, name=name)

        async def stop() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        self._stack.push_async_callback(stop)

    def _about(self) -> dict[str, object]:
        tftp = self.tftp_address
        return {
            "http_url": self.http_url,
            "api_url": self.api_url,
            "tftp": None if tftp is None else f"{bracketed(tftp[0])}:{tftp[1]}",
            "server_url": self._pureboot.server.url,
        }

    async def _say_goodbye(self) -> None:
        try:
            await self._pureboot.note(Kind.SERVER_STOPPED, **self._about())
        except PureBootError as error:
            _log.warning("the end of the server is not in the log: %s", error)

    def _tftp_listens(self) -> tuple[str, int] | None:
        return self._tftp.address if self._tftp else None


def _url(listener: Listener) -> str:
    host, port = listener.address
    return f"http://{bracketed(_own_address() if host in _EVERYWHERE else host)}:{port}"


def _own_address() -> str:
    """This machine's address on the way to everywhere; loopback if it has no such way. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address of documentation (RFC 5737), so that only a default route fits
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
