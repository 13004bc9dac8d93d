"""Run the command line: ``python -m xpnet`` is ``xpnet``."""

import sys

from .cli import main

sys.exit(main())
