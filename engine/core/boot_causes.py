"""The catalogue of causes: why a machine stands where it does. Pure data; the first row that fits is told.

The order is: what says most comes first. Failures before silences, what is late in a boot before what is early, and at
the end what is no trouble at all. The field's facts behind the rows are those that people report again and again
about network boot: firmware that ignores proxyDHCP, loaders that hang on one model of network card, a DHCP server that
gives iPXE the loader once more, "no such file" where the true cause is another, a wrong address of the server.
"""

from dataclasses import dataclass
from enum import StrEnum

from engine.core import boot_signs as signs
from engine.core import boot_signs_firmware as firmware
from engine.core.boot_words import Sign


class Level(StrEnum):
    """Whether somebody should care: it goes on, it waits for somebody or something, or it hangs."""

    FINE = "fine"
    WAITING = "waiting"
    TROUBLE = "trouble"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One row. The texts take words of the sign in braces."""

    key: str
    level: Level
    fits: Sign
    reached: str
    expected: str = ""
    why: str = ""
    advice: str = ""


_T, _W, _F = Level.TROUBLE, Level.WAITING, Level.FINE


def _row(
    key: str, level: Level, fits: Sign, reached: str, expected: str = "", why: str = "", advice: str = ""
) -> Cause:
    return Cause(key=key, level=level, fits=fits, reached=reached, expected=expected, why=why, advice=advice)


_NOT_STARTED = (
    _row(
        "never-seen", _T, signs.never_seen,
        "{node} was never heard of", "its step {step} has waited for {waited}",
        "it is off, does not boot from the network, has another MAC address, or no DHCP server sends it here",
        "power it on, see its boot order and cable, and compare the MAC address on its screen",
    ),
    _row(
        "not-restarted", _T, signs.not_restarted,
        "{node} was last heard at {at}", "its step {step} has waited for {waited} since",
        "it was not started anew, or its boot order begins with the disk (a BMC may say OK and do nothing)",
        "restart it with the network first in its boot order",
    ),
    _row(
        "to-be-started", _W, signs.to_be_started,
        "the step {step} has waited for {waited}", "nothing was heard of {node} since", "",
        "start it from the network",
    ),
)  # fmt: skip

_AGENT = (
    _row(
        "callback-refused", _T, signs.callback_refused,
        "its system runs and called at {at}", "but was refused ({message})",
        "it shows no token or another execution's: the kernel's command line is of an earlier run, or was cut",
        "start the machine anew, so that it is given this execution's",
    ),
    _row(
        "callback-too-late", _T, signs.callback_too_late,
        "its system called at {at}", "but was refused ({message})",
        "its execution has ended, and the agent goes on without it",
        "retry the execution or start the workflow anew, then restart the machine",
    ),
    _row(
        "answers-refused", _T, signs.answers_refused,
        "the installer runs and asked for {file} at {at}", "but did not get it ({message})",
        "the template cannot be rendered for this node, or has another name",
        "preview it for this node with `pureboot template render`, put it right, and retry",
    ),
    _row(
        "server-busy", _T, signs.server_busy,
        "its system called at {at}", "and this server could not answer ({message})",
        "the store cannot be written, or too much was asked at once",
        "see the server's log and `pureboot doctor`",
    ),
    _row(
        "agent-refused", _T, signs.agent_refused,
        "its system called {file} at {at}", "but was refused ({message})",
        "the agent and the step do not agree about what is current",
        "see the log of the step, and restart the machine if it does not go on",
    ),
    _row(
        "back-too-early", _T, signs.told_local("agent"),
        "it came back to the network at {at}", "while the step {step} waits for the agent on it",
        "it restarted before the step was done, and its disk has no agent that goes on, or does not boot",
        "see the log of the step before the restart; retry the boot step if its installer has to run again",
    ),
    _row(
        "agent-silent", _T, signs.agent_silent,
        "its system called last at {at}", "and nothing was heard for {silent}",
        "the installer hangs, the machine lost its network or was switched off",
        "look at its console; the step ends by itself at its heartbeat or timeout",
    ),
    _row("agent-works", _F, signs.agent_works, "its system runs and called at {at}", "{step} goes on"),
)  # fmt: skip

_FILES = (
    _row(
        "file-missing", _T, signs.file_missing,
        "the script was told and {file} asked for at {at}", "but it was refused ({message})",
        "the file was removed, renamed or cannot be read since the script was made",
        "put it under files.dir, or correct the step, and start the machine anew",
    ),
    _row(
        "file-broken-off", _T, signs.file_broken_off,
        "{file} was broken off at {at} after {sent} of {size}", "the rest was never asked for",
        "the machine has too little memory for it (BIOS machines above all), or its network failed in the middle",
        "try a smaller initrd or more memory, and see the switch port for errors",
    ),
    _row(
        "restarted-after-kernel", _T, signs.restarted_after_kernel,
        "kernel and initrd were sent at {at}", "and {gap} later the machine began from the start, without a call",
        "the kernel crashed or does not suit this machine (architecture, Secure Boot, initrd of another version)",
        "look at its console while it starts, with `console=` on the command line",
    ),
    _row(
        "no-initrd", _T, signs.no_initrd,
        "the kernel was sent at {at}", "and {lacking} not asked for in {silent}",
        "the firmware has no memory left for it, or the loader refused the kernel (Secure Boot)",
        "look at the machine's screen: iPXE names the error there",
    ),
    _row(
        "no-callback", _T, signs.no_callback,
        "{file} was sent at {at}", "no callback for {silent}",
        "no network in the installer (a missing driver, another port, a VLAN) or a wrong server.url",
        "look at its console, and see that server.url names an address which the machine can reach",
    ),
    _row("kernel-starts", _F, signs.kernel_starts, "{file} was sent at {at}", "its system has yet to call"),
)  # fmt: skip

_TOLD = (
    _row(
        "served-often", _T, signs.served_often,
        "the script was told {count} times, last at {at}", "and the kernel never asked for",
        "the machine cannot reach this server under the address in the script, or iPXE fails at once",
        "see that server.url is right for its network, and read the error on its screen",
    ),
    _row(
        "files-elsewhere", _T, signs.files_elsewhere,
        "the script was told at {at}", "nothing was heard for {silent}",
        "its kernel comes from {url}, which this server cannot see: it is away or slow, or the system does not call",
        "fetch that URL from the machine's network, or serve the file from here",
    ),
    _row(
        "kernel-not-fetched", _T, signs.kernel_not_fetched,
        "the script was told at {at}", "and the kernel not asked for in {silent}",
        "the machine cannot reach this server under the address in the script (server.url), or iPXE hangs",
        "see that server.url is right for its network, and read the error on its screen",
    ),
    _row("served", _F, signs.served, "the script was told at {at}", "it has yet to ask for the kernel"),
    _row(
        "finished", _F, signs.installed,
        "{workflow} succeeded", "", "{node} was last heard at {at} and boots its disk",
    ),
    _row(
        "locked", _W, signs.told_local("locked"),
        "it asked for its script at {at}", "and was told to boot its disk",
        "{node} is locked", "unlock it with `pureboot node set {node} locked=false` if you mean it",
    ),
    _row(
        "other-machine", _T, signs.told_local("identity"),
        "a machine asked for its script at {at}", "and was told to boot its disk",
        "it has the MAC address of {node} but another UUID and serial number: a shared adapter or a new mainboard",
        "if {node} is that machine now, empty system_uuid= and serial_number= with `pureboot node set`",
    ),
    _row(
        "wrong-firmware", _T, signs.told_local("firmware"),
        "it asked for its script at {at}", "and was refused its step",
        "{message}", "switch its firmware to the other mode, or use a workflow for this one",
    ),
    _row(
        "boot-file-missing", _T, signs.told_local("file"),
        "it asked for its script at {at}", "and its step could not be served",
        "{message}", "then retry the execution",
    ),
    _row(
        "step-unresolved", _T, signs.told_local("unresolved"),
        "it asked for its script at {at}", "and its step could not be served",
        "{message}", "give the value that is missing, then retry the execution",
    ),
    _row(
        "store-away", _T, signs.told_local("store"),
        "it asked for its script at {at}", "and was sent to its disk",
        "the store could not be used for too long", "see `pureboot doctor`, then restart the machine",
    ),
    _row(
        "not-known", _W, signs.told_local("unknown"),
        "it asked for its script at {at}", "and was told to boot its disk",
        "{message}", "add it with `pureboot node add`, or change that setting",
    ),
    _row(
        "bad-mac", _T, signs.told_local("invalid"),
        "it asked for its script at {at}", "and could not be told apart",
        "{message}", "see how its loader writes ${{net0/mac}} in the URL",
    ),
    _row(
        "failed", _T, signs.failed,
        "{workflow} failed at {ended}", "", "{error}", "put that right, then retry the execution",
    ),
    _row(
        "stopped-asking", _T, signs.stopped_asking,
        "it asked for its script last at {at}", "and has not asked again for {silent}, although {step} waits for it",
        "its disk booted after all, or somebody switched it off", "start it from the network once more",
    ),
    _row(
        "waits-for-work", _W, signs.waits_for_work,
        "it is here since {at}", "", "nobody has told it what to do yet", "start a workflow on it",
    ),
    _row(
        "state-keeps-disk", _F, signs.told_local("state"),
        "it asked for its script at {at}", "and was told to boot its disk", "{message}",
    ),
    _row(
        "nothing-to-do", _W, signs.told_local("nothing"),
        "it asked for its script at {at}", "and was told to boot its disk",
        "no execution wants to boot it", "start a workflow on it if something is to be done",
    ),
    _row(
        "boot-step-done", _F, signs.told_local("done"),
        "it asked for its script at {at}", "and was told to boot its disk", "{message}",
    ),
    _row("waits-its-turn", _W, signs.waits, "it asked for its script at {at}", "and asks again soon", "{message}"),
    _row(
        "gave-up-waiting", _T, signs.gave_up_waiting,
        "it was told at {at} to ask again soon", "and has not for {silent}",
        "it was switched off or started anew, or lost its network", "start it from the network once more",
    ),
    _row(
        "server-unreachable", _T, signs.never_said_its_mac,
        "iPXE fetched the first script at {at}", "and has not asked again with its MAC address for {silent}",
        "it cannot reach the address that the script names", "set server.url to an address its network reaches",
    ),
    _row(
        "script-refused", _T, signs.script_refused,
        "it asked for {file} at {at}", "and was refused ({message})",
        "its loader asks in a way this server does not know, or the server could not answer",
        "see what URL the DHCP server or autoexec.ipxe gives it",
    ),
    _row(
        "config-missing", _T, signs.config_missing,
        "its loader runs and asked for {file} ({count} times in all, last at {at})", "and found none",
        "the loader is GRUB or PXELINUX, which reads a file that is made for no node here",
        "have DHCP send iPXE, or put that file below tftp.root",
    ),
    _row(
        "no-script-url", _T, signs.autoexec_only,
        "iPXE runs and asked for autoexec.ipxe at {at}", "and for no script in {silent}",
        "nothing tells iPXE where its script is: a missing autoexec.ipxe alone does no harm",
        "have DHCP give clients of the class iPXE the URL http://SERVER/boot.ipxe as file name",
    ),
)  # fmt: skip

_LOADER = (
    _row(
        "chain-loop", _T, firmware.chain_loop,
        "iPXE fetched the loader {file} {count} times, last at {at}", "and no script",
        "DHCP gives iPXE the loader once more instead of its script",
        "have DHCP give clients of the class iPXE the URL http://SERVER/boot.ipxe",
    ),
    _row(
        "loader-loop", _T, firmware.loader_loop,
        "loader {file} fetched {count} times in {period}", "no script asked for",
        "iPXE hangs on this network card, or DHCP gives iPXE the loader once more",
        "try {other} for this model, and see that DHCP tells iPXE apart",
    ),
    _row(
        "loader-silent", _T, firmware.loader_silent,
        "loader {file} sent at {at}", "no script asked for in {silent}",
        "iPXE does not start on this network card, gets no address (a slow switch port), or has no URL of its script",
        "read its screen; try snponly or undionly, portfast on the port, and see what DHCP gives to iPXE",
    ),
    _row("loader-starts", _F, firmware.loader_starts, "loader {file} sent at {at}", "it has yet to ask for its script"),
    _row(
        "loader-missing", _T, firmware.loader_missing,
        "the firmware asked for the loader {file} at {at}", "and got none ({message})",
        "this loader is not on this server", "install the package ipxe, or see `pureboot doctor` for what is missing",
    ),
    _row(
        "wrong-file", _T, firmware.wrong_file,
        "the firmware asked for {file} at {at}", "and got nothing ({message})",
        "the DHCP server names a file that is no loader here (option 67, bootfile-name)",
        "have it name ipxe.efi for UEFI and undionly.kpxe for BIOS",
    ),
    _row(
        "loader-refused", _T, firmware.loader_refused,
        "the firmware asked for {file} at {at}", "and was refused ({message})",
        "it asks in a way that is not served, or the file cannot be read", "see the server's log",
    ),
    _row(
        "transfer-blocked", _T, firmware.transfer_blocked,
        "the firmware asked for {file} at {at}", "and took none of it ({message})",
        "a firewall lets requests to port 69 through but not the transfer, which uses a port of its own",
        "open UDP from this server's high ports to the machines, or use a firewall that knows TFTP",
    ),
    _row(
        "transfer-broken", _T, firmware.transfer_broken,
        "the loader {file} was broken off at {at} after {sent} of {size}", "and not asked for again",
        "packets are lost on the way, or are too large for it ({message})",
        "see the switch port for errors; a smaller block size may help",
    ),
    _row(
        "only-probed", _T, firmware.only_probed,
        "the firmware asked for the size of {file} at {at}", "and has not fetched it for {silent}",
        "it has no room for a loader of that size, or gave up",
        "use a smaller loader (undionly.kpxe for BIOS, snponly.efi for UEFI)",
    ),
)  # fmt: skip

_DHCP = (
    _row(
        "no-loader-for-arch", _T, firmware.ignored("no-loader"),
        "it asked by DHCP at {at}", "and was not answered",
        "there is no loader for its architecture ({arch})", "add one to files.loaders; `pureboot doctor` lists them",
    ),
    _row(
        "dhcp-denied", _W, firmware.ignored("denied"),
        "it asked by DHCP at {at}", "and was not answered", "a rule says so ({message})",
        "change dhcp.allow or dhcp.deny if it is to boot here",
    ),
    _row(
        "other-server", _T, firmware.other_server,
        "it asked by DHCP at {at}", "and took the offer of {server}",
        "another boot server answers on this network", "switch that one off, or have it leave this machine alone",
    ),
    _row(
        "offer-loop", _T, firmware.offer_loop,
        "it asked by DHCP {count} times, was offered a loader each time, last at {at}", "and never requested it",
        "no DHCP server gives it an address (proxyDHCP gives none), or its firmware ignores proxyDHCP",
        "see the leases of the site's DHCP server; or set the boot file there and dhcp.mode off",
    ),
    _row(
        "offer-not-taken", _T, firmware.offer_not_taken,
        "offer sent {at}", "no request on 4011 for {silent}",
        "a firewall on UDP 4011 or firmware that ignores proxyDHCP",
        "open UDP 4011, or set the boot file on the site's DHCP server",
    ),
    _row(
        "no-download", _T, firmware.no_download,
        "it was told the name of its loader at {at}", "and has not fetched it for {silent}",
        "a firewall on UDP 69, or it asks another server (next-server of the site's DHCP)",
        "open UDP 69, and see that no other server is named by option 66 or siaddr",
    ),
    _row("dhcp-goes-on", _F, firmware.dhcp_goes_on, "it asked by DHCP at {at}", "it has yet to fetch its loader"),
)  # fmt: skip

_ELSE = (
    _row("heard", _F, signs.heard, "it was last heard at {at} ({file})"),
    _row("nothing-heard", _F, signs.nothing, "nothing was heard of {node} on the boot network yet"),
)

CAUSES: tuple[Cause, ...] = (*_NOT_STARTED, *_AGENT, *_FILES, *_TOLD, *_LOADER, *_DHCP, *_ELSE)
"""Every cause, in the order in which they are looked at."""
