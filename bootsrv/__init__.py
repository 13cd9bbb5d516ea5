"""The boot server: TFTP, HTTP with iPXE and the callback API."""
