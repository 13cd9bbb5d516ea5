"""What is kept of machines at the boot doors: their traces."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from engine.store.columns import Json, Moment, metadata, required

boot_contact = Table(
    "boot_contact",
    metadata,
    Column("id", String(80), primary_key=True),
    required("machine", String(64)),
    required("number", BigInteger),
    required("at", Moment),
    Column("until", Moment),
    required("kind", String(16)),
    required("what", Text),
    required("outcome", String(16)),
    required("message", Text),
    Column("status", Integer),
    Column("bytes", BigInteger),
    Column("size", BigInteger),
    required("count", Integer),
    required("more", Json),
    Index("ix_boot_contact_machine", "machine", "number"),
    Index("ix_boot_contact_at", "at"),
)
"""The lines of boot traces. A machine is a MAC address, or `@` and an address while nobody knows whose it is. Its lines
lie in a ring of rows (`id` is the machine and a place in its ring), so a trace can never grow."""
