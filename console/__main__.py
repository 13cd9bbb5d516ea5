"""The entry point of the command `pureboot`."""

from console.cli.main import cli
from engine.collector import hold


def main() -> None:
    """Run the command line."""
    hold()
    cli(prog_name="pureboot")


if __name__ == "__main__":
    main()
