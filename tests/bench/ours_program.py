"""PureBoot as a program starts it: the garbage collector is held before anything else is loaded."""

from engine.collector import hold

if __name__ == "__main__":
    hold()
    from tests.bench.ours import main

    main()
