"""The entry point of the command `pureboot`."""

from console.cli.main import cli


def main() -> None:
    """Run the command line."""
    cli(prog_name="pureboot")


if __name__ == "__main__":
    main()
