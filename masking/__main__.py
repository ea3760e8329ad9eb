"""``python -m masking``."""

from masking.cli import main

raise SystemExit(main())
