"""Widgets that know no screen: values down, messages up."""
