"""The line to a PureBoot far away: its events out of pieces of bytes, its certificates, its token, what it says."""

import asyncio
import itertools
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from console.cli.options import principal
from console.remote.feed import events_of
from console.remote.link import Link, checked_url, token_of
from console.remote.pureboot import RemotePureBoot
from console.remote.sse import Parser, Told
from console.remote.troubles import Cut, refusal
from engine.core.findings import Finding, Severity
from engine.errors import Conflict, Forbidden, Invalid, NotFound, PureBootError, Unavailable
from tests.console.cli_support import Commands
from tests.ports import free_port

STREAM = (
    b"retry: 2000\n\n"
    b":\n\n"
    b"id: 7\nevent: group.created\ndata: {}\n\n"
    b": columns\n\n"
    b"id: 8\r\nevent: x\r\ndata: a\r\ndata: b\r\n\r\n"
    b'event: end\ndata: {"message": "it stops"}\n\n'
)
TOLD = [
    Told(comment=""),
    Told(id="7", event="group.created", data="{}"),
    Told(comment="columns"),
    Told(id="8", event="x", data="a\nb"),
    Told(event="end", data='{"message": "it stops"}'),
]


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_events_come_out_the_same_however_the_bytes_come(cuts: list[int]) -> None:
    parser, found, places = Parser(), [], [0, *sorted(cuts), len(STREAM)]
    for first, after in itertools.pairwise(places):
        found += parser.feed(STREAM[first:after])
    assert found == TOLD


def test_an_event_that_never_ends_takes_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.remote.sse.LONGEST", 1000)
    parser = Parser()
    assert [parser.feed(b"x" * 100) for _ in range(10)] == [[]] * 10
    with pytest.raises(Unavailable, match="more than 1000 bytes"):
        parser.feed(b"x")


def test_the_end_of_a_stream_says_why() -> None:
    with pytest.raises(Unavailable, match="it stops"):
        events_of(TOLD[-1:])
    with pytest.raises(Unavailable, match="cannot read"):
        events_of(TOLD[1:2])


@pytest.mark.parametrize(
    "url", ["pureboot.example", "ftp://x", "http://", "https://x:99999", "https://x/?token=1", "https://a:b@x"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        checked_url(url)


def test_a_token_comes_out_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("pb_good\n")
    assert token_of(file, "pb_other") == "pb_good"
    assert token_of(None, " pb_other ") == "pb_other"
    assert token_of(None, "") is None
    for content in ("", "two words\n"):
        file.write_text(content)
        with pytest.raises(Forbidden):
            token_of(file, None)
    with pytest.raises(Unavailable, match="cannot be read"):
        token_of(tmp_path / "nowhere", None)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, Forbidden) for status in (401, 403)),
        *((status, Conflict) for status in (409, 410)),
        *((status, Invalid) for status in (413, 422)),
        *((status, Unavailable) for status in (429, 500, 503)),
        (404, NotFound),
    ],
)
def test_what_is_refused_is_the_same_kind_of_error_as_here(status: int, kind: type[PureBootError]) -> None:
    error = refusal(status, {"detail": "so it is"}, "http://x")
    assert type(error) is kind
    assert "so it is" in str(error)


def test_what_is_wrong_keeps_its_place() -> None:
    told = {"path": "steps[0]", "line": 3, "column": 5, "message": "no", "severity": "warning", "validator": "sh"}
    error = refusal(422, {"detail": "x", "errors": [told]}, "http://x")
    assert isinstance(error, Invalid)
    assert error.problems == (
        Finding(message="no", path="steps[0]", line=3, column=5, severity=Severity.WARNING, validator="sh"),
    )
    assert "not as a PureBoot does" in str(refusal(502, None, "http://x"))


def _certificate(folder: Path, name: str, *, days: int = 1) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    names: list[x509.GeneralName] = [x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)]
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=9))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(secret)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context


