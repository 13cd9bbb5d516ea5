"""Reading packs from where they are: folders, git repositories; and noticing when one changes."""
