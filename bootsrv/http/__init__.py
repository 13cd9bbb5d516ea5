"""The HTTP doors for firmware, nodes, agents and administrators."""
