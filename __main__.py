"""`python -m tts_trm` is the command `tts-trm`."""

import sys

from tts_trm.cli import main

if __name__ == "__main__":
    sys.exit(main())
