"""Checks of a template's text by its type, each in a file of its own; `registry` is the way in.

A check takes a text that is complete (no `${…}` variables of ours are left) and gives findings with places in it. Some
run programs and all may take a while: they belong into a thread. None of them ever reads a file, fetches an address or
runs what it checks.
"""
