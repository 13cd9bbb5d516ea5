"""The catalogue of causes: a trace for every row, and the sentence it leads to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.boot_causes import CAUSES, Level
from engine.core.boot_trace import Contact, Outcome
from engine.core.executions import Attempt, AttemptStatus, Execution, ExecutionStatus, Performer
from engine.core.explain import Verdict, explain
from engine.core.nodes import Node, NodeState
from tests.core.test_boot_trace import FAILED, IGNORED, PROBED, REFUSED, START, contact

KERNEL: Mapping[str, Any] = {"kernel": "debian/linux", "initrd": "debian/initrd.gz"}


def at(seconds: float) -> Any:
    return START + timedelta(seconds=seconds)


def node(**values: Any) -> Node:
    return Node(
        id="n1", mac_address="52:54:00:00:00:01", hostname="r1", state_changed_at=START, created_at=START,
        updated_at=START, **{"state": NodeState.PENDING, **values},
    )  # fmt: skip


def attempt(action: str, name: str, began: float, **values: Any) -> Attempt:
    return Attempt(
        id=action, execution_id="e1", step_id=action, step_key=action, step_name=name, action=action, attempt=1,
        performer=Performer.NODE, created_at=at(began), started_at=at(began),
        **{"status": AttemptStatus.RUNNING, **values},
    )  # fmt: skip


def run(*attempts: Attempt, status: ExecutionStatus = ExecutionStatus.RUNNING, **values: Any) -> Execution:
    return Execution(
        id="e1", workflow_id="w1", workflow_name="install", workflow_version="v1.0", version_id="v", node_id="n1",
        status=status, created_at=START, attempts=attempts, **values,
    )  # fmt: skip


def booting(began: float = -60, taken: bool = False, **config: Any) -> Execution:
    by = "52:54:00:00:00:01" if taken else None
    return run(attempt("node.boot", "Boot the installer", began, taken_by=by, config={**KERNEL, **config}))


def working() -> Execution:
    done = attempt("node.boot", "Boot the installer", -60, status=AttemptStatus.SUCCEEDED)
    return run(done, attempt("node.script", "Write the disk", 60))


SUCCEEDED = run(status=ExecutionStatus.SUCCEEDED, completed_at=at(300))
BROKEN = run(status=ExecutionStatus.FAILED, completed_at=at(300), error="step write failed: no space left")

LOADER = contact(0, "tftp", "ipxe.efi", bytes=1_000_000, size=1_000_000)
ASKED = contact(5, "http", "/boot.ipxe", told="ask", agent="iPXE/1.0")
SERVED = contact(6, "http", "/boot.ipxe", message="Boot the installer", told="serve")
LINUX = contact(7, "http", "/files/debian/linux", bytes=8_000_000, size=8_000_000)
INITRD = contact(8, "http", "/files/debian/initrd.gz", bytes=30_000_000, size=30_000_000)
BOOTED = (LOADER, ASKED, SERVED, LINUX, INITRD)
AGENT = contact(40, "http", "/agent/linux.sh")
POLL = contact(41, "callback", "callback/current")


def local(reason: str, message: str = "it boots its disk", seconds: float = 6) -> Contact:
    return contact(seconds, "http", "/boot.ipxe", message=message, told="local", reason=reason)


@dataclass(frozen=True, kw_only=True)
class Story:
    """A trace, and what is known beside it; `now` is in seconds after nine o'clock."""

    trace: Sequence[Contact] = ()
    now: float = 10
    node: Node | None = field(default_factory=node)
    execution: Execution | None = None
    says: Sequence[str] = ()

    def verdict(self) -> Verdict:
        return explain(self.trace, self.node, self.execution, at(self.now))


