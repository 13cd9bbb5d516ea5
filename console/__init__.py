"""The terminal console and the pureboot command."""
