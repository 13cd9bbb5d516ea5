"""Which machines the proxy answers: `dhcp.allow` and `dhcp.deny`; pure.

A rule is the beginning of a MAC address, or `vendor:` and the beginning of the vendor class (option 60), in the form in
which the settings have checked it. Deny wins over allow; where nothing is allowed by name, all is that is not denied.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.settings_boot import VENDOR_RULE


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules of a site."""

    allow: Sequence[str] = ()
    deny: Sequence[str] = ()

    def refusal(self, mac: str, vendor_class: str) -> str | None:
        """Why a machine gets no answer; None if it gets one."""
        denied = _first(self.deny, mac, vendor_class)
        if denied is not None:
            return f"dhcp.deny has {denied}"
        if self.allow and _first(self.allow, mac, vendor_class) is None:
            return "no rule of dhcp.allow fits"
        return None


def _first(rules: Iterable[str], mac: str, vendor_class: str) -> str | None:
    return next((rule for rule in rules if _fits(rule, mac, vendor_class)), None)


def _fits(rule: str, mac: str, vendor_class: str) -> bool:
    if rule.startswith(VENDOR_RULE):
        return vendor_class.casefold().startswith(rule.removeprefix(VENDOR_RULE).casefold())
    return mac.startswith(rule)