STORIES: Mapping[str, Story] = {
    "never-seen": Story(
        execution=booting(), now=100, says=["r1 was never heard of", "waited for 2 min", "MAC address"]
    ),
    "not-restarted": Story(
        trace=[contact(0, "tftp", "ipxe.efi")], execution=booting(60), now=400, says=["heard at 09:00:00", "BMC"]
    ),
    "to-be-started": Story(execution=booting(0), now=30, says=["waited for 30 s", "start it from the network"]),
    "callback-refused": Story(
        trace=[
            *BOOTED,
            contact(60, "callback", "callback/current", REFUSED, "this token is not known here", status=401),
        ],
        execution=booting(taken=True),
        now=70,
        says=["called at 09:01:00", "this token is not known here", "start the machine anew"],
    ),
    "callback-too-late": Story(
        trace=[*BOOTED, contact(400, "callback", "callback/current", REFUSED, "execution has failed", status=410)],
        execution=BROKEN,
        now=410,
        says=["its execution has ended"],
    ),
    "answers-refused": Story(
        trace=[*BOOTED, contact(60, "http", "/render/***/answers", REFUSED, "${meta.dns} has no value", status=422)],
        execution=booting(taken=True),
        now=70,
        says=["/render/***/answers", "${meta.dns} has no value", "pureboot template render"],
    ),
    "server-busy": Story(
        trace=[*BOOTED, contact(60, "callback", "callback/heartbeat", REFUSED, "the store is full", status=503)],
        execution=working(),
        now=70,
        says=["the store is full", "pureboot doctor"],
    ),
    "agent-refused": Story(
        trace=[*BOOTED, contact(60, "callback", "callback/step/x", REFUSED, "step x is not current", status=409)],
        execution=working(),
        now=70,
        says=["step x is not current"],
    ),
    "back-too-early": Story(
        trace=[*BOOTED, AGENT, POLL, local("agent", "a step waits for this machine's agent", 90)],
        execution=working(),
        now=95,
        says=["came back to the network at 09:01:30", "Write the disk"],
    ),
    "agent-silent": Story(
        trace=[*BOOTED, AGENT, POLL], execution=working(), now=400, says=["called last at 09:00:41", "for 5 min"]
    ),
    "agent-works": Story(trace=[*BOOTED, AGENT, POLL], execution=working(), now=50, says=["Write the disk goes on"]),
    "file-missing": Story(
        trace=[
            LOADER,
            SERVED,
            contact(7, "http", "/files/debian/linux", REFUSED, "there is no file linux", status=404),
        ],
        execution=booting(taken=True),
        now=9,
        says=["/files/debian/linux", "there is no file linux", "files.dir"],
    ),
    "file-broken-off": Story(
        trace=[LOADER, SERVED, LINUX, contact(8, "http", "/files/debian/initrd.gz", FAILED, bytes=2**20, size=2**25)],
        execution=booting(taken=True),
        now=30,
        says=["broken off at 09:00:08 after 1.0 MB of 33.6 MB", "memory"],
    ),
    "restarted-after-kernel": Story(
        trace=[*BOOTED, contact(30, "tftp", "ipxe.efi"), contact(36, "http", "/boot.ipxe", told="serve")],
        execution=booting(taken=True),
        now=37,
        says=["sent at 09:00:08", "22 s later", "crashed", "console="],
    ),
    "no-initrd": Story(
        trace=[LOADER, SERVED, LINUX],
        execution=booting(taken=True),
        now=90,
        says=["debian/initrd.gz not asked for in 83 s"],
    ),
    "no-callback": Story(
        trace=BOOTED, execution=booting(taken=True), now=320, says=["no callback for 5 min", "server.url"]
    ),
    "kernel-starts": Story(trace=BOOTED, execution=booting(taken=True), now=20, says=["has yet to call"]),
    "served-often": Story(
        trace=[LOADER, contact(6, "http", "/boot.ipxe", told="serve", count=4, lasted=60)],
        execution=booting(taken=True),
        now=70,
        says=["told 4 times", "server.url"],
    ),
    "files-elsewhere": Story(
        trace=[LOADER, SERVED],
        execution=booting(taken=True, kernel="http://mirror.example/linux"),
        now=400,
        says=["comes from http://mirror.example/linux"],
    ),
    "kernel-not-fetched": Story(
        trace=[LOADER, SERVED], execution=booting(taken=True), now=90, says=["kernel not asked for in 84 s"]
    ),
    "served": Story(trace=[LOADER, SERVED], execution=booting(taken=True), now=8, says=["has yet to ask"]),
    "finished": Story(
        trace=[*BOOTED, AGENT, POLL, local("state", seconds=300)],
        node=node(state=NodeState.INSTALLED),
        execution=SUCCEEDED,
        now=9000,
        says=["install succeeded", "09:05:00", "boots its disk"],
    ),
    "locked": Story(trace=[LOADER, local("locked")], node=node(locked=True), says=["r1 is locked", "locked=false"]),
    "other-machine": Story(trace=[LOADER, local("identity")], says=["MAC address of r1", "system_uuid="]),
    "wrong-firmware": Story(
        trace=[LOADER, local("firmware", "install is for uefi firmware")],
        execution=booting(),
        says=["install is for uefi firmware", "switch its firmware"],
    ),
    "boot-file-missing": Story(
        trace=[LOADER, local("file", "kernel debian/linux is not under files.dir")],
        execution=BROKEN,
        says=["is not under files.dir", "retry"],
    ),
    "step-unresolved": Story(
        trace=[LOADER, local("unresolved", "${meta.dns} has no value")],
        execution=BROKEN,
        says=["${meta.dns} has no value"],
    ),
    "store-away": Story(trace=[LOADER, local("store")], says=["store could not be used"]),
    "not-known": Story(
        trace=[LOADER, local("unknown", "discovery is switched off")], node=None, says=["is switched off; add it with"]
    ),
    "bad-mac": Story(trace=[local("invalid", "'zz' is not a MAC address")], node=None, says=["'zz'", "${net0/mac}"]),
    "failed": Story(
        trace=[*BOOTED, POLL], execution=BROKEN, now=500, says=["failed at 09:05:00", "no space left", "retry"]
    ),
    "stopped-asking": Story(
        trace=[LOADER, local("nothing")], execution=booting(0), now=90, says=["has not asked again for 84 s"]
    ),
    "waits-for-work": Story(
        trace=[LOADER, local("")], node=node(state=NodeState.DISCOVERED), says=["nobody has told it what to do"]
    ),
    "state-keeps-disk": Story(
        trace=[LOADER, local("state", "r1 is active and boots its disk")], says=["r1 is active and boots its disk"]
    ),
    "nothing-to-do": Story(trace=[LOADER, local("nothing")], says=["no execution wants to boot it"]),
    "boot-step-done": Story(
        trace=[LOADER, local("done", "install does not boot this machine any more")],
        execution=working(),
        says=["does not boot this machine any more"],
    ),
    "waits-its-turn": Story(
        trace=[
            LOADER,
            contact(6, "http", "/boot.ipxe", message="install will boot this machine, but not yet", told="wait"),
        ],
        execution=run(),
        says=["but not yet"],
    ),
    "gave-up-waiting": Story(
        trace=[LOADER, contact(6, "http", "/boot.ipxe", message="not yet", told="wait")],
        execution=run(),
        now=100,
        says=["has not for 94 s"],
    ),
    "server-unreachable": Story(trace=[LOADER, ASKED], now=80, says=["first script at 09:00:05", "server.url"]),
    "script-refused": Story(
        trace=[LOADER, contact(6, "http", "/boot.ipxe", REFUSED, "no MAC address", status=422)], says=["no MAC address"]
    ),
    "config-missing": Story(
        trace=[
            contact(0, "tftp", "grubx64.efi"),
            contact(1, "tftp", "grub/grub.cfg", REFUSED, "there is no file grub.cfg"),
        ],
        now=70,
        says=["grub/grub.cfg (1 times in all", "GRUB or PXELINUX"],
    ),
    "no-script-url": Story(
        trace=[LOADER, contact(4, "tftp", "autoexec.ipxe", REFUSED, "there is no file autoexec.ipxe")],
        now=70,
        says=["autoexec.ipxe at 09:00:04", "/boot.ipxe"],
    ),
    "chain-loop": Story(
        trace=[contact(0, "http", "/boot/ipxe.efi", agent="iPXE/1.0", count=3, lasted=20)],
        now=30,
        says=["3 times", "once more instead of its script"],
    ),
    "loader-loop": Story(
        trace=[contact(0, "tftp", "ipxe.efi", count=6, lasted=60)],
        now=65,
        says=["loader ipxe.efi fetched 6 times in 60 s", "iPXE hangs on this network card", "try snponly.efi"],
    ),
    "loader-silent": Story(
        trace=[LOADER], now=70, says=["loader ipxe.efi sent at 09:00:00", "no script asked for in 70 s"]
    ),
    "loader-starts": Story(trace=[LOADER], now=3, says=["has yet to ask"]),
    "loader-missing": Story(
        trace=[contact(0, "tftp", "ipxe.efi", REFUSED, "there is no file ipxe.efi", lasted=1)],
        says=["not on this server", "package ipxe"],
    ),
    "wrong-file": Story(
        trace=[contact(0, "tftp", "boot\\x64\\wdsnbp.com", REFUSED, "there is no file boot/x64")],
        node=None,
        says=["wdsnbp.com", "option 67", "undionly.kpxe"],
    ),
    "loader-refused": Story(
        trace=[contact(0, "tftp", "ipxe.efi", REFUSED, "only mode octet (binary) is served")], says=["only mode octet"]
    ),
    "transfer-blocked": Story(
        trace=[contact(0, "tftp", "ipxe.efi", FAILED, "the peer does not answer", bytes=0, size=1000)],
        now=40,
        says=["took none of it", "firewall"],
    ),
    "transfer-broken": Story(
        trace=[contact(0, "tftp", "ipxe.efi", FAILED, "the peer does not answer", bytes=2048, size=2**20)],
        now=40,
        says=["after 2.0 kB of 1.0 MB", "packets are lost"],
    ),
    "only-probed": Story(
        trace=[contact(0, "tftp", "ipxe.efi", PROBED)], now=70, says=["size of ipxe.efi", "smaller loader"]
    ),
    "no-loader-for-arch": Story(
        trace=[contact(0, "dhcp", "discover", IGNORED, reason="no-loader", arch="arm64")],
        says=["(arm64)", "files.loaders"],
    ),
    "dhcp-denied": Story(
        trace=[contact(0, "dhcp", "discover", IGNORED, "its MAC address is denied", reason="denied")],
        says=["is denied"],
    ),
    "other-server": Story(
        trace=[contact(0, "dhcp", "discover"), contact(2, "dhcp", "request", IGNORED, server="192.0.2.9")],
        says=["took the offer of 192.0.2.9"],
    ),
    "offer-loop": Story(
        trace=[contact(0, "dhcp", "discover", count=5, lasted=60)], now=70, says=["5 times", "proxyDHCP gives none"]
    ),
    "offer-not-taken": Story(
        trace=[contact(0, "dhcp", "discover")],
        now=60,
        says=[
            "offer sent 09:00:00, no request on 4011 for 60 s: ",
            "a firewall on UDP 4011 or firmware that ignores proxyDHCP",
        ],
    ),
    "no-download": Story(
        trace=[contact(0, "dhcp", "discover"), contact(2, "dhcp", "request")], now=80, says=["firewall on UDP 69"]
    ),
    "dhcp-goes-on": Story(trace=[contact(0, "dhcp", "discover")], now=5, says=["has yet to fetch"]),
    "heard": Story(trace=[contact(40, "callback", "callback/current")], node=node(state=NodeState.ACTIVE), now=9999),
    "nothing-heard": Story(says=["nothing was heard of r1"]),
}


