"""`python -m layercut`: the command line, where `layercut` itself is not on the path."""

from layercut.cli.main import main

if __name__ == "__main__":
    main()
