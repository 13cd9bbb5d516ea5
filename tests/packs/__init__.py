"""Tests of engine/packs."""
