"""``python -m emulator.cli`` is the command ``vpcemu``."""

from emulator.cli import main

if __name__ == "__main__":
    main()