@pytest.mark.parametrize("cause", [cause.key for cause in CAUSES])
def test_every_cause_of_the_catalogue_is_told_of_its_trace(cause: str) -> None:
    verdict = STORIES[cause].verdict()
    assert verdict.cause == cause, verdict.sentence
    assert all(part in verdict.sentence for part in STORIES[cause].says), verdict.sentence
    assert "{" not in verdict.sentence.replace("${", "")
    if verdict.is_trouble:
        assert verdict.advice, "whoever reads it wants to know what to do"


def test_the_catalogue_has_each_name_once_and_ends_with_what_fits_everything() -> None:
    names = [cause.key for cause in CAUSES]
    assert len(names) == len(set(names)) == len(STORIES)
    assert CAUSES[-1].key == "nothing-heard"
    assert sum(cause.level is Level.TROUBLE for cause in CAUSES) >= 20


def test_the_sentence_says_how_far_what_next_why_and_what_to_do() -> None:
    verdict = STORIES["no-callback"].verdict()
    assert verdict.sentence == (
        "/files/debian/initrd.gz was sent at 09:00:08, no callback for 5 min: no network in the installer (a missing "
        "driver, another port, a VLAN) or a wrong server.url; look at its console, and see that server.url names an "
        "address which the machine can reach"
    )
    assert verdict.last_at == at(8)


