"""Settings: which source wins, and what is said of a wrong one."""

from pathlib import Path

import pytest

from engine.errors import Invalid, NotFound
from engine.settings import known_keys, load

KERNEL = f"{{url: 'http://192.0.2.1/linux', sha256: '{'0' * 64}'}}"


def test_defaults_are_usable() -> None:
    settings = load(environ={})
    assert (settings.http.port, settings.tftp.port, settings.auth.mode) == (8080, None, "strict")
    assert settings.database.url.startswith("sqlite:///")
    assert settings.install.max_attempts == 3


def test_flags_win_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    file = tmp_path / "pureboot.yaml"
    file.write_text("http: {port: 1, host: 1.1.1.1}\ninstall: {max_attempts: 5}\ndhcp: {mode: off}\n")
    environ = {"PUREBOOT_HTTP__PORT": "2", "PUREBOOT_TFTP__PORT": "6969", "PUREBOOT_CONFIG": str(file)}
    settings = load(environ=environ, flags={"http.port": 3, "tftp.port": None})
    assert (settings.http.port, settings.http.host, settings.tftp.port) == (3, "1.1.1.1", 6969)
    assert (settings.install.max_attempts, settings.dhcp.mode) == (5, "off")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http: {prot: 1}", "pureboot.yaml:1: http.prot: there is no setting of this name; did you mean http.port?"),
        ("databse: {url: x}", "databse: there is no setting of this name; did you mean database?"),
        ("http: {port: 99999}", "http.port: Input should be less than or equal to 65535 (it is 99999)"),
        ("http: {port: eighty}", "http.port: Input should be a valid integer"),
        ("tftp: {ports: 40100-40000}", "tftp.ports: write any, single, or the first and last port of a range such as"),
        ("tftp: {ports: 0-9}", "tftp.ports: write any, single"),
        ("tftp: {max_blksize: 100000}", "tftp.max_blksize: Input should be less than or equal to 65464"),
        ("auth: {mode: open}", "auth.mode: Input should be 'strict' or 'loose' (it is 'open')"),
        ("database: {url: mysql://x}", "database.url: write sqlite:///path/to/file or postgresql+asyncpg://"),
        ("server: {url: ftp://x}", "server.url: write http://address:port"),
        ("dhcp: {mode: server}", "dhcp.mode: Input should be 'off' or 'proxy' (it is 'server')"),
        ("dhcp: {deny: [52:54:00]}", "dhcp.deny.0: YAML reads this as no text: write it in quotes"),
        ("dhcp: {deny: ['5254']}", "dhcp.deny.0: write the beginning of a MAC address, such as 52:54:00, or vendor:"),
        ("dhcp: {allow: ['vendor: ']}", "dhcp.allow.0: after vendor: write how the vendor class begins"),
        ("dhcp: {interfaces: [a/b]}", "dhcp.interfaces: 'a/b' is no name of an interface"),
        ("dhcp: {path: both}", "dhcp.path: Input should be 'auto', 'bypass' or '4011'"),
        (f"files: {{upstream: {{/linux: {KERNEL}}}}}", "files.upstream: '/linux' is no path below /files: write it as"),
        (f"files: {{upstream: {{a/../b: {KERNEL}}}}}", "files.upstream: 'a/../b' is no path below /files: write it as"),
        ("- a", "must be sections with keys"),
        ("a: [", "pureboot.yaml:2:1: is not YAML"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(text: str, expected: str, tmp_path: Path) -> None:
    file = tmp_path / "pureboot.yaml"
    file.write_text(f"{text}\n")
    with pytest.raises(Invalid) as refused:
        load(config=file, environ={})
    assert expected in str(refused.value)


def test_lists_and_rules_of_machines(tmp_path: Path) -> None:
    file = tmp_path / "pureboot.yaml"
    file.write_text("dhcp: {mode: proxy, path: 4011, interfaces: [eth1], allow: ['AA-BB-cc', ' vendor:PXEClient ']}\n")
    dhcp = load(config=file, environ={"PUREBOOT_DHCP__DENY": "52:54:00, vendor:HTTPClient"}).dhcp
    assert (dhcp.mode, dhcp.path, dhcp.interfaces) == ("proxy", "4011", ("eth1",))
    assert (dhcp.allow, dhcp.deny) == (("aa:bb:cc", "vendor:PXEClient"), ("52:54:00", "vendor:HTTPClient"))


def test_a_misspelt_variable_is_no_silence() -> None:
    with pytest.raises(Invalid) as refused:
        load(environ={"PUREBOOT_HTTP__PROT": "1", "PUREBOOT_AUTH__MODE": "lose", "PUREBOOT_SECRET_KEY": "x" * 16})
    assert {problem.file for problem in refused.value.problems} == {"PUREBOOT_AUTH__MODE", "PUREBOOT_HTTP__PROT"}


def test_a_file_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no settings file"):
        load(config=tmp_path / "gone.yaml", environ={})


def test_ports_of_transfers_are_a_range_or_one(tmp_path: Path) -> None:
    file = tmp_path / "pureboot.yaml"
    for written, ports in (("40000-40100", (40000, 40100)), ("40000", (40000, 40000)), ("any", None), ("single", None)):
        file.write_text(f"tftp: {{ports: {written}}}\n")
        assert load(config=file, environ={}).tftp.port_range == ports


def test_every_key_is_known() -> None:
    assert {"http.port", "database.url", "install.max_attempts", "server.url"} <= set(known_keys())
