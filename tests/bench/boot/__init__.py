"""Benches of the boot server beside the servers that others run."""