def test_a_hostile_name_stays_a_value() -> None:
    evil = contact(0, "tftp", "{node.__class__} %s {0}.efi", REFUSED, "there is no file")
    assert "{node.__class__} %s {0}.efi" in Story(trace=[evil]).verdict().sentence


_ANY = st.lists(
    st.builds(
        contact,
        st.integers(-100, 2000),
        st.sampled_from(["dhcp", "tftp", "http", "callback"]),
        st.sampled_from(
            ["discover", "request", "ipxe.efi", "x", "autoexec.ipxe", "grub.cfg", "/boot.ipxe", "/files/debian/linux",
             "/files/debian/initrd.gz", "/render/***/a", "callback/current"]
        ),
        st.sampled_from(list(Outcome)),
        status=st.sampled_from([None, 204, 401, 404, 409, 410, 503]),
        told=st.sampled_from(["", "ask", "serve", "wait", "local"]),
        count=st.integers(1, 9),
    ),
    max_size=12,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    _ANY, st.sampled_from([None, booting(), booting(taken=True), working(), SUCCEEDED, BROKEN]), st.integers(0, 9000)
)
def test_whatever_happened_there_is_a_sentence(
    trace: Sequence[Contact], execution: Execution | None, now: float
) -> None:
    ordered = sorted(trace, key=lambda each: each.at)
    for known in (None, node()):
        verdict = explain(ordered, known, execution, at(now))
        assert verdict.sentence
        assert verdict == explain(ordered, known, execution, at(now))
