"""A million records in the profile: the writer's encoder against PyPI's rfc8785 and orjson, byte for byte.

python -m tests.audit.interop.fuzz_canonical [N] [SEED]
"""

import sys

from tests.audit.test_canonical import agree


def main() -> int:
    given = [int(argument) for argument in sys.argv[1:3]]
    rounds, seed = (*given, *(1_000_000, 1)[len(given) :])
    agree(rounds, seed)
    print(f"{rounds} records, 0 differences (seed {seed})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
