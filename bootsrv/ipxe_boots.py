"""What of a script fetches and starts something: a kernel, an image, a loader, an EFI program, Windows PE.

From iPXE's sources: `chain` and `boot` come back when what they started comes back (an EFI program does, a kernel does
not); `sanboot` takes an HTTP URL where the build has it, reads it in ranges, and hands it to the BIOS as a drive or to
UEFI as a block device; wimboot finds its files by the names that `initrd --name` gives them; `imgverify` fails where a
build has no such command, so that an image that cannot be checked is not started.
"""

from bootsrv import ipxe_words as words
from bootsrv.words import WHOLE_URL
from engine.core.boot import BootKind, Serve

DOWNLOAD_ATTEMPTS = 3
RETRY_SECONDS = 5
STALL_MILLISECONDS = 30_000

ENDED = "ended"
"""The label where a script goes on when what it started came back."""

_TIMEOUT = f"--timeout {STALL_MILLISECONDS}"


def serve(decision: Serve, base: str) -> tuple[str, ...]:
    """Fetch and boot, a few times if need be; past the last line it did not work."""
    return (
        *words.say(decision.step_name),
        "set tries:int32 0",
        ":fetch",
        "imgfree",
        *_start(decision, base),
        ":failed",
        "inc tries",
        f"iseq ${{tries}} {DOWNLOAD_ATTEMPTS} && goto given_up ||",
        f"echo {words.BRAND}that failed (${{tries}} of {DOWNLOAD_ATTEMPTS}); trying again in {RETRY_SECONDS} seconds",
        f"sleep {RETRY_SECONDS}",
        "goto fetch",
        ":given_up",
        "imgfree",
    )


def urls(decision: Serve, base: str) -> tuple[str, ...]:
    """Every URL that iPXE is to fetch."""
    return (*(words.file_url(base, name) for _, name in decision.named), *_initrds(decision, base))


def comes_back(kind: BootKind) -> bool:
    """Whether what is started may give control back to iPXE."""
    return kind in (BootKind.ISO, BootKind.CHAIN, BootKind.EFI)


def _start(decision: Serve, base: str) -> tuple[str, ...]:
    match decision.kind:
        case BootKind.KERNEL:
            return _kernel(decision, base)
        case BootKind.WIMBOOT:
            return _wimboot(decision, base)
        case BootKind.EFI:
            return _efi(decision, base)
        case BootKind.ISO:
            return (f"sanboot --no-describe {words.file_url(base, decision.kernel)} && goto {ENDED} ||",)
        case BootKind.CHAIN:
            arguments = " ".join((words.file_url(base, decision.kernel), *words.arguments(decision.cmdline)))
            return (f"chain --autofree {_TIMEOUT} {arguments} && goto {ENDED} ||",)


def _kernel(decision: Serve, base: str) -> tuple[str, ...]:
    files = _initrds(decision, base)
    names = ["initrd.img" if at == 0 else f"initrd{at + 1}.img" for at in range(len(files))]
    # An EFI kernel finds an initrd only by name, so this iPXE needs initrd=NAME; a BIOS kernel pays no heed to it.
    given = " ".join((*(f"initrd={name}" for name in names), *words.arguments(decision.cmdline, own_initrd=not names)))
    return (
        f"kernel --name kernel {_TIMEOUT} {words.file_url(base, decision.kernel)} {given} || goto failed",
        *_verified(decision, base, "kernel", decision.kernel),
        *(
            line
            for name, file in zip(names, files, strict=True)
            for line in (_initrd(name, base, file), *_verified(decision, base, name, file))
        ),
        "boot || goto failed",
    )


def _initrds(decision: Serve, base: str) -> tuple[str, ...]:
    """What the kernel unpacks: with the agent in one file if all of it is ours, else in one more."""
    if decision.agent is None:
        return decision.initrd
    if any(WHOLE_URL.match(name) for name in decision.initrd):
        return (*decision.initrd, f"{base}{decision.agent}/agent.img")
    return (f"{base}{decision.agent}/initrd.img",)


def _wimboot(decision: Serve, base: str) -> tuple[str, ...]:
    given = " ".join(words.arguments(decision.cmdline))
    return (
        f"kernel --name wimboot {_TIMEOUT} {words.file_url(base, decision.kernel)} {given} || goto failed",
        *_verified(decision, base, "wimboot", decision.kernel),
        *(
            line
            for name, file in decision.files
            for line in (_initrd(name, base, file), *_verified(decision, base, name, file))
        ),
        "boot || goto failed",
    )


def _efi(decision: Serve, base: str) -> tuple[str, ...]:
    given = " ".join(words.arguments(decision.cmdline))
    return (
        f"kernel --name program.efi {_TIMEOUT} {words.file_url(base, decision.kernel)} {given} || goto failed",
        *_verified(decision, base, "program.efi", decision.kernel),
        f"boot && goto {ENDED} ||",
    )


def _initrd(name: str, base: str, file: str) -> str:
    return f"initrd --name {name} {_TIMEOUT} {words.file_url(base, file)} || goto failed"


def _verified(decision: Serve, base: str, name: str, file: str) -> tuple[str, ...]:
    if not decision.verify:
        return ()
    return (f"imgverify {_TIMEOUT} {name} {words.file_url(base, f'{file}.sig')} || goto failed",)