async def _asked(url: str, ca_file: Path | None) -> str:
    async with Link(url, "pb_x", ca_file=ca_file) as link:
        try:
            return str(await link.get("/"))
        except PureBootError as error:
            return str(error)


async def test_certificates_are_checked_and_what_is_wrong_is_explained(tmp_path: Path) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"data": "hello"})

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    ports = {}
    for name, host, days in (("good", "127.0.0.1", 1), ("other", "other.example", 1), ("old", "127.0.0.1", -1)):
        folder = tmp_path / name
        folder.mkdir()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=_certificate(folder, host, days=days))
        await site.start()
        assert site._server is not None
        ports[name] = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    try:
        good, other, old = (f"https://127.0.0.1:{ports[name]}" for name in ports)
        assert await _asked(good, tmp_path / "good" / "ca.pem") == "hello"
        assert "give the one that signed it with --ca-file" in await _asked(good, None)
        assert "is for another name" in await _asked(other, tmp_path / "other" / "ca.pem")
        assert "has expired" in await _asked(old, tmp_path / "old" / "ca.pem")
        assert "nothing listens there" in await _asked(f"http://127.0.0.1:{free_port()}", None)
        with pytest.raises(Unavailable, match="no certificate in PEM"):
            await _asked(good, tmp_path / "good" / "key.pem")
        with pytest.raises(Unavailable, match="cannot be read"):
            await _asked(good, tmp_path / "nowhere")
    finally:
        await runner.cleanup()


async def test_a_silent_line_is_cut_however_long_tcp_hopes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer that is gone without a word: its socket is open and says nothing more."""
    monkeypatch.setattr("console.remote.feed.SILENCE_SECONDS", 0.2)

    async def silent(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await asyncio.sleep(30)
        return response

    app = web.Application()
    app.router.add_get("/api/v1/events/stream", silent)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    pureboot = RemotePureBoot(f"http://127.0.0.1:{port}", None)
    monkeypatch.setattr(pureboot.feed, "_back", _nothing)
    try:
        async with pureboot.link:
            following = pureboot.feed.follow(0)
            assert await anext(following) == []
            with pytest.raises(Cut, match="silent"):
                await anext(following)
            loop = asyncio.get_running_loop()
            begun = loop.time()
            with pytest.raises(Unavailable, match="nothing was done"):
                await pureboot.executions.cancel("x", by="user:ada")
            with pytest.raises(Unavailable, match="what you see is as old"):
                await pureboot.executions.get("x")
            assert loop.time() - begun < 0.1
    finally:
        await runner.cleanup()


async def _nothing() -> None:
    return


async def test_who_does_not_speak_http_is_told_apart() -> None:
    async def junk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(junk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        assert "cannot be reached" in await _asked(f"http://127.0.0.1:{port}", None)
        assert "does not speak TLS there" in await _asked(f"https://127.0.0.1:{port}", None)
    assert issubclass(aiohttp.ClientConnectorError, OSError)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--token-file", "x"], 2, "--token-file goes with --url"),
        (["--url", "http://x", "--name", "ada"], 2, "the token says who you are"),
        (["--url", "nonsense"], 1, "is no address of a PureBoot"),
        (["--url", "http://x", "--token-file", "/nowhere"], 1, "the token in /nowhere cannot be read"),
        (["--url", "https://x", "--ca-file", "/nowhere"], 1, "the certificates in /nowhere cannot be read"),
        (["--url", "http://x"], 2, "pureboot events --follow"),
        (["--name", "two\nlines"], 2, "on one line"),
    ],
)
def test_the_command_says_what_is_wrong(pureboot_command: Commands, words: list[str], code: int, told: str) -> None:
    result = pureboot_command("console", *words)
    assert result.exit_code == code, result.output
    assert told in " ".join(result.stderr.split())


def test_a_name_is_whose_work_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "ada")
    assert principal() == "user:ada"
    assert principal("grace") == "user:grace"
