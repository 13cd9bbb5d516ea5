"""By what a cause is recognised before iPXE speaks: DHCP and the loader. Pure; see `boot_signs`."""

from datetime import timedelta

from engine.core.boot_case import PATIENCE, Case, shown
from engine.core.boot_trace import Contact, Outcome, Stage, times
from engine.core.boot_words import Sign, Words, newest, words

LOOPS = 4  # a loader fetched so often in a row, without anything after it, does not get going
LOOP_GAP = timedelta(minutes=5)
_KNOWN_LOADERS = ("ipxe", "undionly", "snponly", "shim", "grub", "boot", "pxelinux", "syslinux", "lpxelinux")


# The loader


def _loaders(case: Case, *outcomes: Outcome) -> list[Contact]:
    return case.of(Stage.LOADER, *outcomes)


def _no_further(case: Case) -> bool:
    return (case.stage or Stage.DHCP) <= Stage.LOADER


def chain_loop(case: Case) -> Words | None:
    """iPXE itself fetched iPXE: by HTTP it says who it is."""
    found = [each for each in _loaders(case, Outcome.OK) if each.facts.get("agent", "").startswith("iPXE")]
    return words(case, found[-1], count=times(found)) if times(found) >= 2 and _no_further(case) else None


def loader_loop(case: Case) -> Words | None:
    """The same loader over and over, and nothing after it."""
    found = _loaders(case, Outcome.OK)
    if not _no_further(case) or not found:
        return None
    lately = [each for each in found if found[-1].last_at - each.last_at <= LOOP_GAP]
    fetched = times(lately)
    period = max(lately[-1].last_at - lately[0].at, timedelta(seconds=1))
    if fetched < LOOPS or period / fetched > LOOP_GAP:
        return None
    other = _other_loader(found[-1].name.lower())
    return words(case, found[-1], count=fetched, period=shown(period), other=other)


def _other_loader(name: str) -> str:
    """What to try where a loader hangs: one that uses the firmware's own driver, or the other kind if it was that."""
    if name.endswith(".efi"):
        return "ipxe.efi" if "snponly" in name else "snponly.efi"
    return "ipxe.pxe" if "undionly" in name else "undionly.kpxe"


def loader_silent(case: Case) -> Words | None:
    """The loader was sent, and nothing came after it."""
    found = newest(_loaders(case, Outcome.OK))
    return words(case, found) if found is not None and _no_further(case) and case.silence >= PATIENCE else None


def loader_starts(case: Case) -> Words | None:
    """The loader was sent a moment ago."""
    found = newest(_loaders(case, Outcome.OK))
    return words(case, found) if found is not None and _no_further(case) else None


def _spoilt_loader(case: Case, *outcomes: Outcome) -> Contact | None:
    if not _no_further(case) or _loaders(case, Outcome.OK):
        return None
    return newest(_loaders(case, *outcomes))


def _is_absent(contact: Contact) -> bool:
    return contact.status in (404, 1) or "there is no file" in contact.message


def loader_missing(case: Case) -> Words | None:
    """A loader that PureBoot knows was asked for, and is not here."""
    found = _spoilt_loader(case, Outcome.REFUSED)
    known = found is not None and found.name.lower().startswith(_KNOWN_LOADERS)
    return words(case, found) if found is not None and known and _is_absent(found) else None


def wrong_file(case: Case) -> Words | None:
    """A file was asked for that is no loader of ours."""
    found = _spoilt_loader(case, Outcome.REFUSED)
    return words(case, found) if found is not None and _is_absent(found) else None


def loader_refused(case: Case) -> Words | None:
    """A loader was refused for another reason."""
    found = _spoilt_loader(case, Outcome.REFUSED)
    return words(case, found) if found is not None else None


def transfer_blocked(case: Case) -> Words | None:
    """A transfer was begun, and nothing came back from the machine."""
    found = _spoilt_loader(case, Outcome.FAILED)
    return words(case, found) if found is not None and not found.bytes else None


def transfer_broken(case: Case) -> Words | None:
    """A transfer ended in its middle."""
    found = _spoilt_loader(case, Outcome.FAILED)
    return words(case, found) if found is not None else None


def only_probed(case: Case) -> Words | None:
    """The size was asked for, and the file never fetched."""
    found = _spoilt_loader(case, Outcome.PROBED)
    return words(case, found) if found is not None and case.silence >= PATIENCE else None


# DHCP


def _dhcp(case: Case, *outcomes: Outcome) -> Contact | None:
    return newest(case.of(Stage.DHCP, *outcomes)) if case.stage is Stage.DHCP else None


def ignored(reason: str) -> Sign:
    """A sign that a request was not answered, for a reason."""

    def sign(case: Case) -> Words | None:
        found = _dhcp(case, Outcome.IGNORED)
        fits = found is not None and found is _dhcp(case) and found.facts.get("reason") == reason
        return words(case, found, arch=found.facts.get("arch", "unknown")) if found is not None and fits else None

    return sign


def other_server(case: Case) -> Words | None:
    """The machine took another server's offer."""
    found = _dhcp(case)
    other = found.facts.get("server", "") if found is not None else ""
    return words(case, found, server=other) if other else None


def offer_loop(case: Case) -> Words | None:
    """It asks again and again, answered each time, and requests nothing."""
    offers = [each for each in case.of(Stage.DHCP, Outcome.OK) if each.what == "discover"]
    asked = case.of(Stage.DHCP, Outcome.OK)
    if case.stage is not Stage.DHCP or times(offers) < LOOPS or len(asked) != len(offers):
        return None
    return words(case, offers[-1], count=times(offers))


def offer_not_taken(case: Case) -> Words | None:
    """An offer was sent and no request followed."""
    found = _dhcp(case, Outcome.OK)
    fits = found is not None and found.what == "discover" and case.silence >= PATIENCE
    return words(case, found) if fits else None


def no_download(case: Case) -> Words | None:
    """The name of the loader was given (on 4011), and the loader not fetched."""
    found = _dhcp(case, Outcome.OK)
    return words(case, found) if found is not None and case.silence >= PATIENCE else None


def dhcp_goes_on(case: Case) -> Words | None:
    """It was answered a moment ago."""
    found = _dhcp(case)
    return words(case, found) if found is not None else None
